"""Readiness in steps of time, from stored hours, days, weeks and months, page by page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from muster_collector.api import times
from muster_collector.api.history import GROUP, Row, Wanted, raw, rows_of, unscored
from muster_collector.api.params import check_size, time_zone
from muster_collector.api.services import Services
from muster_collector.scoring.periods import period_at
from muster_collector.scoring.points import OVERALL
from muster_collector.scoring.steps import COUNTS, DAY, HOUR, MEANS, Step, begin_of, gathered
from muster_collector.store.base import Query, Read

PERIOD = (*MEANS, "least", "most", *COUNTS, "windows", "expected")
FINER = {
    "monthly": ("monthly", "daily", "hourly"),
    "weekly": ("weekly", "daily", "hourly"),
    "daily": ("daily", "hourly"),
    "hourly": ("hourly",),
}
"""What a step is made of: the longest periods first, shorter ones where those are not there yet."""
Span = tuple[int, int]


class Asked(NamedTuple):
    """A question for steps: `start < t <= end` (ms), rows `first <= row < last` of the answer."""

    wanted: Wanted
    span: Span
    step: Step
    zone: str | None
    first: int
    last: int


async def rows(given: Services, asked: Asked) -> tuple[list[Row], int]:
    """A page of steps, each with its start as `time`, in the order of time and id; how many in all.

    Steps of whole hours and more are made of stored periods, and of the windows since. Days, weeks
    and months are local to the estate's zone, or to `zone`; each has its local `date`. A window
    belongs to the step in which it ends; one that ends with a step belongs to it, as long as the
    step is of whole hours.
    """
    own = given.scorer.estate.timezone
    zone = time_zone(asked.zone or own)
    kinds = FINER.get(asked.step.kind, ())
    if asked.step.is_of_days and asked.zone not in (None, own):
        # Stored days are days of the estate; hours are the same in zones of whole hours.
        kinds = ("hourly",) if _whole_hours(zone, asked.span) else ()
    if not asked.step.kind:
        found, before, total = await _buckets(given, asked), 0, None
    elif asked.step.is_one and kinds and kinds[0] == asked.step.kind:
        found, before, total = await _page(given, asked, kinds, zone)
    else:
        found, before, total = await _cover(given, asked.wanted, asked.span, kinds, zone), 0, None
    begin = begin_of(asked.step, zone)
    made = sorted(gathered(found, begin, GROUP), key=lambda row: (row["time"], row["id"]))
    page = made[asked.first - before : asked.last - before]
    for time, some in groupby(page, key=lambda row: int(row["time"])):
        # Said once for all units of a step, of which there may be thousands.
        about = {"time": times.iso(time)}
        if asked.step.is_of_days:
            about["date"] = dt.datetime.fromtimestamp(time / 1000, zone).date().isoformat()
        for row in some:
            same = row["method"] == given.scorer.card.method and row["score"] is not None
            row["grade"] = given.scorer.card.grade(row["score"]) if same else ""
            row.update(about)
    return page, len(made) if total is None else total


async def _page(
    given: Services, asked: Asked, kinds: Sequence[str], zone: dt.tzinfo
) -> tuple[list[Row], int, int]:
    """Rows that hold the page, how many rows go before them, and how many there are in all.

    Where each row is one stored period, only the periods of the page are read.
    """
    counts = await _counts(given, asked.wanted, asked.span, kinds[0])
    if not counts:
        found = await _cover(given, asked.wanted, asked.span, kinds[1:], zone)
        return found, 0, len(set(_keys(found, asked.step, zone)))
    start, end = asked.span
    # An end at the start of its hour still belongs to the period that ends there.
    earliest = period_at(min(counts) - 1, kinds[0], zone).start
    head: list[Row] = []
    if earliest > start and len(kinds) > 1:
        head = await _stored(given, asked.wanted, (start, earliest), kinds[1:])
    latest = period_at(max(counts) - 1, kinds[0], zone).end
    tail = await _cover(given, asked.wanted, (latest, end), kinds[1:], zone)
    ahead = len(set(_keys(head, asked.step, zone)))
    behind = len(set(_keys(tail, asked.step, zone)))
    total = ahead + sum(counts.values()) + behind
    found = head if asked.first < ahead else []
    before = 0 if found or not ahead else ahead
    position, hours = ahead, []
    for hour, count in sorted(counts.items()):
        if position + count <= asked.first:
            before += count
        elif position < asked.last:
            hours.append(hour)
        position += count
    if hours:
        span = (hours[0], hours[-1] + HOUR)
        found = found + await raw(given, f"{OVERALL}_{kinds[0]}", PERIOD, span, asked.wanted)
    return found + (tail if position < asked.last else []), before, total


def _keys(found: Sequence[Row], step: Step, zone: dt.tzinfo) -> list[tuple[object, ...]]:
    """What tells the rows of the answer apart."""
    begin = begin_of(step, zone)
    return [(begin(row["time"] - 1), *(row.get(tag, "") for tag in GROUP)) for row in found]


async def _counts(given: Services, wanted: Wanted, span: Span, kind: str) -> dict[int, int]:
    """Start of an hour -> how many stored periods end in it; no hour holds two ends of a series."""
    query = Query(
        f"{OVERALL}_{kind}",
        (Read("expected", "count"),),
        span[0] + 1,
        span[1] + 1,
        where=wanted.where(),
        every=HOUR,
    )
    found = await given.store.select(query)
    return dict(zip(found.columns["time"], found.columns["expected_count"], strict=True))


async def _cover(
    given: Services, wanted: Wanted, span: Span, kinds: Sequence[str], zone: dt.tzinfo
) -> list[Row]:
    """Stored periods and, where they are not there yet, shorter ones, down to single windows."""
    if span[0] >= span[1]:
        return []
    if not kinds:
        return await _windows(given, wanted, span)
    check_size(wanted.count(given), *span, 31 * DAY if kinds[0] == "monthly" else DAY)
    inside = (span[0] + 1, span[1] + 1)
    found = await raw(given, f"{OVERALL}_{kinds[0]}", PERIOD, inside, wanted)
    if not found:
        return await _cover(given, wanted, span, kinds[1:], zone)
    earliest = period_at(min(row["time"] for row in found) - 1, kinds[0], zone).start
    latest = max(row["time"] for row in found)
    head: list[Row] = []
    if earliest > span[0]:
        head = await _stored(given, wanted, (span[0], earliest), kinds[1:])
    return head + found + await _cover(given, wanted, (latest, span[1]), kinds[1:], zone)


async def _stored(given: Services, wanted: Wanted, span: Span, kinds: Sequence[str]) -> list[Row]:
    """The longest periods that are stored at all; what came before the first longer one."""
    for kind in kinds:
        inside = (span[0] + 1, span[1] + 1)
        if found := await raw(given, f"{OVERALL}_{kind}", PERIOD, inside, wanted):
            return found
    return []


async def _windows(given: Services, wanted: Wanted, span: Span) -> list[Row]:
    """Single windows that end in `start < t <= end`, counted as periods of one window."""
    check_size(wanted.count(given), *span, given.scorer.every)
    found = await raw(given, OVERALL, (*MEANS, *COUNTS, "why"), (span[0] + 1, span[1] + 1), wanted)
    made = [unscored(row) for row in found]
    for row in made:
        row.pop("why", None)
    return [row | {"windows": int(row["score"] is not None), "expected": 1} for row in made]


async def _buckets(given: Services, asked: Asked) -> list[Row]:
    """Means that the store makes, for steps shorter than an hour; `time` within the step."""
    step = asked.step.milliseconds
    check_size(asked.wanted.count(given), *asked.span, step)
    reads = (
        *(Read(name, "mean") for name in MEANS),
        *(Read(name, "last") for name in COUNTS),
        Read("score", "count"),
    )
    query = Query(OVERALL, reads, *asked.span, GROUP, asked.wanted.where(), step)
    made = []
    for row in rows_of(await given.store.select(query)):
        plain = {tag: row[tag] for tag in GROUP if tag in row}
        plain |= {name: row.get(f"{name}_mean") for name in MEANS}
        plain |= {name: row.get(f"{name}_last") for name in COUNTS}
        windows = row.get("score_count") or 0
        made.append(plain | {"time": row["time"] + 1, "windows": windows, "expected": 1})
    return made


def _whole_hours(zone: dt.tzinfo, span: Span) -> bool:
    """Whether a zone is whole hours from UTC all the time."""
    return all(
        int(dt.datetime.fromtimestamp(time / 1000, zone).utcoffset().total_seconds()) % 3600 == 0  # type: ignore[union-attr] # it has a zone
        for time in (*range(span[0], span[1], 7 * DAY), span[1])
    )
