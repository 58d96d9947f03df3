"""Readiness over HTTP: rows now and over time, why a score is what it is, live; see `tree` too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, HTTPException, Query, Response
from fastapi.responses import StreamingResponse

from muster_collector.api import answers, history, sheets, step_columns, stepped, times, units
from muster_collector.api.history import Wanted
from muster_collector.api.params import (
    EstateOf,
    Fields,
    Format,
    LevelName,
    Offset,
    PageLimit,
    TimeText,
    check_size,
    columns_of,
    moment,
    page_of,
    sheet,
    table,
    time_range,
)
from muster_collector.api.services import Given, Services
from muster_collector.scoring import steps
from muster_collector.scoring.result import LevelResult, Result
from muster_collector.scoring.steps import Step
from muster_collector.scoring.units import LEVELS

router = APIRouter(prefix="/api/v1", tags=["readiness"])
HEARTBEAT = 15.0
"""Seconds after which a silent live stream says that it is still there."""
Ids = Annotated[list[str] | None, Query(max_length=200, description="may be repeated")]
StepText = Annotated[str | None, Query(max_length=32, description="`5m`, `1h`, `1d`, `1w`, `1mo`")]


@router.get("/readiness", responses=answers.of(answers.readiness.Readiness))
async def readiness(
    *,
    given: Given,
    level: LevelName = "fleet",
    id: Ids = None,  # noqa: A002 - the parameter's public name
    region: Ids = None,
    district: Ids = None,
    site: Ids = None,
    from_: Annotated[TimeText, Query(alias="from")] = None,
    to: TimeText = None,
    step: StepText = None,
    at: TimeText = None,
    known: TimeText = None,
    zone: Annotated[str | None, Query(max_length=64)] = None,
    limit: PageLimit = None,
    offset: Offset = 0,
    fields: Fields = None,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """Scores: the newest, those that held `at` a time, or a range, by windows or in steps.

    `region`, `district` and `site` narrow it to what lies (or then lay) in them. With `known`,
    windows are given as they were known at that time, before late data came. Days, weeks and months
    are those of the estate's time zone, or of `zone`, and each has its local `date`.
    """
    places = {"region": region, "district": district, "site": site}
    wanted = Wanted(level, id, {name: ids for name, ids in places.items() if ids})
    if known is not None and (step or not (from_ or to)):
        raise HTTPException(400, "known=: stands beside from and to, without step")
    if at is not None and (from_ or to or step):
        raise HTTPException(400, "at=: cannot stand beside from, to or step")
    page = page_of(offset, limit, format)
    if step:
        span = time_range(from_, to, given.now())
        only = columns_of(fields, ("date", *step_columns.NAMES))
        asked = stepped.Asked(wanted, span, _step(step), zone, page, only)
        found, total = await stepped.steps(given, asked)
        return await table(found, tuple(found.columns), format, total=total, offset=offset)
    only = columns_of(fields, units.COLUMNS)
    if at is not None:
        rows = await history.at(given, wanted, moment("at", at, given.now()))
    elif from_ or to:
        span = time_range(from_, to, given.now())
        check_size(wanted.count(given), *span, given.scorer.every)
        as_of = moment("known", known, given.now()) if known else None
        rows = await history.windows(given, wanted, *span, known=as_of)
    else:
        rows = list(_latest(given.result(), wanted))
    names = [name for name in units.COLUMNS if only is None or name in {"time", "id", *only}]
    rows, total = rows[page], len(rows)
    if only is not None:
        rows = [{name: row[name] for name in names if name in row} for row in rows]
    return await table(rows, names, format, total=total, offset=offset)


def _step(text: str) -> Step:
    try:
        return steps.parse(text)
    except ValueError as error:
        raise HTTPException(400, f"step={error}") from error


def _latest(result: Result, wanted: Wanted) -> Any:
    """The newest rows; 404 for an id that is not there."""
    found = result.levels[wanted.level]
    ids = found.level.ids if wanted.ids is None else wanted.ids
    for unit in ids:
        _, row = _find(result, wanted.level, unit)
        if wanted.holds(dict(found.level.tags[row])):
            yield _row(result, found, row)


def _row(result: Result, level: LevelResult, row: int) -> dict[str, Any]:
    tags = dict(level.level.tags[row])
    about = {"time": times.iso(result.end), **tags, "method": result.card.method}
    return about | units.overall(result, level, row)


def _find(result: Result, level: str, unit: str) -> tuple[LevelResult, int]:
    found = result.find(level, unit)
    if found is None:
        raise HTTPException(404, f"no {level} with the id {unit[:80]!r}")
    return found


@router.get("/explain", responses=answers.of(answers.readiness.Explanation))
async def explain(
    *,
    given: Given,
    level: LevelName = "fleet",
    id: str = "fleet",  # noqa: A002 - the parameter's public name
    at: TimeText = None,
    estate: EstateOf = "then",
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """Why a unit's score is what it is: points lost by pillar, indicator and member.

    Losses of the indicators, and of the members, sum to 100 minus the score. With `at` the window
    that ended last before that time is computed again from the store.
    """
    result = given.result()
    if at is not None:
        every = given.scorer.every
        end = moment("at", at, given.now()) // every * every
        today = given.scorer.estate if estate == "now" else None
        result = await given.scorer.compute_at(end, today)
    found, row = _find(result, level, id)
    answer = {
        **_row(result, found, row),
        **units.named(given.scorer.estate, level, id),
        "lost": units.number(found.lost[row, 0]),
        "pillars": list(units.pillars(result, found, row)),
        "members": list(_members(result, level, row)),
    }
    return await sheet(answer, sheets.explained(answer), sheets.EXPLAINED, format)


def _members(result: Result, level: str, row: int) -> Any:
    """What each member weighs, scores and costs, the costliest first, those without one last."""
    if level == "node":
        return
    members = result.levels[LEVELS[LEVELS.index(level) - 1]]
    inside = (members.level.parent == row).nonzero()[0]
    value = members.scores.value[inside, 0]
    # A member that weighs nothing costs nothing, whatever its score.
    scored = ~np.isnan(value) & (members.level.weight[inside] > 0)
    total = members.level.weight[inside][scored].sum()
    rows = []
    for member, known in zip(inside.tolist(), scored.tolist(), strict=True):
        share = float(members.level.weight[member] / total) if known else 0.0
        lost = (100.0 - float(members.scores.value[member, 0])) * share if known else None
        about = {"id": members.level.ids[member], "share": share, "lost": lost}
        rows.append(about | units.overall(result, members, member))
    yield from sorted(rows, key=lambda r: (r["lost"] is None, -(r["lost"] or 0.0), r["id"]))


class Events(StreamingResponse):
    """Server-sent events; what a route promises beside it is the data of one."""

    media_type = "text/event-stream"


@router.get("/live", response_class=Events, responses={200: {"model": answers.readiness.News}})
async def live(given: Given) -> Events:
    """Server-sent events: one `score` event now, and one whenever a window has been scored."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Events(_events(given), headers=headers)


async def _events(given: Services) -> AsyncIterator[str]:
    if given.scorer.latest is not None:
        yield _event(given.scorer.latest)
    stopping = asyncio.ensure_future(given.stop.wait())
    try:
        while not given.stop.is_set():
            news = asyncio.ensure_future(given.scorer.news())
            done, _ = await asyncio.wait(
                {news, stopping}, timeout=HEARTBEAT, return_when=asyncio.FIRST_COMPLETED
            )
            if news in done:
                yield _event(news.result())
            else:
                news.cancel()
                yield ": still here\n\n"
    finally:
        stopping.cancel()


def _event(result: Result) -> str:
    fleet = result.levels[LEVELS[-1]]
    about = {
        "time": times.iso(result.end),
        "method": result.card.method,
        "nodes": len(result.levels["node"].level.ids),
        "fleet": units.overall(result, fleet, 0),
    }
    return f"event: score\ndata: {json.dumps(about, ensure_ascii=False, allow_nan=False)}\n\n"
