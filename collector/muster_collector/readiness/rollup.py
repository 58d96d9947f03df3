"""From members to groups: nodes to sites, sites to districts, and on to the fleet.

A group's score is the weighted mean of its members' scores. What is planned and silent counts: it
has no coverage, and the group's interval takes it as 0 and as 100. A member without a score at a
level counts there as missing too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import reasons
from .engine import TINY, Scores
from .reasons import Language

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Rollup(Scores):
    """Scores of groups (groups x columns), and what they stand for.

    `scored` and `planned` count members, `weight` is the planned weight (for the next rollup up).
    `p10` and `worst` are of the members' overall scores, NaN without any: nine members in ten
    score at least p10 (nearest rank, unweighted). `raw` is empty: groups have no raw values.
    """

    p10: Array
    worst: Array
    scored: Ints
    planned: Ints
    weight: Array

    def why(self, unit: int, column: int = 0, language: Language = "en") -> str:
        """Why a group has no score at a level, in one line; "" when it has one."""
        if not np.isnan(self.value[unit, column]):
            return ""
        rule = self.card.document.rollup.coverage
        if column and self.planned[unit]:
            return reasons.group_part(language, rule, self.card.nodes[column])
        return reasons.group(language, rule, int(self.scored[unit]), int(self.planned[unit]))


def rollup(
    scores: Scores,
    groups: npt.ArrayLike,
    count: int,
    *,
    weights: npt.ArrayLike | None = None,
    planned: npt.ArrayLike | None = None,
    planned_weight: npt.ArrayLike | None = None,
    alone: bool = False,
) -> Rollup:
    """Roll members up into `count` groups; `groups[i]` is member i's group, -1 for none.

    `weights` are the members' (default 1). `planned` and `planned_weight` say how many members
    and how much weight each group should have; default and least are the members given. With
    only `planned`, a member that is not there weighs what the group's members weigh on average.
    With `alone` there is the overall score alone: one column, and NaN for all that goes with it.
    ValueError for a group or weight that cannot be.
    """
    group = np.asarray(groups, dtype=np.int64)
    member = group >= 0
    weight = _or(weights, np.ones(len(group)))
    if group.shape != (len(scores),) or weight.shape != group.shape:
        raise ValueError(f"{len(scores)} members, {group.shape} groups, {weight.shape} weights")
    if (group >= count).any() or not (weight >= 0).all():
        raise ValueError(f"use groups below {count} and weights of 0 or more")
    seen = np.bincount(group[member], minlength=count)
    here: Array = np.asarray(np.bincount(group[member], weight[member], count), np.float64)
    expected: Ints = np.maximum(_or(planned, np.zeros(count)).astype(np.int64), seen)
    wanted = np.maximum(_wanted(planned_weight, expected, seen, here), here)
    whole = _Sums(group, weight, wanted, scores.card.document.rollup.coverage)
    columns = 1 if alone else len(scores.card.nodes)
    value = np.stack([whole.mean(scores.value[:, column]) for column in range(columns)], axis=1)
    if alone:
        low = high = coverage = np.full((count, 1), np.nan)
        worst = p10 = low[:, 0]
        scored = np.bincount(group[member & ~np.isnan(scores.value[:, 0])], minlength=count)
    else:
        low, high, coverage = _limits(scores, whole, value)
        worst, p10, scored = _tail(scores.value[:, 0], group, count)
    none = np.empty((count, 0))
    made = (value, low, high, coverage, none)
    return Rollup(scores.card, *made, p10, worst, scored, expected, wanted)


def _or(given: npt.ArrayLike | None, default: Array) -> Array:
    return default if given is None else np.asarray(given, dtype=np.float64)


def _wanted(
    given: npt.ArrayLike | None, expected: Ints, seen: npt.NDArray[Any], here: Array
) -> Array:
    if given is not None:
        return np.asarray(given, dtype=np.float64)
    typical = np.where(seen > 0, here / np.maximum(seen, 1), 1.0)
    return np.asarray(expected * typical)


class _Sums:
    """Sums over the members of each group that weigh anything; `rule` is the coverage it needs."""

    def __init__(self, group: Ints, weight: Array, wanted: Array, rule: float) -> None:
        counts = (group >= 0) & (weight > 0)
        self.rows: slice | Ints = slice(None) if counts.all() else np.flatnonzero(counts)
        self.group, self.weight = group[self.rows], weight[self.rows]
        self.safe = np.where(wanted > 0, wanted, 1.0)
        self.rule = rule

    def of(self, x: Array) -> Array:
        """The weighted sum of what each member that counts has."""
        return np.asarray(np.bincount(self.group, self.weight * x, len(self.safe)))

    def mean(self, value: Array) -> Array:
        """The mean of the members' scores; NaN where too few have one."""
        x = value[self.rows]
        known = ~np.isnan(x)
        has = self.of(known.astype(np.float64))
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = self.of(np.where(known, x, 0.0)) / has
        return np.where(has / self.safe < self.rule - TINY, np.nan, mean)


def _limits(scores: Scores, whole: _Sums, value: Array) -> tuple[Array, Array, Array]:
    """Low, high and coverage of the groups, groups x columns."""
    low, high, coverage = (np.empty_like(value) for _ in range(3))
    for column in range(value.shape[1]):
        known = ~np.isnan(scores.value[whole.rows, column])
        lowest, highest = scores.low[whole.rows, column], scores.high[whole.rows, column]
        low[:, column] = whole.of(np.where(known, lowest, 0.0)) / whole.safe
        # From 100 only what members surely lack is taken: who is silent surely lacks nothing.
        short = np.where(known, 100.0 - highest, 0.0)
        high[:, column] = 100.0 - whole.of(short) / whole.safe
        # For an optional indicator only those that it applies to count as covered.
        covered = np.nan_to_num(scores.coverage[whole.rows, column])
        coverage[:, column] = whole.of(covered) / whole.safe
    return np.fmin(low, value), np.fmax(high, value), coverage


def _tail(value: Array, group: Ints, count: int) -> tuple[Array, Array, Ints]:
    """Worst, 10th percentile and number of the scores in each group."""
    known = (group >= 0) & ~np.isnan(value)
    value, group = value[known], group[known]
    ordered = np.append(value[np.lexsort((value, group))], np.nan)
    number = np.bincount(group, minlength=count).astype(np.int64)
    first = np.cumsum(number) - number
    tenth = np.ceil(number * 0.1).astype(np.int64) - 1
    nothing = len(ordered) - 1
    worst = ordered[np.where(number > 0, first, nothing)]
    p10 = ordered[np.where(number > 0, first + tenth, nothing)]
    return worst, p10, number
