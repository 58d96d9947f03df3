"""A scored unit as JSON: numbers without NaN, names from the estate, points lost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from muster_collector.estate import Estate
from muster_collector.readiness.engine import Scores
from muster_collector.readiness.rollup import Rollup
from muster_collector.readiness.scorecard import Node
from muster_collector.scoring.result import LevelResult, Result
from muster_collector.scoring.units import LEVELS, Floats

COLUMNS = (
    "time", "level", "id", "site", "district", "region", "score", "low", "high", "coverage",
    "grade", "scored", "planned", "p10", "worst", "why", "method",
)  # fmt: skip
"""The columns of readiness rows, in the order of CSV and spreadsheets."""


def number(value: float) -> float | None:
    """A float for JSON; None for NaN."""
    return None if math.isnan(value) else float(value)


def overall(result: Result, level: LevelResult, row: int) -> dict[str, Any]:
    """Score, interval, coverage, grade, members, and why there is no score."""
    return summary(result, level.scores, row)


def summary(result: Result, scores: Scores, row: int) -> dict[str, Any]:
    """The same for scores that are no level of the tree."""
    value = float(scores.value[row, 0])
    unit: dict[str, Any] = {
        "score": number(value),
        "low": number(scores.low[row, 0]),
        "high": number(scores.high[row, 0]),
        "coverage": number(scores.coverage[row, 0]),
        "grade": result.card.grade(value),
    }
    if isinstance(scores, Rollup):
        unit["scored"], unit["planned"] = int(scores.scored[row]), int(scores.planned[row])
        unit["p10"] = number(scores.p10[row])
        unit["worst"] = number(scores.worst[row])
    return unit if unit["score"] is not None else unit | reason(scores, row)


def numbers(values: Floats, digits: int) -> list[Any]:
    """An array of any shape as lists for JSON; None for NaN."""
    rounded = np.round(values, digits).astype(object)
    rounded[np.isnan(values)] = None
    return rounded.tolist()  # type: ignore[no-any-return]


def overalls(
    result: Result, level: LevelResult, rows: Sequence[int], digits: int
) -> Iterator[dict[str, Any]]:
    """`overall` of many rows: numpy rounds ten thousand in the time in which Python does a few."""
    scores, picked = level.scores, np.asarray(rows, dtype=int)
    columns: dict[str, list[Any]] = {
        "score": numbers(scores.value[picked, 0], digits),
        "low": numbers(scores.low[picked, 0], digits),
        "high": numbers(scores.high[picked, 0], digits),
        "coverage": numbers(scores.coverage[picked, 0], digits + 2),
        "grade": result.card.grades(scores.value[picked, 0]),
    }
    if isinstance(scores, Rollup):
        columns["scored"] = scores.scored[picked].tolist()
        columns["planned"] = scores.planned[picked].tolist()
        columns["p10"] = numbers(scores.p10[picked], digits)
        columns["worst"] = numbers(scores.worst[picked], digits)
    for row, values in zip(rows, zip(*columns.values(), strict=True), strict=True):
        unit = dict(zip(columns, values, strict=True))
        yield unit if unit["score"] is not None else unit | reason(scores, row)


def reason(scores: Scores, row: int, column: int = 0) -> dict[str, str]:
    """Why there is no score, in both languages."""
    return {"why": scores.why(row, column), "why_zh": scores.why(row, column, "zh")}


def named(estate: Estate, level: str, unit: str) -> dict[str, Any]:
    """Names and position; names are free text and must be escaped where they are shown."""
    place = estate.place(level, unit)
    if level == LEVELS[-1]:
        return {"name": estate.name, "name_zh": estate.name_zh}
    if place is None:
        return {}
    about = {"name": place.name, "name_zh": place.name_zh, "lat": place.lat, "lon": place.lon}
    return {key: value for key, value in about.items() if value not in ("", None)}


def parents(result: Result, level: LevelResult) -> list[str]:
    """The ids of the units above, row by row; "" above the fleet."""
    position = LEVELS.index(level.level.name)
    if position == len(LEVELS) - 1:
        return [""] * len(level.level.ids)
    ids = result.levels[LEVELS[position + 1]].level.ids
    return [ids[row] for row in level.level.parent.tolist()]


def pillars(result: Result, level: LevelResult, row: int) -> Iterator[dict[str, Any]]:
    """Each pillar with its indicators and the points that each costs."""
    for pillar in result.card.pillars:
        about = part(level, row, pillar)
        about["indicators"] = [
            indicator(level, row, node, column)
            for column, node in enumerate(result.card.indicators)
            if result.card.pillar_of[node.column] == pillar.column
        ]
        yield about


def part(level: LevelResult, row: int, node: Node) -> dict[str, Any]:
    """Score, interval, coverage and lost points of a level of the card or an indicator."""
    scores, column = level.scores, node.column
    unscored = math.isnan(scores.value[row, column])
    about: dict[str, Any] = {
        "id": node.id,
        "title": {"en": node.title.en, "zh": node.title.zh},
        "weight": node.weight,
        "score": number(scores.value[row, column]),
        "low": number(scores.low[row, column]),
        "high": number(scores.high[row, column]),
        "coverage": number(scores.coverage[row, column]),
        "lost": None if unscored else number(level.lost[row, column]),
    }
    if unscored:
        about |= reason(scores, row, column)
    return about


def indicator(level: LevelResult, row: int, node: Node, column: int) -> dict[str, Any]:
    """An indicator with its value in its own unit and what it means."""
    about = part(level, row, node)
    if node.indicator is not None:
        about |= {
            "meaning": node.indicator.meaning,
            "unit": node.indicator.unit,
            "direction": node.indicator.direction,
            "reason": node.indicator.reason,
        }
    if level.value.shape[1]:
        about["value"] = number(level.value[row, column])
    return about
