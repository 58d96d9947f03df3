"""The newest readiness of everything over HTTP: made once a window, however many pages show it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, HTTPException, Query, Request, Response

from muster_collector.api import answers, times, units
from muster_collector.api.params import Limit, Offset, json_bytes
from muster_collector.api.services import Given, Services
from muster_collector.scoring.result import LevelResult, Result
from muster_collector.scoring.units import LEVELS

router = APIRouter(prefix="/api/v1", tags=["readiness"])
DIGITS = 2
"""Digits after the point: the tree is for showing, every other answer is exact."""


@router.get("/tree", responses=answers.of(answers.readiness.Tree, files=False))
def tree(
    *,
    request: Request,
    given: Given,
    levels: Annotated[str, Query(description="comma-separated; all by default")] = ",".join(LEVELS),
    region: str | None = None,
    district: str | None = None,
    site: str | None = None,
    order: Literal["id", "score"] = "id",
    limit: Limit = 10_000,
    offset: Offset = 0,
) -> Response:
    """The newest readiness of everything, compact: units by level, pillars as lists of scores.

    `limit` and `offset` page the nodes; with `order=score` the worst come first and those without
    a score before them. The answer has an `ETag` that holds until there are newer scores.
    """
    result, estate = given.result(), given.scorer.estate
    names = _level_names(levels)
    within = {"region": region, "district": district, "site": site}

    def make() -> bytes:
        about = _head(given, result)
        for name in names:
            level = result.levels[name]
            rows = _rows(level, {k: v for k, v in within.items() if v is not None}, order)
            about[name] = {"total": len(rows)}
            if name == "node":
                rows = rows[offset : offset + limit]
            about[name]["rows"] = list(_branches(given, result, level, rows))
        return json_bytes(about)

    asked = repr((names, within, order, limit, offset))
    return given.newest.answer(asked, result, estate, make=make).answer(request.headers)


def _level_names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if unknown := sorted(set(names) - set(LEVELS)):
        raise HTTPException(400, f"levels={unknown[0]!r}: use {', '.join(LEVELS)}")
    return names


def _head(given: Services, result: Result) -> dict[str, Any]:
    estate = given.scorer.estate
    return {
        "time": times.iso(result.end),
        "window": result.window / 1000,
        "every": given.scorer.every / 1000,
        "method": result.card.method,
        "scorecard": {"id": result.card.id, "title": result.card.title.model_dump()},
        "estate": {"name": estate.name, "name_zh": estate.name_zh, "example": estate.example},
        "pillars": [
            {"id": pillar.id, "title": pillar.title.model_dump()} for pillar in result.card.pillars
        ],
    }


def _rows(level: LevelResult, within: dict[str, str], order: str) -> list[int]:
    rows = list(range(len(level.level.ids)))
    if within:
        wanted = within.items()
        rows = [row for row in rows if wanted <= dict(level.level.tags[row]).items()]
    if order == "score":
        value = level.scores.value[:, 0]
        # NaN sorts as -1: no score is worse than the worst one.
        rows.sort(key=lambda row: -1.0 if value[row] != value[row] else value[row])
    return rows


def _branches(
    given: Services, result: Result, level: LevelResult, rows: list[int]
) -> Iterator[dict[str, Any]]:
    estate, name = given.scorer.estate, level.level.name
    columns = [pillar.column for pillar in result.card.pillars]
    scores = units.numbers(level.scores.value[np.ix_(rows, columns)], DIGITS)
    overall = units.overalls(result, level, rows, DIGITS)
    parents = units.parents(result, level)
    for row, about, pillars in zip(rows, overall, scores, strict=True):
        unit = level.level.ids[row]
        yield {
            "id": unit,
            "parent": parents[row],
            **(units.named(estate, name, unit) if name != LEVELS[0] else {}),
            **about,
            "pillars": pillars,
        }
