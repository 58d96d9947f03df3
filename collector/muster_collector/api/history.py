"""Stored readiness over time: window by window, in steps, or as it stood at a time."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fastapi import HTTPException

from muster_collector.api import times
from muster_collector.api.params import check_size
from muster_collector.api.services import Services
from muster_collector.scoring.points import OVERALL
from muster_collector.scoring.revisions import FORMER
from muster_collector.store.base import Query, Read, Table

PLACES = ("site", "district", "region")
GROUP = ("level", "id", *PLACES, "method")
MEANS = ("score", "low", "high", "coverage")
NUMBERS = (*MEANS, "p10", "worst")
COUNTS = ("scored", "planned")
TEXTS = ("grade", "why")
RAW = (*NUMBERS, *COUNTS, *TEXTS)
HOUR = 3_600_000
DAY = 86_400_000
LOOK_BACK = 2_000
"""Strides before `at` in which the window that held then is looked for."""

Row = dict[str, Any]


async def windows(
    given: Services,
    level: str,
    wanted: Sequence[str] | None,
    first: int,
    last: int,
    *,
    known: int | None = None,
) -> list[Row]:
    """One row for each stored window and unit; with `known` (ms) as it was known at that time."""
    where = _where(level, wanted)
    rows = await _raw(given, OVERALL, RAW, (first, last), where)
    if known is not None:
        former = await _raw(given, FORMER, (*RAW, "replaced"), (first, last), where)
        rows = list(as_known(rows, former, known))
    made = [_unscored(row) | {"time": times.iso(row["time"])} for row in rows]
    return sorted(made, key=lambda row: (row["time"], row["id"]))


def as_known(rows: Sequence[Row], former: Sequence[Row], known: int) -> Iterator[Row]:
    """Rows with the values that they had at `known`: the first that were replaced after it.

    A window that ended after `known` was not known at all.
    """
    held: dict[tuple[Any, ...], Row] = {}
    for row in sorted(former, key=lambda row: -int(row["replaced"])):
        if row["replaced"] > known:
            held[_key(row)] = {k: v for k, v in row.items() if k not in ("replaced", "revision")}
    for row in rows:
        if row["time"] <= known:
            yield held.get(_key(row), row)


def _key(row: Row) -> tuple[Any, ...]:
    return row["time"], row["id"], row["method"]


async def _raw(
    given: Services,
    measurement: str,
    fields: Sequence[str],
    span: tuple[int, int],
    where: dict[str, Sequence[str]],
) -> list[Row]:
    """Points as rows."""
    reads = tuple(Read(name, "raw") for name in fields)
    group = (*GROUP, "revision") if measurement == FORMER else GROUP
    return list(_rows(await given.store.select(Query(measurement, reads, *span, group, where))))


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
    """Means over steps, each with its start as `time` and the number of its scored windows.

    Steps of whole hours and days are made of the stored hours and days, and of the windows since.
    Days are local days of the estate's zone, or of `zone`. A window belongs to the step in which
    it ends; one that ends with a step belongs to it, as long as the step is of whole hours.
    """
    estate_zone = given.scorer.estate.timezone
    begin = _begin(step, _zone(zone or estate_zone))
    if step % HOUR:
        rows = await _buckets(given, level, wanted, span, step)
    elif step % DAY or zone in (None, estate_zone):
        kind = "hourly" if step % DAY else "daily"
        rows = await _periods(given, level, wanted, span, kind)
    else:
        rows = await _windows(given, level, wanted, span)
    made = list(_gathered(rows, begin))
    for row in made:
        same = row["method"] == given.scorer.card.method and row["score"] is not None
        row["grade"] = given.scorer.card.grade(row["score"]) if same else ""
        row["time"] = times.iso(row["time"])
    return sorted(made, key=lambda row: (row["time"], row["id"]))


async def _periods(
    given: Services, level: str, wanted: Sequence[str] | None, span: tuple[int, int], kind: str
) -> list[Row]:
    """Stored hours or days, and the windows after the last of them."""
    fields = (*MEANS, *COUNTS, "windows", "expected")
    where = _where(level, wanted)
    rows = await _raw(given, f"{OVERALL}_{kind}", fields, (span[0] + 1, span[1] + 1), where)
    covered = max((row["time"] for row in rows), default=span[0])
    return rows + await _windows(given, level, wanted, (covered, span[1]))


async def _windows(
    given: Services, level: str, wanted: Sequence[str] | None, span: tuple[int, int]
) -> list[Row]:
    """Single windows that end in `start < t <= end`, counted as periods of one window."""
    check_size(count_of(given, level, wanted), *span, given.scorer.every)
    where = _where(level, wanted)
    fields = (*MEANS, *COUNTS, "why")
    found = await _raw(given, OVERALL, fields, (span[0] + 1, span[1] + 1), where)
    rows = [_unscored(row) for row in found]
    return [row | {"windows": int(row["score"] is not None), "expected": 1} for row in rows]


async def _buckets(
    given: Services, level: str, wanted: Sequence[str] | None, span: tuple[int, int], step: int
) -> list[Row]:
    """Means that the store makes, for steps shorter than an hour; `time` within the step."""
    reads = (
        *(Read(name, "mean") for name in MEANS),
        *(Read(name, "last") for name in COUNTS),
        Read("score", "count"),
    )
    where = _where(level, wanted)
    query = Query(OVERALL, reads, *span, GROUP, where, step)
    rows = []
    for row in _rows(await given.store.select(query)):
        plain = {tag: row[tag] for tag in GROUP if tag in row}
        plain |= {name: row.get(f"{name}_mean") for name in MEANS}
        plain |= {name: row.get(f"{name}_last") for name in COUNTS}
        windows = row.get("score_count") or 0
        rows.append(plain | {"time": row["time"] + 1, "windows": windows, "expected": 1})
    return rows


def count_of(given: Services, level: str, wanted: Sequence[str] | None) -> int:
    """How many units an answer is about."""
    return len(wanted) if wanted else len(given.result().levels[level].level.ids)


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


def _unscored(row: Row) -> Row:
    """A reason means that there is no score, whatever an older field says."""
    if row.get("why"):
        return row | {"score": None, "grade": ""}
    row.pop("why", None)
    return row


def _gathered(rows: Sequence[Row], begin: Callable[[int], int]) -> Iterator[Row]:
    """Periods gathered into steps; each ends at its `time`, which lies in or at the step's end."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        key = (begin(row["time"] - 1), *(row.get(tag, "") for tag in GROUP))
        groups.setdefault(key, []).append(row)
    for (start, *_), members in groups.items():
        newest = max(members, key=lambda row: int(row["time"]))
        step = {tag: newest[tag] for tag in GROUP if tag in newest} | {"time": start}
        for name in MEANS:
            weight = "windows" if name == "score" else "expected"
            step[name] = _mean([(row.get(name), row[weight] or 0) for row in members])
        step |= {name: newest.get(name) for name in COUNTS}
        yield step | {"windows": sum(row["windows"] or 0 for row in members)}


def begin_of(step: int, zone: str) -> Callable[[int], int]:
    """From a time to the start of its step (ms), days being those of a zone."""
    return _begin(step, _zone(zone))


def _begin(step: int, zone: dt.tzinfo) -> Callable[[int], int]:
    """From a time to the start of its step, both in ms."""
    if step % DAY:
        return lambda time: time // step * step
    days = step // DAY

    def local(time: int) -> int:
        # Runs of several days are counted from the first day of the calendar, for ever the same.
        day = dt.datetime.fromtimestamp(time / 1000, zone).date()
        day -= dt.timedelta(days=(day.toordinal() - 1) % days)
        return round(dt.datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)

    return local


def _mean(values: Sequence[tuple[float | None, int]]) -> float | None:
    known = [(value, weight) for value, weight in values if value is not None and weight]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else None


def _zone(name: str) -> dt.tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise HTTPException(400, f"zone={name!r}: use an IANA name, as Asia/Shanghai") from error
