"""Where dated targets stand: the stored days of a unit, judged by the engine's model of a trend."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Sequence

from muster_collector.estate.model import Target
from muster_collector.readiness.targets import Outlook, outlook
from muster_collector.scoring.points import OVERALL, PILLAR
from muster_collector.store.base import Query, Read, Store

DAY = 86_400_000
WHOLE = "overall"
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

    Only days scored with `method` count, at most the last `days`; a target is due when its day
    ends in `zone`. Raises `StoreError` like the store.
    """
    times, scores = await _days(store, target, now - days * DAY, now, method)
    due = due_at(target.due, zone) / DAY
    found = outlook(times, scores, target=target.score, due=due, now=now / DAY, share=share)
    return found, len(times)


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
