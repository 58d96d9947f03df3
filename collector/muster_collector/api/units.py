"""A scored unit as JSON: numbers without NaN, names from the estate, points lost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from muster_collector.estate import Estate
from muster_collector.readiness.engine import Scores
from muster_collector.readiness.rollup import Rollup
from muster_collector.readiness.scorecard import Node
from muster_collector.scoring.result import LevelResult, Result
from muster_collector.scoring.units import LEVELS

COLUMNS = (
    "time", "level", "id", "site", "district", "region", "score", "low", "high", "coverage",
    "grade", "scored", "planned", "p10", "worst", "why", "method",
)  # fmt: skip
"""The columns of readiness rows, in the order of CSV and spreadsheets."""


def number(value: float, digits: int | None = None) -> float | None:
    """A float for JSON; None for NaN."""
    if math.isnan(value):
        return None
    return float(value) if digits is None else round(float(value), digits)


def overall(
    result: Result, level: LevelResult, row: int, digits: int | None = None
) -> dict[str, Any]:
    """Score, interval, coverage, grade, members, and why there is no score."""
    return summary(result, level.scores, row, digits)


def summary(result: Result, scores: Scores, row: int, digits: int | None = None) -> dict[str, Any]:
    """The same for scores that are no level of the tree."""
    value = float(scores.value[row, 0])
    unit: dict[str, Any] = {
        "score": number(value, digits),
        "low": number(scores.low[row, 0], digits),
        "high": number(scores.high[row, 0], digits),
        "coverage": number(scores.coverage[row, 0], digits and digits + 2),
        "grade": result.card.grade(value),
    }
    if isinstance(scores, Rollup):
        unit["scored"], unit["planned"] = int(scores.scored[row]), int(scores.planned[row])
        unit["p10"] = number(scores.p10[row], digits)
        unit["worst"] = number(scores.worst[row], digits)
    if unit["score"] is None:
        unit["why"] = scores.why(row)
    return unit


def named(estate: Estate, level: str, unit: str) -> dict[str, Any]:
    """Names and position; names are free text and must be escaped where they are shown."""
    place = estate.place(level, unit)
    if level == LEVELS[-1]:
        return {"name": estate.name, "name_zh": estate.name_zh}
    if place is None:
        return {}
    about = {"name": place.name, "name_zh": place.name_zh, "lat": place.lat, "lon": place.lon}
    return {key: value for key, value in about.items() if value not in ("", None)}


def parent(result: Result, level: LevelResult, row: int) -> str:
    """The id of the unit above; "" above the fleet."""
    tags = dict(level.level.tags[row])
    position = LEVELS.index(level.level.name)
    if position == len(LEVELS) - 1:
        return ""
    return tags.get(LEVELS[position + 1], next(iter(result.levels[LEVELS[-1]].level.ids)))


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
        about["why"] = scores.why(row, column)
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
