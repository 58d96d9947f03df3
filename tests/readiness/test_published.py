"""A published index from its public definition: the Human Development Index of 2021.

Definition: UNDP, Human Development Report 2021/22, Technical note 1. Health = (L - 20) / 65,
education = mean of E / 18 (at most 1) and M / 15, income = ln(Y / 100) / ln(750), and the index is
the cube root of their product. Values: the same report, Statistical annex, Table 1.
"""

from __future__ import annotations

from importlib import resources

import pytest

from muster_collector.readiness import load, score

PUBLISHED = {
    # Life expectancy, expected and mean years of schooling, income per head; the index.
    "Switzerland": (84.0, 16.5, 13.9, 66933.0, 0.962),
    "Norway": (83.2, 18.2, 13.0, 64660.0, 0.961),
    "Iceland": (82.7, 19.2, 13.8, 55782.0, 0.959),
    "South Sudan": (55.0, 5.5, 5.7, 768.0, 0.385),
}


def test_human_development_index() -> None:
    folder = resources.files("muster_collector") / "scorecards"
    card = load((folder / "human-development.toml").read_text("utf-8"), "human-development.toml")
    order = ["life_expectancy", "expected_schooling", "mean_schooling", "income"]
    places = [order.index(node.id) for node in card.indicators]
    rows = [[values[place] for place in places] for values in PUBLISHED.values()]
    scores = score(card, rows)
    published = [100 * values[4] for values in PUBLISHED.values()]
    # The table rounds years to 0.1 and the index to 0.001: together up to 0.0014.
    assert scores.value[:, 0].tolist() == pytest.approx(published, abs=0.1)
    # Norway by hand: health 63.2/65 = 0.972308; education (1 + 13/15)/2 = 0.933333; income
    # ln(646.6)/ln(750) = 6.471728/6.620073 = 0.977591; cube root of 0.887146 = 0.960874.
    norway = scores.value[1]
    assert norway[card.columns["life_expectancy"]] == pytest.approx(97.230769, abs=1e-6)
    assert norway[card.columns["education"]] == pytest.approx(93.333333, abs=1e-6)
    assert norway[card.columns["income"]] == pytest.approx(97.7591, abs=1e-3)
    assert norway[0] == pytest.approx(96.0874, abs=1e-3)
    assert card.grades(scores.value[[1, 3], 0]) == ["very high", "low"]
