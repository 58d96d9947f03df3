"""Stored readiness over time: window by window, in steps, or as it stood at a time."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import HTTPException

from muster_collector.api import times
from muster_collector.api.services import Services
from muster_collector.scoring.points import OVERALL
from muster_collector.store.base import Query, Read, Table

PLACES = ("site", "district", "region")
GROUP = ("level", "id", *PLACES, "method")
NUMBERS = ("score", "low", "high", "coverage", "p10", "worst")
COUNTS = ("scored", "planned")
TEXTS = ("grade", "why")
QUARTER = 900_000
"""Local days of every time zone begin at multiples of a quarter of an hour in UTC."""
DAY = 86_400_000
LOOK_BACK = 2_000
"""Strides before `at` in which the window that held then is looked for."""

Row = dict[str, Any]


async def windows(
    given: Services, level: str, wanted: Sequence[str] | None, first: int, last: int
) -> list[Row]:
    """One row for each stored window and unit."""
    reads = tuple(Read(name, "raw") for name in (*NUMBERS, *COUNTS, *TEXTS))
    table = await given.store.select(
        Query(OVERALL, reads, first, last, GROUP, _where(level, wanted))
    )
    rows = [_window(row) for row in _rows(table)]
    return sorted(rows, key=lambda row: (row["time"], row["id"]))


async def at(given: Services, level: str, wanted: Sequence[str] | None, moment: int) -> list[Row]:
    """The rows of the newest window that had ended at `moment` (ms)."""
    grid = given.scorer.every
    fleet = await windows(given, "fleet", None, moment - LOOK_BACK * grid, moment + 1)
    if not fleet:
        raise HTTPException(404, f"no scores are stored for {times.iso(moment)} or shortly before")
    end = times.parse(fleet[-1]["time"], 0)
    return await windows(given, level, wanted, end, end + 1)


async def steps(
    given: Services,
    level: str,
    wanted: Sequence[str] | None,
    *,
    span: tuple[int, int],
    step: int,
    zone: str | None,
) -> list[Row]:
    """Means over steps; steps of whole days are local days of the estate's zone (or `zone`).

    `time` is the step's start and `windows` how many scored windows it has. A score belongs to the
    step in which its window ended; the end of a step belongs to the next one.
    """
    local = step % DAY == 0
    reads = (
        *(Read(name, "mean") for name in NUMBERS),
        Read("score", "count"),
        Read("low", "count"),
        *(Read(name, "last") for name in COUNTS),
    )
    every = QUARTER if local else step
    table = await given.store.select(
        Query(OVERALL, reads, *span, GROUP, _where(level, wanted), every)
    )
    rows = [_step(row) for row in _rows(table)]
    if local:
        rows = list(_days(rows, step // DAY, _zone(zone or given.scorer.estate.timezone)))
    for row in rows:
        same = row["method"] == given.scorer.card.method and row["score"] is not None
        row["grade"] = given.scorer.card.grade(row["score"]) if same else ""
        row["time"] = times.iso(row["time"])
        del row["_low"]
    return sorted(rows, key=lambda row: (row["time"], row["id"]))


def _where(level: str, wanted: Sequence[str] | None) -> dict[str, Sequence[str]]:
    where: dict[str, Sequence[str]] = {"level": [level]}
    return where | ({"id": list(wanted)} if wanted else {})


def _rows(table: Table) -> Iterator[Row]:
    names = list(table.columns)
    for values in zip(*table.columns.values(), strict=True):
        row = dict(zip(names, values, strict=True))
        for place in PLACES:
            if row.get(place) == "":
                del row[place]
        yield row


def _window(row: Row) -> Row:
    """A stored window; a reason means that there is no score, whatever an older field says."""
    if row.get("why"):
        row |= {"score": None, "grade": ""}
    else:
        row.pop("why", None)
    return row | {"time": times.iso(row["time"])}


def _step(row: Row) -> Row:
    """A bucket with the statistics' names taken off; the counts weigh it in longer steps."""
    plain = {tag: row[tag] for tag in (*GROUP, "time") if tag in row}
    plain |= {name: row.get(f"{name}_mean") for name in NUMBERS}
    plain |= {name: row.get(f"{name}_last") for name in COUNTS}
    return plain | {"windows": row.get("score_count") or 0, "_low": row.get("low_count") or 0}


def _days(rows: Sequence[Row], days: int, zone: dt.tzinfo) -> Iterator[Row]:
    """Quarters of an hour gathered into `days` local days, weighted by their windows."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        start = _local_start(row["time"], days, zone)
        groups.setdefault((start, *(row.get(tag, "") for tag in GROUP)), []).append(row)
    for (start, *_), members in groups.items():
        whole = {tag: members[0][tag] for tag in GROUP if tag in members[0]}
        whole |= {"time": start}
        for name in NUMBERS:
            weight = "_low" if name in ("low", "high", "coverage") else "windows"
            whole[name] = _mean([(row[name], row[weight]) for row in members])
        whole |= {name: members[-1][name] for name in COUNTS}
        yield whole | {key: sum(row[key] for row in members) for key in ("windows", "_low")}


def _local_start(time: int, days: int, zone: dt.tzinfo) -> int:
    """The start in ms of the run of `days` local days that a time lies in, counted from day 1."""
    day = dt.datetime.fromtimestamp(time / 1000, zone).date()
    first = day - dt.timedelta(days=(day.toordinal() - 1) % days)
    return round(dt.datetime(first.year, first.month, first.day, tzinfo=zone).timestamp() * 1000)


def _mean(values: Sequence[tuple[float | None, int]]) -> float | None:
    known = [(value, weight) for value, weight in values if value is not None and weight]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else None


def _zone(name: str) -> dt.tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise HTTPException(400, f"zone={name!r}: use an IANA name, as Asia/Shanghai") from error
