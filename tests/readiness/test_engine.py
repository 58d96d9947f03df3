"""Scores worked out by hand: means, coverage, intervals, caps, imputation, rollups."""

from __future__ import annotations

import numpy as np
import pytest
from readiness.cards import card

from muster_collector.readiness import lost, rollup, score

NAN = float("nan")
AB = {"a": {"weight": 3}, "b": {}}


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        ("arithmetic", 70.0),  # (3 x 80 + 40) / 4
        ("geometric", 67.27171322029716),  # exp((3 ln 80 + ln 40) / 4) = 80 / 2^(1/4)
        ("harmonic", 64.0),  # 4 / (3/80 + 1/40)
        ("minimum", 40.0),
    ],
)
def test_means(aggregation: str, expected: float) -> None:
    scores = score(card(AB, aggregation=aggregation), [[80.0, 40.0]])
    assert scores.value[0, 0] == pytest.approx(expected, abs=1e-12)
    assert scores.low[0, 0] == scores.high[0, 0] == scores.value[0, 0]
    assert scores.coverage[0, 0] == 1.0


def test_missing_data_widens_the_interval_and_lowers_coverage() -> None:
    scores = score(card(AB), [[80.0, NAN], [NAN, 40.0], [NAN, NAN]])
    # a alone has 3/4 of the weight; b at worst 0, at best 100.
    assert scores.value[0, 0] == 80.0
    assert (scores.low[0, 0], scores.high[0, 0], scores.coverage[0, 0]) == (60.0, 85.0, 0.75)
    # b alone has 1/4, less than the rule's half: no score, but an interval.
    assert np.isnan(scores.value[1, 0])
    assert (scores.low[1, 0], scores.high[1, 0]) == (10.0, 85.0)
    assert scores.why(1) == ("coverage 25% is below the 50% that overall needs; without a score: a")
    assert (scores.low[2, 0], scores.high[2, 0], scores.coverage[2, 0]) == (0.0, 100.0, 0.0)
    assert scores.why(1, language="zh") == ("覆盖率 25%，低于“题”所需的 50%；无评分的部分：某")
    assert scores.why(0) == ""
    assert (scores.why(2, 1), scores.why(2, 1, "zh")) == ("no data", "无数据")


def test_a_level_below_its_rule_counts_as_missing_above() -> None:
    levels = {"p": {"coverage": 0.9}, "q": {}}
    tree = card({"a": {"parent": "p"}, "b": {"parent": "p"}, "c": {"parent": "q"}}, levels)
    scores = score(tree, [[100.0, NAN, 10.0]])
    assert np.isnan(scores.value[0, tree.columns["p"]])
    # p alone would be 50 to 100, yet 25 as a floor would put the interval above the score.
    assert scores.value[0, 0] == 10.0
    assert (scores.low[0, 0], scores.high[0, 0]) == (5.0, 55.0)
    assert scores.coverage[0, 0] == 0.75


def test_critical_cap_falls_in_a_straight_line() -> None:
    tree = card({"a": {"critical": {"below": 40, "cap": 20}}, "b": {"weight": 9}})
    scores = score(tree, [[40.0, 100.0], [20.0, 100.0], [0.0, 100.0], [NAN, 100.0]])
    # At 20, half of 40: the cap is halfway between 20 and 100.
    assert scores.value[:, 0].tolist() == [94.0, 60.0, 20.0, 100.0]
    # A missing critical value may be the worst there is.
    assert (scores.low[3, 0], scores.high[3, 0]) == (20.0, 100.0)


def test_imputed_value_counts_but_adds_no_coverage() -> None:
    tree = card({"a": {"impute": {"kind": "value", "value": 50}}, "b": {}})
    scores = score(tree, [[NAN, 100.0]])
    assert scores.value[0, 0] == 75.0
    assert (scores.low[0, 0], scores.high[0, 0], scores.coverage[0, 0]) == (50.0, 100.0, 0.5)


def test_optional_without_a_value_does_not_apply() -> None:
    tree = card({"a": {"optional": True, "weight": 2}, "b": {}, "c": {}})
    scores = score(tree, [[NAN, 80.0, NAN], [50.0, 80.0, 60.0]])
    # b and c alone count, half of them is there.
    assert scores.value[0, 0] == 80.0
    assert (scores.low[0, 0], scores.high[0, 0], scores.coverage[0, 0]) == (40.0, 90.0, 0.5)
    assert scores.value[1, 0] == 60.0
    assert (scores.why(0, 1), scores.why(0, 1, "zh")) == ("does not apply", "不适用")
    assert lost(scores)[0].tolist() == [20.0, 0.0, 20.0, 0.0]
    group = rollup(scores, [0, 0], 1)
    assert group.coverage[0].tolist() == [0.75, 0.5, 1.0, 0.5]


def test_a_level_in_which_nothing_applies_is_unknown() -> None:
    tree = card({"a": {"optional": True, "parent": "p"}, "b": {}}, {"p": {}})
    scores = score(tree, [[NAN, 80.0]])
    place = tree.columns["p"]
    assert np.isnan(scores.value[0, place])
    assert (scores.low[0, place], scores.high[0, place]) == (0.0, 100.0)
    assert (scores.value[0, 0], scores.low[0, 0], scores.coverage[0, 0]) == (80.0, 40.0, 0.5)


def test_zero_weight_shows_but_does_not_count() -> None:
    tree = card({"a": {"weight": 0}, "b": {}}, aggregation="geometric")
    scores = score(tree, [[0.0, 64.0], [NAN, 64.0]])
    assert scores.value[:, 0].tolist() == pytest.approx([64.0, 64.0], abs=1e-12)
    assert scores.coverage[:, 0].tolist() == [1.0, 1.0]


def test_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="test needs units x 2"):
        score(card(AB), [[1.0, 2.0, 3.0]])


def test_no_units_at_all() -> None:
    scores = score(card(AB), np.empty((0, 2)))
    assert len(scores) == 0
    assert lost(scores).shape == (0, 3)


def test_infinite_values_are_missing() -> None:
    assert score(card(AB), [[80.0, np.inf]]).coverage[0, 0] == 0.75


def test_rollup_weighs_members_and_counts_the_planned() -> None:
    members = score(card({"a": {}}), [[90.0], [30.0], [NAN], [70.0]])
    groups = rollup(members, [0, 0, 0, 1], 3, weights=[2, 1, 1, 1], planned=[4, 1, 2])
    # Group 0: weights 2 + 1 + 1 seen, a fourth planned at their average of 4/3.
    assert groups.value[0, 0] == pytest.approx(70.0, abs=1e-12)  # (2 x 90 + 30) / 3
    assert groups.low[0, 0] == pytest.approx(39.375, abs=1e-12)  # 210 / (16/3)
    assert groups.high[0, 0] == pytest.approx(83.125, abs=1e-12)  # (210 + 700/3) / (16/3)
    assert groups.coverage[0, 0] == pytest.approx(0.5625, abs=1e-12)  # 3 / (16/3)
    assert groups.scored.tolist() == [2, 1, 0]
    assert groups.planned.tolist() == [4, 1, 2]
    assert groups.worst[:2].tolist() == [30.0, 70.0]
    assert np.isnan(groups.value[2, 0])
    assert (groups.low[2, 0], groups.high[2, 0], groups.coverage[2, 0]) == (0.0, 100.0, 0.0)
    assert groups.why(2) == (
        "0 of 2 members have a score; those with 50% of the planned weight must"
    )


def test_rollup_percentile_is_the_nearest_rank() -> None:
    members = score(card({"a": {}}), np.arange(1.0, 21.0)[::-1, None])
    group = rollup(members, np.zeros(20), 1)
    assert (group.p10[0], group.worst[0]) == (2.0, 1.0)  # the second of twenty


def test_rollup_of_rollups_with_weights_is_the_rollup_of_all() -> None:
    members = score(card({"a": {}}), [[90.0], [30.0], [60.0], [70.0]])
    weights = [2.0, 1.0, 1.0, 4.0]
    sites = rollup(members, [0, 0, 1, 1], 2, weights=weights, planned=[3, 2])
    city = rollup(sites, [0, 0], 1, weights=sites.weight)
    assert city.value[0, 0] == pytest.approx((70 * 4.5 + 68 * 5) / 9.5, abs=1e-12)
    assert city.low[0, 0] == pytest.approx((210 + 340) / 9.5, abs=1e-12)


def test_rollup_refuses_groups_and_weights_that_cannot_be() -> None:
    members = score(card({"a": {}}), [[90.0], [30.0]])
    with pytest.raises(ValueError, match="groups below 2"):
        rollup(members, [0, 2], 2)
    with pytest.raises(ValueError, match="weights of 0 or more"):
        rollup(members, [0, 1], 2, weights=[1.0, NAN])
    with pytest.raises(ValueError, match="2 members"):
        rollup(members, [0], 2)


def test_weightless_members_are_counted_but_do_not_weigh() -> None:
    members = score(card({"a": {}}), [[90.0], [30.0]])
    group = rollup(members, [0, 0], 1, weights=[1.0, 0.0])
    assert (group.value[0, 0], group.low[0, 0], group.coverage[0, 0]) == (90.0, 90.0, 1.0)
    assert (group.scored[0], group.worst[0]) == (2, 30.0)
    nothing = rollup(members, [0, 0], 1, weights=[0.0, 0.0])
    assert np.isnan(nothing.value[0, 0])
    assert (nothing.low[0, 0], nothing.high[0, 0]) == (0.0, 100.0)


@pytest.mark.parametrize("aggregation", ["arithmetic", "geometric", "harmonic", "minimum"])
def test_a_unit_has_the_same_bits_in_any_company(aggregation: str) -> None:
    rng = np.random.default_rng(1)
    values = rng.uniform(0.0, 100.0, (1003, 3))
    values[rng.random(values.shape) < 0.2] = np.nan
    tree = card({"a": {"weight": 3}, "b": {}, "c": {"weight": 0.7}}, aggregation=aggregation)
    together = score(tree, values)
    for unit in (0, 500, 1001, 1002):
        alone = score(tree, values[unit : unit + 1])
        assert np.array_equal(alone.value[0], together.value[unit], equal_nan=True)
        assert np.array_equal(alone.low[0], together.low[unit])
    order = rng.permutation(1003)
    mixed = score(tree, values[order])
    assert np.array_equal(mixed.value, together.value[order], equal_nan=True)
