"""The scorer on real stores: by hand, twice the same, late, silent, planned, and failing."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from readiness.small_fleet import (
    END,
    MINUTE,
    START,
    Known,
    SmallFleet,
    cpu,
    disk,
    point,
    small_card,
)

from muster_collector.errors import StoreError
from muster_collector.estate import EMPTY, Estate
from muster_collector.estate.model import District, Region, Role, Site
from muster_collector.estate.model import Node as EstateNode
from muster_collector.scoring.scorer import Scorer
from muster_collector.scoring.stored_fleet import StoredFleet
from muster_collector.store.base import Point, Query, Read, RefusedPoint, Sample, Store, Table

CARD = "new-digital-infrastructure.toml"
HALF_CPU_QUARTER_DISK = 0.25 * 50 + 0.75 * 75


def scorer(store: Store, fleet: SmallFleet, estate: Estate = EMPTY, **options: Any) -> Scorer:
    defaults: dict[str, Any] = {"window": 300.0, "every": 300.0, "clock": lambda: END}
    return Scorer(store, small_card(), estate, fleet, **(defaults | options))


async def stored(store: Store, measurement: str, fields: Sequence[str], **where: str) -> list[Any]:
    """Rows (time, values...) of a measurement."""
    reads = tuple(Read(field, "raw") for field in fields)
    wanted = {tag: [value] for tag, value in where.items()}
    table = await store.select(Query(measurement, reads, 0, END * 2, where=wanted))
    return list(zip(*(table.columns[c] for c in ("time", *fields)), strict=True))


async def test_scores_are_what_a_hand_calculates(either: Store) -> None:
    """Idle 50 of 100 scores 50; 50 of 200 used on the fullest disk scores 75; weights 1 and 3."""
    await either.write([*cpu("n1", "s1", 50.0), *disk("n1", "s1", 50)])
    result = await scorer(either, SmallFleet([Known("n1", "s1")])).score_at(END)
    assert result.levels["node"].scores.value[0, 0] == pytest.approx(HALF_CPU_QUARTER_DISK)
    for level, unit in [("node", "n1"), ("site", "s1"), ("district", "unassigned"),
                        ("region", "unassigned"), ("fleet", "fleet")]:  # fmt: skip
        rows = await stored(
            either, "readiness", ("score", "low", "high", "coverage", "grade", "scored"),
            level=level, id=unit,
        )  # fmt: skip
        assert rows == [(END, *[pytest.approx(HALF_CPU_QUARTER_DISK)] * 3, 1.0, "A", 1)]
    lost = await stored(either, "readiness_indicator", ("lost", "value"), level="node")
    assert sorted(lost) == [(END, pytest.approx(12.5), 50.0), (END, pytest.approx(18.75), 25.0)]
    pillars = await stored(either, "readiness_pillar", ("score", "lost"), level="fleet")
    assert sorted(pillars) == [(END, 50.0, pytest.approx(12.5)), (END, 75.0, pytest.approx(18.75))]


async def test_places_stand_in_the_tags(embedded: Store) -> None:
    estate = Estate(
        regions=(Region(id="south"),),
        districts=(District(id="nansha", region="south"),),
        sites=(Site(id="s1", district="nansha"),),
    )
    await embedded.write([*cpu("n1", "s1", 50.0), *disk("n1", "s1", 50)])
    await scorer(embedded, SmallFleet([Known("n1", "s1")]), estate).score_at(END)
    where = {"level": "node", "site": "s1", "district": "nansha", "region": "south"}
    assert len(await stored(embedded, "readiness", ("score",), **where)) == 1
    assert len(await stored(embedded, "readiness", ("score",), level="region", id="south")) == 1


async def test_the_window_begins_before_and_ends_at_its_time(embedded: Store) -> None:
    inside = point("n1", "s1", "disk", START, "path=/,fstype=ext4", used=10, total=100)
    at_end = point("n1", "s1", "disk", END, "path=/,fstype=ext4", used=90, total=100)
    before = point("n1", "s1", "disk", START - 1, "path=/x,fstype=ext4", used=95, total=100)
    await embedded.write([inside, at_end, before])
    result = await scorer(embedded, SmallFleet([Known("n1", "s1")])).score_at(END)
    assert result.levels["node"].value[0].tolist()[1] == pytest.approx(10.0)


@pytest.mark.parametrize("total", [0, -1])
async def test_a_share_of_nothing_is_no_number(embedded: Store, total: int) -> None:
    whole = point("n1", "s1", "disk", START, "path=/,fstype=ext4", used=10, total=total)
    await embedded.write([whole])
    result = await scorer(embedded, SmallFleet([Known("n1", "s1")])).score_at(END)
    assert np.isnan(result.levels["node"].value[0, 1])


async def test_an_empty_fleet_has_no_score_and_says_so(embedded: Store) -> None:
    result = await scorer(embedded, SmallFleet()).score_at(END)
    assert len(result.levels["node"].level.ids) == 0
    assert await stored(embedded, "readiness", ("score", "why"), level="fleet") in (
        [(END, None, "no member")],
        [],
    )
    assert await stored(embedded, "readiness", ("why",), level="fleet") == [(END, "no member")]


async def test_silent_nodes_have_no_score_and_a_full_interval(embedded: Store) -> None:
    fleet = SmallFleet([Known("n1", "s1"), Known("n2", "s1")])
    result = await scorer(embedded, fleet).score_at(END)
    scores = result.levels["fleet"].scores
    assert math.isnan(scores.value[0, 0])
    assert (scores.low[0, 0], scores.high[0, 0], scores.coverage[0, 0]) == (0.0, 100.0, 0.0)
    assert "0 of 2 members" in str(
        (await stored(embedded, "readiness", ("why",), level="site"))[0][1]
    )


async def test_planned_nodes_that_never_reported_count_against_coverage(embedded: Store) -> None:
    estate = Estate(
        roles={"gateway": Role(weight=2.0), "node": Role()},
        sites=(Site(id="s1", planned={"node": 1, "gateway": 1}), Site(id="s2")),
        nodes=(EstateNode(id="n1", role="gateway"),),
    )
    await embedded.write([*cpu("n1", "s1", 50.0), *disk("n1", "s1", 50)])
    result = await scorer(embedded, SmallFleet([Known("n1", "s1")]), estate).score_at(END)
    site = result.levels["site"]
    assert site.level.ids == ("s1", "s2")
    assert site.scores.coverage[0, 0] == pytest.approx(2 / 3)
    assert site.scores.low[0, 0] == pytest.approx(HALF_CPU_QUARTER_DISK * 2 / 3)
    assert site.scores.high[0, 0] == pytest.approx(100 - (100 - HALF_CPU_QUARTER_DISK) * 2 / 3)
    assert site.why(1) == "no member"
    planned = await stored(embedded, "readiness", ("scored", "planned"), level="district")
    assert planned == [(END, 1, 1)], "a site without a node and without a plan is no member"


async def test_a_scorer_without_an_intake_knows_the_nodes_from_their_accounts(
    either: Store,
) -> None:
    def account(site: str, silent: float) -> Point:
        return point("n1", site, "completeness", END - MINUTE, "", stored=3, silent_s=silent)

    quiet = point("n2", "s1", "completeness", END - MINUTE, "", stored=7, silent_s=500.0)
    moved = [account("before", 4000.0), account("s1", 2.5)]
    await either.write([*cpu("n1", "s1", 50.0), *disk("n1", "s1", 50), *moved, quiet])
    fleet = StoredFleet(either, lambda: END)
    service = Scorer(either, small_card(), EMPTY, fleet, window=300, every=300, clock=lambda: END)
    result = await service.score_at(END)
    assert result.levels["node"].level.ids == ("n1", "n2")
    assert result.levels["site"].level.ids == ("s1",)
    assert {n.node: (n.online, n.totals["stored"]) for n in fleet.nodes()} == {
        "n1": (True, 3),
        "n2": (False, 7),
    }


async def test_a_planned_node_counts_from_its_day_on(embedded: Store) -> None:
    due = dt.datetime.fromtimestamp(END / 1000, dt.UTC).date() + dt.timedelta(days=1)
    estate = Estate(sites=(Site(id="s1", planned={"node": 4}, planned_from=due),))
    fleet = SmallFleet([Known("n1", "s1")])
    today = await scorer(embedded, fleet, estate).score_at(END)
    tomorrow = await scorer(embedded, fleet, estate).score_at(END + 24 * 60 * MINUTE)
    assert today.levels["site"].level.planned.tolist() == [1]
    assert tomorrow.levels["site"].level.planned.tolist() == [4]


async def test_a_node_first_heard_of_later_is_no_member_of_an_earlier_window(
    embedded: Store,
) -> None:
    fleet = SmallFleet([Known("n1", "s1"), Known("n2", "s1", first_seen=END)])
    assert (await scorer(embedded, fleet).score_at(END)).levels["node"].level.ids == ("n1",)


async def test_a_spool_that_reaches_back_before_the_first_contact_is_scored(
    embedded: Store,
) -> None:
    await embedded.write([*cpu("n1", "s1", 50.0), *disk("n1", "s1", 50)])
    fleet = SmallFleet([Known("n1", "s1", first_seen=END + MINUTE)])
    result = await scorer(embedded, fleet).score_at(END)
    assert result.levels["node"].scores.value[:, 0].tolist() == [HALF_CPU_QUARTER_DISK]


async def test_odd_names_of_sites_travel_unharmed(embedded: Store) -> None:
    site = "a'\"\\ =,<b>😀"
    await embedded.write([*cpu("n1", "s1", 50.0), *disk("n1", "s1", 50)])
    await scorer(embedded, SmallFleet([Known("n1", site)])).score_at(END)
    assert len(await stored(embedded, "readiness", ("score",), level="site", id=site)) == 1


async def test_late_data_scores_its_window_again_and_keeps_the_former_value(
    either: Store,
) -> None:
    now = END
    service = scorer(
        either, SmallFleet([Known("n1", "s1")]), clock=lambda: now + service_settle(now)
    )
    await either.write([*cpu("n1", "s1", 50.0), *disk("n1", "s1", 50)])
    await service.tick()
    now = END + 5 * MINUTE
    await service.tick()
    late = point("n1", "s1", "disk", START + MINUTE, "path=/data,fstype=ext4", used=150, total=200)
    await either.write([late])
    service.touch(START + MINUTE)
    assert service.dirty == {END}
    await service.tick()
    assert service.dirty == set()
    want = 0.25 * 50 + 0.75 * 25
    rows = await stored(either, "readiness", ("score", "revised"), level="node")
    assert rows[0] == (END, pytest.approx(want), 1)
    former = await stored(
        either, "readiness_former", ("score", "grade"), level="node", revision="0"
    )
    assert former == [(END, pytest.approx(HALF_CPU_QUARTER_DISK), "A")]
    assert await stored(either, "readiness_former", ("replaced",), level="node") == [
        (END, service.clock())
    ]


def service_settle(_: int) -> int:
    """A window of 5 minutes is scored 15 s after its end."""
    return 15_000


async def test_scoring_again_without_new_data_changes_nothing(either: Store) -> None:
    service = scorer(either, SmallFleet([Known("n1", "s1")]))
    await either.write(cpu("n1", "s1", 50.0))
    await service.score_at(END)
    await service.score_at(END)
    assert await stored(either, "readiness_former", ("low",)) == []


async def test_a_score_that_comes_late_takes_the_reason_away(either: Store) -> None:
    service = scorer(either, SmallFleet([Known("n1", "s1")]))
    await service.score_at(END)
    await either.write([*cpu("n1", "s1", 50.0), *disk("n1", "s1", 50)])
    await service.score_at(END)
    rows = await stored(either, "readiness", ("score", "why"), level="node")
    assert rows == [(END, pytest.approx(HALF_CPU_QUARTER_DISK), "")]
    assert await stored(either, "readiness_former", ("coverage",), level="node") == [(END, 0.0)]


def test_touch_marks_the_past_windows_over_a_time_and_no_others() -> None:
    service = Scorer(
        Nowhere(), small_card(), EMPTY, SmallFleet(), window=60, every=20, clock=lambda: END
    )
    service.touch(START)
    assert service.dirty == set(), "nothing is past before the first window"
    service.begin(START + 120_000)
    service.touch(START + 1)
    assert service.dirty == {START + 20_000, START + 40_000, START + 60_000}
    service.touch(START + 119_999)
    assert max(service.dirty) == START + 120_000
    service.touch(START - 10**12)
    service.touch(START + 10**12)
    assert len(service.dirty) == 4


class Nowhere:
    """A store that never answers, and counts how often it was asked."""

    name = "nowhere"

    def __init__(self) -> None:
        self.asked = 0

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def write(self, points: Sequence[Sample]) -> list[RefusedPoint]:
        raise StoreError(f"no answer to {len(points)} points")

    async def select(self, query: Query) -> Table:
        self.asked += 1
        raise StoreError(f"no answer about {query.measurement}")


class Clock:
    """Time that only passes while somebody sleeps; `until` runs out in a cancellation."""

    def __init__(self, now: int, until: int) -> None:
        self.now, self.until = now, until
        self.sleeps: list[float] = []

    def __call__(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += round(seconds * 1000)
        if self.now > self.until:
            raise asyncio.CancelledError


async def run_until_cancelled(service: Scorer) -> None:
    with pytest.raises(asyncio.CancelledError):
        await service.run()


async def test_run_follows_the_stride_grid(embedded: Store) -> None:
    clock = Clock(START + 7_000, START + 95_000)
    service = scorer(embedded, SmallFleet(), window=60, every=30, clock=clock, sleep=clock.sleep)
    await run_until_cancelled(service)
    rows = await stored(embedded, "readiness", ("planned",), level="fleet")
    assert [time for time, _ in rows] == [START + s * 1000 for s in (0, 30, 60, 90)]


async def test_windows_that_passed_while_nobody_scored_are_scored_after_a_restart(
    embedded: Store,
) -> None:
    for begin in (START, START + 300_000):
        clock = Clock(begin, begin + 31_000)
        service = scorer(
            embedded, SmallFleet(), window=60, every=30, clock=clock, sleep=clock.sleep
        )
        await run_until_cancelled(service)
    rows = await stored(embedded, "readiness", ("planned",), level="fleet")
    missed = {START + s * 1000 for s in range(60, 270, 30)}
    assert missed <= {time for time, _ in rows}


async def test_a_failing_store_is_one_line_and_nothing_is_forgotten(
    embedded: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is away from the start for five windows, comes back, and goes once more."""
    caplog.set_level(logging.INFO)
    clock = Clock(START, START + 400_000)
    away = [(START, START + 150_000), (START + 210_000, START + 300_000)]
    select = embedded.select

    async def sometimes(query: Query) -> Table:
        if any(first <= clock.now < last for first, last in away):
            raise StoreError("connection refused")
        return await select(query)

    monkeypatch.setattr(embedded, "select", sometimes)
    service = scorer(embedded, SmallFleet(), window=60, every=30, clock=clock, sleep=clock.sleep)
    await run_until_cancelled(service)
    assert [record.getMessage() for record in caplog.records] == [
        "scoring waits for the store: connection refused",
        "scoring goes on, 0 windows are due",
        "scoring waits for the store: connection refused",
        "scoring goes on, 0 windows are due",
    ]
    rows = await stored(embedded, "readiness", ("planned",), level="fleet")
    assert {time for time, _ in rows} == {START + s * 1000 for s in range(-30, 391, 30)}


async def test_data_that_comes_while_a_window_is_scored_makes_it_due_again(
    embedded: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = scorer(embedded, SmallFleet([Known("n1", "s1")]), clock=lambda: END + 15_000)
    await service.tick()
    write = embedded.write

    async def and_more(points: Sequence[Sample]) -> list[RefusedPoint]:
        service.touch(START)
        return await write(points)

    monkeypatch.setattr(embedded, "write", and_more)
    await service.score_at(END)
    assert service.dirty == {END}


async def test_a_clock_that_jumps_makes_a_bounded_number_of_windows_due(embedded: Store) -> None:
    now = 0
    service = scorer(embedded, SmallFleet(), every=5.0, window=5.0, clock=lambda: now)
    for now in (10_000, START, 10_000, START + 5_000):  # noqa: B007 - the clock reads it
        await service.tick()
        assert len(service.dirty) <= 2_000
    assert service.latest is not None
    assert service.latest.end == START


async def test_news_wakes_everyone_who_waits(embedded: Store) -> None:
    service = scorer(embedded, SmallFleet())
    waiting = [asyncio.create_task(service.news()) for _ in range(3)]
    await asyncio.sleep(0)
    result = await service.score_at(END)
    assert [await task for task in waiting] == [result] * 3
