"""Hours and days of readiness: means over the windows that ended in them, for long ranges.

A period is written when the first window at or after its end has been scored and none of its own
windows is due again; a window scored later makes its periods due again. Days are local days of the
estate's zone. Points lie at the period's END, as scores lie at their window's, with the tags of
`readiness` (or `readiness_pillar`) and the fields

- score, low, high, coverage: means over the windows that have them;
- least, most: the lowest and the highest score; scored, planned: members at the period's end;
- windows: how many windows had a score; expected: how many the period has.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Collection, Iterator
from typing import NamedTuple

from muster_collector.scoring.points import OVERALL, PILLAR
from muster_collector.scoring.writing import write_all
from muster_collector.store.base import Point, Query, Read, Store, Table, Value

HOUR = 3_600_000
MEANS = ("score", "low", "high", "coverage")
PLACES = ("site", "district", "region")
TAGS = ("id", "level", "method", *PLACES)
READS: dict[str, Read] = {
    **{name: Read(name, "mean") for name in MEANS},
    "least": Read("score", "min"),
    "most": Read("score", "max"),
    "windows": Read("score", "count"),
}
MEMBERS: dict[str, Read] = {name: Read(name, "last") for name in ("scored", "planned")}
SOURCES = {OVERALL: (TAGS, READS | MEMBERS), PILLAR: ((*TAGS, "pillar"), READS)}
"""What is gathered of each measurement: the tags of its series and the fields to make."""


class Period(NamedTuple):
    """The time `start < t <= end` (ms) in which windows end; `kind` is "hourly" or "daily"."""

    start: int
    end: int
    kind: str


def periods_of(end: int, zone: dt.tzinfo) -> tuple[Period, Period]:
    """The hour and the local day that a window which ends at `end` belongs to."""
    hour = (end - 1) // HOUR * HOUR
    # The window that ends at midnight belongs to the day that ends there.
    day = dt.datetime.fromtimestamp((end - 1) / 1000, zone).date()
    return (
        Period(hour, hour + HOUR, "hourly"),
        Period(_midnight(day, zone), _midnight(day + dt.timedelta(days=1), zone), "daily"),
    )


def _midnight(day: dt.date, zone: dt.tzinfo) -> int:
    return round(dt.datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


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
        for period in sorted(self.due):
            waits = any(period.start < window <= period.end for window in dirty)
            if period.end <= newest and not waits:
                for measurement in SOURCES:
                    await self._write(measurement, period)
                self.due.discard(period)

    async def _write(self, measurement: str, period: Period) -> None:
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
        name = f"{measurement}_{period.kind}"
        await write_all(self.store, _points(name, table, period.end, expected, fields))


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
