"""Hours, days, weeks and months of readiness, for long ranges: what their windows were on average.

A period is written when the first window at or after its end has been scored and none of its own
windows is due again; a window scored later makes its periods due again. Days, weeks (from Monday)
and months are local to the estate's zone. Hours and days are made of windows, weeks and months of
days, which last longer. Points lie at the period's END, as scores lie at their window's, with the
tags of `readiness` (or `readiness_pillar`) and the fields

- score, low, high, coverage: means over the windows that have them;
- least, most: the lowest and the highest score; scored, planned: members at the period's end;
- windows: how many windows had a score; expected: how many the period has.

What machines had left is added up by the same hours, see `capacity`.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from muster_collector.scoring import capacity, steps
from muster_collector.scoring.points import OVERALL, PILLAR
from muster_collector.scoring.steps import COUNTS, DAY, HOUR, MEANS, WEEK, Step
from muster_collector.scoring.writing import write_all
from muster_collector.store.base import Point, Query, Read, Store, Table, Value

PLACES = ("site", "district", "region")
TAGS = ("id", "level", "method", *PLACES)
READS: dict[str, Read] = {
    **{name: Read(name, "mean") for name in MEANS},
    "least": Read("score", "min"),
    "most": Read("score", "max"),
    "windows": Read("score", "count"),
}
MEMBERS: dict[str, Read] = {name: Read(name, "last") for name in COUNTS}
SOURCES = {OVERALL: (TAGS, READS | MEMBERS), PILLAR: ((*TAGS, "pillar"), READS)}
"""What is gathered of each measurement: the tags of its series and the fields to make."""
STEPS = {
    "hourly": Step(HOUR),
    "daily": Step(DAY),
    "weekly": Step(WEEK),
    "monthly": Step(0, months=1),
}
"""The kinds of periods, each made before the ones after it."""
OF_DAYS = ("weekly", "monthly")
STORED = (*MEANS, "least", "most", *COUNTS, "windows", "expected")


class Period(NamedTuple):
    """The time `start < t <= end` (ms) in which windows end."""

    start: int
    end: int
    kind: str


def periods_of(end: int, zone: dt.tzinfo) -> tuple[Period, ...]:
    """The hour, local day, week and month that a window which ends at `end` belongs to."""
    # The window that ends at midnight belongs to the day that ends there.
    return tuple(period_at(end - 1, kind, zone) for kind in STEPS)


def period_at(time: int, kind: str, zone: dt.tzinfo) -> Period:
    """The period with `start <= time < end`."""
    begin = steps.begin_of(STEPS[kind], zone)
    start = begin(time)
    if kind == "hourly":
        return Period(start, start + HOUR, kind)
    # Into the next one for sure: no day has 37 hours, no month 32 days.
    longest = {"daily": 37 * HOUR, "weekly": 8 * DAY, "monthly": 32 * DAY}[kind]
    return Period(start, begin(start + longest), kind)


class Periods:
    """Keeps the periods that are due; `every` is the stride in ms, `zone` an IANA name."""

    def __init__(self, store: Store, zone: str, every: int) -> None:
        self.store = store
        self.zone = zoneinfo.ZoneInfo(zone)
        self.every = every
        self.due: set[Period] = set()

    def touch(self, end: int) -> None:
        """A window that ends then was scored (again)."""
        self.due.update(periods_of(end, self.zone))

    async def write_due(self, newest: int, dirty: Collection[int]) -> None:
        """Write what is over and whole; `StoreError` leaves it due."""
        order = list(STEPS)
        for period in sorted(self.due, key=lambda p: (order.index(p.kind), p.start)):
            waits = any(period.start < window <= period.end for window in dirty)
            if period.end <= newest and not waits:
                for measurement in SOURCES:
                    await self._write(measurement, period)
                if period.kind == "hourly":
                    hour = await capacity.points(self.store, period.start, period.end)
                    await write_all(self.store, hour)
                self.due.discard(period)

    async def _write(self, measurement: str, period: Period) -> None:
        made = self._of_days if period.kind in OF_DAYS else self._of_windows
        await write_all(self.store, await made(measurement, period))

    async def _of_windows(self, measurement: str, period: Period) -> Iterator[Point]:
        tags, fields = SOURCES[measurement]
        table = await self.store.select(
            Query(
                measurement,
                tuple(dict.fromkeys(fields.values())),
                period.start + 1,
                period.end + 1,
                group=tags,
            )
        )
        expected = len(range(-(-(period.start + 1) // self.every), period.end // self.every + 1))
        return _points(f"{measurement}_{period.kind}", table, period.end, expected, fields)

    async def _of_days(self, measurement: str, period: Period) -> Iterator[Point]:
        """Day by day, so that a month of a large fleet needs the memory of one day."""
        tags, _ = SOURCES[measurement]
        reads = tuple(Read(name, "raw") for name in STORED)
        rows: dict[tuple[str, ...], steps.Row] = {}
        start = period.start
        while start < period.end:
            day = period_at(start, "daily", self.zone)
            query = Query(f"{measurement}_daily", reads, day.start + 1, day.end + 1, group=tags)
            for row in _rows(await self.store.select(query)):
                key = tuple(row[tag] for tag in tags)
                together = [rows[key], row] if key in rows else [row]
                (rows[key],) = steps.gathered(together, lambda _: 0, tags)
                rows[key]["time"] = day.end
            start = day.end
        name = f"{measurement}_{period.kind}"
        return (_point(name, row, tags, period.end) for row in rows.values())


def _rows(table: Table) -> Iterator[steps.Row]:
    names = list(table.columns)
    for values in zip(*table.columns.values(), strict=True):
        yield dict(zip(names, values, strict=True))


def _point(measurement: str, row: Mapping[str, Value], tags: Collection[str], end: int) -> Point:
    named = tuple((tag, str(row[tag])) for tag in sorted(tags) if row[tag])
    values = {name: row[name] for name in STORED if row.get(name) is not None}
    return Point(measurement, named, values, end)


def _points(
    measurement: str, table: Table, end: int, expected: int, fields: dict[str, Read]
) -> Iterator[Point]:
    columns = table.columns
    tags = sorted(tag for tag in (*TAGS, "pillar") if tag in columns)
    for row in range(len(table)):
        found = {
            name: columns[f"{read.field}_{read.statistic}"][row]
            for name, read in fields.items()
            if f"{read.field}_{read.statistic}" in columns
        }
        values: dict[str, Value] = {k: v for k, v in found.items() if v is not None}
        values |= {"windows": int(values.get("windows", 0)), "expected": expected}
        named = tuple((tag, columns[tag][row]) for tag in tags if columns[tag][row])
        yield Point(measurement, named, values, end)
