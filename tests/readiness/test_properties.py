"""What holds for every card and every value: bounds, order, intervals, exact accounts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from readiness.cards import card

from muster_collector.readiness import Scorecard, change, lost, rollup, score

Array = npt.NDArray[np.float64]

MEANS = st.sampled_from(["arithmetic", "geometric", "harmonic", "minimum"])
WEIGHTS = st.one_of(st.integers(1, 9), st.floats(0.01, 100))
CRITICAL = st.one_of(
    st.none(),
    st.fixed_dictionaries({"below": st.integers(1, 100), "cap": st.integers(0, 100)}),
)
UP: list[dict[str, Any]] = [
    {"kind": "goalposts", "low": 0, "high": 100},
    {"kind": "goalposts", "low": 5, "high": 80, "log": True},
    {"kind": "thresholds", "points": [[10, 0], [30, 50], [31, 80], [90, 100]]},
]
DOWN: list[dict[str, Any]] = [
    {"kind": "goalposts", "low": 10, "high": 60},
    {"kind": "thresholds", "points": [[10, 100], [50, 30], [90, 0]], "log": True},
]
LEAVES = 6
VALUES = st.one_of(st.floats(0, 120), st.sampled_from([0.0, 10.0, 50.0, 100.0, np.nan]))


def part(draw: st.DrawFn) -> dict[str, Any]:
    keys: dict[str, Any] = {"weight": draw(WEIGHTS)}
    critical = draw(CRITICAL)
    return {**keys, "critical": critical} if critical else keys


@st.composite
def cards(draw: st.DrawFn, *, optional: bool = True) -> Scorecard:
    """Trees of three layers with every mean, cap, rule and absolute normalisation."""
    rules = [("up", rule) for rule in UP] + [("down", rule) for rule in DOWN]
    indicators = {}
    for number, place in enumerate(("p", "p", "q", "r", "r", "overall")):
        direction, rule = draw(st.sampled_from(rules))
        indicators[f"i{number}"] = {
            **part(draw),
            "parent": place,
            "direction": direction,
            "normalise": rule,
            "optional": optional and draw(st.booleans()),
        }
    coverage = st.sampled_from([0.0, 0.4, 0.75, 1.0])
    levels = {
        name: {
            **part(draw),
            "parent": above,
            "aggregation": draw(MEANS),
            "coverage": draw(coverage),
        }
        for name, above in (("p", "overall"), ("q", "overall"), ("r", "q"))
    }
    return card(indicators, levels, aggregation=draw(MEANS), coverage=draw(coverage))


def values(rows: int) -> st.SearchStrategy[Array]:
    return arrays.arrays(np.float64, (rows, LEAVES), elements=VALUES)


def path(tree: Scorecard, column: int) -> Iterator[int]:
    while column > 0:
        yield column
        column = tree.nodes[column].parent


def columns(tree: Scorecard) -> list[int]:
    return [node.column for node in tree.indicators]


@given(cards(), values(4))
def test_within_bounds_and_interval_contains_the_score(tree: Scorecard, x: Array) -> None:
    scores = score(tree, x)
    for array in (scores.value, scores.low, scores.high, 100 * scores.coverage):
        assert not (array < 0).any()
        assert not (array > 100).any()
    assert not (scores.low > scores.value).any()
    assert not (scores.high < scores.value).any()
    assert not (scores.low > scores.high).any()
    assert not np.isnan(scores.low[:, [level.column for level in tree.levels]]).any()
    # Nothing missing: nothing is uncertain.
    whole = ~np.isnan(x).any(axis=1)
    assert np.allclose(scores.low[whole], scores.high[whole], atol=1e-9)
    assert np.allclose(scores.coverage[whole], 1.0)


@given(cards(), values(3), st.integers(0, LEAVES - 1), st.floats(0, 50))
def test_better_never_scores_worse(tree: Scorecard, x: Array, which: int, more: float) -> None:
    _, indicator = tree.leaves[which]
    better = x.copy()
    better[:, which] += more if indicator.direction == "up" else -more
    before, after = score(tree, x), score(tree, better)
    assert not (after.value < before.value - 1e-9).any()
    assert not (after.low < before.low - 1e-9).any()
    assert not (after.high < before.high - 1e-9).any()


@given(cards(optional=False), values(3), st.integers(0, LEAVES - 1))
def test_more_data_never_widens_the_interval(tree: Scorecard, x: Array, which: int) -> None:
    less = x.copy()
    less[:, which] = np.nan
    known, unknown = score(tree, x), score(tree, less)
    # The unit's indicator itself and every level above it; a level's interval is that of all its
    # parts, so it can only shrink.
    assert not (known.low < unknown.low - 1e-9).any()
    assert not (known.high > unknown.high + 1e-9).any()
    assert not (known.coverage < unknown.coverage - 1e-9).any()


@given(cards(), values(5), st.permutations(range(5)))
def test_order_of_rows_changes_not_a_bit(tree: Scorecard, x: Array, order: list[int]) -> None:
    straight, mixed = score(tree, x), score(tree, x[order])
    assert np.array_equal(straight.value[order], mixed.value, equal_nan=True)
    assert np.array_equal(straight.low[order], mixed.low, equal_nan=True)
    assert np.array_equal(straight.high[order], mixed.high, equal_nan=True)


@given(values(4), MEANS, st.lists(WEIGHTS, min_size=LEAVES, max_size=LEAVES), st.floats(0.1, 9))
def test_weights_have_no_scale(x: Array, mean: str, weights: list[float], scale: float) -> None:
    one, other = (
        card({f"i{n}": {"weight": w * by} for n, w in enumerate(weights)}, aggregation=mean)
        for by in (1.0, scale)
    )
    first, second = score(one, x), score(other, x)
    assert np.allclose(first.value, second.value, atol=1e-9, equal_nan=True)
    assert np.allclose(first.low, second.low, atol=1e-9)


@given(cards(), values(4))
def test_losses_sum_to_what_is_missing_from_100(tree: Scorecard, x: Array) -> None:
    scores = score(tree, x)
    for level in tree.levels:
        points = lost(scores, level.id)
        whole = 100.0 - scores.value[:, level.column]
        assert np.allclose(points[:, columns(tree)].sum(axis=1), whole, atol=1e-9, equal_nan=True)
        assert not (points < -1e-9).any()


@given(cards(), values(4), values(4))
def test_changes_sum(tree: Scorecard, x: Array, y: Array) -> None:
    before, after = score(tree, x), score(tree, y)
    for level in tree.levels:
        moved = change(before, after, level.id)
        total = after.value[:, level.column] - before.value[:, level.column]
        assert np.array_equal(moved.total, total, equal_nan=True)
        parts = moved.parts[:, columns(tree)].sum(axis=1)
        assert np.allclose(parts + moved.coverage, total, atol=1e-9, equal_nan=True)


@given(cards(), values(4), values(4))
def test_change_is_its_own_reverse(tree: Scorecard, x: Array, y: Array) -> None:
    there, back = (change(score(tree, a), score(tree, b)) for a, b in ((x, y), (y, x)))
    assert np.allclose(there.parts, -back.parts, atol=1e-9, equal_nan=True)
    assert np.allclose(there.coverage, -back.coverage, atol=1e-9, equal_nan=True)


@given(cards(), values(4), st.integers(0, LEAVES - 1))
def test_who_does_not_move_explains_nothing(tree: Scorecard, x: Array, which: int) -> None:
    column, _ = tree.leaves[which]
    # A cap's points can move to or from a part that stands still: only the binding part pays.
    assume(not any(tree.nodes[above].critical for above in path(tree, column)))
    y = np.full_like(x, 60.0)
    y[:, which] = x[:, which]
    moved = change(score(tree, x), score(tree, y))
    known = ~np.isnan(moved.total)
    assert (np.abs(moved.parts[known, column]) < 1e-9).all()


@given(cards(), values(6), st.lists(st.integers(-1, 2), min_size=6, max_size=6))
def test_rollups_keep_the_bounds(tree: Scorecard, x: Array, groups: list[int]) -> None:
    groups_of = rollup(score(tree, x), groups, 3, planned=[2, 3, 4])
    assert not (groups_of.low > groups_of.value).any()
    assert not (groups_of.high < groups_of.value).any()
    assert (groups_of.low >= 0).all()
    assert (groups_of.high <= 100 + 1e-9).all()
    assert (groups_of.scored <= groups_of.planned).all()


RULES: list[dict[str, Any]] = [
    *UP,
    {"kind": "goalposts", "low": 0, "high": 1e-300},
    {"kind": "minmax"},
    {"kind": "minmax", "log": True},
    {"kind": "zscore"},
    {"kind": "rank"},
    {"kind": "percentile"},
    {"kind": "reference", "value": 1e-9},
]


@given(
    st.sampled_from(RULES),
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=9),
    st.booleans(),
)
def test_any_numbers_at_all(rule: dict[str, Any], x: list[float], drawn_in: bool) -> None:
    tree = card({"a": {"normalise": rule, **({"winsorise": {}} if drawn_in else {})}, "b": {}})
    scores = score(tree, [[number, 50.0] for number in x])
    found = scores.value[:, 1]
    assert ((found >= 0) & (found <= 100) | np.isnan(found)).all()
    known = np.isfinite(x)
    assert np.isnan(found[~known]).all()
    assert np.array_equal(scores.coverage[:, 1] == 1, ~np.isnan(found))
    # More is never worse, between units as well.
    order = np.argsort(np.array(x)[~np.isnan(found)], kind="stable")
    assert (np.diff(found[~np.isnan(found)][order]) >= -1e-9).all()
