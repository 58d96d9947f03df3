"""Where the estate's targets stand, written to the store for boards: measurement `target`, hourly.

A point a target and hour. Its numbers are those of `/api/v1/targets`; dates are days from the point
on, since boards cannot subtract a date from the present. What cannot be said is left out.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

from muster_collector.errors import StoreError
from muster_collector.estate.model import Target
from muster_collector.readiness.targets import Outlook
from muster_collector.scoring import figures
from muster_collector.scoring.outlooks import DAY, due_at, judged, judged_figures
from muster_collector.scoring.scorer import Scorer
from muster_collector.store.base import Point, Store, Value

MEASUREMENT = "target"
HOUR = 3_600_000
MONTH = 30.4375
"""Days: paces on boards are by month, which people can picture."""
STATUSES = ("reached", "on course", "at risk", "behind", "missed", "unknown")
"""The best first; in the store a status also stands as its position here (`status_code`)."""


async def points(
    store: Store, targets: tuple[Target, ...], *, now: int, method: str, zone: str
) -> list[Point]:
    """A point for each target as of the hour before `now` (ms); `StoreError` like the store."""
    known = await figures.read(store, {t.indicator for t in targets if t.indicator})
    found = []
    for target in targets:
        if target.indicator:
            outlook, used = judged_figures(target, known, now=now)
            last = used[-1].value if used else math.nan
            about, unit = ("imported", target.indicator, "value"), target.unit
        else:
            outlook, _ = await judged(store, target, now=now, method=method, zone=zone)
            last = (target.score or 0.0) - outlook.gap
            about, unit = (target.level, target.id, target.part), "points"
        fields = _fields(target, outlook, last, unit) | {
            "days_left": (due_at(target.due, zone) - now) / DAY
        }
        fields |= _days_to(outlook, now)
        tags = zip(("level", "id", "part"), about, strict=True)
        goal = target.value if target.indicator else target.score
        labels = (*tags, ("due", target.due.isoformat()), ("goal", f"{goal:g}"))
        found.append(Point(MEASUREMENT, tuple(sorted(labels)), fields, now // HOUR * HOUR))
    return found


def _fields(target: Target, outlook: Outlook, last: float, unit: str) -> dict[str, Value]:
    goal = target.value if target.indicator else target.score
    name = target.name or target.indicator or target.id
    numbers = {
        "target": math.nan if goal is None else float(goal),
        "score": last,
        "gap": outlook.gap,
        "pace_needed": outlook.pace_needed * MONTH,
        "pace_seen": outlook.pace_seen * MONTH,
        "probability": outlook.probability,
    }
    texts: dict[str, Value] = {
        "status": outlook.status,
        "status_code": STATUSES.index(outlook.status),
        "unit": unit,
        "name": name,
        "name_zh": target.name_zh or name,
    }
    return texts | {name: value for name, value in numbers.items() if math.isfinite(value)}


def _days_to(outlook: Outlook, now: int) -> dict[str, Value]:
    """Days from now to the dates; none for never."""
    dates = {"earliest": outlook.earliest, "likely": outlook.likely, "latest": outlook.latest}
    return {f"{name}_days": day - now / DAY for name, day in dates.items() if math.isfinite(day)}


async def write_for_ever(
    scorer: Scorer, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> None:
    """Write where targets stand after each hour; what the store does not take is left out."""
    while True:
        now, estate = scorer.clock(), scorer.estate
        try:
            made = await points(
                scorer.store, estate.targets, now=now, method=scorer.card.method,
                zone=estate.timezone,
            )  # fmt: skip
            if made:
                await scorer.store.write(made)
        except StoreError:
            # The scorer says so, and the next hour's point says as much as this one's.
            pass
        await sleep((HOUR - scorer.clock() % HOUR) / 1000 + 60)
