"""Scores of every level of a card for many units at once, with coverage and interval.

The rules, for a level over its parts (children with weight):

- value: the level's mean over the parts that have a score, then its critical caps; none where
  coverage is below the level's rule.
- coverage: the weighted share of the indicators below it that have data.
- low and high: the same mean and caps with everything missing at 0 and at 100. A part without a
  score counts as missing, whatever little data it has, so the interval contains the value.
- imputed values count in the value, but as missing in coverage and interval.
- an optional indicator without a value does not apply to the unit: it is left out everywhere, its
  weight goes to the others, and its own interval and coverage are NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from . import reasons
from .aggregate import aggregate
from .normalise import normalised
from .reasons import Language
from .schema import Impute, Indicator
from .scorecard import Node, Scorecard

Array = npt.NDArray[np.float64]

TINY = 1e-12
"""Room for rounding when a coverage is compared with its rule."""


@dataclass(frozen=True)
class Scores:
    """Scores under one card: float64 arrays of shape units x columns (`card.columns`).

    `value`, `low` and `high` are 0..100 and `coverage` 0..1. `value` is NaN where there is no
    score. `raw` (units x indicators) are the values that came in, NaN where missing.
    """

    card: Scorecard
    value: Array
    low: Array
    high: Array
    coverage: Array
    raw: Array

    def __len__(self) -> int:
        """The number of units."""
        return int(self.value.shape[0])

    def why(self, unit: int, column: int = 0, language: Language = "en") -> str:
        """Why a unit has no score at a level, in one line; "" when it has one."""
        node = self.card.nodes[column]
        if not np.isnan(self.value[unit, column]):
            return ""
        if node.indicator:
            return reasons.indicator(language, applies=not node.indicator.optional)
        short = [
            self.card.nodes[child]
            for child in node.children
            if np.isnan(self.value[unit, child]) and not np.isnan(self.low[unit, child])
        ]
        return reasons.level(language, node, float(self.coverage[unit, column]), short)


def score(card: Scorecard, values: npt.ArrayLike, *, limits: bool = True) -> Scores:
    """Score units x indicators raw values, columns as `card.indicators`, NaN = missing.

    Behind them may stand the units' own references, a column for each of `card.own`.

    Without `limits` there is no interval (`low` and `high` are NaN), which takes half the time.

    ValueError if the shape does not fit the card. Relative normalisations (min-max, z-score,
    ranks, reference) compare the units of this one call.
    """
    raw = np.asarray(values, dtype=np.float64)
    count = len(card.indicators)
    if raw.ndim != 2 or raw.shape[1] not in (count, count + len(card.own)):
        raise ValueError(
            f"values have shape {raw.shape}: {card.id} needs units x {len(card.indicators)}"
        )
    shape = (len(card.nodes), raw.shape[0])
    value, coverage = np.empty(shape), np.empty(shape)
    low = high = np.broadcast_to(np.nan, shape)
    if limits:
        low, high = np.empty(shape), np.empty(shape)
    own = references(card, raw)
    raw = raw[:, :count]
    for number, (column, indicator) in enumerate(card.leaves):
        value[column], coverage[column] = _leaf(indicator, raw[:, number], own.get(number))
        if limits:
            low[column], high[column] = _leaf_limits(indicator, value[column], coverage[column])
    for node in reversed(card.levels):
        _combine(card, node, value, coverage)
        if limits:
            _limit(card, node, value, low, high)
    # Rows per column are how the engine computes, rows per unit how people read.
    return Scores(card, value.T, low.T, high.T, coverage.T, raw)


def references(card: Scorecard, values: Array) -> dict[int, Array]:
    """Number of an indicator -> the units' own references, where they stand behind the values."""
    behind = values[:, len(card.indicators) :]
    return dict(zip(card.own, behind.T, strict=False))


def _leaf(indicator: Indicator, raw: Array, own: Array | None) -> tuple[Array, Array]:
    """Value and coverage of an indicator."""
    raw = np.where(np.isfinite(raw), raw, np.nan)
    filled = imputed(raw, indicator.impute) if indicator.impute else raw
    value = normalised(filled, indicator, own)
    # A value without a logarithm is as good as missing.
    known = ~np.isnan(raw) & ~np.isnan(value)
    return value, np.where(known, 1.0, np.nan) if indicator.optional else known.astype(float)


def _leaf_limits(indicator: Indicator, value: Array, coverage: Array) -> tuple[Array, Array]:
    """Low and high of an indicator: its value, or 0 and 100 where that is missing or imputed."""
    if indicator.optional:
        return value, value
    known = coverage > 0
    return np.where(known, value, 0.0), np.where(known, value, 100.0)


def imputed(raw: Array, rule: Impute) -> Array:
    """Missing values replaced: by the rule's value, or the mean or median of those who have one."""
    known = raw[~np.isnan(raw)]
    if rule.kind == "value":
        stand_in = float(rule.value or 0.0)
    elif not known.size:
        return raw
    else:
        stand_in = float(np.mean(known) if rule.kind == "mean" else np.median(known))
    return np.where(np.isnan(raw), stand_in, raw)


def _combine(card: Scorecard, node: Node, value: Array, coverage: Array) -> None:
    """Fill one level's rows of value and coverage from those of its parts."""
    parts, here = list(node.parts), node.column
    value[here] = capped(card, node, aggregate(node.aggregation, value[parts], node.weights), value)
    coverage[here] = np.nan_to_num(aggregate("arithmetic", coverage[parts], node.weights))
    value[here][coverage[here] < node.coverage - TINY] = np.nan


def _limit(card: Scorecard, node: Node, value: Array, low: Array, high: Array) -> None:
    """Fill one level's rows of low and high from those of its parts."""
    parts, here = list(node.parts), node.column
    # What does not apply has no interval and stays out of every mean.
    unscored = np.isnan(value[parts]) & ~np.isnan(low[parts])
    worst = np.where(unscored, 0.0, low[parts])
    best = np.where(unscored, 100.0, high[parts])
    low[here] = aggregate(node.aggregation, worst, node.weights)
    high[here] = aggregate(node.aggregation, best, node.weights)
    if any(card.nodes[part].critical for part in parts):
        low[here] = capped(card, node, low[here], _rows(worst, parts))
        high[here] = capped(card, node, high[here], _rows(best, parts))
    _unknown(low[here], 0.0)
    _unknown(high[here], 100.0)
    # Containment holds but for rounding; fmin and fmax pass over a value that is not there.
    np.fmin(low[here], value[here], out=low[here])
    np.fmax(high[here], value[here], out=high[here])


def _unknown(limits: Array, limit: float) -> None:
    """Nothing in a level applies: nothing is known of it."""
    limits[np.isnan(limits)] = limit


def _rows(matrix: Array, parts: list[int]) -> dict[int, Array]:
    return dict(zip(parts, matrix, strict=True))


def caps(card: Scorecard, node: Node, value: Array | dict[int, Array]) -> list[tuple[int, Array]]:
    """For each critical part its column and the most that it allows the level, per unit.

    The cap is cap + (100 - cap) x / below for a score x under `below`, else 100.
    """
    found = []
    for part in node.parts:
        rule = card.nodes[part].critical
        if rule:
            x = value[part]
            cap = rule.cap + (100.0 - rule.cap) * (x / rule.below)
            found.append((part, np.where(x < rule.below, cap, 100.0)))
    return found


def capped(card: Scorecard, node: Node, mean: Array, value: Array | dict[int, Array]) -> Array:
    """A level's mean under the caps of its critical parts; a part without a score caps nothing."""
    for _, cap in caps(card, node, value):
        # fmin would let a cap stand in for a missing mean.
        mean = np.where(cap < mean, cap, mean)
    return mean
