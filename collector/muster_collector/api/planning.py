"""For planners over HTTP: what changed a score, what would be, and which repairs gain most."""

from __future__ import annotations

import asyncio
import zoneinfo
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, HTTPException, Query, Request, Response

from muster_collector.api import times, units, upload
from muster_collector.api.params import (
    EstateOf,
    Format,
    LevelName,
    TimeText,
    as_json,
    moment,
    table,
    time_range,
)
from muster_collector.api.services import Given, Services
from muster_collector.errors import ConfigError
from muster_collector.readiness.scorecard import Scorecard
from muster_collector.scoring import backcast, hourly_values, steps, whatif
from muster_collector.scoring.changes import Moved, moved
from muster_collector.scoring.groups import grouped
from muster_collector.scoring.result import Result
from muster_collector.scoring.steps import Step

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


@router.get("/backcast")
async def backcast_shipped(
    *,
    given: Given,
    from_: Annotated[str, Query(alias="from", max_length=64)],
    to: TimeText = None,
    step: Literal["1h", "1d"] = "1h",
    weight: Annotated[list[str] | None, Query(max_length=100)] = None,
    level: LevelName = "fleet",
    id: str = "fleet",  # noqa: A002 - the parameter's public name
    estate: EstateOf = "then",
) -> Response:
    """A unit's score over time as it was, beside what it would have been under other weights.

    Of each hour the window that ends with it, from the stored hourly values of the nodes: exact for
    indicators whose source is unchanged, `missing` names the others. Days are means of hours, local
    to the estate. `breaks` are the times from which the method or the estate was another.
    """
    card = _reweighted(given.scorer.card, weight or [])
    asked = Range(from_, to, step, level, id, estate)
    return as_json(await _both(given, card, asked))


@router.post("/backcast", openapi_extra=upload.openapi("application/toml", "the scorecard"))
async def backcast_own(
    *,
    given: Given,
    request: Request,
    from_: Annotated[str, Query(alias="from", max_length=64)],
    to: TimeText = None,
    step: Literal["1h", "1d"] = "1h",
    weight: Annotated[list[str] | None, Query(max_length=100)] = None,
    level: LevelName = "fleet",
    id: str = "fleet",  # noqa: A002 - the parameter's public name
    estate: EstateOf = "then",
) -> Response:
    """The same under a scorecard of one's own as the body; nothing is stored."""
    card = _reweighted(await upload.scorecard(request), weight or [])
    return as_json(await _both(given, card, Range(from_, to, step, level, id, estate)))


class Range(NamedTuple):
    """What is asked of a backcast, as it came."""

    start: str
    end: str | None
    step: str
    level: str
    unit: str
    estate: str


MOST_VALUES = 10_000_000
"""Nodes times hours that one backcast may have: a year of 1,000 nodes."""
_one = asyncio.Semaphore(1)


def _reweighted(card: Scorecard, weight: Sequence[str]) -> Scorecard:
    try:
        return whatif.reweighted(card, _weights(weight)) if weight else card
    except ConfigError as error:
        raise HTTPException(400, str(error)) from error


async def _both(given: Services, card: Scorecard, asked: Range) -> dict[str, Any]:
    start, end = time_range(asked.start, asked.end, given.now())
    nodes = len(list(given.scorer.fleet.nodes()))
    if (end - start) // hourly_values.HOUR * max(nodes, 1) > MOST_VALUES:
        raise HTTPException(400, f"more than {MOST_VALUES} hours of nodes: ask for less time")
    if _one.locked():
        raise HTTPException(429, "another backcast is being computed: ask again when it is done")
    async with _one:
        return await _computed(given, card, asked, (start, end), nodes)


async def _computed(
    given: Services, card: Scorecard, asked: Range, span: tuple[int, int], nodes: int
) -> dict[str, Any]:
    scorer, unit = given.scorer, (asked.level, asked.unit)
    missing = await backcast.lacking(given.store, card, scorer.card, *span)
    was = await backcast.stored(given.store, *unit, *span)
    today = scorer.estate
    estate_at = (lambda _: today) if asked.estate == "now" else scorer.estates.at
    after = await backcast.scored(given.store, card, estate_at, *unit, span=span, nodes=nodes)
    hours = asked.step == "1h"
    zone = zoneinfo.ZoneInfo(scorer.estate.timezone)
    begin = steps.begin_of(Step(steps.HOUR if hours else steps.DAY), zone)
    before, other = (backcast.means(found, begin) for found in ([s for s, _ in was], after))
    rows = [
        {
            "time": times.iso(time),
            "before": before.get(time, (None, 0))[0],
            "after": other.get(time, (None, 0))[0],
            "windows": max(before.get(time, (None, 0))[1], other.get(time, (None, 0))[1]),
        }
        for time in sorted({*before, *other})
    ]
    about = {"level": asked.level, "id": asked.unit, "step": asked.step, "method": card.method}
    span_text = {"from": times.iso(span[0]), "to": times.iso(span[1])}
    breaks = list(_breaks(given, was, span))
    return {**about, **span_text, "missing": missing, "breaks": breaks, "rows": rows}


def _breaks(
    given: Services, was: Sequence[tuple[backcast.Sample, str]], span: tuple[int, int]
) -> Iterator[dict[str, Any]]:
    """Where the series as it was changed its method, or the estate its version."""
    for (_, old), (sample, new) in pairwise(was):
        if old != new:
            yield {"time": times.iso(sample.time), "kind": "method", "from": old, "to": new}
    for since in given.scorer.estates.since:
        if span[0] < since <= span[1]:
            yield {"time": times.iso(since), "kind": "estate", "from": None, "to": None}


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
