"""Imported figures over HTTP, and places scored by any card from them and from live readiness."""

from __future__ import annotations

import asyncio
import datetime as dt
from importlib import resources
from typing import Annotated, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response

from muster_collector.api import answers, times, upload
from muster_collector.api.params import Format, as_json, table
from muster_collector.api.services import Given, Services
from muster_collector.errors import ConfigError
from muster_collector.readiness import Scores, export, score
from muster_collector.readiness.scorecard import Scorecard, load
from muster_collector.scoring import figures, places

router = APIRouter(prefix="/api/v1", tags=["figures"])
CSV_BYTES = 8 << 20
COLUMNS = ("indicator", "source", "date", "value", "unit")
PlaceLevel = Literal["fleet", "region", "district", "site"]


@router.get("/figures", responses=answers.of(answers.targets.Figures))
async def imported(
    *,
    given: Given,
    indicator: Annotated[list[str] | None, Query(max_length=200)] = None,
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """Figures that were imported; `date` is the last day that a figure stands for."""
    rows = [
        {
            "indicator": figure.indicator,
            "source": figure.source,
            "date": figure.day.isoformat(),
            "value": figure.value,
            "unit": figure.unit,
        }
        for figure in await figures.read(given.store, indicator)
    ]
    return await table(rows, COLUMNS, format, total=len(rows))


@router.post(
    "/figures",
    responses=answers.of(answers.targets.Imported, files=False),
    openapi_extra=upload.openapi("text/csv", "year or date, indicator, …"),
)
async def bring(*, given: Given, request: Request) -> Response:
    """Import figures: a CSV with the columns year or date, indicator, value, unit, source.

    All of it or nothing: a wrong row is refused with its row and column. A figure that is there
    already (indicator, source, day) is replaced.
    """
    if not request.app.state.writable:
        raise HTTPException(403, "figures are taken with a token only: set [api] token_file")
    content = await upload.body(request, "text/csv", CSV_BYTES)
    today = dt.datetime.fromtimestamp(given.now() / 1000, dt.UTC).date()
    try:
        found = await asyncio.to_thread(figures.parse, content, "figures", today=today)
    except ConfigError as error:
        raise HTTPException(400, str(error)) from error
    before = await figures.read(given.store, {figure.indicator for figure in found})
    there = {figure[:3] for figure in before}
    await figures.write(given.store, found)
    replaced = sum(figure[:3] in there for figure in found)
    return as_json({"imported": len(found), "replaced": replaced})


@router.get("/score", responses=answers.of(answers.targets.Places))
async def score_shipped(
    *,
    given: Given,
    scorecard: Annotated[str, Query(max_length=80)],
    level: PlaceLevel = "fleet",
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """Places scored by a card that Muster ships, from live readiness and imported figures."""
    folder = resources.files("muster_collector") / "scorecards"
    shipped = {file.name.removesuffix(".toml"): file for file in folder.iterdir()}
    if scorecard not in shipped:
        raise HTTPException(404, f"scorecard={scorecard!r}: use {', '.join(sorted(shipped))}")
    card = load(shipped[scorecard].read_text("utf-8"), scorecard)
    return await _scored(given, card, level, format)


@router.post(
    "/score",
    responses=answers.of(answers.targets.Places),
    openapi_extra=upload.openapi("application/toml", "the scorecard"),
)
async def score_own(
    *,
    given: Given,
    request: Request,
    level: PlaceLevel = "fleet",
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Response:
    """The same with a card of one's own as the body; nothing is stored."""
    return await _scored(given, await upload.scorecard(request), level, format)


async def _scored(given: Services, card: Scorecard, level: str, form: Format) -> Response:
    result = given.result()
    known = await figures.read(given.store, places.wanted(card))
    ids = result.levels[level].level.ids

    def work() -> Scores:
        return score(card, places.values(card, result, given.scorer.estate, known, level))

    scores = await asyncio.to_thread(work)
    if form != "json":
        return await table(export.rows(ids, scores), export.columns(card), form)
    about = {"time": times.iso(result.end), "level": level, "live_method": result.card.method}
    return as_json({**about, **export.as_document(ids, scores)})
