"""Reports that are spooled as told against another one: they can be made whole, come what may."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from pathlib import Path

import pytest
from agent.test_keeper import Clock
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from muster_agent import body
from muster_agent import settings as agent_settings
from muster_agent.bases import OVERHEAD, Base, BrokenReportError
from muster_agent.compact import Full
from muster_agent.keeper import CORRUPT, Keeper
from muster_agent.spool import FULL, Edges, Spool
from muster_wire.messages import Lost, Metric

EPOCH = 7
ROOM = 1_500
"""Bytes of the bounded spool: some reports."""
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
METRICS = st.lists(
    st.builds(
        Metric,
        st.sampled_from("abc"),
        st.dictionaries(st.sampled_from("xy"), st.text(max_size=3), max_size=1),
        st.dictionaries(st.sampled_from("pqr"), NUMBERS | st.booleans() | st.text(), min_size=1),
    ),
    max_size=6,
)


def report(seq: int, epoch: int = EPOCH) -> Full:
    metrics = [Metric("m", {}, {"seq": seq, "text": f"{seq * 7919:x}"}), Metric("k", {}, {"a": 1})]
    return Full((epoch, seq), seq, 10.0, metrics)


def in_full(one: Full) -> bytes:
    return body.make(ts=one.ts, every=one.every, metrics=one.metrics)


def message(one: Full, base: Full) -> bytes:
    envelope = body.Envelope("n", "s", *one.key, 0, 1)
    return body.told(one, base, envelope).payload


def base_of(one: Full) -> Base:
    return Base(one.key, in_full(one))


def content(stored: bytes | None) -> object:
    """A report as JSON, its metrics without their order."""
    if stored is None:
        return None
    found = json.loads(body.text(stored))
    return found | {"metrics": sorted(json.dumps(m, sort_keys=True) for m in found["metrics"])}


def used(spool: Spool) -> int:
    """Bytes in the file, counted anew."""
    query = "SELECT total(length(body) + ?) FROM {}"
    return sum(
        int(spool.db.execute(query.format(table), (OVERHEAD,)).fetchone()[0])
        for table in ("report", "base")
    )


@given(METRICS, METRICS)
def test_what_was_told_is_made_whole(metrics: list[Metric], former: list[Metric]) -> None:
    base, one = Full((1, 0), 5, 10.0, former), Full((1, 1), 6, 2.5, metrics)
    assert content(body.whole(message(one, base), in_full(base))) == content(in_full(one))


@settings(max_examples=30)
@given(st.booleans(), st.data())
def test_one_byte_that_changed_makes_no_wrong_report(of_base: bool, data: st.DataObject) -> None:
    parts = [message(report(1), report(0)), in_full(report(0))]
    part = bytearray(parts[of_base])
    part[data.draw(st.integers(0, len(part) - 1))] ^= data.draw(st.integers(1, 255))
    parts[of_base] = bytes(part)
    try:
        made = body.whole(*parts)
    except ValueError:
        return
    assert content(made) == content(in_full(report(1)))


class Model(RuleBasedStateMachine):
    """Reports in full and told, bases renewed, acks, refusals, too little room, being killed."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.spool = self.opened()
        self.base: Full | None = None
        self.next: dict[int, int] = {}
        self.made: dict[tuple[int, int], object] = {}

    def opened(self) -> Spool:
        return Spool(f"{self.folder.name}/spool.db", max_bytes=ROOM, max_age=1e9)

    def teardown(self) -> None:
        try:
            if self.spool.edges:
                self.bases_are_gone_with_their_users()
        finally:
            self.spool.close()
            self.folder.cleanup()

    def bases_are_gone_with_their_users(self) -> None:
        for epoch, edges in list(self.spool.edges.items()):
            self.spool.settle(epoch, edges.next - 1)
        for renewed in (True, False, False):
            self.append(renewed)
        assert self.spool.db.execute("SELECT count(*) FROM base").fetchone() == (1,)

    @initialize()
    def begin(self) -> None:
        self.spool.begin(EPOCH)
        self.next[EPOCH] = 0

    @property
    def epoch(self) -> int:
        assert self.spool.epoch is not None
        return self.spool.epoch

    @rule(renewed=st.booleans())
    def add(self, renewed: bool) -> None:
        self.append(renewed)

    def append(self, renewed: bool) -> None:
        epoch = self.epoch
        one = report(self.next[epoch], epoch)
        if self.base is None or renewed:
            key = self.spool.append(0, in_full(one))
            self.base = one
        else:
            key = self.spool.append(0, message(one, self.base), base=base_of(self.base))
        assert key == one.key
        self.next[epoch] += 1
        self.made[key] = content(in_full(one))

    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        epoch = data.draw(st.sampled_from(list(self.spool.edges)))
        through = data.draw(st.integers(-1, self.spool.edges[epoch].next - 1))
        self.spool.settle(epoch, through)

    @precondition(lambda self: self.spool.depth)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        epoch, seq = data.draw(st.sampled_from(self.alive()))
        self.spool.drop(epoch, seq)
        self.made[epoch, seq] = None

    @rule(killed=st.booleans())
    def close_and_open(self, killed: bool) -> None:
        if killed:
            self.spool.db.close()
        else:
            self.spool.close()
        self.spool = self.opened()
        self.base = None

    @rule(data=st.data())
    def split(self, data: st.DataObject) -> None:
        old = self.epoch
        oldest, end = self.spool.edges[old]
        first = data.draw(st.integers(oldest, end))
        self.spool.split(first, old + 1)
        for seq in range(first, end):
            self.made[old + 1, seq - first] = self.made.pop((old, seq))
        self.next[old + 1] = end - first
        self.base = None

    def alive(self) -> list[tuple[int, int]]:
        return [(e, s) for e, (first, end) in self.spool.edges.items() for s in range(first, end)]

    @invariant()
    def every_report_is_what_was_made(self) -> None:
        lost = {(e, s) for e, told in self.spool.lost.items() for r in told
                for s in range(r.first, r.last + 1)}  # fmt: skip
        for key in self.alive():
            if key not in lost:
                assert content(self.spool.body(*key)) == self.made[key]

    @invariant()
    def its_bytes_are_counted_and_bounded(self) -> None:
        assert self.spool.bytes + self.spool.bases.bytes == used(self.spool)
        largest = 400
        assert used(self.spool) <= ROOM + 3 * largest


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=40, stateful_step_count=40)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "spool.db")


def roomy(path: str, max_bytes: int = 1 << 20) -> Spool:
    return Spool(path, max_bytes=max_bytes, max_age=1e9)


def test_a_base_outlives_its_own_report_and_goes_with_the_last_that_needs_it(path: str) -> None:
    spool = roomy(path)
    spool.begin(EPOCH)
    base = report(0)
    spool.append(0, in_full(base))
    for seq in (1, 2):
        spool.append(0, message(report(seq), base), base=base_of(base))
    spool.settle(EPOCH, 0)
    renewed = report(3)
    spool.append(0, in_full(renewed))
    spool.append(0, message(report(4), renewed), base=base_of(renewed))
    assert content(spool.body(EPOCH, 2)) == content(in_full(report(2)))
    assert spool.body(EPOCH, 0) is None
    assert spool.db.execute("SELECT count(*) FROM base").fetchone() == (2,)
    spool.settle(EPOCH, 2)
    spool.append(0, message(report(5), renewed), base=base_of(renewed))
    assert spool.db.execute("SELECT count(*) FROM base").fetchone() == (1,)
    spool.close()


def test_giving_up_the_oldest_strands_nothing(path: str) -> None:
    base = report(0)
    told = [message(report(seq), base) for seq in range(1, 9)]
    three = 3 * (max(map(len, told)) + OVERHEAD)
    spool = roomy(path, max_bytes=len(in_full(base)) + OVERHEAD + three)
    spool.begin(EPOCH)
    spool.append(0, in_full(base))
    for one in told:
        spool.append(0, one, base=base_of(base))
    assert spool.lost[EPOCH] == [Lost(0, 5, FULL)]
    for seq in (6, 7, 8):
        assert content(spool.body(EPOCH, seq)) == content(in_full(report(seq)))
    spool.close()


def test_a_failed_append_forgets_the_base_with_it(path: str) -> None:
    spool = roomy(path)
    spool.begin(EPOCH)
    base = report(0)
    spool.append(0, in_full(base))
    pages = spool.db.execute("PRAGMA page_count").fetchone()[0]
    spool.db.execute(f"PRAGMA max_page_count = {pages}")
    large = Base(base.key, in_full(base) + b"." * 100_000)
    with pytest.raises(sqlite3.OperationalError, match="full"):
        spool.append(0, message(report(1), base), base=large)
    spool.db.execute("PRAGMA max_page_count = 100000")
    assert spool.append(0, message(report(1), base), base=base_of(base)) == (EPOCH, 1)
    assert spool.bytes + spool.bases.bytes == used(spool)
    assert content(spool.body(EPOCH, 1)) == content(in_full(report(1)))
    spool.close()


def test_what_memory_held_moves_with_its_bases(path: str) -> None:
    memory = roomy(":memory:")
    memory.begin(EPOCH)
    base = report(0)
    memory.append(0, in_full(base))
    memory.append(0, message(report(1), base), base=base_of(base))
    spool = roomy(path)
    spool.begin(1)
    other = report(0, 1)
    spool.append(0, message(report(5, 1), other), base=base_of(other))
    spool.adopt(memory)
    spool.append(0, message(report(2), base), base=base_of(base))
    spool.close()
    again = roomy(path)
    assert again.edges == {1: Edges(0, 1), EPOCH: Edges(0, 3)}
    assert content(again.body(1, 0)) == content(in_full(report(5, 1)))
    for seq in range(3):
        assert content(again.body(EPOCH, seq)) == content(in_full(report(seq)))
    again.close()


VERSION_1 = """
PRAGMA journal_mode = WAL;
CREATE TABLE epoch (place INTEGER PRIMARY KEY, epoch INTEGER UNIQUE, next INTEGER);
CREATE TABLE report (
    epoch INTEGER, seq INTEGER, ts INTEGER, body BLOB, PRIMARY KEY (epoch, seq)
) WITHOUT ROWID;
CREATE TABLE lost (epoch INTEGER, first INTEGER, last INTEGER, reason TEXT);
PRAGMA user_version = 1;
INSERT INTO epoch (epoch, next) VALUES (7, 3);
INSERT INTO lost VALUES (7, 0, 0, 'spool full');
"""


def test_what_an_agent_before_has_left_is_all_there(path: str) -> None:
    db = sqlite3.connect(path)
    db.executescript(VERSION_1)
    rows = [(EPOCH, seq, seq, in_full(report(seq))) for seq in (1, 2)]
    db.executemany("INSERT INTO report VALUES (?, ?, ?, ?)", rows)
    db.commit()
    db.close()
    for _ in range(2):
        spool = roomy(path)
        assert spool.edges == {EPOCH: Edges(1, 3)}
        assert spool.lost[EPOCH] == [Lost(0, 0, FULL)]
        assert [spool.body(EPOCH, seq) for seq in (1, 2)] == [row[3] for row in rows]
        spool.close()
    spool = roomy(path)
    spool.append(0, message(report(3), report(2)), base=base_of(report(2)))
    assert content(spool.body(EPOCH, 3)) == content(in_full(report(3)))
    spool.close()


@pytest.mark.parametrize("damage", ["base", "report", "no base"])
def test_a_report_that_cannot_be_made_whole_is_set_aside_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    limits = agent_settings.Spool(path=str(tmp_path / "spool.db"))
    keeper = Keeper(limits, Clock())
    epoch = keeper.epoch
    base = report(0, epoch)
    keeper.append(0, in_full(base))
    told = message(report(1, epoch), base)
    keeper.append(0, told, base_of(base))
    keeper.append(0, in_full(report(2, epoch)))
    assert keeper.disk is not None
    damaged = {
        "base": "UPDATE base SET body = zeroblob(50)",
        "report": "UPDATE report SET body = substr(body, 1, 20) WHERE base IS NOT NULL",
        "no base": "DELETE FROM base",
    }
    keeper.disk.db.execute(damaged[damage])
    assert keeper.body(epoch, 1) is None
    assert keeper.lost(epoch) == [Lost(1, 1, CORRUPT)]
    assert content(keeper.body(epoch, 0)) == content(in_full(base))
    assert content(keeper.body(epoch, 2)) == content(in_full(report(2, epoch)))
    aside = tmp_path / f"spool.db.corrupt-{epoch}-1"
    assert aside.read_bytes() == (told[:20] if damage == "report" else told)
    assert aside.with_name(aside.name + ".base").exists()
    assert f"report {epoch}/1" in capsys.readouterr().err
    keeper.close()


def test_a_broken_report_brings_what_is_left_of_it(path: str) -> None:
    spool = roomy(path)
    spool.begin(EPOCH)
    spool.append(0, b"no message", base=base_of(report(0)))
    spool.append(0, in_full(report(1)))
    with pytest.raises(BrokenReportError, match=r".") as caught:
        spool.body(EPOCH, 0)
    assert (caught.value.body, caught.value.base) == (b"no message", in_full(report(0)))
    spool.close()
