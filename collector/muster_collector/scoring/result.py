"""One scoring of one window: scores of every unit of every level, and the points each one lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from muster_collector.readiness.engine import Scores, score
from muster_collector.readiness.explain import lost
from muster_collector.readiness.rollup import Rollup, rollup
from muster_collector.readiness.scorecard import Scorecard
from muster_collector.scoring.units import LEVELS, Floats, Level, Units


@dataclass(frozen=True)
class LevelResult:
    """Scores of one level's units, row by row as in `level.ids`.

    `lost` (units x columns of the card) are points of the unit's overall score; over the indicators
    they sum to 100 minus the score. `value` (units x indicators) are values in the indicators' own
    units; a place has none, since values of different nodes do not add up to one.
    """

    level: Level
    scores: Scores
    lost: Floats

    @property
    def value(self) -> Floats:
        """Raw values, units x indicators; no columns for places."""
        return self.scores.raw

    def why(self, row: int) -> str:
        """Why a unit has no score; "" when it has one."""
        return self.scores.why(row)


@dataclass(frozen=True)
class Result:
    """All levels of the window `end - window <= time < end` (ms)."""

    card: Scorecard
    end: int
    window: int
    levels: Mapping[str, LevelResult]

    def find(self, level: str, unit: str) -> tuple[LevelResult, int] | None:
        """A unit's level and row, None if there is no such unit."""
        found = self.levels.get(level)
        row = found.level.index.get(unit) if found else None
        return None if found is None or row is None else (found, row)


def compute(card: Scorecard, units: Units, values: Floats, *, end: int, window: int) -> Result:
    """Score nodes x indicators values and roll them up; pure, and long for a large fleet."""
    scores = score(card, values)
    levels = {"node": LevelResult(units["node"], scores, lost(scores))}
    for below, above in pairwise(LEVELS):
        levels[above] = _above(levels[below], units[above])
    return Result(card, end, window, levels)


def _above(members: LevelResult, level: Level) -> LevelResult:
    """The level over some members."""
    scores = rollup(
        members.scores,
        members.level.parent,
        len(level.ids),
        weights=members.level.weight,
        planned=level.planned,
        planned_weight=level.planned_weight,
    )
    return LevelResult(level, scores, _lost_above(members, level, scores))


def _lost_above(members: LevelResult, level: Level, scores: Rollup) -> Floats:
    """A group's score is the mean of its scored members', so its losses are the mean of theirs."""
    counts = (members.level.parent >= 0) & (members.level.weight > 0)
    counts &= ~np.isnan(members.scores.value[:, 0])
    group, weight = members.level.parent[counts], members.level.weight[counts]
    size, columns = len(level.ids), members.lost.shape[1]
    total = np.empty((columns, size))
    for column, points in enumerate(members.lost[counts].T):
        total[column] = np.bincount(group, weight * points, size)
    shared = np.bincount(group, weight, size)
    scored = ~np.isnan(scores.value[:, 0])
    result = np.full((size, columns), np.nan)
    result[scored] = total.T[scored] / shared[scored, None]
    return result
