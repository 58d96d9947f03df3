"""For planners over HTTP: what changed a score, what would be, and which repairs gain most."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Response

from muster_collector.api import answers, sheets, times, units
from muster_collector.api.params import (
    EstateOf,
    Format,
    LevelName,
    Limit,
    TimeText,
    moment,
    sheet,
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


@router.get("/change", responses=answers.of(answers.planning.Change))
async def change(
    *,
    given: Given,
    level: LevelName = "fleet",
    id: str = "fleet",  # noqa: A002 - the parameter's public name
    from_: Annotated[TimeText, Query(alias="from")] = "now-1d",
    to: TimeText = None,
    estate: EstateOf = "then",
    format: Format = "json",  # noqa: A002 - the parameter's public name
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
        answer = {**about, "change": None, "why": "no score at both times"}
    else:
        answer = about | _account(second, account)
    return await sheet(answer, sheets.moved(answer), sheets.MOVED, format)


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


@router.get("/what-if", responses=answers.of(answers.planning.WhatIf))
async def what_if(
    *,
    given: Given,
    weight: Annotated[
        list[str], Query(max_length=100, description="`storage:2`: a level or indicator, repeated")
    ],
    level: LevelName = "fleet",
    id: str = "fleet",  # noqa: A002 - the parameter's public name
    at: TimeText = None,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """A unit's score under other weights, beside the one it has; nothing is stored."""
    result = await _at(given, "at", at)
    row = _row(result, level, id)
    try:
        card = whatif.reweighted(result.card, weights(weight))
    except ConfigError as error:
        raise HTTPException(400, str(error)) from error
    other = await asyncio.to_thread(whatif.under, result, card)
    answer = {
        "level": level,
        "id": id,
        "time": times.iso(result.end),
        "before": _side(result, level, row),
        "after": _side(other, level, row),
    }
    return await sheet(answer, sheets.compared(answer), sheets.COMPARED, format)


def weights(texts: Sequence[str]) -> dict[str, float]:
    """Weights by id from texts like `storage:2`; 400 for another."""
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


@router.get("/repairs", responses=answers.of(answers.planning.Repairs))
async def repairs(
    *,
    given: Given,
    level: LevelName = "fleet",
    id: str = "fleet",  # noqa: A002 - the parameter's public name
    by: Annotated[
        Literal["indicator", "node"],
        Query(description="what is put right at a time: an indicator everywhere, or a whole node"),
    ] = "indicator",
    at: TimeText = None,
    limit: Limit = 100,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """Which indicators or nodes, put right, lift a unit's score by how much; the best first.

    An indicator is put right on all of the unit's nodes; a node is put right in all that it
    measures. `gain` is in points of the unit's score.
    """
    result = await _at(given, "at", at)
    row = _row(result, level, id)
    if by == "node":
        found = await asyncio.to_thread(lambda: list(whatif.mended(result, level, row, limit)))
        rows: list[dict[str, Any]] = [repair._asdict() for repair in found]
        columns: tuple[str, ...] = whatif.Mended._fields
    else:
        work = lambda: list(whatif.repairs(result, level, row))[:limit]  # noqa: E731 - for a thread
        titles = {node.id: node.title for node in result.card.indicators}
        rows = [
            {**one._asdict(), "title": titles[one.indicator].model_dump()}
            for one in await asyncio.to_thread(work)
        ]
        columns = whatif.Repair._fields
    about = {"level": level, "id": id, "by": by, "time": times.iso(result.end)}
    answer = {**about, **units.overall(result, result.levels[level], row), "rows": rows}
    return await sheet(answer, rows, columns, format)


@router.get("/groups", responses=answers.of(answers.planning.Groups))
async def groups(
    *,
    given: Given,
    by: Literal["sector", "role"],
    at: TimeText = None,
    estate: EstateOf = "then",
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """Readiness of sites by sector or nodes by role, planned ones counted, now or `at` a time."""
    result = await _at(given, "at", at, estate)
    today = estate == "now" or at is None
    held = given.scorer.estate if today else given.scorer.estates.at(result.end)
    found = await asyncio.to_thread(grouped, result, held, by)
    rows = [
        {"id": name, **units.summary(result, found.scores, row)}
        for row, name in enumerate(found.names)
    ]
    return await table(rows, GROUPS, format, by=by, time=times.iso(result.end))
