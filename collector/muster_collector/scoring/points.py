"""A result as points of the store: `readiness`, `readiness_pillar` and `readiness_indicator`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from muster_collector.readiness.rollup import Rollup
from muster_collector.readiness.scorecard import Node
from muster_collector.scoring.result import LevelResult, Result
from muster_collector.scoring.units import Floats, Tags
from muster_collector.store.base import Point, Value

OVERALL, PILLAR, INDICATOR = "readiness", "readiness_pillar", "readiness_indicator"
Columns = dict[str, list[float]]


def points(result: Result) -> Iterator[Point]:
    """All points of a result, level by level, nodes first."""
    for level in result.levels.values():
        tags = _with(level.level.tags, "method", result.card.method)
        yield from _overall(result, level, tags)
        for pillar in result.card.pillars:
            columns = _columns(level, pillar, "score", "low", "high", "coverage", "lost")
            named = _with(tags, "pillar", pillar.id)
            yield from _points(PILLAR, named, columns, result.end)
        for number, node in enumerate(result.card.indicators):
            yield from _indicator(result, level, tags, node, number)


def overall_fields(level: LevelResult, row: int, grade: str) -> dict[str, Value]:
    """What `readiness` holds of one unit."""
    scores = level.scores
    numbers = {
        "score": float(scores.value[row, 0]),
        "low": float(scores.low[row, 0]),
        "high": float(scores.high[row, 0]),
        "coverage": float(scores.coverage[row, 0]),
    }
    if isinstance(scores, Rollup):
        numbers |= {"p10": float(scores.p10[row]), "worst": float(scores.worst[row])}
        counts = {"scored": int(scores.scored[row]), "planned": int(scores.planned[row])}
    else:
        counts = {"scored": int(not math.isnan(numbers["score"])), "planned": 1}
    fields: dict[str, Value] = {k: v for k, v in numbers.items() if not math.isnan(v)}
    fields |= counts
    return fields | ({"grade": grade} if "score" in fields else {"why": level.why(row)})


def _overall(result: Result, level: LevelResult, tags: list[Tags]) -> Iterator[Point]:
    grades = result.card.grades(level.scores.value[:, 0])
    for row, (unit, grade) in enumerate(zip(tags, grades, strict=True)):
        yield Point(OVERALL, unit, overall_fields(level, row, grade), result.end)


def _indicator(
    result: Result, level: LevelResult, tags: list[Tags], node: Node, number: int
) -> Iterator[Point]:
    columns = _columns(level, node, "score", "lost")
    if level.value.shape[1]:
        columns["value"] = level.value[:, number].tolist()
    pillar = result.card.nodes[result.card.pillar_of[node.column]].id
    named = _with(_with(tags, "pillar", pillar), "indicator", node.id)
    return _points(INDICATOR, named, columns, result.end)


def _columns(level: LevelResult, node: Node, *names: str) -> Columns:
    arrays: dict[str, Floats] = {
        "score": level.scores.value,
        "low": level.scores.low,
        "high": level.scores.high,
        "coverage": level.scores.coverage,
        "lost": np.where(np.isnan(level.scores.value), np.nan, level.lost),
    }
    return {name: arrays[name][:, node.column].tolist() for name in names}


def _points(measurement: str, tags: list[Tags], columns: Columns, time: int) -> Iterator[Point]:
    """A point for each unit with at least one number; NaN is no field."""
    names = tuple(columns)
    for unit, numbers in zip(tags, zip(*columns.values(), strict=True), strict=True):
        # NaN is the one number that is not itself.
        fields = {k: x for k, x in zip(names, numbers, strict=True) if x == x}  # noqa: PLR0124
        if fields:
            yield Point(measurement, unit, fields, time)


def _with(tags: Sequence[Tags], name: str, value: str) -> list[Tags]:
    """The same tag added to all units of a level, which have the same keys in the same order."""
    if not tags:
        return []
    place = sum(key < name for key, _ in tags[0])
    pair = ((name, value),)
    return [unit[:place] + pair + unit[place:] for unit in tags]
