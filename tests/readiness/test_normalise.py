"""Normalisations and outliers against COINr's definitions, the numbers worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from readiness.cards import card

from muster_collector.readiness import normalise, score
from muster_collector.readiness.robustness import robustness

NAN = float("nan")
X = np.array([2.0, 4.0, 4.0, NAN, 10.0])


def close(array: Any, expected: list[float]) -> None:
    assert list(array) == pytest.approx(expected, abs=1e-9, nan_ok=True)


def test_minmax() -> None:
    close(normalise.minmax(X), [0, 0.25, 0.25, NAN, 1])
    close(normalise.minmax(np.array([3.0, 3.0])), [1, 1])


def test_zscore() -> None:
    # Mean 5; squares 9 + 1 + 1 + 25 = 36 over n - 1 = 3, so the deviation is the root of 12.
    root = math.sqrt(12)
    close(normalise.zscore(X), [-3 / root, -1 / root, -1 / root, NAN, 5 / root])
    close(normalise.zscore(X, 10, 2), [10 - 6 / root, *[10 - 2 / root] * 2, NAN, 10 + 10 / root])
    close(normalise.zscore(np.array([3.0, NAN]), 50, 10), [50, NAN])


def test_ranks_share_the_lowest_place() -> None:
    close(normalise.rank(X), [1, 2, 2, NAN, 4])
    close(normalise.percentile_rank(X), [0, 1 / 3, 1 / 3, NAN, 1])
    close(normalise.percentile_rank(np.array([7.0, NAN])), [1, NAN])


def test_goalposts_are_clipped() -> None:
    close(normalise.goalposts(X, 3, 8), [0, 0.2, 0.2, NAN, 1])


def test_distances() -> None:
    close(normalise.distance_to_target(X, 6), [0, 0.5, 0.5, NAN, 2])
    close(normalise.distance_to_unit(X, 1), [0, 1, 1, NAN, 4])
    close(normalise.distance_to_target(X, 1), [1, 1, 1, NAN, 1])


def test_shape_by_the_formulas() -> None:
    x = np.array([1.0, 2.0, 3.0, 10.0])
    # Deviations -3, -2, -1, 6: m2 = 50/4, m3 = 180/4, m4 = 1394/4.
    g1 = 45 / 12.5**1.5
    assert normalise.skewness(x) == pytest.approx(g1 * math.sqrt(12) / 2, abs=1e-9)
    g2 = 348.5 / 12.5**2 - 3
    assert normalise.kurtosis(x) == pytest.approx(3 / 2 * (5 * g2 + 6), abs=1e-9)


def test_winsorise_draws_in_one_outlier_and_stops() -> None:
    x = np.array([*range(1, 20), 1000.0, NAN])
    treated = normalise.winsorise(x)
    assert treated[:20].tolist() == [*range(1, 20), 19.0]
    assert np.isnan(treated[20])
    close(normalise.winsorise(-x), [*(-n for n in range(1, 20)), -19, NAN])


def test_winsorise_moves_no_more_than_its_points() -> None:
    x = np.array([*[1.0] * 50, 1.5, 900.0, 1000.0])
    # One point: 1000 comes down to 900, and both now stand for the outlier.
    assert sorted(normalise.winsorise(x, points=1))[-2:] == [900.0, 900.0]


def test_winsorise_leaves_what_passes() -> None:
    x = np.array([1.0, 2.0, 3.0, 10.0])
    assert normalise.winsorise(x).tolist() == x.tolist()
    assert normalise.winsorise(np.array([5.0, 5.0, NAN])).tolist()[:2] == [5.0, 5.0]


@pytest.mark.parametrize(
    ("rule", "direction", "expected"),
    [
        ({"kind": "minmax"}, "up", [0, 25, 25, NAN, 100]),
        ({"kind": "minmax"}, "down", [100, 75, 75, NAN, 0]),
        ({"kind": "minmax", "log": True}, "up",
         [0, *[100 * math.log(2) / math.log(5)] * 2, NAN, 100]),
        ({"kind": "zscore", "mean": 50, "sd": 10}, "up",
         [50 - 30 / math.sqrt(12), *[50 - 10 / math.sqrt(12)] * 2, NAN, 50 + 50 / math.sqrt(12)]),
        ({"kind": "percentile"}, "down", [100, 100 / 3, 100 / 3, NAN, 0]),
        ({"kind": "rank"}, "up", [25, 50, 50, NAN, 100]),
        ({"kind": "reference", "value": 6}, "up", [0, 50, 50, NAN, 100]),
        ({"kind": "reference", "value": 2}, "down", [100, 75, 75, NAN, 0]),
        ({"kind": "thresholds", "points": [[2, 0], [6, 80], [8, 100]]}, "up",
         [0, 40, 40, NAN, 100]),
        ({"kind": "thresholds", "points": [[1, 100], [4, 60], [16, 0]], "log": True}, "down",
         [80, 60, 60, NAN, 60 * math.log(1.6) / math.log(4)]),
        ({"kind": "goalposts", "low": 2, "high": 8, "log": True}, "up", [0, 50, 50, NAN, 100]),
    ],
)  # fmt: skip
def test_rules_of_a_card(rule: dict[str, Any], direction: str, expected: list[float]) -> None:
    tree = card({"a": {"normalise": rule, "direction": direction}})
    close(score(tree, X[:, None]).value[:, 1], expected)


@pytest.mark.parametrize(
    ("direction", "own", "expected"),
    [
        # The worst is 2: (4 - 2) / (6 - 2), (4 - 2) / (4 - 2), (10 - 2) / (18 - 2).
        ("up", [5.0, 6.0, 4.0, 3.0, 18.0], [0, 50, 100, NAN, 50]),
        # The worst is 10: (10 - 2) / (10 - 6), clipped; (10 - 4) / (10 - 0); at its reference.
        ("down", [6.0, 0.0, NAN, 3.0, 10.0], [100, 60, NAN, NAN, 100]),
    ],
)
def test_each_unit_may_have_a_reference_of_its_own(
    direction: str, own: list[float], expected: list[float]
) -> None:
    rule = {"kind": "reference", "own": True}
    tree = card({"a": {"normalise": rule, "direction": direction}, "b": {}})
    values = np.column_stack([X, np.full(5, 50.0), own])
    close(score(tree, values).value[:, tree.columns["a"]], expected)
    # Without references nobody can say.
    assert np.isnan(score(tree, values[:, :2]).value[:, tree.columns["a"]]).all()
    with pytest.raises(ValueError, match="test needs units x 2"):
        score(tree, values[:, :1])


def test_own_references_stay_when_weights_are_varied() -> None:
    tree = card({"a": {"normalise": {"kind": "reference", "own": True}}, "b": {}})
    values = [[2.0, 50.0, 10.0], [6.0, 40.0, 10.0], [4.0, 45.0, 4.0]]
    firm = robustness(tree, values, np.random.default_rng(1), draws=50)
    assert firm.score.tolist() == score(tree, values).value[:, 0].tolist()
    assert firm.rank.tolist() == [3, 2, 1]


def test_no_logarithm_is_no_data() -> None:
    tree = card({"a": {"normalise": {"kind": "minmax", "log": True}}})
    scores = score(tree, [[0.0], [1.0], [10.0]])
    assert np.isnan(scores.value[0, 1])
    assert scores.coverage[0, 1] == 0.0


def test_a_column_without_any_value() -> None:
    for kind in ("minmax", "zscore", "rank", "percentile"):
        for extra in ({}, {"winsorise": {}, "impute": {"kind": "median"}}):
            tree = card({"a": {"normalise": {"kind": kind}, **extra}, "b": {}})
            assert np.isnan(score(tree, [[NAN, 1.0], [NAN, 2.0]]).value[:, 1]).all()


def test_imputation_by_the_middle_of_the_others() -> None:
    values = [[10.0], [20.0], [60.0], [NAN]]
    for kind, expected in (("mean", 30.0), ("median", 20.0)):
        tree = card({"a": {"impute": {"kind": kind}}})
        assert score(tree, values).value[3, 1] == pytest.approx(expected)
