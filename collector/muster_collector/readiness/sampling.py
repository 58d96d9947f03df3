"""Fast scores of the same units under many variants of one card: other weights, other thresholds.

A variant is a vector of numbers in 0..1, one per uncertain input (`Variants.inputs`): at 0.5 the
card as it is. A weight's input multiplies it by 1 - spread to 1 + spread; a threshold input moves
all values of an indicator's thresholds or goalposts together by -shift to +shift of their span, in
steps (`STRATA` of them, so that each can be worked out once). What is missing stays missing: which
levels have a score is decided by the card as it is. Relative normalisations have no thresholds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .engine import Scores, imputed, references, score
from .normalise import normalised
from .schema import Goalposts, Indicator, Normalise, Thresholds
from .scorecard import Node, Scorecard

Array = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.floating[Any]]
Places = npt.NDArray[np.intp]

STRATA = 17
"""Steps of a threshold's input, each the middle of its share of 0..1; odd, so that one is 0.5."""


class Input(NamedTuple):
    """One uncertain thing: the `weight` or the `thresholds` of a level or indicator."""

    kind: str
    id: str


class _Level(NamedTuple):
    """What a level needs for a variant: `patterns` are the sets of parts that some unit has."""

    node: Node
    weights: Array
    patterns: Array
    pattern: Places


class Variants:
    """The units of one scoring that have an overall score, ready to be scored again and again."""

    def __init__(
        self, card: Scorecard, values: npt.ArrayLike, *, spread: float = 0.25, shift: float = 0.1
    ) -> None:
        """Make ready; `spread` of weights and `shift` of thresholds, both 0..1.

        ValueError for a spread or shift outside 0..1, or values that do not fit the card.
        """
        if not (0 <= spread < 1 and 0 <= shift <= 1):
            raise ValueError(f"spread {spread} and shift {shift}: use 0 to 1")
        scores = score(card, values)
        self.card = card
        self.spread = spread
        self.units = np.flatnonzero(~np.isnan(scores.value[:, 0]))
        self.known = ~np.isnan(scores.value[self.units].T)
        self._missing = [np.flatnonzero(~row) for row in self.known]
        self.inputs = _inputs(card, spread, shift)
        self._place = {one: place for place, one in enumerate(self.inputs)}
        own = references(card, np.asarray(values, dtype=np.float64))
        self._leaves = {
            column: _strata(indicator, scores.raw[:, number], shift, own.get(number))[:, self.units]
            for number, (column, indicator) in enumerate(card.leaves)
        }
        self._levels = [self._level(node) for node in reversed(card.levels)]
        self.nominal = scores.value[self.units, 0]

    def _level(self, node: Node) -> _Level:
        known = self.known[list(node.parts)].T.astype(np.float64)
        patterns, pattern = np.unique(known, axis=0, return_inverse=True)
        return _Level(node, np.array(node.weights), patterns, pattern.reshape(-1))

    def score(self, variant: Array) -> Array:
        """Overall scores of `units` under one variant (as long as `inputs`)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self._score(variant)

    def _score(self, variant: Array) -> Array:
        value: dict[int, Numbers] = {}
        for column, strata in self._leaves.items():
            place = self._place.get(Input("thresholds", self.card.nodes[column].id))
            step = len(strata) // 2 if place is None else int(variant[place] * STRATA)
            value[column] = strata[min(step, len(strata) - 1)]
        for level in self._levels:
            value[level.node.column] = self._mean(level, variant, value)
        return np.asarray(value[0], dtype=np.float64)

    def _mean(self, level: _Level, variant: Array, value: Mapping[int, Numbers]) -> Array:
        node = level.node
        if not node.parts or not len(self.units):
            return np.zeros(len(self.units))
        weights = level.weights * self._factors(node, variant)
        result = _combined(node, weights, value, self._missing)
        if node.aggregation != "minimum":
            total = (level.patterns @ weights).take(level.pattern)
            result = np.divide(result, total, out=result)
        if node.aggregation == "geometric":
            result = np.exp(result, out=result)
        elif node.aggregation == "harmonic":
            result = np.reciprocal(result, out=result)
        self._cap(node, value, result)
        missing = self._missing[node.column]
        if missing.size:
            result[missing] = 0.0
        return result

    def _cap(self, node: Node, value: Mapping[int, Numbers], result: Array) -> None:
        for part in node.parts:
            rule = self.card.nodes[part].critical
            if rule:
                cap = value[part] * ((100.0 - rule.cap) / rule.below)
                cap += rule.cap
                np.minimum(cap, 100.0, out=cap)
                cap[self._missing[part]] = 100.0
                np.minimum(result, cap, out=result)

    def _factors(self, node: Node, variant: Array) -> Array:
        places = [self._place.get(Input("weight", self.card.nodes[p].id), -1) for p in node.parts]
        if places[0] < 0:
            return np.ones(len(places))
        return 1.0 + self.spread * (2.0 * variant[places] - 1.0)


def _combined(
    node: Node,
    weights: Array,
    value: Mapping[int, Numbers],
    missing: Sequence[Places],
) -> Array:
    """The weighted sum in the mean's coordinate, or the minimum, over what each unit has."""
    result = np.full(len(value[node.parts[0]]), 100.0 if node.aggregation == "minimum" else 0.0)
    for part, weight in zip(node.parts, weights.tolist(), strict=True):
        if node.aggregation == "arithmetic":
            # What is missing is held as 0.
            result += value[part] * weight
            continue
        term = _COORDINATE[node.aggregation](value[part])
        if node.aggregation == "minimum":
            term[missing[part]] = 100.0
            np.minimum(result, term, out=result)
        else:
            term *= weight
            term[missing[part]] = 0.0
            result += term
    return result


_COORDINATE: Mapping[str, Callable[[Numbers], Numbers]] = {
    "geometric": np.log,
    "harmonic": np.reciprocal,
    "minimum": np.copy,
}


def _inputs(card: Scorecard, spread: float, shift: float) -> tuple[Input, ...]:
    weights = [
        Input("weight", card.nodes[part].id)
        for node in card.levels
        for part in node.parts
        if spread and len(node.parts) > 1
    ]
    thresholds = [
        Input("thresholds", card.nodes[column].id)
        for column, indicator in card.leaves
        if shift and isinstance(indicator.normalise, Thresholds | Goalposts)
    ]
    return (*weights, *thresholds)


def _strata(indicator: Indicator, raw: Array, shift: float, own: Array | None) -> Numbers:
    """The indicator's scores at each step of its thresholds, steps x units; 0 where missing.

    Single precision: half the memory to walk through for each variant.
    """
    filled = imputed(raw, indicator.impute) if indicator.impute else raw
    steps = (np.arange(STRATA) + 0.5) / STRATA * 2.0 - 1.0
    if not shift or not isinstance(indicator.normalise, Thresholds | Goalposts):
        steps = np.zeros(1)
    rules = [_shifted(indicator.normalise, shift * step) for step in steps.tolist()]
    rows = [
        normalised(filled, indicator.model_copy(update={"normalise": rule}), own) for rule in rules
    ]
    return np.nan_to_num(np.stack(rows)).astype(np.float32)


def _shifted(rule: Normalise, share: float) -> Normalise:
    """The rule with its values moved by a share of their span (in the logarithm with `log`)."""
    if isinstance(rule, Goalposts):
        low, high = _moved((rule.low, rule.high), share, log=rule.log)
        return rule.model_copy(update={"low": low, "high": high})
    if isinstance(rule, Thresholds):
        values = _moved(tuple(x for x, _ in rule.points), share, log=rule.log)
        scores = (y for _, y in rule.points)
        return rule.model_copy(update={"points": tuple(zip(values, scores, strict=True))})
    return rule


def _moved(values: tuple[float, ...], share: float, *, log: bool) -> tuple[float, ...]:
    if log:
        factor = (values[-1] / values[0]) ** share
        return tuple(value * factor for value in values)
    step = (values[-1] - values[0]) * share
    return tuple(value + step for value in values)


def nominal_ranks(scores: Scores) -> Array:
    """Places by overall score (1 the best, equals share the better place), NaN without score."""
    result = np.full(len(scores), np.nan)
    known = ~np.isnan(scores.value[:, 0])
    result[known] = places(scores.value[known, 0])
    return result


def places(value: Array) -> npt.NDArray[np.int32]:
    """Place of each value, 1 the greatest, equals sharing the better place; no NaN."""
    order = np.argsort(-value)
    falling = value[order]
    new = np.ones(len(value), dtype=bool)
    new[1:] = falling[1:] != falling[:-1]
    result = np.empty(len(value), dtype=np.int32)
    result[order] = np.maximum.accumulate(np.where(new, np.arange(len(value)), 0)) + 1
    return result
