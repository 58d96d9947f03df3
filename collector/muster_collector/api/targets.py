"""Dated targets over HTTP: those of the estate, or any that somebody asks about."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Response

from muster_collector.api import answers, times
from muster_collector.api.params import Format, as_json, table
from muster_collector.api.services import Given, Services
from muster_collector.estate.model import Target
from muster_collector.readiness.targets import Outlook
from muster_collector.scoring import figures
from muster_collector.scoring.figures import Figure
from muster_collector.scoring.outlooks import DAY, WHOLE, judged, judged_figures

router = APIRouter(prefix="/api/v1", tags=["targets"])
COLUMNS = (
    "level", "id", "part", "name", "name_zh", "target", "due", "status", "score", "gap",
    "pace_needed", "pace_seen", "earliest", "likely", "latest", "probability", "days",
    "unit", "source", "as_of",
)  # fmt: skip
Days = Annotated[int, Query(ge=3, le=3660, description="days of history to judge by")]
Share = Annotated[float, Query(ge=0.5, le=0.99, description="what the interval holds")]


@router.get("/targets", responses=answers.of(answers.targets.Targets))
async def targets(
    *,
    given: Given,
    days: Days = 180,
    share: Share = 0.8,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """Every target of the estate: gap, pace needed and seen, likely date, probability.

    Paces are points per day. `likely` is the date by which arrival is as likely as not; `earliest`
    and `latest` hold it with the probability `share`. What cannot be said is null. Targets of an
    imported figure have the level `imported` and are judged as of their newest figure (`as_of`);
    `score`, `gap` and the paces are then in `unit`, and `days` counts the figures.
    """
    wanted = given.scorer.estate.targets
    known = await figures.read(given.store, {t.indicator for t in wanted if t.indicator})
    found = [
        _figure_row(given, target, known, share)
        if target.indicator
        else await _row(given, target, days, share)
        for target in wanted
    ]
    return await table(found, COLUMNS, format, share=share)


@router.get("/outlook", responses=answers.of(answers.targets.Outlook, files=False))
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
    about = {"level": target.level, "id": target.id, "part": target.part}
    last = target.score - found.gap if target.score is not None else math.nan
    return {**about, **_outlook(target, found, target.score, last), "unit": "points", "days": known}


def _figure_row(
    given: Services, target: Target, known: Sequence[Figure], share: float
) -> dict[str, Any]:
    found, used = judged_figures(target, known, now=given.now(), share=share)
    about = {"level": "imported", "id": target.indicator, "part": "value"}
    last = used[-1].value if used else math.nan
    return {
        **about,
        **_outlook(target, found, target.value, last),
        "unit": target.unit,
        "source": used[-1].source if used else target.source,
        "as_of": used[-1].day.isoformat() if used else None,
        "days": len(used),
    }


def _outlook(target: Target, found: Outlook, goal: float | None, last: float) -> dict[str, Any]:
    """What the rows of all targets have in common."""
    return {
        "name": target.name,
        "name_zh": target.name_zh,
        "target": goal,
        "due": target.due.isoformat(),
        "status": found.status,
        "score": _finite(last),
        "gap": _finite(found.gap),
        "pace_needed": _finite(found.pace_needed),
        "pace_seen": _finite(found.pace_seen),
        "earliest": _date(found.earliest),
        "likely": _date(found.likely),
        "latest": _date(found.latest),
        "probability": _finite(found.probability),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _date(days: float) -> str | None:
    """A day; None for never, and for what lies beyond any calendar."""
    if not math.isfinite(days) or days * DAY >= times.LATEST:
        return None
    return times.iso(round(days * DAY))[:10]
