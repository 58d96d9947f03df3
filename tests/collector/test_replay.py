"""What was refused comes out of quarantine after a fix: stored once, and the ledger agrees."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from collector.centre import NOW, Centre, MemoryStore, report, until
from hypothesis import given, settings
from hypothesis import strategies as st

from muster_collector.config import Collector, Config, Limits, Store
from muster_collector.errors import StoreError
from muster_collector.ingest.items import ReportItem
from muster_collector.ingest.service import Ingest
from muster_collector.ledger.account import Account
from muster_collector.ledger.nodes import Node
from muster_collector.quarantine import Chosen
from muster_wire import topics
from muster_wire.messages import Metric, Report
from servers import Mosquitto

MakeCentre = Callable[..., Centre]


@pytest.fixture
def make_centre(mosquitto: Mosquitto, tmp_path: Path) -> MakeCentre:
    return lambda **limits: Centre(mosquitto, tmp_path, **limits)


def relimit(centre: Centre, **limits: int) -> None:
    """What an operator does: another number in the file, before the collector starts again."""
    changed = centre.config.limits.model_copy(update=limits)
    centre.config = centre.config.model_copy(update={"limits": changed})


def totals(ingest: Ingest) -> dict[str, Any]:
    (found,) = ingest.fleet.nodes()
    return {k: v for k, v in found.totals._asdict().items() if v}


async def outcomes(ingest: Ingest, *, dry_run: bool = False, **chosen: Any) -> list[str]:
    rows = await ingest.quarantine.replay(Chosen(**chosen), dry_run=dry_run)
    return [row.outcome if row.outcome == "stored" else row.reason for row in rows]


def held(centre: Centre) -> tuple[int, int]:
    """Bytes that the file says it holds, and those that it does hold."""
    with closing(sqlite3.connect(centre.config.collector.data / "ledger.db")) as db:
        (said,) = db.execute("SELECT bytes FROM quarantine_total").fetchone()
        (real,) = db.execute("SELECT sum(length(payload) + 256) FROM quarantine").fetchone()
    return said, real or 0


def metrics(count: int) -> list[dict[str, Any]]:
    return [{"name": f"m{i}", "tags": {}, "fields": {"x": 1}} for i in range(count)]


async def test_refused_by_a_limit_then_the_limit_raised_and_played_again(
    make_centre: MakeCentre,
) -> None:
    centre = make_centre(metrics=2)
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0))
        await node.send(report(1, metrics=metrics(5)))
        await node.send(report(2))
        await node.settled(2)
        assert totals(ingest) == {"stored": 2, "refused": 1}
        assert await outcomes(ingest, dry_run=True) == ["limit"]
        assert await outcomes(ingest) == ["limit"]
    relimit(centre, metrics=5)
    async with centre.running() as ingest:
        assert await outcomes(ingest, dry_run=True) == ["stored"]
        assert totals(ingest) == {"stored": 2, "refused": 1}
        assert await outcomes(ingest) == ["stored"]
        assert totals(ingest) == {"stored": 3}
        assert await outcomes(ingest) == []
    assert centre.store.times("n1", "m4") == [NOW + 1]
    assert centre.quarantined() == []
    assert held(centre) == (0, 0)
    async with centre.running() as ingest:
        assert totals(ingest) == {"stored": 3}


async def test_too_large_a_message_is_stored_once_though_it_came_three_times(
    make_centre: MakeCentre,
) -> None:
    """It said not which report it was, so it was asked for again: now one is the report."""
    centre = make_centre(payload_bytes=2048)
    large = report(1, metrics=metrics(60))
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0))
        for _ in range(3):
            await node.send(large)
        await node.send(report(2))
        await node.ack(lambda ack: ack["missing"] == [[1, 1]])
        assert totals(ingest) == {"stored": 2, "missing": 1, "unreadable": 3}
    relimit(centre, payload_bytes=100_000)
    async with centre.running() as ingest:
        assert await outcomes(ingest, reason="too large") == ["stored"] * 3
        assert totals(ingest) == {"stored": 3, "unreadable": 3}
    assert centre.store.times("n1", "m59") == [NOW + 1]


async def test_metrics_are_played_again_one_by_one_and_keep_their_types(
    make_centre: MakeCentre,
) -> None:
    centre = make_centre(tags=1, text=16)
    bad = [
        {"name": "tagged", "tags": {"a": "1", "b": "2"}, "fields": {"x": 1.0, "y": 1, "z": True}},
        {"name": "worded", "tags": {}, "fields": {"x": "塔" * 20}},
        {"name": "mem", "tags": {}, "fields": {"used": 1.5}},
    ]
    good = {"name": "ok", "tags": {}, "fields": {"x": 1}}
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0, metrics=[*bad, good]))
        await node.send(report(1, metrics=bad[:1]))
        await node.settled(1)
        assert totals(ingest) == {"stored": 1, "refused": 1}
    relimit(centre, tags=9, text=99)
    async with centre.running() as ingest:
        assert await outcomes(ingest) == ["stored", "stored", "metric: type", "stored"]
        # The report of which all was refused is stored now; that of the other was before.
        assert totals(ingest) == {"stored": 2}
    tags = (("a", "1"), ("b", "2"), ("host", "n1"), ("site", "s1"))
    stored = centre.store.points["tagged", tags, NOW]
    assert stored == {"x": 1.0, "y": 1, "z": True}
    assert list(map(type, stored.values())) == [float, int, bool]
    assert centre.store.points["worded", (("host", "n1"), ("site", "s1")), NOW] == {"x": "塔" * 20}
    ((reason, detail, _),) = centre.quarantined()
    assert (reason, detail) == ("metric: type", "mem used is a float, the catalogue says int")
    assert held(centre)[0] == held(centre)[1] > 0


async def test_points_that_the_store_refused_stay_until_it_takes_them(
    make_centre: MakeCentre,
) -> None:
    centre = make_centre()
    centre.store.refuse = lambda point: "old conflict" if point.measurement == "bad" else None
    mixed = [{"name": n, "tags": {"t": "1"}, "fields": {"x": 1}} for n in ("bad", "good")]
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0, metrics=mixed))
        await node.send(report(1, metrics=mixed[:1]))
        await node.settled(1)
        centre.store.refuse = lambda point: "new conflict" if point.measurement == "bad" else None
        assert await outcomes(ingest) == ["point: store"] * 2
        assert [detail for _, detail, _ in centre.quarantined()] == ["new conflict"] * 2
        assert totals(ingest) == {"stored": 1, "refused": 1}
        centre.store.refuse = lambda _: None
        assert await outcomes(ingest, limit=1) == ["stored"]
        assert totals(ingest) == {"stored": 1, "refused": 1}
        assert await outcomes(ingest) == ["stored"]
        assert totals(ingest) == {"stored": 2}
    assert centre.store.times("n1", "bad") == [NOW, NOW + 1]


async def test_junk_stays_with_its_reason_and_what_was_cut_is_said(make_centre: MakeCentre) -> None:
    centre = make_centre(payload_bytes=100_000)
    async with centre.running() as ingest, centre.node() as node:
        await node.send(b"not json")
        await node.send(b"x" * 90_000)
        await node.send(b"{}", "birth")
        await node.client.publish(f"{centre.root}/99/s1/n1/report", b"{}", qos=1)
        await node.send(report(0))
        await node.settled(0)
        for _ in range(2):
            assert await outcomes(ingest) == ["not json", "cut", "not a report", "topic"]
        assert totals(ingest)["stored"] == 1
    assert len(centre.quarantined()) == 4


async def test_filters_choose_by_id_node_and_reason(make_centre: MakeCentre) -> None:
    centre = make_centre()
    async with centre.running() as ingest, centre.node() as node, centre.node("n2") as other:
        await node.send(b"junk")
        await other.send(b"junk")
        await other.send(report(0, node="n2", ts=-5))
        await node.send(report(0))
        await node.settled(0)
        await until(lambda: len(centre.quarantined()) == 3, "three records")
        every = await ingest.quarantine.chosen(Chosen())
        ids = {(row.node, row.reason): row.id for row in every}

        async def found(**chosen: Any) -> list[int]:
            rows = await ingest.quarantine.replay(Chosen(**chosen), dry_run=True)
            return [row.id for row in rows]

        assert await found(node="n1") == [ids["n1", "not json"]]
        assert len(await found(reason="not json")) == 2
        assert await found(node="n2", reason="time") == [ids["n2", "time"]]
        assert await found(ids=(ids["n2", "time"], 999)) == [ids["n2", "time"]]
        assert await found(after=max(ids.values())) == []


async def test_a_store_that_is_away_is_said_and_what_is_in_hand_goes_on(
    make_centre: MakeCentre,
) -> None:
    centre = make_centre(metrics=2)
    async with centre.running(), centre.node() as node:
        await node.send(report(0, metrics=metrics(5)))
        await node.send(report(1))
        await until(lambda: len(centre.quarantined()) == 1, "refused")
    relimit(centre, metrics=5)
    async with centre.running() as ingest:
        centre.store.away = True
        ingest.quarantine._patience = 0.05
        with pytest.raises(StoreError, match="takes nothing now"):
            await outcomes(ingest)
        assert len(centre.quarantined()) == 1
        centre.store.away = False
        await until(lambda: centre.quarantined() == [], "played")
        assert totals(ingest)["stored"] == 2


async def test_an_epoch_that_was_folded_into_a_sum_is_not_counted_twice(
    make_centre: MakeCentre,
) -> None:
    centre = make_centre(metrics=2)
    async with centre.running() as ingest, centre.node() as node:
        for epoch in range(20):
            bad = {"metrics": metrics(5)} if epoch == 1 else {}
            await node.send(report(0, epoch=epoch))
            await node.send(report(1, epoch=epoch, **bad))
            await node.ack(lambda ack, e=epoch: ack["epoch"] == e and ack["through"] == 1)  # type: ignore[misc]
        before = totals(ingest)
        assert 1 not in next(iter(ingest.fleet.nodes())).accounts
    relimit(centre, metrics=5)
    async with centre.running() as ingest:
        assert await outcomes(ingest) == ["stored"]
        assert totals(ingest) == before
    assert centre.store.times("n1", "m4") == [NOW + 1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["good", "many", "again", "replay", "raise"]), max_size=20))
def test_any_order_of_sending_and_playing_again_ends_with_a_true_account(steps: list[str]) -> None:
    """The model: a seq is stored for ever once, and refused only as long as it is not stored."""
    asyncio.run(_any_order(steps))


async def _any_order(steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = MemoryStore()
        limits = {"collector": Collector(data=Path(folder)), "store": Store(flush="1ms")}  # type: ignore[arg-type]
        ingest = Ingest(Config(limits=Limits(metrics=2), **limits), store, clock=lambda: NOW)  # type: ignore[arg-type]
        intake, quarantine = ingest._intake, ingest.quarantine
        writer = asyncio.create_task(intake.run())

        async def send(seq: int, count: int) -> None:
            content = json.dumps(report(seq, metrics=metrics(count))).encode()
            done = intake.take(topics.topic("s1", "n1", "report"), content, "", 1, False)
            assert done is not None
            await done

        await send(0, 1)
        sizes, stored, refused, most = [1], {0}, set[int](), 2
        for step in steps:
            if step == "raise":
                most = 5
                intake.limits = intake.limits.model_copy(update={"metrics": most})
            elif step == "replay":
                await quarantine.replay(Chosen(), dry_run=False)
                if most == 5:
                    stored |= refused
            else:
                if step != "again":
                    sizes.append(5 if step == "many" else 1)
                seq = len(sizes) - 1
                await send(seq, sizes[seq])
                (stored if sizes[seq] <= most else refused).add(seq)
            refused -= stored
            assert _counts(ingest) == (len(stored), len(refused))
        intake.finish()
        await writer
        assert set(store.times("n1", "m0")) == {NOW + seq for seq in stored}
        ingest._file.close()


def _counts(ingest: Ingest) -> tuple[int, int]:
    found = totals(ingest)
    return found.get("stored", 0), found.get("refused", 0)


def test_a_part_is_a_report_that_anybody_can_read() -> None:
    """Kept as JSON of the wire contract, so that `show` means something to people."""
    whole = Report("n1", "s1", 7, 1, 0, NOW, NOW, 10.0, [])
    item = ReportItem("t", Node("n1", "s1", 0), Account("n1", 7, 0), whole, NOW, duplicate=False)
    record = item._record("metric: type", "why", Metric("mem", {"a": "b"}, {"used": 1.5}))
    assert json.loads(record.payload) == report(
        1, ts=NOW, sent=NOW, metrics=[{"name": "mem", "tags": {"a": "b"}, "fields": {"used": 1.5}}]
    )


async def test_reports_that_came_together_are_all_stored(make_centre: MakeCentre) -> None:
    centre = make_centre(metrics=1)
    row = {"name": "swap", "tags": {}, "fields": {"free": 7}}
    later = [
        {"seq": 1, "ts": NOW + 1, "delta": [[5]]},
        {"seq": 2, "ts": NOW + 2, "delta": [[5]], "metrics": [row]},
    ]
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0, later=later))
        await node.ack(lambda ack: bool(ack["refused"]))
        assert totals(ingest) == {"refused": 1, "missing": 2}
    relimit(centre, metrics=2)
    async with centre.running() as ingest:
        assert await outcomes(ingest, dry_run=True) == ["stored"]
        assert await outcomes(ingest) == ["stored"]
        assert totals(ingest) == {"stored": 3}
        assert held(centre)[1] == 0
    assert centre.store.times("n1") == [NOW, NOW + 1, NOW + 2]
    assert centre.store.times("n1", "swap") == [NOW + 2]


async def test_what_tells_of_a_report_that_is_gone_stays_and_says_so(
    make_centre: MakeCentre,
) -> None:
    centre = make_centre()
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0, keep=True))
        await node.send(report(1, base=0, delta=[[0, 0, 0]], metrics=[]))
        await node.ack(lambda ack: bool(ack["refused"]))
        assert await outcomes(ingest) == ["base"]
        assert await outcomes(ingest, reason="base") == ["base"]
        assert totals(ingest) == {"stored": 1, "refused": 1}
