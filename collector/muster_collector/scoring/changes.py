"""What moved a unit's score from one window to another, exactly: the parts sum to the change.

A unit's score is the mean of its nodes' scores x with shares s that sum to 1 (weights within each
level, over the members that have a score). With c halfway between the two scores of the unit,

    change = sum over nodes at both times of  mean(s) (x1 - x0)  +  (s1 - s0) (mean(x) - c)
           + sum over nodes that joined of s1 (x1 - c)  -  over those that left of s0 (x0 - c).

The first term is split over the indicators by the engine's own account of each node's change; what
data that was there at one time only did to it is `coverage`. The rest is `members`: who joined,
left, or weighs differently. A change of the method cannot be split, and is said instead.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from muster_collector.readiness.engine import Scores
from muster_collector.readiness.explain import change
from muster_collector.scoring.result import Result
from muster_collector.scoring.units import LEVELS, Floats, Integers


class Moved(NamedTuple):
    """Points of a unit's change; `parts` by column of the card, a level's being its indicators'."""

    before: float
    after: float
    parts: Floats
    coverage: float
    members: float
    joined: list[str]
    left: list[str]


def moved(first: Result, second: Result, level: str, unit: str) -> Moved | None:
    """The account of a unit's change; None unless it has a score at both times.

    ValueError when the two were scored with different methods.
    """
    found = [result.find(level, unit) for result in (first, second)]
    if found[0] is None or found[1] is None:
        return None
    old, new = (float(part.scores.value[row, 0]) for part, row in (found[0], found[1]))
    if np.isnan(old) or np.isnan(new):
        return None
    before = dict(_shares(first, level, found[0][1]))
    after = dict(_shares(second, level, found[1][1]))
    both = sorted(before.keys() & after.keys())
    parts, coverage = _within(first, second, both, before, after)
    members = new - old - coverage - _top(second, parts)
    return Moved(
        old,
        new,
        parts,
        coverage,
        members,
        sorted(after.keys() - before.keys()),
        sorted(before.keys() - after.keys()),
    )


def _top(result: Result, parts: Floats) -> float:
    """The sum over the indicators."""
    return float(sum(parts[node.column] for node in result.card.indicators))


def shares(result: Result, level: str, row: int) -> Floats:
    """Each node's share of a unit's score; 0 for nodes outside it and those without a score."""
    share = np.zeros(len(result.levels[level].level.ids))
    share[row] = 1.0
    for below in reversed(LEVELS[: LEVELS.index(level)]):
        share = _down(result, below, share)
    return share


def _shares(result: Result, level: str, row: int) -> list[tuple[str, float]]:
    """Scored nodes of a unit and their shares of its score."""
    share = shares(result, level, row)
    nodes = result.levels[LEVELS[0]].level.ids
    return [(nodes[node], float(share[node])) for node in np.flatnonzero(share).tolist()]


def _down(result: Result, below: str, share: Floats) -> Floats:
    """From the shares of groups to those of their members."""
    members = result.levels[below]
    parent, weight = members.level.parent, members.level.weight
    counts = (parent >= 0) & (weight > 0) & ~np.isnan(members.scores.value[:, 0])
    whole = np.bincount(parent[counts], weight[counts], len(share))
    own = np.zeros(len(parent))
    own[counts] = weight[counts] / whole[parent[counts]] * share[parent[counts]]
    return own


def _within(
    first: Result,
    second: Result,
    both: list[str],
    before: dict[str, float],
    after: dict[str, float],
) -> tuple[Floats, float]:
    """What the nodes at both times contribute: points by column, and those of coverage."""
    split = change(_rows(first, both), _rows(second, both))
    share = np.array([(before[node] + after[node]) / 2.0 for node in both])
    parts = (share[:, None] * split.parts).sum(axis=0) if both else np.zeros(split.parts.shape[1])
    return parts, float(share @ split.coverage)


def _rows(result: Result, nodes: list[str]) -> Scores:
    """The scores of some nodes, in that order."""
    level = result.levels[LEVELS[0]]
    rows: Integers = np.array([level.level.index[node] for node in nodes], dtype=np.int64)
    s = level.scores
    return Scores(s.card, s.value[rows], s.low[rows], s.high[rows], s.coverage[rows], s.raw[rows])
