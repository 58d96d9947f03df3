"""Dated targets over HTTP: those of the estate, or any that somebody asks about."""

from __future__ import annotations

import datetime as dt
import math
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Response

from muster_collector.api import times
from muster_collector.api.params import Format, as_json, table
from muster_collector.api.services import Given, Services
from muster_collector.estate.model import Target
from muster_collector.scoring.outlooks import DAY, WHOLE, judged

router = APIRouter(prefix="/api/v1", tags=["targets"])
COLUMNS = (
    "level", "id", "part", "name", "name_zh", "target", "due", "status", "score", "gap",
    "pace_needed", "pace_seen", "earliest", "likely", "latest", "probability", "days",
)  # fmt: skip
Days = Annotated[int, Query(ge=3, le=3660, description="days of history to judge by")]
Share = Annotated[float, Query(ge=0.5, le=0.99, description="what the interval holds")]


@router.get("/targets")
async def targets(
    *,
    given: Given,
    days: Days = 180,
    share: Share = 0.8,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """Every target of the estate: gap, pace needed and seen, likely date, probability.

    Paces are points per day. `likely` is the date by which arrival is as likely as not; `earliest`
    and `latest` hold it with the probability `share`. What cannot be said is null.
    """
    found = [await _row(given, target, days, share) for target in given.scorer.estate.targets]
    return await table(found, COLUMNS, format, share=share)


@router.get("/outlook")
async def outlook(
    *,
    given: Given,
    score: Annotated[float, Query(ge=0, le=100)],
    due: dt.date,
    level: str = "fleet",
    id: str = "fleet",  # noqa: A002 - the parameter's public name
    part: str = WHOLE,
    days: Days = 180,
    share: Share = 0.8,
) -> Response:
    """Judge a target that nobody has set: would this score be reached by that day."""
    if given.result().find(level, id) is None:
        raise HTTPException(404, f"no {level[:20]} with the id {id[:80]!r}")
    pillars = [pillar.id for pillar in given.scorer.card.pillars]
    if part not in (WHOLE, *pillars):
        raise HTTPException(400, f"part={part[:80]!r}: use {', '.join((WHOLE, *pillars))}")
    target = Target.model_construct(level=level, id=id, part=part, score=score, due=due)
    return as_json(await _row(given, target, days, share) | {"share": share})


async def _row(given: Services, target: Target, days: int, share: float) -> dict[str, Any]:
    zone = given.scorer.estate.timezone
    found, known = await judged(
        given.store,
        target,
        now=given.now(),
        method=given.scorer.card.method,
        zone=zone,
        days=days,
        share=share,
    )
    return {
        "level": target.level,
        "id": target.id,
        "part": target.part,
        "name": target.name,
        "name_zh": target.name_zh,
        "target": target.score,
        "due": target.due.isoformat(),
        "status": found.status,
        "score": _finite(target.score - found.gap),
        "gap": _finite(found.gap),
        "pace_needed": _finite(found.pace_needed),
        "pace_seen": _finite(found.pace_seen),
        "earliest": _date(found.earliest),
        "likely": _date(found.likely),
        "latest": _date(found.latest),
        "probability": _finite(found.probability),
        "days": known,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _date(days: float) -> str | None:
    """A day; None for never, and for what lies beyond any calendar."""
    if not math.isfinite(days) or days * DAY >= times.LATEST:
        return None
    return times.iso(round(days * DAY))[:10]
