"""Hours, days, weeks and months of readiness: of any length, late data, restarts, none at all."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from readiness.small_fleet import MINUTE, START, Known, SmallFleet, cpu, disk, point, small_card

from muster_collector.estate import EMPTY
from muster_collector.scoring.periods import Periods, period_at, periods_of
from muster_collector.scoring.scorer import Scorer
from muster_collector.scoring.steps import midnight
from muster_collector.store.base import Point, Query, Read, Store
from muster_collector.store.embedded import EmbeddedStore

HOUR = 60 * MINUTE
SETTLE = 15_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = EmbeddedStore(tmp_path / "store.duckdb")
    await opened.open()
    yield opened
    await opened.close()


class Day:
    """A scorer that ticks through a day in no time."""

    def __init__(self, store: Store, stride: int = 5) -> None:
        self.now = START
        self.scorer = Scorer(
            store,
            small_card(),
            EMPTY,
            SmallFleet([Known("n1", "s1")]),
            window=stride * 60,
            every=stride * 60,
            clock=lambda: self.now,
        )

    async def tick(self, end: int) -> None:
        self.now = end + SETTLE
        await self.scorer.tick()


async def stored(store: Store, measurement: str, fields: Sequence[str]) -> list[Any]:
    reads = tuple(Read(field, "raw") for field in fields)
    where = {"level": ["node"]}
    table = await store.select(Query(measurement, reads, 0, START * 2, where=where))
    return list(zip(*(table.columns[c] for c in ("time", *fields)), strict=True))


async def test_an_hour_is_the_mean_of_its_windows(store: Store) -> None:
    """Two windows with scores 68.75 and 31.25, ten without any."""
    await store.write([*cpu("n1", "s1", 50.0), *disk("n1", "s1", 50)])
    later = START + 20 * MINUTE
    await store.write([*cpu("n1", "s1", 50.0, later), *disk("n1", "s1", 150, later)])
    day = Day(store)
    for minute in range(5, 61, 5):
        assert await stored(store, "readiness_hourly", ("score",)) == []
        await day.tick(START + minute * MINUTE)
    fields = ("score", "least", "most", "coverage", "windows", "expected", "planned")
    assert await stored(store, "readiness_hourly", fields) == [
        (START + HOUR, pytest.approx(50.0), 31.25, 68.75, pytest.approx(2 / 12), 2, 12, 1)
    ]
    pillars = await stored(store, "readiness_pillar_hourly", ("score", "windows"))
    assert sorted(pillars) == [(START + HOUR, 50.0, 2), (START + HOUR, 50.0, 2)]


async def test_late_data_mends_its_hour_and_day(store: Store) -> None:
    day = Day(store, stride=60)
    await day.tick(START + 24 * HOUR)
    for hour in range(1, 25):
        day.scorer.touch(START + hour * HOUR - 1)
    while day.scorer.dirty:
        await day.tick(day.now - SETTLE + HOUR)
    first = await stored(store, "readiness_daily", ("windows", "expected"))
    assert first == [(START + 24 * HOUR, 0, 24)]
    late = START + 30 * MINUTE
    await store.write(
        [
            point("n1", "s1", "cpu", late, "cpu=cpu-total", usage_idle=50.0),
            *disk("n1", "s1", 50, late),
        ]
    )
    day.scorer.touch(late)
    await day.tick(day.now - SETTLE + HOUR)
    daily = await stored(store, "readiness_daily", ("score", "windows"))
    assert daily == [(START + 24 * HOUR, 68.75, 1)]
    hourly = dict(await stored(store, "readiness_hourly", ("score",)))
    assert hourly[START + HOUR] == 68.75


async def test_a_restart_finishes_the_hour(store: Store) -> None:
    await store.write([*cpu("n1", "s1", 50.0), *disk("n1", "s1", 50)])
    before, after = Day(store), Day(store)
    await before.tick(START + 5 * MINUTE)
    await after.tick(START + HOUR + 5 * MINUTE)
    await after.tick(START + HOUR + 10 * MINUTE)
    assert await stored(store, "readiness_hourly", ("score", "windows")) == [
        (START + HOUR, 68.75, 1)
    ]


@pytest.mark.parametrize(
    ("zone", "local", "hours"),
    [
        ("UTC", "2026-03-29T12:00", 24),
        ("Europe/Berlin", "2026-03-29T12:00", 23),
        ("Europe/Berlin", "2026-10-25T12:00", 25),
        ("Asia/Shanghai", "2028-02-29T00:01", 24),
        ("Asia/Kathmandu", "2026-01-01T23:59", 24),
        ("Australia/Lord_Howe", "2026-04-05T12:00", 24.5),
    ],
)
def test_days_have_their_own_length(zone: str, local: str, hours: float) -> None:
    noon = dt.datetime.fromisoformat(local).replace(tzinfo=zoneinfo.ZoneInfo(zone))
    _, day, *_ = periods_of(round(noon.timestamp() * 1000), noon.tzinfo or dt.UTC)
    assert (day.end - day.start) / HOUR == hours
    begin = dt.datetime.fromtimestamp(day.start / 1000, noon.tzinfo)
    assert (begin.date(), begin.hour, begin.minute) == (noon.date(), 0, 0)


def test_the_window_that_ends_at_midnight_belongs_to_the_day_before() -> None:
    midnight = START
    hour, day, *_ = periods_of(midnight, dt.UTC)
    assert (hour.end, day.end) == (midnight, midnight)
    assert periods_of(midnight + 1, dt.UTC)[1].start == midnight


async def test_weeks_and_months_are_made_of_days(either: Store) -> None:
    """A February of four weeks from a Sunday: by hand from days with 24, 12 and no windows."""
    zone = zoneinfo.ZoneInfo("Asia/Shanghai")
    periods = Periods(either, zone.key, HOUR)
    # 2026-02-01 is a Sunday, 2026-03-01 too; the week from 23 February ends with that 1 March.
    days: dict[dt.date, tuple[float | None, int]] = {
        dt.date(2026, 2, 1): (60.0, 24),
        dt.date(2026, 2, 23): (90.0, 12),
    }
    days |= {dt.date(2026, 2, 28): (None, 0), dt.date(2026, 3, 1): (30.0, 24)}
    for day, (score, windows) in days.items():
        await either.write([a_day(day, score, windows, zone)])
    for day in days:
        periods.touch(midnight(day, zone) + HOUR)
    newest = midnight(dt.date(2026, 3, 2), zone)
    periods.due = {period for period in periods.due if period.kind in ("weekly", "monthly")}
    await periods.write_due(newest, ())
    fields = ("score", "coverage", "least", "most", "windows", "expected", "scored", "planned")
    # February: (60 x 24 + 90 x 12) / 36 = 70; coverage of three days, all of 24 windows.
    assert await stored(either, "readiness_monthly", fields) == [
        (midnight(dt.date(2026, 3, 1), zone), 70.0, 0.5, 55.0, 95.0, 36, 72, 3, 4)
    ]
    assert await stored(either, "readiness_weekly", fields) == [
        (midnight(dt.date(2026, 2, 2), zone), 60.0, 0.5, 55.0, 65.0, 24, 24, 3, 4),
        # (90 x 12 + 30 x 24) / 36 = 50
        (midnight(dt.date(2026, 3, 2), zone), 50.0, 0.5, 25.0, 95.0, 36, 72, 3, 4),
    ]
    # March is not over.
    assert {period.kind for period in periods.due} == {"monthly"}


def a_day(day: dt.date, score: float | None, windows: int, zone: dt.tzinfo) -> Point:
    tags = {"level": "node", "id": "n1", "method": "m", "site": "s1"}
    fields: dict[str, Any] = {"coverage": 0.5, "windows": windows, "expected": 24}
    fields |= {"low": 10.0, "high": 90.0, "scored": 3, "planned": 4}
    if score is not None:
        fields |= {"score": score, "least": score - 5, "most": score + 5}
    end = midnight(day + dt.timedelta(days=1), zone)
    return Point("readiness_daily", tuple(sorted(tags.items())), fields, end)


async def test_late_data_mends_its_week_and_month_too(store: Store) -> None:
    """The day is written again, and then what is made of it."""
    day = Day(store, stride=60)
    first = START + 24 * HOUR
    for hour in range(1, 24 * 33):
        day.scorer.periods.touch(START + hour * HOUR)
    day.scorer.begin(START + 33 * 24 * HOUR)
    await day.tick(START + 33 * 24 * HOUR)
    await day.scorer.periods.write_due(day.now, ())
    assert await stored(store, "readiness_monthly", ("windows",)) == []
    late = START + 30 * MINUTE
    await store.write([*cpu("n1", "s1", 50.0, late), *disk("n1", "s1", 50, late)])
    await day.scorer.score_at(START + HOUR)
    await day.scorer.periods.write_due(day.now, ())
    assert await stored(store, "readiness_daily", ("score",)) == [(first, 68.75)]
    month = START + 31 * 24 * HOUR
    assert await stored(store, "readiness_monthly", ("score", "windows")) == [(month, 68.75, 1)]
    # 2026-03-01 is a Sunday: its week ends with it.
    assert await stored(store, "readiness_weekly", ("score", "windows")) == [(first, 68.75, 1)]


@pytest.mark.parametrize(
    ("zone", "local", "kind", "first", "days"),
    [
        ("UTC", "2028-02-10", "monthly", "2028-02-01", 29),
        ("Asia/Shanghai", "2100-02-10", "monthly", "2100-02-01", 28),
        ("Europe/Berlin", "2026-03-31", "monthly", "2026-03-01", 31 - 1 / 24),
        ("Europe/Berlin", "2026-10-25", "weekly", "2026-10-19", 7 + 1 / 24),
        ("Asia/Shanghai", "2025-01-01", "weekly", "2024-12-30", 7),
        ("Asia/Shanghai", "2025-12-31", "monthly", "2025-12-01", 31),
    ],
)
def test_weeks_and_months_are_those_of_the_calendar(
    zone: str, local: str, kind: str, first: str, days: float
) -> None:
    place = zoneinfo.ZoneInfo(zone)
    period = period_at(midnight(dt.date.fromisoformat(local), place) + HOUR, kind, place)
    assert period.start == midnight(dt.date.fromisoformat(first), place)
    assert (period.end - period.start) / (24 * HOUR) == pytest.approx(days)
