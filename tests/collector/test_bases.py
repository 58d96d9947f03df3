"""Reports told against others, and several in a message, as the collector takes them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from collector.centre import NOW, Centre, birth, report
from hypothesis import given
from hypothesis import strategies as st

from muster_collector.ingest.bases import IDLE, NONE, Bases, UnknownBaseError
from muster_collector.ingest.completeness import point
from muster_collector.ledger import states
from muster_collector.ledger.nodes import Node
from muster_collector.ledger.periods import NodeAccount
from muster_wire.codec import open_payload
from muster_wire.deltas import tell
from muster_wire.messages import Metric, Report
from servers import Mosquitto

MakeCentre = Callable[..., Centre]
FRESH = {"name": "swap", "tags": {}, "fields": {"free": 7}}


@pytest.fixture
def make_centre(mosquitto: Mosquitto, tmp_path: Path) -> MakeCentre:
    return lambda **limits: Centre(mosquitto, tmp_path, **limits)


@pytest.fixture
def centre(make_centre: MakeCentre) -> Centre:
    return make_centre()


def told(seq: int, base: int, delta: list[Any], **changes: Any) -> dict[str, Any]:
    """A report against another one."""
    return report(seq, base=base, delta=delta, metrics=[]) | changes


def totals(ingest: Any) -> dict[str, Any]:
    (found,) = [known for known in ingest.fleet.nodes() if known.node == "n1"]
    return {k: v for k, v in found.totals._asdict().items() if v}


def stored(centre: Centre, seq: int, measurement: str = "mem") -> Any:
    return centre.store.points[measurement, (("host", "n1"), ("site", "s1")), NOW + seq]


async def test_a_report_is_told_against_the_one_that_an_ack_names(centre: Centre) -> None:
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0, keep=True))
        assert (await node.settled(0))["base"] == 0
        await node.send(told(1, 0, [[41, -250]], metrics=[FRESH]))
        await node.send(told(2, 0, []))
        assert (await node.settled(2))["base"] == 0
        assert totals(ingest) == {"stored": 3}
    assert stored(centre, 1) == {"used": 41, "used_percent": 12.25}
    assert stored(centre, 1, "swap") == {"free": 7}
    assert stored(centre, 0) == {"used": 0, "used_percent": 12.5}
    assert centre.store.times("n1") == [NOW, NOW + 1]


async def test_what_cannot_be_opened_is_asked_for_and_not_refused(centre: Centre) -> None:
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0))
        assert (await node.settled(0))["base"] == NONE, "it was not asked to keep that"
        await node.send(told(1, 0, [[1]]))
        ack = await node.ack(lambda ack: bool(ack["missing"]))
        assert (ack["base"], ack["missing"]) == (NONE, [[1, 1]])
        assert totals(ingest) == {"stored": 1, "missing": 1}
        await node.send(report(1, keep=True))
        assert (await node.settled(1))["base"] == 1
        await node.send(told(2, 1, [[1]]))
        await node.settled(2)
        assert totals(ingest) == {"stored": 3}
    assert stored(centre, 2) == {"used": 2, "used_percent": 12.5}
    assert quarantined(centre) == []


async def test_after_a_restart_it_asks_and_loses_nothing(centre: Centre) -> None:
    async with centre.running(), centre.node() as node:
        await node.send(report(0, keep=True))
        await node.settled(0)
    async with centre.running() as ingest, centre.node() as node:
        await node.send(told(1, 0, [[1]]))
        ack = await node.ack(lambda ack: bool(ack["missing"]))
        assert (ack["base"], ack["missing"]) == (NONE, [[1, 1]])
        await node.send(report(1))
        await node.settled(1)
        assert totals(ingest) == {"stored": 2}


async def test_a_new_epoch_has_no_base(centre: Centre) -> None:
    async with centre.running(), centre.node() as node:
        await node.send(report(0, keep=True))
        await node.settled(0)
        await node.send(birth(epoch=8), "birth")
        ack = await node.ack(lambda ack: ack["epoch"] == 8)
        assert ack["base"] == NONE
        await node.send(told(0, 0, [[1]], epoch=8))
        ack = await node.ack(lambda ack: ack["epoch"] == 8 and bool(ack["missing"]))
        assert ack["missing"] == [[0, 0]]


async def test_a_duplicate_that_is_told_is_a_duplicate(centre: Centre) -> None:
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0, keep=True))
        await node.send(told(1, 0, [[1]]))
        await node.send(told(1, 0, [[1]]))
        await node.settled(1)
        await node.ack(lambda _: totals(ingest) == {"stored": 2, "duplicate": 1})


REFUSED = {
    "a delta that does not fit": (told(1, 0, [[0, 0, 0]]), "delta"),
    "a time that cannot be": (told(1, 0, [[1]], ts=-5), "time"),
    "more metrics than there may be": (
        told(1, 0, [[1]], metrics=[FRESH | {"tags": {"n": str(n)}} for n in range(3)]),
        "limit",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_refused_is_kept_in_a_form_that_can_be_read_alone(
    make_centre: MakeCentre, case: str
) -> None:
    message, reason = REFUSED[case]
    centre = make_centre(metrics=3)
    async with centre.running(), centre.node() as node:
        await node.send(report(0, keep=True))
        await node.settled(0)
        await node.send(message)
        ack = await node.ack(lambda ack: bool(ack["refused"]))
        assert (ack["through"], ack["refused"]) == (1, [{"seq": 1, "reason": reason}])
    ((found, content_type, payload),) = quarantined(centre)
    kept = json.loads(open_payload(payload, content_type))
    assert found == reason
    if reason != "delta":
        assert not {"base", "delta"} & kept.keys()
        assert kept["metrics"][0]["fields"]["used"] == 1


def quarantined(centre: Centre) -> list[tuple[str, str, bytes]]:
    directory = centre.config.collector.data
    with closing(sqlite3.connect(directory / "ledger.db")) as db:
        return db.execute("SELECT reason, content_type, payload FROM quarantine").fetchall()


def later(seq: int, delta: list[Any], **changes: Any) -> dict[str, Any]:
    return {"seq": seq, "ts": NOW + seq, "delta": delta} | changes


async def test_reports_that_come_together_are_stored_each_at_its_time(centre: Centre) -> None:
    whole = report(0, later=[later(1, [[5]]), later(3, [[5, 500]], metrics=[FRESH])], wait=600.0)
    async with centre.running() as ingest, centre.node() as node:
        await node.send(whole)
        ack = await node.ack(lambda ack: bool(ack["missing"]))
        assert (ack["through"], ack["missing"]) == (1, [[2, 2]])
        await node.send(report(2))
        await node.settled(3)
        assert totals(ingest) == {"stored": 4}
        await node.send(whole)
        await node.ack(lambda _: totals(ingest) == {"stored": 4, "duplicate": 3})
    assert stored(centre, 1) == {"used": 5, "used_percent": 12.5}
    assert stored(centre, 3) == {"used": 10, "used_percent": 13.0}
    assert stored(centre, 3, "swap") == {"free": 7}
    assert centre.late == [NOW, NOW + 1, NOW + 3, NOW + 2]


@pytest.mark.parametrize(("wait", "late"), [(0.0, 1), (600.0, 0)])
async def test_a_report_that_waited_at_the_node_is_not_late(
    centre: Centre, wait: float, late: int
) -> None:
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0, ts=NOW - 500_000, wait=wait))
        await node.settled(0)
        assert totals(ingest) == {"stored": 1} | ({"late": late} if late else {})


def test_a_node_whose_reports_wait_is_not_silent_meanwhile() -> None:
    node = Node("n1", "s1", first_seen=NOW, every=60.0, wait=600.0)
    node.last_arrival = node.last_stored = node.last_report_ts = NOW
    minute = 60_000
    assert states.state(node, NOW + 12 * minute) == "healthy"
    assert point(node, NOW + 9 * minute).fields["silent_s"] == 0.0
    assert states.state(node, NOW + 14 * minute) == "silent"
    assert point(node, NOW + 14 * minute).fields["silent_s"] == 240.0
    assert NodeAccount(node, NOW + 12 * minute).until == NOW + minute, "no more is expected yet"


async def test_a_birth_says_how_long_reports_wait(centre: Centre) -> None:
    async with centre.running() as ingest, centre.node() as node:
        await node.send(birth(wait=600.0), "birth")
        await node.ack(lambda ack: ack["through"] == -1)
        (known,) = ingest.fleet.nodes()
        assert known.wait == 600.0


async def test_of_a_message_with_one_bad_report_the_others_come_again(centre: Centre) -> None:
    async with centre.running() as ingest, centre.node() as node:
        await node.send(report(0, later=[later(1, [[0, 0, 0]]), later(2, [])]))
        ack = await node.ack(lambda ack: bool(ack["refused"]))
        assert ack["refused"] == [{"seq": 1, "reason": "delta"}]
        assert ack["missing"] == [[0, 0]]
        await node.send(report(0, later=[later(2, [])]))
        await node.settled(2)
        assert totals(ingest) == {"stored": 2, "refused": 1}


async def test_a_few_bytes_do_not_make_more_than_a_message_may_hold(centre: Centre) -> None:
    fields = {f"f{n}": n for n in range(200)}
    metrics = [{"name": "own", "tags": {}, "fields": fields}]
    bomb = report(0, metrics=metrics, later=[later(n, [[]]) for n in range(1, 400)])
    payload = json.dumps(bomb).encode()
    centre.config.limits.__dict__["payload_bytes"] = 1 << 16
    async with centre.running() as ingest, centre.node() as node:
        assert len(payload) < 1 << 16
        await node.send(payload)
        ack = await node.ack(lambda ack: bool(ack["refused"]))
        assert ack["refused"] == [{"seq": 25, "reason": "limit"}]
        assert totals(ingest)["missing"] == 25
    assert not centre.store.points


NAMES = st.text(max_size=4)
VALUES = (
    st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | NAMES
)
METRICS = st.lists(
    st.builds(
        Metric,
        NAMES,
        st.dictionaries(NAMES, NAMES, max_size=2),
        st.dictionaries(NAMES, VALUES, max_size=4),
    ),
    max_size=5,
)


def made(node: str, seq: int, metrics: list[Metric], **changes: Any) -> Report:
    return Report(node, "s", 1, seq, 0, NOW, NOW, 10.0, metrics, **changes)


@given(METRICS, METRICS)
def test_what_is_held_gives_back_exactly_what_was_told(
    base: list[Metric], metrics: list[Metric]
) -> None:
    bases = Bases(1 << 20)
    bases.keep(made("n", 0, base), NOW)
    delta, fresh, whole = tell(metrics, base)
    report = made("n", 1, fresh, base=0, delta=delta)
    bases.open(report, NOW)
    assert [(m.name, list(m.tags.items()), repr(m.fields)) for m in report.metrics] == [
        (m.name, list(m.tags.items()), repr(m.fields)) for m in whole
    ]


def fleet_metrics(number: int) -> list[Metric]:
    """What a node has in common with the others, and what it has not."""
    shared = [
        Metric(f"m{n}", {"cpu": "all"}, {f"field_{k}": k for k in range(8)}) for n in range(9)
    ]
    return [*shared, Metric("own", {"name": f"disk{number}"}, {"free": number})]


def test_the_memory_for_bases_is_bounded_and_nodes_do_not_push_each_other_out() -> None:
    bases = Bases(20_000)
    for number in range(100):
        bases.keep(made(f"n{number}", 0, fleet_metrics(number)), NOW)
        assert bases.weight <= 20_000
    held = [n for n in range(100) if bases.seq(f"n{n}", 1) == 0]
    assert held == list(range(len(held))), "the first have room, the others send in full"
    assert len(held) > 5
    bases.open(made("n0", 1, [], base=0), NOW + IDLE)
    bases.keep(made("late", 0, fleet_metrics(1)), NOW + IDLE + 1)
    assert bases.seq("late", 1) == 0
    assert (bases.seq("n0", 1), bases.seq("n1", 1)) == (0, NONE), "the idle one went"


def test_a_base_that_is_replaced_or_dropped_gives_its_room_back() -> None:
    bases = Bases(1 << 20)
    for seq in range(5):
        bases.keep(made("n", seq, fleet_metrics(seq)), NOW)
    weight = bases.weight
    bases.keep(made("n", 9, fleet_metrics(0)), NOW)
    assert bases.weight == weight
    with pytest.raises(UnknownBaseError):
        bases.open(made("n", 10, [], base=4), NOW)
    with pytest.raises(UnknownBaseError):
        bases.open(made("other", 10, [], base=9), NOW)
