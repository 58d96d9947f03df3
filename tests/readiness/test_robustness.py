"""Random variants of a card: reproducible, centred on the card, and right on known models."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from readiness.cards import card
from readiness.test_properties import Array, cards, values

from muster_collector.readiness import Scorecard, score
from muster_collector.readiness.robustness import robustness
from muster_collector.readiness.sampling import Input, Variants, nominal_ranks, places
from muster_collector.readiness.sensitivity import rank_sensitivity, sobol

NAN = float("nan")
AB: dict[str, dict[str, Any]] = {"a": {}, "b": {}}
ROWS = [[90.0, 10.0], [55.0, 50.0], [NAN, NAN], [20.0, 90.0], [10.0, 10.0]]


@given(cards(), values(6))
def test_the_middle_variant_is_the_card_itself(tree: Scorecard, x: Array) -> None:
    variants = Variants(tree, x)
    whole = score(tree, x).value[:, 0]
    assert variants.units.tolist() == np.flatnonzero(~np.isnan(whole)).tolist()
    middle = variants.score(np.full(len(variants.inputs), 0.5))
    # Single precision keeps 7 digits; a logarithm or reciprocal of tiny scores fewer.
    assert np.allclose(middle, whole[variants.units], atol=1e-3)


def test_inputs_are_weights_that_share_and_thresholds_that_exist() -> None:
    tree = card({"a": {"parent": "p"}, "b": {"normalise": {"kind": "minmax"}}}, {"p": {}})
    assert Variants(tree, [[1.0, 2.0]]).inputs == (
        Input("weight", "b"),
        Input("weight", "p"),
        Input("thresholds", "a"),
    )


def test_variants_by_hand() -> None:
    variants = Variants(card(AB), [[80.0, 40.0]], spread=0.5, shift=0.0)
    # Weights 1.5 and 0.5: (1.5 x 80 + 0.5 x 40) / 2.
    assert variants.score(np.array([1.0, 0.0])).tolist() == pytest.approx([70.0], abs=1e-4)
    shifted = Variants(card({"a": {}}), [[50.0]], spread=0.0, shift=0.2)
    # The highest of 17 steps stands for 33/34 of the range: goalposts 16/17 x 20 higher.
    assert shifted.score(np.array([0.999])).tolist() == pytest.approx(
        [50.0 - 20.0 * 16 / 17], abs=1e-4
    )


def test_seeded_draws_give_the_same_numbers_and_contain_the_card() -> None:
    one, two = (robustness(card(AB), ROWS, np.random.default_rng(7), draws=200) for _ in range(2))
    assert np.array_equal(one.rank_low, two.rank_low, equal_nan=True)
    assert np.array_equal(one.score_high, two.score_high, equal_nan=True)
    known = ~np.isnan(one.score)
    assert known.tolist() == [True, True, False, True, True]
    assert (one.score_low[known] < one.score[known]).all()
    assert (one.score_high[known] > one.score[known]).all()
    assert (one.rank_low[known] <= one.rank_median[known]).all()
    assert (one.rank_median[known] <= one.rank_high[known]).all()
    # The last is behind in everything, whatever the weights.
    assert (one.rank_low[4], one.rank_high[4]) == (4.0, 4.0)
    # The three others are within five points: each can be first or third.
    assert one.rank_low[0] == one.rank_low[3] == 1.0
    assert one.rank_high[0] == one.rank_high[3] == 3.0


def test_without_spread_nothing_moves() -> None:
    same = robustness(card(AB), ROWS, np.random.default_rng(7), draws=20, spread=0, shift=0)
    known = ~np.isnan(same.score)
    assert np.allclose(same.score_low[known], same.score_high[known])
    assert np.array_equal(same.rank_low[known], same.rank[known])


def test_nobody_has_a_score() -> None:
    nothing = robustness(card(AB), [[NAN, NAN]], np.random.default_rng(7), draws=5)
    assert np.isnan(nothing.rank).all()


def test_spread_out_of_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match="use 0 to 1"):
        Variants(card(AB), ROWS, spread=1.5)


def test_places_share_the_better_number() -> None:
    assert places(np.array([5.0, 9.0, 9.0, 1.0])).tolist() == [3, 1, 1, 4]
    ranks = nominal_ranks(score(card(AB), ROWS))
    assert ranks[[0, 1, 3, 4]].tolist() == [3.0, 2.0, 1.0, 4.0]
    assert np.isnan(ranks[2])


def test_sobol_indices_of_the_ishigami_function() -> None:
    def ishigami(u: Array) -> float:
        x = math.pi * (2.0 * u - 1.0)
        return float(np.sin(x[0]) + 7 * np.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * np.sin(x[0]))

    found = sobol(ishigami, 3, 8192, np.random.default_rng(3))
    # Known: S = 0.3139, 0.4424, 0; T = 0.5576, 0.4424, 0.2437 (Ishigami and Homma 1990).
    assert found.first.tolist() == pytest.approx([0.3139, 0.4424, 0.0], abs=0.04)
    assert found.total.tolist() == pytest.approx([0.5576, 0.4424, 0.2437], abs=0.04)
    assert found.variance == pytest.approx(13.845, rel=0.05)


def test_sensitivity_finds_the_weight_that_ranks() -> None:
    # b hardly differs between units, a and c pull apart.
    rows = [[80.0, 50.0, 20.0], [20.0, 51.0, 80.0], [50.0, 50.0, 51.0]]
    tree = card({"a": {}, "b": {}, "c": {}})
    rng = np.random.default_rng(5)
    inputs, found = rank_sensitivity(tree, rows, rng, samples=256, shift=0.0)
    total = dict(zip((one.id for one in inputs), found.total.tolist(), strict=True))
    assert total["a"] > 5 * total["b"]
    assert total["c"] > 5 * total["b"]


def test_sensitivity_without_anything_to_rank() -> None:
    inputs, found = rank_sensitivity(card(AB), [[1.0, 2.0]], np.random.default_rng(5))
    assert len(inputs) == len(found.total)
    assert not found.total.any()
    constant = sobol(lambda _: 4.0, 2, 8, np.random.default_rng(5))
    assert constant.total.tolist() == [0.0, 0.0]
