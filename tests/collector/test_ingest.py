"""Ingest through a real broker: what becomes of good, bad, lost and repeated messages."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from collector.centre import NOW, Centre, birth, report, until

from muster_collector.store.base import Query, Read
from muster_collector.store.influx import InfluxStore
from muster_collector.store.influx_http import InfluxSettings
from muster_wire.codec import JSON_ZLIB
from servers import Influx1, Mosquitto

MakeCentre = Callable[..., Centre]


@pytest.fixture
def make_centre(mosquitto: Mosquitto, tmp_path: Path) -> MakeCentre:
    return lambda **limits: Centre(mosquitto, tmp_path, **limits)


@pytest.fixture
def centre(make_centre: MakeCentre) -> Centre:
    return make_centre()


def totals(ingest: Any, node: str = "n1") -> dict[str, Any]:
    (found,) = [known for known in ingest.fleet.nodes() if known.node == node]
    return {k: v for k, v in found.totals._asdict().items() if v}


async def test_reports_are_stored_with_host_and_site_and_acked(centre: Centre) -> None:
    async with centre.running() as ingest, centre.node() as node:
        for seq in range(3):
            await node.send(report(seq))
        await node.settled(2)
        assert totals(ingest) == {"stored": 3}
    key = ("mem", (("host", "n1"), ("site", "s1")), NOW + 1)
    assert centre.store.points[key] == {"used": 1, "used_percent": 12.5}
    assert centre.late == [NOW, NOW + 1, NOW + 2]


async def test_compressed_reports_are_opened(centre: Centre) -> None:
    async with centre.running(), centre.node() as node:
        payload = zlib.compress(json.dumps(report(0)).encode())
        await node.send(payload, content_type=JSON_ZLIB)
        await node.settled(0)


async def test_a_duplicate_is_stored_once_and_acked_again(centre: Centre) -> None:
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0))
        await node.settled(0)
        node.acks.clear()
        await node.send(report(0))
        await node.settled(0)
        assert totals(ingest) == {"stored": 1, "duplicate": 1}
    assert centre.store.times("n1") == [NOW]


async def test_a_gap_is_named_at_once_and_closed(centre: Centre) -> None:
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0))
        await node.send(report(5))
        ack = await node.ack(lambda ack: bool(ack["missing"]))
        assert (ack["through"], ack["missing"]) == (0, [[1, 4]])
        for seq in (3, 1, 2, 4):
            await node.send(report(seq))
        await node.settled(5)
        assert totals(ingest) == {"stored": 6}


async def test_a_birth_names_the_tail_and_what_the_node_has_no_more_is_lost(
    centre: Centre,
) -> None:
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0))
        await node.settled(0)
        await node.send(birth(oldest=3, next=6), "birth", retain=True)
        ack = await node.ack(lambda ack: bool(ack["missing"]))
        assert (ack["through"], ack["missing"]) == (2, [[3, 5]])
        for seq in (3, 4, 5):
            await node.send(report(seq, oldest=3))
        await node.settled(5)
        assert totals(ingest) == {"stored": 4, "lost": 2, "reasons": {"unknown": 2}}
        (known,) = ingest.fleet.nodes()
        assert (known.agent, known.inventory, known.epoch) == ("0.1.0", {"cpus": 4}, 7)


async def test_losses_that_the_node_declares_keep_their_reason(centre: Centre) -> None:
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0))
        lost = [{"first": 1, "last": 3, "reason": "spool full"}]
        await node.send(report(4, oldest=4, lost=lost))
        await node.settled(4)
        assert totals(ingest)["reasons"] == {"spool full": 3}


async def test_losses_of_which_only_a_birth_tells_are_counted(centre: Centre) -> None:
    """The node gave them up before the centre had heard of the epoch, and the ack settles them."""
    async with centre.running() as ingest, centre.node() as node:
        lost = [{"first": 0, "last": 2, "reason": "spool full"}]
        await node.send(birth(oldest=3, next=4, lost=lost), "birth", retain=True)
        await node.ack(lambda ack: bool(ack["through"] == 2 and ack["missing"] == [[3, 3]]))
        await node.send(report(3, oldest=3))
        await node.settled(3)
        assert totals(ingest) == {"stored": 1, "lost": 3, "reasons": {"spool full": 3}}


async def test_a_stale_retained_birth_does_no_harm(centre: Centre) -> None:
    async with centre.node() as node:
        await node.send(birth(oldest=0, next=1000, epoch=3), "birth", retain=True)
        await node.send(birth(oldest=0, next=1, epoch=3), "birth", retain=True)
        async with centre.running() as ingest:
            await node.send(report(500, oldest=500))
            await node.settled(500)
            assert totals(ingest) == {"stored": 1}


async def test_old_epochs_drain_beside_the_new_one(centre: Centre) -> None:
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0))
        await node.send(report(2))
        await node.ack(lambda ack: ack["missing"] == [[1, 1]])
        node.acks.clear()
        await node.send(birth(epoch=8), "birth")
        await node.ack(lambda ack: ack["epoch"] == 7 and ack["missing"] == [[1, 1]])
        await node.send(report(0, epoch=8, ts=NOW + 100))
        await node.send(report(1))
        await node.ack(lambda ack: ack["epoch"] == 7 and ack["through"] == 2)
        assert totals(ingest) == {"stored": 4}


BAD: dict[str, tuple[Any, str, bool]] = {
    "not JSON": (b"\x00\x01 nonsense", "not json", False),
    "empty": (b"", "empty", False),
    "too large": (report(1, x="y" * 5000), "too large", False),
    "deeply nested": (b"[" * 4000, "not json", False),
    "another version": (report(1, v=2), "version", False),
    "a version that is no number": (report(1, v="1"), "version", False),
    "another node": (report(1, node="n2"), "identity", False),
    "another site": (report(1, site="s2"), "identity", False),
    "no object": (b"[1, 2]", "invalid", False),
    "a list of reports": ([report(1)], "invalid", False),
    "negative seq": (report(-1), "sequence", False),
    "oldest after seq": (report(1, oldest=2), "sequence", False),
    "huge seq": (report(2**62, ts=NOW, sent=NOW), "sequence", False),
    "NaN": (
        json.dumps(report(1)).replace("12.5", "NaN").encode(),
        "invalid",
        True,
    ),
    "infinity by exponent": (
        json.dumps(report(1)).replace("12.5", "1e999").encode(),
        "invalid",
        True,
    ),
    "a missing key": ({k: v for k, v in report(1).items() if k != "ts"}, "invalid", True),
    "null for a value": (
        report(1, metrics=[{"name": "mem", "tags": {}, "fields": {"used": None}}]),
        "invalid",
        True,
    ),
    "a tag that is a number": (
        report(1, metrics=[{"name": "mem", "tags": {"a": 1}, "fields": {"used": 1}}]),
        "invalid",
        True,
    ),
    "a time after 2100": (report(1, ts=5_000_000_000_000), "time", True),
    "a time before 1970": (report(1, ts=-1), "time", True),
    "sent before 1970": (report(1, sent=-1), "time", True),
    "only a float for an integer field": (
        report(1, metrics=[{"name": "mem", "tags": {}, "fields": {"used": 1.5}}]),
        "type",
        True,
    ),
}


@pytest.mark.parametrize(("payload", "reason", "known"), BAD.values(), ids=BAD)
async def test_bad_reports_are_refused_kept_and_harm_nothing(
    centre: Centre, payload: Any, reason: str, *, known: bool
) -> None:
    """`known`: whether it can be seen which report it was, so that it is settled as refused."""
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0))
        await node.send(payload)
        await node.send(report(2))
        if known:
            ack = await node.ack(lambda ack: bool(ack["refused"]))
            assert [(r["seq"], r["reason"]) for r in ack["refused"]] == [(1, reason)]
            await node.settled(2)
        else:
            await node.ack(lambda ack: ack["missing"] == [[1, 1]])
        counted = totals(ingest)
        assert counted["stored"] == 2
        assert (counted.get("refused"), counted.get("missing")) == (
            (1, None) if known else (None, 1)
        )
    (kept, *more) = centre.quarantined()
    assert not more
    assert kept[0].removeprefix("metric: ") == reason
    assert kept[1]
    assert len(centre.store.points) == 2


async def test_a_zlib_bomb_is_refused_without_being_inflated(centre: Centre) -> None:
    bomb = zlib.compress(b"0" * 50_000_000)
    async with centre.running(), centre.node() as node:
        await node.send(report(0))
        await node.send(bomb, content_type=JSON_ZLIB)
        await node.send(b"not zlib", content_type=JSON_ZLIB)
        await node.send(b"{}", content_type="text/html")
        await node.send(report(1))
        await node.settled(1)
    reasons = [reason for reason, _, _ in centre.quarantined()]
    assert reasons == ["too large", "encoding", "encoding"]


async def test_topics_outside_the_scheme_are_refused(centre: Centre) -> None:
    async with centre.running(), centre.node() as node:
        for place in ("99/s1/n1", "00/s1/n1", "0x/s1/n1", "12/S1/n1", "12//n1"):
            await node.client.publish(f"{centre.root}/{place}/report", b"{}", qos=1)
        await node.send(report(0))
        await node.settled(0)
    assert [reason for reason, _, _ in centre.quarantined()] == ["topic"] * 5


async def test_retained_garbage_is_refused_and_counted_at_each_start(centre: Centre) -> None:
    async with centre.node() as node:
        await node.send(b"garbage", retain=True)
        await node.send(b"garbage", "birth", retain=True)
        await node.send(b"garbage", "status", retain=True)
        async with centre.running():
            await node.send(report(0))
            await node.settled(0)
    assert [reason for reason, _, _ in centre.quarantined()] == ["not json"] * 3


async def test_a_field_that_changes_its_type_costs_only_its_metric(centre: Centre) -> None:
    metrics = [
        {"name": "mem", "tags": {}, "fields": {"used": 1.0}},
        {"name": "swap", "tags": {}, "fields": {"used_percent": 5}},
        {"name": "own", "tags": {"a": "b", "empty": ""}, "fields": {"x": 5, "t": "text"}},
    ]
    async with centre.running(), centre.node() as node:
        await node.send(report(0, metrics=metrics))
        await node.settled(0)
    stored = {key[0]: (dict(key[1]), fields) for key, fields in centre.store.points.items()}
    assert set(stored) == {"swap", "own"}
    assert stored["swap"][1] == {"used_percent": 5.0}
    assert type(stored["swap"][1]["used_percent"]) is float
    assert stored["own"] == ({"a": "b", "host": "n1", "site": "s1"}, {"x": 5, "t": "text"})
    ((reason, detail, payload),) = centre.quarantined()
    assert reason == "metric: type"
    assert detail == "mem used is a float, the catalogue says int"
    assert json.loads(payload)["metrics"] == metrics[:1]


async def test_host_and_site_are_the_topics_whatever_the_tags_say(centre: Centre) -> None:
    metrics = [{"name": "mem", "tags": {"host": "n9", "site": "s9"}, "fields": {"used": 1}}]
    async with centre.running(), centre.node() as node:
        await node.send(report(0, metrics=metrics))
        await node.settled(0)
    assert list(centre.store.points) == [("mem", (("host", "n1"), ("site", "s1")), NOW)]


@pytest.mark.parametrize(
    ("limits", "metric"),
    [
        ({"tags": 2}, {"name": "m", "tags": {"a": "1", "b": "2", "c": "3"}, "fields": {"x": 1}}),
        ({"fields": 1}, {"name": "m", "tags": {}, "fields": {"x": 1, "y": 2}}),
        ({"text": 16}, {"name": "m" * 17, "tags": {}, "fields": {"x": 1}}),
        ({"text": 16}, {"name": "m", "tags": {}, "fields": {"x" * 17: 1}}),
        ({"text": 16}, {"name": "m", "tags": {"a": "1" * 17}, "fields": {"x": 1}}),
        ({"text": 16}, {"name": "m", "tags": {}, "fields": {"x": "1" * 17}}),
        ({}, {"name": "m", "tags": {}, "fields": {}}),
    ],
)
async def test_each_limit_refuses_the_metric_and_no_more(
    make_centre: MakeCentre, limits: dict[str, int], metric: dict[str, Any]
) -> None:
    centre = make_centre(**limits)
    good = {"name": "ok", "tags": {}, "fields": {"x": 1}}
    async with centre.running(), centre.node() as node:
        await node.send(report(0, metrics=[metric, good]))
        await node.settled(0)
    assert [key[0] for key in centre.store.points] == ["ok"]
    assert [reason for reason, _, _ in centre.quarantined()] == ["metric: limit"]


async def test_a_node_may_begin_only_so_many_series_an_hour(make_centre: MakeCentre) -> None:
    centre = make_centre(new_series=3)
    async with centre.running(), centre.node() as node:
        for seq in range(3):
            metrics = [
                {"name": "m", "tags": {"n": str(number)}, "fields": {"x": 1}}
                for number in range(2 * seq, 2 * seq + 2)
            ]
            await node.send(report(seq, metrics=metrics))
        ack = await node.settled(2)
        assert [refused["reason"] for refused in ack["refused"]] in ([], ["new series"])
    assert len(centre.store.points) == 3
    assert [reason for reason, _, _ in centre.quarantined()] == ["metric: new series"] * 3


async def test_points_that_the_store_refuses_are_kept_and_their_report_is_stored(
    centre: Centre,
) -> None:
    centre.store.refuse = lambda point: "conflict" if point.measurement == "bad" else None
    bad = {"name": "bad", "tags": {}, "fields": {"x": 1}}
    good = {"name": "good", "tags": {}, "fields": {"x": 1}}
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0, metrics=[good]))
        await node.send(report(1, metrics=[good, bad]))
        await node.send(report(2, metrics=[bad]))
        await node.settled(2)
        assert totals(ingest) == {"stored": 2, "refused": 1}
    assert [(reason, detail) for reason, detail, _ in centre.quarantined()] == [
        ("point: store", "conflict")
    ] * 2


async def test_the_store_refuses_one_point_of_reports_that_have_a_sheet(centre: Centre) -> None:
    centre.store.refuse = lambda point: (
        "no" if point.measurement == "swap" and point.fields["used"] in (7, 9) else None
    )
    async with centre.running() as ingest, centre.node() as node:
        for seq in range(12):
            names = ("mem", "swap", "system")
            metrics = [{"name": name, "tags": {}, "fields": {"used": seq}} for name in names]
            message = report(seq, metrics=metrics)
            await node.send(json.dumps(message, separators=(",", ":")).encode())
        await node.settled(11)
        assert totals(ingest) == {"stored": 12}
        assert ingest._intake.shapes.series("n1", "s1", NOW).sheet is not None
    kept = [json.loads(payload) for _, _, payload in centre.quarantined()]
    assert [(k["seq"], k["metrics"][0]["name"], k["metrics"][0]["fields"]) for k in kept] == [
        (seq, "swap", {"used": seq}) for seq in (7, 9)
    ]
    assert len(centre.store.times("n1")) == len(centre.store.times("n1", "system")) == 12
    assert len(centre.store.times("n1", "swap")) == 10


async def test_of_5000_lines_in_a_batch_4997_are_stored_and_three_in_quarantine(
    make_centre: MakeCentre, influx1: Influx1
) -> None:
    """With the real database; two conflicts lie inside the batch, over a field that is new."""
    centre = make_centre(payload_bytes=1 << 20, new_series=10_000)
    store = InfluxStore(InfluxSettings(influx1.url, "apart"))
    centre.store = store  # type: ignore[assignment]
    wrong = {(1, 7): {"x": 1}, (4, 999): {"x": True}, (3, 500): {"y": 0.5}}
    slow = centre.config.store.model_copy(update={"flush": 1.0, "batch_lines": 5000})
    centre.config = centre.config.model_copy(update={"store": slow})
    async with centre.running() as ingest, centre.node() as node:
        for seq in range(5):
            metrics = [
                {
                    "name": "own",
                    "tags": {"n": str(n)},
                    "fields": wrong.get((seq, n), {"x": n / 2, "y": n}),
                }
                for n in range(1000)
            ]
            await node.send(report(seq, metrics=metrics))
        await node.settled(4)
        assert totals(ingest) == {"stored": 5}
        reads = (Read("x", "count"), Read("y", "count"))
        table = await store.select(Query("own", reads, NOW, NOW + 10))
        assert (table.columns["x_count"], table.columns["y_count"]) == ([4997], [4997])
    kept = [(reason, json.loads(payload)) for reason, _, payload in centre.quarantined()]
    assert {reason for reason, _ in kept} == {"point: store"}
    found = {
        (r["seq"], int(r["metrics"][0]["tags"]["n"])): r["metrics"][0]["fields"] for _, r in kept
    }
    assert found == wrong
    await store.close()


async def test_what_never_comes_readable_is_given_up_after_three_asks(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("muster_collector.ingest.patience.APART", 0.0)
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0))
        for seq in range(2, 20):
            await node.send(b"not json, whatever is asked for")
            node.acks.clear()
            await node.send(report(seq))
            ack = await node.ack(lambda _: True)
            if not ack["missing"]:
                break
        await node.ack(lambda ack: ack["refused"] == [{"seq": 1, "reason": "unreadable"}])
        assert totals(ingest)["refused"] == 1
        assert "missing" not in totals(ingest)


async def test_status_says_who_is_connected(centre: Centre) -> None:
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0))
        await node.settled(0)
        (known,) = ingest.fleet.nodes()
        assert known.online
        state = {"v": 1, "node": "n1", "site": "s1", "state": "offline", "ts": NOW}
        await node.send(state, "status", retain=True)
        await until(lambda: not known.online, "offline")
        await node.send(b"", "status", retain=True)
        await node.send(state | {"state": "online"}, "status", retain=True)
        await until(lambda: known.online, "online")


async def test_a_store_that_is_away_stops_the_intake_and_loses_nothing(
    centre: Centre, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    window = centre.config.mqtt.receive_maximum
    async with centre.running() as ingest, centre.node() as node:
        centre.store.away = True
        for seq in range(5 * window):
            await node.send(report(seq))
        await until(lambda: ingest._intake.in_hand == window, "the window is full")
        assert not node.acks
        centre.store.away = False
        await node.settled(5 * window - 1)
        assert totals(ingest) == {"stored": 5 * window}
    lines = [record.message for record in caplog.records if record.message.startswith("store ")]
    assert [line.split(":")[0] for line in lines] == ["store away", "store back"]


async def test_qos_0_beyond_what_is_in_hand_at_most_is_dropped_and_missed(
    centre: Centre,
) -> None:
    most = 2 * centre.config.mqtt.receive_maximum
    async with centre.running() as ingest, centre.node() as node:
        centre.store.away = True
        for seq in range(3 * most):
            await node.send(report(seq), qos=0)
        await until(lambda: ingest._intake.in_hand == most, "in hand")
        centre.store.away = False
        await until(lambda: ingest._intake.in_hand == 0, "stored")
        await node.send(birth(next=3 * most), "birth")
        ack = await node.ack(lambda ack: bool(ack["missing"]))
        for first, last in ack["missing"]:
            for seq in range(first, last + 1):
                await node.send(report(seq))
        await node.settled(3 * most - 1)


async def test_after_a_restart_the_ledger_knows_and_nothing_is_stored_twice(
    centre: Centre,
) -> None:
    async with centre.node() as node:
        async with centre.running():
            await node.send(birth(next=0), "birth", retain=True)
            for seq in (0, 1, 3):
                await node.send(report(seq))
            await node.ack(lambda ack: ack["missing"] == [[2, 2]])
        writes = len(centre.store.points)
        await node.send(report(2))
        await node.send(report(1))
        async with centre.running() as ingest:
            await node.settled(3)
            await until(lambda: totals(ingest).get("duplicate") == 1, "the duplicate is counted")
            assert totals(ingest) == {"stored": 4, "duplicate": 1}
            (known,) = ingest.fleet.nodes()
            assert (known.agent, known.every, known.last_report_ts) == ("0.1.0", 10.0, NOW + 3)
    assert len(centre.store.points) == writes + 1


async def test_every_minute_the_account_goes_to_the_store(make_centre: MakeCentre) -> None:
    centre = make_centre()
    faster = centre.config.collector.model_copy(update={"completeness_every": 0.02})
    centre.config = centre.config.model_copy(update={"collector": faster})
    async with centre.running(), centre.node() as node:
        await node.send(report(0))
        await node.send(report(2))
        await until(
            lambda: any(
                key[0] == "completeness" and fields["stored"] == 2 and fields["missing"] == 1
                for key, fields in centre.store.points.items()
            ),
            "the account is in the store",
        )
    tags, fields = next(
        (key[1], fields) for key, fields in centre.store.points.items() if key[0] == "completeness"
    )
    assert tags == (("host", "n1"), ("site", "s1"))
    assert set(fields) >= {"stored", "duplicate", "refused", "late", "lost", "missing"}


async def test_only_the_nodes_of_the_partitions_are_taken(make_centre: MakeCentre) -> None:
    """Node n1 is in partition 44, n2 in 22."""
    centre = make_centre()
    some = centre.config.collector.model_copy(update={"partitions": frozenset({44})})
    centre.config = centre.config.model_copy(update={"collector": some})
    async with centre.running() as ingest, centre.node("n2") as other, centre.node() as node:
        await other.send(report(0, node="n2"))
        await node.send(report(0))
        await node.settled(0)
        assert [known.node for known in ingest.fleet.nodes()] == ["n1"]


async def test_refused_and_lost_bytes_are_bounded_the_oldest_go(
    make_centre: MakeCentre,
) -> None:
    centre = make_centre(payload_bytes=100_000, quarantine_mb=1)
    async with centre.running(), centre.node() as node:
        for number in range(40):
            await node.send(f"{number:02d}".encode() + b"x" * 90_000)
        await node.send(report(0))
        await node.settled(0)
    kept = centre.quarantined()
    assert sum(len(payload) for _, _, payload in kept) <= 1 << 20
    assert kept[-1][2].startswith(b"39")
    assert len(kept) < 40


async def test_the_ledger_that_cannot_be_written_is_tried_again_and_nothing_acked(
    centre: Centre, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import sqlite3

    async with centre.running() as ingest, centre.node() as node:
        whole = ingest._file.commit
        failed = asyncio.Event()
        loop = asyncio.get_running_loop()

        def full(_: Any) -> None:
            loop.call_soon_threadsafe(failed.set)
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(ingest._file, "commit", full)
        await node.send(report(0))
        await failed.wait()
        assert not node.acks
        monkeypatch.setattr(ingest._file, "commit", whole)
        await node.settled(0)
    assert "disk is full; nothing is acknowledged" in caplog.text
