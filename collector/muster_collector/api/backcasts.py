"""History over HTTP under another card, other weights or another estate, beside what it was."""

from __future__ import annotations

import asyncio
import datetime as dt
import zoneinfo
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response

from muster_collector.api import answers, sheets, times, upload
from muster_collector.api.params import EstateOf, Format, LevelName, TimeText, sheet, time_range
from muster_collector.api.planning import weights
from muster_collector.api.services import Given, Services
from muster_collector.errors import ConfigError
from muster_collector.estate import Estate
from muster_collector.readiness.scorecard import Scorecard
from muster_collector.scoring import backcast, hourly_values, steps, whatif
from muster_collector.scoring.steps import Step

router = APIRouter(prefix="/api/v1", tags=["planning"])


class Asked(NamedTuple):
    """What is asked of a backcast, as it came."""

    start: str
    end: str | None
    step: str
    weight: Sequence[str]
    level: str
    unit: str
    format: Format


def _asked(  # noqa: PLR0917 - the parameters of a query
    from_: Annotated[str, Query(alias="from", max_length=64)],
    to: TimeText = None,
    step: Literal["1h", "1d"] = "1h",
    weight: Annotated[list[str] | None, Query(max_length=100)] = None,
    level: LevelName = "fleet",
    id: str = "fleet",  # noqa: A002 - the parameter's public name
    format: Format = "json",  # noqa: A002 - the parameter's public name
) -> Asked:
    return Asked(from_, to, step, weight or [], level, id, format)


Question = Annotated[Asked, Depends(_asked)]


@router.get("/backcast", responses=answers.of(answers.planning.Backcast))
async def backcast_shipped(given: Given, asked: Question, estate: EstateOf = "then") -> Response:
    """A unit's score over time as it was, beside what it would have been under other weights.

    Of each hour the window that ends with it, from the stored hourly values of the nodes: exact for
    indicators whose source is unchanged, `missing` names the others. Days are means of hours, local
    to the estate. `breaks` are the times from which the method or the estate was another.
    """
    return await _answer(given, given.scorer.card, asked, estate)


@router.post(
    "/backcast",
    responses=answers.of(answers.planning.Backcast),
    openapi_extra=upload.openapi("application/toml", "the scorecard"),
)
async def backcast_own(
    given: Given, asked: Question, request: Request, estate: EstateOf = "then"
) -> Response:
    """The same under a scorecard of one's own as the body; nothing is stored."""
    return await _answer(given, await upload.scorecard(request), asked, estate)


@router.post(
    "/backcast/estate",
    responses=answers.of(answers.planning.Backcast),
    openapi_extra=upload.openapi("application/toml", "the estate", "text/csv"),
)
async def backcast_estate(given: Given, asked: Question, request: Request) -> Response:
    """The same under an estate of one's own as the body, TOML or CSV: other plans, roles, weights.

    It holds for the whole range; nodes stay at the sites that they reported from.
    """
    return await _answer(given, given.scorer.card, asked, await upload.estate(request))


MOST_VALUES = 10_000_000
"""Nodes times hours that one backcast may have: a year of 1,000 nodes."""
_one = asyncio.Semaphore(1)


def _reweighted(card: Scorecard, weight: Sequence[str]) -> Scorecard:
    try:
        return whatif.reweighted(card, weights(weight)) if weight else card
    except ConfigError as error:
        raise HTTPException(400, str(error)) from error


async def _answer(given: Services, card: Scorecard, asked: Asked, estate: str | Estate) -> Response:
    """Both series; `estate` is "then", "now", or one that is given."""
    answer = await _both(given, _reweighted(card, asked.weight), asked, estate)
    return await sheet(answer, sheets.backcast(answer), sheets.BACKCAST, asked.format)


async def _both(
    given: Services, card: Scorecard, asked: Asked, estate: str | Estate
) -> dict[str, Any]:
    start, end = time_range(asked.start, asked.end, given.now())
    nodes = len(list(given.scorer.fleet.nodes()))
    if (end - start) // hourly_values.HOUR * max(nodes, 1) > MOST_VALUES:
        raise HTTPException(400, f"more than {MOST_VALUES} hours of nodes: ask for less time")
    if _one.locked():
        raise HTTPException(429, "another backcast is being computed: ask again when it is done")
    async with _one:
        return await _computed(given, card, asked, estate, (start, end))


async def _computed(
    given: Services, card: Scorecard, asked: Asked, estate: str | Estate, span: tuple[int, int]
) -> dict[str, Any]:
    scorer, unit = given.scorer, (asked.level, asked.unit)
    nodes = len(list(scorer.fleet.nodes()))
    missing = await backcast.lacking(given.store, card, scorer.card, *span)
    was = await backcast.stored(given.store, *unit, *span)
    held = scorer.estate if estate == "now" else estate
    estate_at = scorer.estates.at if isinstance(held, str) else lambda _: held
    after = await backcast.scored(given.store, card, estate_at, *unit, span=span, nodes=nodes)
    hours = asked.step == "1h"
    zone = zoneinfo.ZoneInfo(scorer.estate.timezone)
    begin = steps.begin_of(Step(steps.HOUR if hours else steps.DAY), zone)
    before, other = (backcast.means(found, begin) for found in ([s for s, _ in was], after))
    rows = [
        {
            "time": times.iso(time),
            **({} if hours else {"date": _local(time, zone)}),
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


def _local(time: int, zone: dt.tzinfo) -> str:
    return dt.datetime.fromtimestamp(time / 1000, zone).date().isoformat()


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
