"""Nothing that a node can send makes the intake fail: it is taken, or refused with a reason."""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import hypothesis.strategies as st
from collector.centre import NOW, MemoryStore, birth, report
from hypothesis import example, given, settings

from muster_collector.config import Collector, Config, Limits
from muster_collector.ingest import reading, shortcut
from muster_collector.ingest.acks import Acks
from muster_collector.ingest.bases import Bases
from muster_collector.ingest.budget import Budget
from muster_collector.ingest.desk import Desk
from muster_collector.ingest.intake import Intake
from muster_collector.ingest.patience import Patience
from muster_collector.ingest.rates import Rates
from muster_collector.ledger.file import LedgerFile
from muster_collector.ledger.nodes import Ledger
from muster_wire import topics
from muster_wire.codec import JSON, JSON_ZLIB
from muster_wire.messages import Report

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["time", "_field", "host", "site", "mem", "cpu", "a\\", "\ud800", "\n"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
VALUES = st.integers() | st.floats() | st.booleans() | st.text(max_size=8) | JUNK
NAMES = st.sampled_from(["mem", "cpu", "own", "time", "#x"]) | st.text(max_size=8)
METRICS = st.fixed_dictionaries(
    {
        "name": NAMES,
        "tags": st.dictionaries(NAMES, st.text(max_size=8), max_size=3),
        "fields": st.dictionaries(NAMES | st.sampled_from(["used", "total"]), VALUES, max_size=4),
    }
)
DELTAS = JUNK | st.lists(
    st.integers(-1, 3) | st.lists(st.integers() | st.lists(VALUES, max_size=2), max_size=3),
    max_size=3,
)
EDGES = st.integers(-1, 5) | st.integers(2**31, 2**70)
REPORTS = st.fixed_dictionaries(
    {},
    optional={
        "v": st.sampled_from([1, 2, "1", None]),
        "node": st.sampled_from(["n1", "n2", 3]),
        "epoch": EDGES,
        "seq": EDGES,
        "oldest": EDGES,
        "ts": EDGES | st.just(NOW) | JUNK,
        "every": st.floats() | st.integers(),
        "metrics": st.lists(METRICS, max_size=3) | JUNK,
        "base": st.integers(-1, 5) | JUNK,
        "delta": DELTAS,
        "keep": st.booleans() | JUNK,
        "later": JUNK
        | st.lists(
            st.fixed_dictionaries(
                {"seq": EDGES, "ts": EDGES | st.just(NOW), "delta": DELTAS},
                optional={"metrics": st.lists(METRICS, max_size=2)},
            ),
            max_size=4,
        ),
        "wait": st.floats() | JUNK,
        "lost": JUNK
        | st.lists(
            st.fixed_dictionaries({"first": EDGES, "last": EDGES, "reason": st.text(max_size=99)})
        ),
    },
).map(lambda changes: json.dumps(report(0) | changes).encode())
BIRTHS = st.fixed_dictionaries(
    {},
    optional={
        "epoch": EDGES,
        "oldest": EDGES,
        "next": EDGES,
        "every": st.floats(),
        "inventory": JUNK,
        "config": JUNK,
        "agent": JUNK,
    },
).map(lambda changes: json.dumps(birth() | changes).encode())
PAYLOADS = REPORTS | BIRTHS | st.binary(max_size=60) | JUNK.map(lambda x: json.dumps(x).encode())
MESSAGES = st.tuples(
    st.sampled_from(["report", "birth", "status"]),
    PAYLOADS | PAYLOADS.map(zlib.compress),
    st.sampled_from(["", JSON, JSON_ZLIB, "text/plain"]),
    st.booleans(),
)


@contextlib.contextmanager
def intake() -> Iterator[tuple[Intake, LedgerFile]]:
    with tempfile.TemporaryDirectory() as folder:
        config = Config(collector=Collector(data=Path(folder)), limits=Limits(payload_bytes=4096))
        file = LedgerFile(Path(folder) / "ledger.db", quarantine_bytes=1 << 20)
        patience = Patience()
        acks = Acks(
            lambda _, __: None,
            patience,
            Rates(1 << 30),
            Bases(1 << 20),
            every=0.0,
            root=topics.ROOT,
            budget=Budget(1e9),
        )
        desk = Desk(Ledger(), acks, patience, lambda _: None)
        yield Intake(config, MemoryStore(), file, desk, clock=lambda: NOW), file
        file.close()


async def through(messages: list[tuple[str, bytes, str, bool]]) -> None:
    with intake() as (made, file):
        for kind, payload, content_type, retained in messages:
            made.take(topics.topic("s1", "n1", kind), payload, content_type, 1, retained)
        made.finish()
        await made.run()
        assert made.in_hand == 0
        for account in made.ledger.accounts():
            settled = account.stored + account.refused + sum(account.losses.values())
            before = len(account.lost["before"])
            assert settled + account.missing_count + before == account.highest + 1
            assert not account.pending
        again = file.load()
        assert [node.totals for node in again.nodes.values()] == [
            node.totals for node in made.ledger.nodes.values() if node.node in again.nodes
        ]


def nested(depth: int) -> bytes:
    return b'{"v": 1, "x": ' + b"[" * depth + b"]" * depth + b"}"


@settings(max_examples=400, derandomize=True)
@given(st.lists(MESSAGES, min_size=1, max_size=12))
@example([("report", nested(1900), "", False)])
@example([("report", json.dumps(report(0)).encode().replace(b"12.5", b"1" * 3000), "", False)])
@example([("birth", json.dumps(birth(inventory={"x": "\ud800"})).encode(), "", False)])
def test_whatever_comes_is_taken_or_refused(messages: list[tuple[str, bytes, str, bool]]) -> None:
    asyncio.run(through(messages))


@settings(max_examples=1000, derandomize=True)
@given(REPORTS | st.binary(max_size=60), st.integers(0, 5000), st.binary(min_size=1, max_size=3))
@example(json.dumps(report(0)).encode()[:-1] + b',"x":"\xff"}', 0, b"")
@example(
    json.dumps(report(0) | {"delta": [[[json.loads("[" * 500 + "]" * 500)]]]}).encode(), 0, b""
)
@example(json.dumps(report(0) | {"delta": [{"a": 1}, 1, [1, [2.5]]]}).encode(), 0, b"")
@example(json.dumps(report(0)).encode()[:-1] + b',"every":1,"ts":1e3}', 0, b"")
def test_the_shortcut_takes_nothing_that_validation_would_not(
    text: bytes, at: int, bytes_: bytes
) -> None:
    for payload in (text, text[:at] + bytes_ + text[at + 1 :]):
        found = shortcut.read(payload)
        if found is not None:
            expected = reading.REPORT.validate_json(payload)
            assert repr(found) == repr(expected)
            assert found == expected


def test_the_shortcut_takes_what_agents_send() -> None:
    assert shortcut.read(json.dumps(report(0)).encode()) is not None
    delta = {"base": 1, "delta": [[1, 0, [2.5]], 2, []], "metrics": []}
    assert shortcut.read(json.dumps(report(3) | delta).encode()) is not None


def test_a_report_has_no_field_that_is_not_looked_at() -> None:
    """A new field of the message must be thought about in `reading`."""
    assert set(Report.__slots__) == {
        "node", "site", "epoch", "seq", "oldest", "ts", "sent", "every", "metrics", "lost", "v",
        "base", "delta", "keep", "later", "wait",
    }  # fmt: skip
