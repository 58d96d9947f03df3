"""The default scorecard on the nodes it is for: new ones, bare ones, ailing ones."""

from __future__ import annotations

import numpy as np
import pytest

from muster_collector.cli.scorecard import pages, read_card
from muster_collector.readiness import Scores, lost, score
from muster_collector.readiness.describe import shares

CARD = read_card()
FIRST = {
    "cpu",
    "mem",
    "swap",
    "system",
    "disk",
    "diskio",
    "net",
    "processes",
    "kernel",
    "pressure",
}
"""What an agent sends with its default sensors."""
HEALTHY = {
    "cpu_idle": 80.0,
    "load_per_cpu": 0.2,
    "mem_available": 60.0,
    "uptime": 1e6,
    "disk_used": 40.0,
    "inodes_used": 10.0,
}


def one(measurements: set[str], **values: float) -> Scores:
    """A node that sends these measurements: healthy but for the values given, else 0."""
    row = []
    for node in CARD.indicators:
        source = node.indicator.source if node.indicator else None
        sent = source is not None and source.measurement in measurements
        value = values.get(node.id, HEALTHY.get(node.id, 0.0))
        row.append(value if sent else np.nan)
    return score(CARD, [row])


def at(scores: Scores, name: str) -> float:
    return float(scores.value[0, CARD.columns[name]])


def test_a_new_node_has_a_score_and_says_what_it_does_not_know() -> None:
    scores = one(FIRST)
    assert at(scores, "overall") == pytest.approx(100.0)
    for pillar in ("compute", "storage", "circulation", "resilience"):
        assert at(scores, pillar) == pytest.approx(100.0)
    for pillar in ("services", "security"):
        column = CARD.columns[pillar]
        assert np.isnan(scores.value[0, column])
        assert (scores.low[0, column], scores.high[0, column]) == (0.0, 100.0)
        assert scores.coverage[0, column] == 0.0
        assert scores.why(0, column).startswith("coverage 0% is below the 50%")
    # Two pillars of 2/15 each are unknown, and so are parts of others.
    assert 0.5 < scores.coverage[0, 0] < 0.6
    assert scores.low[0, 0] == pytest.approx(50.0)
    assert scores.high[0, 0] == pytest.approx(100.0)


def test_the_ledger_makes_it_surer() -> None:
    bare, known = one(FIRST), one(FIRST | {"completeness"})
    assert known.coverage[0, 0] > bare.coverage[0, 0]
    pillar = CARD.columns["resilience"]
    assert known.low[0, pillar] > bare.low[0, pillar]


def test_a_node_that_hardly_says_anything_is_not_judged() -> None:
    scores = one({"cpu", "mem", "swap", "system"})
    assert np.isnan(at(scores, "overall"))
    assert scores.low[0, 0] < scores.high[0, 0]


@pytest.mark.parametrize(
    ("trouble", "value", "grade"),
    [
        ("disk_used", 90.0, "A"),
        ("disk_used", 95.0, "C"),
        ("disk_used", 99.0, "E"),
        ("mem_available", 4.0, "B"),
        ("mem_available", 1.0, "E"),
        ("inodes_used", 100.0, "E"),
        ("cpu_idle", 1.0, "A"),
    ],
)
def test_what_is_critical_is_not_averaged_away(trouble: str, value: float, grade: str) -> None:
    scores = one(FIRST | {"completeness"}, **{trouble: value})
    assert CARD.grade(at(scores, "overall")) == grade
    points = lost(scores)[0]
    names = [node.id for node in CARD.indicators]
    costs = [points[node.column] for node in CARD.indicators]
    assert names[int(np.argmax(costs))] == trouble


@pytest.mark.parametrize("without", [{"pressure"}, {"net"}, {"pressure", "diskio", "net"}])
def test_bare_nodes_still_have_a_score(without: set[str]) -> None:
    scores = one((FIRST | {"completeness"}) - without)
    assert at(scores, "overall") == pytest.approx(100.0)
    assert 0.4 <= scores.coverage[0, 0] < 0.55


def test_every_indicator_is_documented_and_live() -> None:
    for node in CARD.indicators:
        indicator = node.indicator
        assert indicator is not None
        assert indicator.source is not None, node.id
        assert len(indicator.reason) > 20, node.id
        assert len(indicator.reference) > 10, node.id
        assert any("\u4e00" <= char <= "\u9fff" for char in node.title.zh), node.id


def test_shares_sum_to_one_at_every_depth() -> None:
    found = shares(CARD)
    assert sum(found[node.column] for node in CARD.indicators) == pytest.approx(1.0)
    assert sum(found[node.column] for node in CARD.pillars) == pytest.approx(1.0)


def test_pages_name_every_indicator() -> None:
    found = pages()
    page = found["docs/reference/scorecard-new-digital-infrastructure.md"]
    for node in CARD.indicators:
        assert f"`{node.id}`" in page
    assert CARD.method in page
    assert len(found) == 3
