"""The spool against a model of it, and through crashes, damage and limits."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from muster_agent.bases import OVERHEAD
from muster_agent.spool import AGE, FULL, Edges, Spool
from muster_wire.messages import Lost

BODY = 100
ROOM = 3
"""Reports that the bounded spool has room for."""
DAY_MS = 86_400_000


def body(seq: int) -> bytes:
    return b"%d" % seq + b"." * (BODY - len(str(seq)))


ROW = body(0)


def open_spool(path: str, rows: int = ROOM) -> Spool:
    return Spool(path, max_bytes=rows * (BODY + OVERHEAD), max_age=86_400)


class Model(RuleBasedStateMachine):
    """Appends, acks, refusals, losses, closing and being killed, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = f"{self.folder.name}/spool.db"
        self.spool = open_spool(self.path)
        self.rows: dict[int, bytes] = {}
        self.made = 0
        self.settled = -1
        self.lost: set[int] = set()

    def teardown(self) -> None:
        self.spool.close()
        self.folder.cleanup()

    @initialize()
    def begin(self) -> None:
        self.spool.begin(7)

    @rule()
    def append(self) -> None:
        assert self.spool.append(self.made, body(self.made)) == (7, self.made)
        self.rows[self.made] = body(self.made)
        self.made += 1
        while len(self.rows) > ROOM:
            # Holes at the front are given up with the row behind them.
            first = self.settled + 1 if not self.lost else max(self.settled, *self.lost) + 1
            oldest = min(self.rows)
            self.lost |= set(range(min(first, oldest), oldest + 1))
            del self.rows[oldest]

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        through = data.draw(st.integers(-1, self.made - 1))
        self.spool.settle(7, through)
        self.settled = max(self.settled, through)
        self.rows = {seq: row for seq, row in self.rows.items() if seq > through}
        self.lost = {seq for seq in self.lost if seq > through}

    @rule()
    def close_and_open(self) -> None:
        self.spool.close()
        self.spool = open_spool(self.path)

    @invariant()
    def it_holds_what_it_should(self) -> None:
        if 7 not in self.spool.edges:
            return
        assert self.spool.edges[7].next == self.made
        found = {seq: self.spool.body(7, seq) for seq in range(self.made)}
        assert {seq: row for seq, row in found.items() if row is not None} == self.rows
        told = {n for r in self.spool.lost[7] for n in range(r.first, r.last + 1)}
        assert told >= self.lost
        assert not told & self.rows.keys()


TestModel = Model.TestCase
TestModel.settings = settings(
    max_examples=40,
    stateful_step_count=40,
)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "spool.db")


def test_what_an_ack_settled_is_asked_again_after_a_crash_but_no_seq_is_used_twice(
    path: str,
) -> None:
    spool = open_spool(path)
    spool.begin(1)
    spool.append(0, ROW)
    spool.append(0, ROW)
    spool.settle(1, 1)
    spool.db.close()  # as a crash does: nothing more is written
    again = open_spool(path)
    assert again.edges[1] == Edges(0, 2)
    assert again.append(0, ROW) == (1, 2)
    again.settle(1, 2)
    again.close()
    assert open_spool(path).edges[1] == Edges(3, 3)


KILLED = """
import sys
from muster_agent.spool import Spool
spool = Spool(sys.argv[1], max_bytes=10**9, max_age=10**9)
if spool.epoch is None:
    spool.begin(1)
while True:
    epoch, seq = spool.append(0, b"%d" % spool.edges[1].next)
    print(seq, flush=True)
"""


def test_sigkill_loses_nothing_that_was_appended_and_repeats_no_seq(path: str) -> None:
    told: list[int] = []
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, path], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            told += [int(process.stdout.readline()) for _ in range(20)]
            process.send_signal(signal.SIGKILL)
            told += [int(line) for line in process.stdout.read().split("\n")[:-1]]
    assert told == sorted(set(told))
    spool = Spool(path, max_bytes=10**9, max_age=10**9)
    assert all(spool.body(1, seq) == b"%d" % seq for seq in told)
    assert spool.edges[1].next - 1 - told[-1] in (0, 1)
    spool.close()


def test_too_many_bytes_give_up_the_oldest_and_say_so(path: str) -> None:
    spool = open_spool(path, rows=3)
    spool.begin(1)
    for _ in range(8):
        spool.append(0, ROW)
    assert spool.lost[1] == [Lost(0, 4, FULL)]
    assert spool.edges[1] == Edges(5, 8)
    spool.settle(1, 2)
    assert spool.lost[1] == [Lost(0, 4, FULL)], "a range is told until all of it is settled"
    spool.close()
    again = open_spool(path, rows=3)
    assert again.lost[1] == [Lost(0, 4, FULL)]
    again.settle(1, 5)
    assert again.lost[1] == []
    again.close()


def test_what_is_too_old_is_given_up(path: str) -> None:
    spool = open_spool(path)
    spool.begin(1)
    for ts in (0, 10, DAY_MS, DAY_MS + 11):
        spool.append(ts, ROW)
    assert spool.lost[1] == [Lost(0, 1, AGE)]
    assert spool.oldest_ts() == DAY_MS
    spool.close()


def test_a_report_of_a_clock_that_was_wrong_takes_no_other_with_it(path: str) -> None:
    spool = open_spool(path)
    spool.begin(1)
    for ts in (0, 20, 5, DAY_MS + 10):
        spool.append(ts, ROW)
    assert spool.lost[1] == [Lost(0, 0, AGE)], "2 is as old, but 1 before it is not"
    spool.append(DAY_MS + 21, ROW)
    assert spool.lost[1] == [Lost(0, 2, AGE)]
    spool.close()


def test_a_clock_that_jumps_back_gives_up_nothing(path: str) -> None:
    spool = open_spool(path)
    spool.begin(1)
    for ts in (DAY_MS, 0, -DAY_MS):
        spool.append(ts, ROW)
    assert spool.lost[1] == []
    assert spool.depth == 3
    spool.close()


def test_the_older_epoch_goes_first_when_there_is_no_room(path: str) -> None:
    spool = open_spool(path, rows=3)
    for epoch in (1, 2):
        spool.begin(epoch)
        spool.append(0, ROW)
        spool.append(0, ROW)
    assert spool.lost == {1: [Lost(0, 0, FULL)], 2: []}
    assert [spool.body(2, seq) is not None for seq in (0, 1)] == [True, True]
    spool.close()


def test_an_epoch_that_has_ended_and_is_settled_is_forgotten(path: str) -> None:
    spool = open_spool(path)
    spool.begin(1)
    spool.append(0, ROW)
    spool.begin(2)
    spool.settle(1, 0)
    spool.append(0, ROW)
    assert list(spool.edges) == [2]
    spool.close()


def test_a_failed_append_changes_nothing(path: str) -> None:
    spool = open_spool(path, rows=1000)
    spool.begin(1)
    spool.append(0, ROW)
    pages = spool.db.execute("PRAGMA page_count").fetchone()[0]
    spool.db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        spool.append(0, b"x" * 100_000)
    assert spool.edges[1] == Edges(0, 1)
    assert spool.bytes == BODY + OVERHEAD
    spool.db.execute("PRAGMA max_page_count = 100000")
    assert spool.append(0, ROW) == (1, 1)
    spool.close()


def test_a_whole_spool_moves_into_another(path: str) -> None:
    memory = open_spool(":memory:", rows=2)
    memory.begin(9)
    for seq in range(3):
        memory.append(5, body(seq))
    spool = open_spool(path)
    spool.begin(1)
    spool.append(0, ROW)
    spool.adopt(memory)
    spool.close()
    again = open_spool(path)
    assert again.edges == {1: Edges(0, 1), 9: Edges(1, 3)}
    assert again.lost[9] == [Lost(0, 0, FULL)]
    assert again.append(0, ROW) == (9, 3)
    assert again.body(9, 1) == body(1)
    again.close()


def test_an_epoch_is_split_with_what_was_lost_of_it(path: str) -> None:
    spool = open_spool(path, rows=10)
    spool.begin(1)
    for seq in range(6):
        spool.append(0, body(seq))
    spool.settle(1, 0)
    for seq in (2, 4):
        spool.give_up(1, seq, seq, "too large")
        spool.drop(1, seq)
    spool.split(3, 2)
    for _ in range(2):
        assert spool.edges == {1: Edges(1, 3), 2: Edges(0, 3)}
        assert spool.lost == {1: [Lost(2, 2, "too large")], 2: [Lost(1, 1, "too large")]}
        assert [spool.body(1, seq) for seq in range(4)] == [None, body(1), None, None]
        assert [spool.body(2, seq) for seq in range(4)] == [body(3), None, body(5), None]
        spool.close()
        spool = open_spool(path, rows=10)
    assert spool.append(0, ROW) == (2, 3)
    spool.close()


def test_an_ended_epoch_is_kept_until_what_it_lost_is_settled(path: str) -> None:
    spool = open_spool(path, rows=2)
    spool.begin(1)
    spool.append(0, ROW)
    spool.begin(2)
    for _ in range(2):
        spool.append(0, ROW)
    spool.close()
    again = open_spool(path, rows=3)
    assert again.lost[1] == [Lost(0, 0, FULL)]
    assert again.append(0, body(7), 1) == (1, 1), "its last words"
    again.settle(1, 1)
    again.append(0, ROW)
    assert list(again.edges) == [2]
    again.close()


@pytest.mark.parametrize("damage", ["garbage", "cut", "foreign"])
def test_a_damaged_file_is_not_taken_for_a_spool(path: str, damage: str) -> None:
    spool = open_spool(path, rows=1000)
    spool.begin(1)
    for _ in range(100):
        spool.append(0, ROW)
    spool.close()
    if damage == "garbage":
        Path(path).write_bytes(b"nothing that SQLite knows" * 1000)
    elif damage == "cut":
        os.truncate(path, Path(path).stat().st_size // 2)
    else:
        other = sqlite3.connect(path)
        other.execute("PRAGMA user_version = 99")
        other.close()
    with pytest.raises(sqlite3.DatabaseError) as caught:
        open_spool(path)
    assert not isinstance(caught.value, sqlite3.OperationalError)
