"""Where dated targets stand: the stored days of a unit, judged by the engine's model of a trend."""

from __future__ import annotations

import datetime as dt
import math
import zoneinfo
from collections.abc import Sequence
from dataclasses import replace

from muster_collector.estate.model import Target
from muster_collector.readiness.targets import Outlook, outlook
from muster_collector.scoring.figures import Figure
from muster_collector.scoring.points import OVERALL, PILLAR
from muster_collector.store.base import Query, Read, Store

DAY = 86_400_000
EPOCH = dt.date(1970, 1, 1)
WHOLE = "overall"
SETTLED_BY = 7.0
"""Days before a target's end of which one must have a score for the target to be settled."""
Series = tuple[list[float], list[float]]


async def judged(
    store: Store,
    target: Target,
    *,
    now: int,
    method: str,
    zone: str,
    days: int = 180,
    share: float = 0.8,
) -> tuple[Outlook, int]:
    """The outlook of a target, with times in days since 1970, and how many days it rests on.

    Only days scored with `method` count, at most `days` of them, up to now or the day that the
    target was due; it is due when its day ends in `zone`. Raises `StoreError` like the store.
    """
    due = due_at(target.due, zone)
    last = min(now, due)
    times, scores = await _days(store, target, last - days * DAY, last, method)
    return judged_days(target, times, scores, now=now, due=due, share=share), len(times)


def judged_days(
    target: Target,
    times: Sequence[float],
    scores: Sequence[float],
    *,
    now: int,
    due: int,
    share: float = 0.8,
) -> Outlook:
    """The outlook of a target for a score, from the ends of days (in days) and their scores.

    A target whose day has passed is settled by the last scored day up to it, whatever came later;
    without one in the week before, nobody can say, and the status is unknown.
    """
    assert target.score is not None  # noqa: S101 - its kind is the caller's to tell
    last = min(now, due) / DAY
    known = [(time, score) for time, score in zip(times, scores, strict=True) if time <= last]
    if due <= now and (not known or known[-1][0] < last - SETTLED_BY):
        known = []
    return outlook(
        [time for time, _ in known],
        [score for _, score in known],
        target=target.score,
        due=due / DAY,
        now=last,
        share=share,
    )


def judged_figures(
    target: Target, known: Sequence[Figure], *, now: int, share: float = 0.8
) -> tuple[Outlook, list[Figure]]:
    """The outlook of a target for an imported figure, and the figures that it rests on.

    Nothing is known beyond the newest figure, so the judgement is as of its day. A target whose
    day has passed is settled by the figures up to that day; where they end before it, nobody can
    say, and the status is unknown.
    """
    assert target.value is not None  # noqa: S101 - its kind is the caller's to tell
    today = dt.datetime.fromtimestamp(now / 1000, dt.UTC).date()
    limit = min(today, target.due)
    mine = [
        figure
        for figure in known
        if (figure.indicator, figure.unit) == (target.indicator, target.unit)
        and target.source in ("", figure.source)
    ]
    # Of several sources the one that reaches farthest; they are never mixed.
    reach = max(mine, key=lambda figure: figure.day, default=None)
    used = [f for f in mine if reach is not None and f.source == reach.source and f.day <= limit]
    days = [float((figure.day - EPOCH).days) for figure in used]
    found = outlook(
        days,
        [figure.value for figure in used],
        target=target.value,
        due=float((target.due - EPOCH).days),
        now=days[-1] if days else now / DAY,
        direction=target.direction,
        model="walk",
        share=share,
    )
    if target.due < today and found.status not in ("reached", "missed"):
        nothing = math.nan
        found = replace(
            found,
            status="unknown",
            earliest=nothing,
            likely=nothing,
            latest=nothing,
            probability=nothing,
        )
    return found, used


def due_at(day: dt.date, zone: str) -> int:
    """The end of a local day, in ms."""
    after = day + dt.timedelta(days=1)
    begin = dt.datetime(after.year, after.month, after.day, tzinfo=zoneinfo.ZoneInfo(zone))
    return round(begin.timestamp() * 1000)


async def _days(store: Store, target: Target, first: int, last: int, method: str) -> Series:
    """Ends of days (in days) and the mean scores of them, gaps left out."""
    where: dict[str, Sequence[str]] = {
        "level": [target.level],
        "id": [target.id],
        "method": [method],
    }
    measurement = OVERALL
    if target.part != WHOLE:
        measurement, where["pillar"] = PILLAR, [target.part]
    reads = (Read("score", "raw"),)
    table = await store.select(Query(f"{measurement}_daily", reads, first, last + 1, where=where))
    if not len(table):
        return [], []
    pairs = sorted(zip(table.columns["time"], table.columns["score"], strict=True))
    known = [(time / DAY, score) for time, score in pairs if score is not None]
    return [time for time, _ in known], [score for _, score in known]
