"""Readiness in steps of time, from stored hours, days, weeks and months, page by page."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from fastapi import HTTPException

from muster_collector.api.columns import Columns, joined
from muster_collector.api.history import GROUP, Row, Wanted, raw, rows_of, unscored
from muster_collector.api.params import FILE_ROWS, check_size, time_zone
from muster_collector.api.services import Services
from muster_collector.api.step_columns import PERIOD, Shape
from muster_collector.scoring.periods import period_at
from muster_collector.scoring.points import OVERALL
from muster_collector.scoring.steps import COUNTS, DAY, HOUR, MEANS, Step
from muster_collector.store.arrays import arrays
from muster_collector.store.base import Query, Read

FINER = {
    "monthly": ("monthly", "daily", "hourly"),
    "weekly": ("weekly", "daily", "hourly"),
    "daily": ("daily", "hourly"),
    "hourly": ("hourly",),
}
"""What a step is made of: the longest periods first, shorter ones where those are not there yet."""
AT_ONCE = 50_000
"""Periods that are read at a time; bounds the memory."""
Span = tuple[int, int]


class Asked(NamedTuple):
    """A question for steps: `start < t <= end` (ms), the rows of the answer that are wanted.

    Of its columns `only` some, or all.
    """

    wanted: Wanted
    span: Span
    step: Step
    zone: str | None
    page: slice
    only: Collection[str] | None = None


async def steps(given: Services, asked: Asked) -> tuple[Columns, int]:
    """A page of steps, each with its start as `time`, in the order of time and id; how many in all.

    Steps of whole hours and more are made of stored periods, and of the windows since. Days, weeks
    and months are local to the estate's zone, or to `zone`; each has its local `date`. A window
    belongs to the step in which it ends; one that ends with a step belongs to it, as long as the
    step is of whole hours.
    """
    own = given.scorer.estate.timezone
    shape = Shape(given.scorer.card, asked.step, time_zone(asked.zone or own), asked.only)
    kinds = FINER.get(asked.step.kind, ())
    if asked.step.is_of_days and asked.zone not in (None, own):
        # Stored days are days of the estate; hours are the same in zones of whole hours.
        kinds = ("hourly",) if _whole_hours(shape.zone, asked.span) else ()
    if asked.step.is_one and kinds and kinds[0] == asked.step.kind:
        return await _page(given, asked, kinds, shape)
    if asked.step.kind:
        found = await _cover(given, asked.wanted, asked.span, kinds, shape.zone)
    else:
        found = await _buckets(given, asked)
    made = await asyncio.to_thread(shape.of_rows, found)
    return made.part(*_ends(asked, len(made))), len(made)


def _ends(asked: Asked, total: int) -> tuple[int, int]:
    """The first row of the answer that is wanted, and the one after the last."""
    first, last, _ = asked.page.indices(total)
    if last - first > FILE_ROWS:
        raise HTTPException(
            400,
            f"{last - first} rows: at most {FILE_ROWS} in one file, ask for less time, fewer ids,"
            " a longer step, or parts with limit and offset",
        )
    return first, last


async def _page(
    given: Services, asked: Asked, kinds: Sequence[str], shape: Shape
) -> tuple[Columns, int]:
    """The page where each row is one stored period: only the periods of the page are read."""
    start, end = asked.span
    counts = await _counts(given, asked.wanted, asked.span, kinds[0])
    if not counts:
        whole = shape.of_rows(await _cover(given, asked.wanted, asked.span, kinds[1:], shape.zone))
        return whole.part(*_ends(asked, len(whole))), len(whole)
    # An end at the start of its hour still belongs to the period that ends there.
    earliest = period_at(min(counts) - 1, kinds[0], shape.zone).start
    latest = period_at(max(counts) - 1, kinds[0], shape.zone).end
    before: list[Row] = []
    if earliest > start and len(kinds) > 1:
        before = await _stored(given, asked.wanted, (start, earliest), kinds[1:])
    since = await _cover(given, asked.wanted, (latest, end), kinds[1:], shape.zone)
    head, tail, middle = shape.of_rows(before), shape.of_rows(since), sum(counts.values())
    total = len(head) + middle + len(tail)
    first, last = _ends(asked, total)
    parts = [head.part(first, last)]
    for span, above in _spans(counts, len(head), first, last):
        reads = tuple(Read(name, "raw") for name in shape.reads)
        query = Query(f"{OVERALL}_{kinds[0]}", reads, *span, GROUP, asked.wanted.where())
        found = await asyncio.to_thread(shape.of_periods, await arrays(given.store, query))
        parts.append(found.part(first - above, last - above))
    above = len(head) + middle
    return joined([*parts, tail.part(first - above, last - above)]), total


def _spans(
    counts: Mapping[int, int], above: int, first: int, last: int
) -> Iterator[tuple[Span, int]]:
    """Times to read for the rows `first <= row < last`, each with how many rows lie above it."""
    hours: list[int] = []
    held = 0
    for hour, count in sorted(counts.items()):
        if hours and held + count > AT_ONCE:
            yield (hours[0], hours[-1] + HOUR), above
            above, hours, held = above + held, [], 0
        if above + held + count <= first and not hours:
            above += count
        elif above + held < last:
            hours.append(hour)
            held += count
    if hours:
        yield (hours[0], hours[-1] + HOUR), above


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
