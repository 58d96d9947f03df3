"""Changes, other weights and repairs of a scored fleet: they sum, and they agree with a hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from readiness.small_fleet import END, Known, SmallFleet, small_card

from muster_collector.errors import ConfigError
from muster_collector.estate import EMPTY, Estate
from muster_collector.estate.model import Node as EstateNode
from muster_collector.estate.model import Role, Site
from muster_collector.scoring.changes import moved
from muster_collector.scoring.groups import grouped
from muster_collector.scoring.result import Result, compute
from muster_collector.scoring.units import LEVELS, make_units
from muster_collector.scoring.whatif import mended, repairs, reweighted, under

CARD = small_card()
MISSING = math.nan


def scored(nodes: dict[str, tuple[float, float]]) -> Result:
    """A fleet by hand: node -> (idle percent, percent used); "a-1" stands at site "a"."""
    fleet = SmallFleet([Known(node, node.split("-")[0]) for node in nodes])
    units = make_units(EMPTY, fleet, END)
    values = np.array([nodes[node] for node in units["node"].ids], dtype=np.float64)
    return compute(CARD, units, values.reshape(-1, 2), end=END, window=300_000)


def test_a_change_is_split_over_what_moved() -> None:
    first = scored({"a-1": (50, 25), "a-2": (80, 0)})
    second = scored({"a-1": (50, 65), "a-2": (80, 0)})
    account = moved(first, second, "site", "a")
    assert account is not None
    columns = CARD.columns
    # 40 points less of storage on one of two nodes, at weight 3 of 4.
    assert account.after - account.before == pytest.approx(-15)
    assert account.parts[columns["fullest"]] == pytest.approx(-15)
    assert account.parts[columns["storage"]] == pytest.approx(-15)
    assert account.parts[columns["idle"]] == 0
    assert account.coverage == pytest.approx(0)
    assert account.members == pytest.approx(0)


def test_a_node_that_joins_is_a_matter_of_members() -> None:
    first = scored({"a-1": (100, 0)})
    second = scored({"a-1": (100, 0), "a-2": (0, 100)})
    account = moved(first, second, "fleet", "fleet")
    assert account is not None
    assert account.members == pytest.approx(-50)
    assert (account.joined, account.left) == (["a-2"], [])


def test_without_a_score_at_both_times_there_is_no_split() -> None:
    silent = scored({"a-1": (MISSING, MISSING)})
    assert moved(silent, scored({"a-1": (1, 1)}), "node", "a-1") is None
    assert moved(scored({}), scored({"a-1": (1, 1)}), "node", "a-1") is None


percent = st.one_of(st.floats(0, 100), st.just(MISSING))
fleets = st.dictionaries(
    st.sampled_from([f"{site}-{i}" for site in "abc" for i in range(4)]),
    st.tuples(percent, percent),
    min_size=1,
)


@given(fleets, fleets)
def test_parts_coverage_and_members_sum_to_the_change(
    before: dict[str, tuple[float, float]], after: dict[str, tuple[float, float]]
) -> None:
    first, second = scored(before), scored(after)
    for level in LEVELS:
        for unit in second.levels[level].level.ids:
            account = moved(first, second, level, unit)
            if account is None:
                continue
            parts = [account.parts[node.column] for node in CARD.indicators]
            total = math.fsum([*parts, account.coverage, account.members])
            assert total == pytest.approx(account.after - account.before, abs=1e-9)
            if before == after:
                assert account.members == pytest.approx(0, abs=1e-9)


@given(fleets)
def test_losses_sum_on_every_level(nodes: dict[str, tuple[float, float]]) -> None:
    result = scored(nodes)
    columns = [node.column for node in CARD.indicators]
    for level in result.levels.values():
        total = level.lost[:, columns].sum(axis=1)
        np.testing.assert_allclose(total, 100 - level.scores.value[:, 0], rtol=0, atol=1e-9)


def test_other_weights_give_what_a_card_with_them_gives() -> None:
    result = scored({"a-1": (50, 25)})
    other = under(result, reweighted(CARD, {"compute": 3.0, "storage": 1.0}))
    assert other.levels["fleet"].scores.value[0, 0] == pytest.approx(0.75 * 50 + 0.25 * 75)
    assert other.card.method != CARD.method
    same = under(result, reweighted(CARD, {"compute": 1.0}))
    assert same.card.method == CARD.method


@pytest.mark.parametrize(
    ("weights", "line"),
    [
        ({"colour": 1.0}, "weight colour: the card small has no such level or indicator"),
        ({"compute": -1.0}, "weight compute = -1: use 0 to 1000000"),
        ({"compute": math.nan}, "weight compute = nan: use 0 to 1000000"),
        ({"compute": 0.0, "storage": 0.0}, "scorecard: the weights in it sum to 0"),
    ],
)
def test_wrong_weights_are_named(weights: dict[str, float], line: str) -> None:
    with pytest.raises(ConfigError, match=line):
        reweighted(CARD, weights)


def test_repairs_gain_what_a_hand_calculates() -> None:
    """Node 1 scores 50 and 75, node 2 scores 100 and 100: idle gains 6.25, disk 9.375."""
    result = scored({"a-1": (50, 25), "a-2": (100, 0)})
    found = list(repairs(result, "site", 0))
    assert [(r.indicator, r.nodes) for r in found] == [("fullest", 1), ("idle", 1)]
    assert [r.gain for r in found] == [pytest.approx(9.375), pytest.approx(6.25)]
    assert [r.score for r in found] == [pytest.approx(93.75), pytest.approx(90.625)]


def test_repairs_of_one_place_leave_the_others_alone() -> None:
    result = scored({"a-1": (50, 0), "b-1": (0, 0)})
    row = result.levels["site"].level.index["a"]
    (repair,) = repairs(result, "site", row)
    assert repair.nodes == 1
    assert repair.gain == pytest.approx(12.5)


@given(fleets)
def test_a_mended_node_gains_what_the_engine_gives(nodes: dict[str, tuple[float, float]]) -> None:
    """Against the whole fleet scored again with that node's values at their best: 100 and 0."""
    result = scored(nodes)
    for level in ("fleet", "site"):
        for row, unit in enumerate(result.levels[level].level.ids):
            found = list(mended(result, level, row, 100))
            assert [one.gain for one in found] == sorted((o.gain for o in found), reverse=True)
            for one in found:
                idle, used = nodes[one.node]
                # What is missing stays missing.
                best = (100.0 if idle == idle else idle, 0.0 if used == used else used)  # noqa: PLR0124
                again = scored({**nodes, one.node: best}).find(level, unit)
                assert again is not None
                after = float(again[0].scores.value[again[1], 0])
                before = float(result.levels[level].scores.value[row, 0])
                assert one.gain == pytest.approx(after - before, abs=1e-9)
                assert one.score == pytest.approx(after, abs=1e-9)


def test_sites_by_sector_and_nodes_by_role_count_what_is_planned() -> None:
    estate = Estate(
        roles={"node": Role(), "gateway": Role(weight=2.0)},
        sites=(
            Site(id="a", sector="<b>银行", planned={"node": 1, "gateway": 1}),
            Site(id="b", sector="school"),
            Site(id="c", sector="school", planned={"node": 3}),
        ),
        nodes=(EstateNode(id="a-1", role="gateway"),),
    )
    fleet = SmallFleet([Known("a-1", "a"), Known("z-1", "z")])
    units = make_units(estate, fleet, END)
    values = np.array([(50.0, 25.0), (100.0, 0.0)])
    result = compute(CARD, units, values, end=END, window=300_000)
    sectors = grouped(result, estate, "sector")
    assert sectors.names == ["", "<b>银行", "school"]
    assert sectors.scores.planned.tolist() == [1, 1, 1]
    np.testing.assert_allclose(sectors.scores.value[:, 0], [100.0, 68.75, np.nan])
    roles = grouped(result, estate, "role")
    assert roles.names == ["gateway", "node"]
    assert roles.scores.planned.tolist() == [1, 5]
    np.testing.assert_allclose(roles.scores.coverage[:, 0], [1.0, 0.2])
    assert grouped(scored({}), EMPTY, "role").names == []


def test_nothing_to_repair_where_nothing_is_known_or_lost() -> None:
    assert list(repairs(scored({"a-1": (100, 0)}), "fleet", 0)) == []
    assert list(repairs(scored({"a-1": (MISSING, MISSING)}), "fleet", 0)) == []
    assert list(repairs(replace(scored({}), window=1), "fleet", 0)) == []
