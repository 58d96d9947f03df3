"""For planners over HTTP: what changed a score, what would be, and which repairs gain most."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Response

from muster_collector.api import times, units
from muster_collector.api.params import (
    EstateOf,
    Format,
    LevelName,
    TimeText,
    as_json,
    moment,
    table,
)
from muster_collector.api.services import Given, Services
from muster_collector.errors import ConfigError
from muster_collector.scoring import whatif
from muster_collector.scoring.changes import Moved, moved
from muster_collector.scoring.groups import grouped
from muster_collector.scoring.result import Result

router = APIRouter(prefix="/api/v1", tags=["planning"])
GROUPS = (
    "id", "score", "low", "high", "coverage", "grade", "scored", "planned", "p10", "worst", "why",
)  # fmt: skip


async def _at(given: Services, name: str, text: str | None, estate: str = "then") -> Result:
    """The newest result, or the one of the window that ended last before a time."""
    if text is None:
        return given.result()
    end = moment(name, text, given.now()) // given.scorer.every * given.scorer.every
    return await given.scorer.compute_at(end, given.scorer.estate if estate == "now" else None)


def _row(result: Result, level: str, unit: str) -> int:
    found = result.find(level, unit)
    if found is None:
        raise HTTPException(404, f"no {level} with the id {unit[:80]!r}")
    return found[1]


@router.get("/change")
async def change(
    *,
    given: Given,
    level: LevelName = "fleet",
    id: str = "fleet",  # noqa: A002 - the parameter's public name
    from_: Annotated[TimeText, Query(alias="from")] = "now-1d",
    to: TimeText = None,
    estate: EstateOf = "then",
) -> Response:
    """What moved a score between two times: points by indicator, coverage and members.

    They sum to the change. Both windows are computed again from the store under today's card, each
    with the estate that held then (whose changes are then part of `members`), or both with today's.
    Without a score at both times there is no split.
    """
    first, second = await _at(given, "from", from_, estate), await _at(given, "to", to, estate)
    _row(second, level, id)
    account = await asyncio.to_thread(moved, first, second, level, id)
    about: dict[str, Any] = {"level": level, "id": id}
    about |= {"from": times.iso(first.end), "to": times.iso(second.end)}
    if account is None:
        return as_json({**about, "change": None, "why": "no score at both times"})
    return as_json(about | _account(second, account))


def _account(result: Result, account: Moved) -> dict[str, Any]:
    parts = [
        {
            "id": node.id,
            "title": node.title.model_dump(),
            "points": float(account.parts[node.column]),
        }
        for node in result.card.indicators
    ]
    return {
        "before": account.before,
        "after": account.after,
        "change": account.after - account.before,
        "indicators": sorted(parts, key=lambda part: -abs(part["points"])),
        "coverage": account.coverage,
        "members": account.members,
        "joined": account.joined,
        "left": account.left,
    }


@router.get("/what-if")
async def what_if(
    *,
    given: Given,
    weight: Annotated[
        list[str], Query(max_length=100, description="`storage:2`: a level or indicator, repeated")
    ],
    level: LevelName = "fleet",
    id: str = "fleet",  # noqa: A002 - the parameter's public name
    at: TimeText = None,
) -> Response:
    """A unit's score under other weights, beside the one it has; nothing is stored."""
    result = await _at(given, "at", at)
    row = _row(result, level, id)
    try:
        card = whatif.reweighted(result.card, _weights(weight))
    except ConfigError as error:
        raise HTTPException(400, str(error)) from error
    other = await asyncio.to_thread(whatif.under, result, card)
    return as_json(
        {
            "level": level,
            "id": id,
            "time": times.iso(result.end),
            "before": _side(result, level, row),
            "after": _side(other, level, row),
        }
    )


def _weights(texts: Sequence[str]) -> dict[str, float]:
    weights = {}
    for text in texts:
        name, _, number = text.partition(":")
        try:
            weights[name] = float(number)
        except ValueError as error:
            raise HTTPException(400, f"weight={text[:80]!r}: write ID:NUMBER") from error
    return weights


def _side(result: Result, level: str, row: int) -> dict[str, Any]:
    found = result.levels[level]
    about = {"method": result.card.method, **units.overall(result, found, row)}
    return about | {"pillars": [units.part(found, row, pillar) for pillar in result.card.pillars]}


@router.get("/repairs")
async def repairs(
    *,
    given: Given,
    level: LevelName = "fleet",
    id: str = "fleet",  # noqa: A002 - the parameter's public name
    at: TimeText = None,
) -> Response:
    """Which indicators, put right on all of a unit's nodes, lift its score by how much."""
    result = await _at(given, "at", at)
    row = _row(result, level, id)
    found = await asyncio.to_thread(lambda: list(whatif.repairs(result, level, row)))
    titles = {node.id: node.title.model_dump() for node in result.card.indicators}
    rows = [{**repair._asdict(), "title": titles[repair.indicator]} for repair in found]
    about = {"level": level, "id": id, "time": times.iso(result.end)}
    return as_json({**about, **units.overall(result, result.levels[level], row), "rows": rows})


@router.get("/groups")
async def groups(
    *,
    given: Given,
    by: Literal["sector", "role"],
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """The newest readiness of sites by sector or of nodes by role, planned ones counted."""
    result = given.result()
    found = await asyncio.to_thread(grouped, result, given.scorer.estate, by)
    rows = [
        {"id": name, **units.summary(result, found.scores, row)}
        for row, name in enumerate(found.names)
    ]
    return await table(rows, GROUPS, format, by=by, time=times.iso(result.end))
