"""Accounts of scores, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from readiness.cards import card

from muster_collector.readiness import change, lost, rollup, score
from muster_collector.readiness.explain import log_mean

NAN = float("nan")
AB = {"a": {"weight": 3}, "b": {}}


def test_arithmetic_losses_are_weight_times_shortfall() -> None:
    assert lost(score(card(AB), [[80.0, 40.0]])).tolist() == [[30.0, 15.0, 15.0]]


def test_geometric_losses_are_lmdi() -> None:
    points = lost(score(card(AB, aggregation="geometric"), [[80.0, 40.0]]))[0]
    mean = 80 / 2**0.25
    # LMDI-I: (100 - G) / ln(100 / G) points for each unit of w ln(100 / x).
    scale = (100 - mean) / math.log(100 / mean)
    assert points[1] == pytest.approx(scale * 0.75 * math.log(100 / 80), abs=1e-12)
    assert points[2] == pytest.approx(scale * 0.25 * math.log(100 / 40), abs=1e-12)


def test_a_zero_in_a_geometric_mean_answers_for_everything() -> None:
    tree = card({"a": {}, "b": {}, "c": {"weight": 3}}, aggregation="geometric")
    points = lost(score(tree, [[50.0, 0.0, 90.0], [0.0, 50.0, 0.0]]))
    assert points[0].tolist() == pytest.approx([100.0, 0.0, 100.0, 0.0])
    assert points[1].tolist() == pytest.approx([100.0, 25.0, 0.0, 75.0])


def test_harmonic_losses_sum_with_the_weights_of_the_reciprocals() -> None:
    points = lost(score(card(AB, aggregation="harmonic"), [[80.0, 40.0]]))[0]
    # H = 64; w H 100 (1/x - 1/100): 0.75 x 6400 x 0.0025 and 0.25 x 6400 x 0.015.
    assert points.tolist() == pytest.approx([36.0, 12.0, 24.0], abs=1e-12)


def test_the_least_answers_for_a_minimum_and_equals_share() -> None:
    tree = card({"a": {}, "b": {}, "c": {}}, aggregation="minimum")
    points = lost(score(tree, [[80.0, 40.0, 90.0], [70.0, 70.0, 90.0]]))
    assert points[0].tolist() == [60.0, 0.0, 60.0, 0.0]
    assert points[1].tolist() == [30.0, 15.0, 15.0, 0.0]


def test_a_minimum_that_changes_hands_is_split_at_the_crossing() -> None:
    tree = card({"a": {}, "b": {}}, aggregation="minimum")
    moved = change(score(tree, [[20.0, 60.0]]), score(tree, [[100.0, 40.0]]))
    # On the straight way they meet at 2/5: a is the least until then, b afterwards.
    assert moved.parts[0, 1] == pytest.approx(80 * 2 / 5, abs=1e-12)
    assert moved.parts[0, 2] == pytest.approx(-20 * 3 / 5, abs=1e-12)
    assert moved.total[0] == 20.0


def test_what_a_cap_takes_is_charged_to_the_binding_part() -> None:
    critical = {"below": 40, "cap": 20}
    tree = card({"a": {"critical": critical}, "b": {"critical": critical}, "c": {"weight": 8}})
    scores = score(tree, [[20.0, 30.0, 100.0]])
    # Mean (20 + 30 + 800) / 10 = 85; a caps at 60, b at 80: a pays the 25 beyond its own 8.
    assert scores.value[0, 0] == 60.0
    assert lost(scores)[0].tolist() == pytest.approx([40.0, 33.0, 7.0, 0.0], abs=1e-12)


def test_levels_within_levels_and_of_one_level_alone() -> None:
    tree = card({"a": {"parent": "p"}, "b": {"parent": "p"}, "c": {}}, {"p": {}})
    scores = score(tree, [[50.0, 90.0, 80.0]])
    names = tree.columns
    points = lost(scores)[0]
    assert points[names["p"]] == pytest.approx(15.0)
    assert points[names["a"]] == pytest.approx(12.5)
    inside = lost(scores, "p")[0]
    assert inside[names["a"]] == pytest.approx(25.0)
    assert inside[names["c"]] == 0.0
    assert inside[0] == 0.0


def test_geometric_within_geometric_is_as_one_flat_mean() -> None:
    deep = card(
        {"a": {"parent": "p"}, "b": {"parent": "p"}, "c": {}},
        {"p": {"weight": 2, "aggregation": "geometric"}},
        aggregation="geometric",
    )
    flat = card({"a": {}, "b": {}, "c": {}}, aggregation="geometric")
    first, second = [[20.0, 90.0, 60.0]], [[70.0, 30.0, 80.0]]
    split, whole = (change(score(tree, first), score(tree, second)) for tree in (deep, flat))
    for name in "abc":
        found = split.parts[0, deep.columns[name]]
        assert found == pytest.approx(whole.parts[0, flat.columns[name]], abs=1e-12)


def test_change_keeps_coverage_apart() -> None:
    moved = change(score(card(AB), [[80.0, NAN]]), score(card(AB), [[60.0, 20.0]]))
    # What both have in common went from 80 to 60; b's arrival took another 10.
    assert moved.total[0] == pytest.approx(-30.0)
    assert moved.parts[0].tolist() == pytest.approx([-20.0, -20.0, 0.0])
    assert moved.coverage[0] == pytest.approx(-10.0)


def test_change_without_a_score_at_one_end_is_not_a_number() -> None:
    moved = change(score(card(AB), [[NAN, 20.0]]), score(card(AB), [[60.0, 20.0]]))
    assert np.isnan(moved.total[0])
    assert np.isnan(moved.parts[0]).all()
    assert np.isnan(moved.coverage[0])


def test_change_under_two_methods_is_refused() -> None:
    with pytest.raises(ValueError, match="same card"):
        change(score(card(AB), [[1.0, 2.0]]), score(card({"a": {}, "b": {}}), [[1.0, 2.0]]))


def test_logarithmic_mean_keeps_its_digits_near_equality() -> None:
    a = np.array([50.0, 50.0, 100.0])
    b = np.array([50.0, 50.0 * (1 + 1e-9), 1.0])
    expected = [50.0, 50.000000025, 99 / math.log(100)]
    assert log_mean(a, b).tolist() == pytest.approx(expected, rel=1e-13)


def test_a_group_is_explained_by_its_members() -> None:
    group = rollup(score(card(AB), [[80.0, 40.0]]), [0], 1)
    with pytest.raises(ValueError, match="account for its members"):
        lost(group)
    with pytest.raises(ValueError, match="account for its members"):
        change(group, group)
