"""One list of limits: what boards show, what alerts fire on and where the scorecard breaks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from muster_collector import shipped, thresholds
from muster_collector.alerts.rules import RULES

ROOT = Path(__file__).resolve().parents[1]
BOARDS = sorted((ROOT / "grafana" / "boards").glob("*/*.json"))
TABLE = thresholds.table()
WITH_STEPS = {name: entry for name, entry in TABLE.items() if "steps" in entry}
WITH_INDICATOR = [name for name, entry in TABLE.items() if "indicator" in entry]
TRIVIAL = {0, 1, 2}
"""Some or none, and levels that are codes: no limits that somebody chose."""


def alerts() -> dict[str, tuple[str, str]]:
    """The entry and the shade that each rule fires beyond."""
    return {
        rule: (name, shade)
        for name, entry in TABLE.items()
        for rule, shade in entry.get("alerts", {}).items()
    }


def steps_of(thing: object) -> Iterator[list[float | None]]:
    """Every list of steps in a board, of panels and of columns."""
    if isinstance(thing, dict):
        if isinstance(found := thing.get("steps"), list):
            yield [step.get("value") for step in found]
        for value in thing.values():
            yield from steps_of(value)
    elif isinstance(thing, list):
        for value in thing:
            yield from steps_of(value)


@pytest.mark.parametrize("name", WITH_STEPS)
def test_steps_go_from_mild_to_severe(name: str) -> None:
    entry = TABLE[name]
    order = ["fair", "warn", "poor", "bad"]
    shades = list(entry["steps"])
    assert shades == [shade for shade in order if shade in shades]
    values = list(entry["steps"].values())
    assert values == sorted(set(values), reverse=entry["worse"] == "down")
    assert entry["unit"]


@pytest.mark.parametrize("name", WITH_INDICATOR)
def test_the_scorecard_breaks_at_the_steps(name: str) -> None:
    about = TABLE[name]["indicator"]
    indicator: dict[str, Any] = shipped.card()["indicator"][about["id"]]
    points = dict(map(tuple, indicator["normalise"]["points"]))
    scores = []
    for value in thresholds.steps(name).values():
        measured = 100 - value if about.get("of") == "rest" else value
        assert measured in points, f"{about['id']} has no point at {measured}"
        scores.append(points[measured])
    assert scores == sorted(scores, reverse=True), "a worse step has a better score"


def test_the_scorecards_coverage_and_grades_are_meant() -> None:
    card = shipped.card()
    assert card["rollup"]["coverage"] == thresholds.limit("coverage")
    assert TABLE["grade"]["at_risk"] in {band["grade"] for band in card["band"]}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_fires_at_its_step(rule: Any) -> None:
    name, shade = alerts()[rule.name]
    if name == "grade":
        expected = shipped.grade_limit(TABLE[name][shade])
        assert not rule.above
    else:
        expected = thresholds.steps(name)[shade]  # type: ignore[index]
        assert rule.above == thresholds.rises(name)
    assert rule.limit == expected


def test_what_grafana_gets_is_the_same() -> None:
    file = ROOT / "grafana" / "provisioning" / "alerting" / "muster.json"
    (group,) = json.loads(file.read_text("utf-8"))["groups"]
    told = {
        rule["uid"].removeprefix("muster-"): rule["data"][2]["model"]["conditions"][0]["evaluator"]
        for rule in group["rules"]
    }
    assert {name: evaluator["params"] for name, evaluator in told.items()} == {
        rule.name: [rule.limit] for rule in RULES
    }


def test_no_rule_is_named_that_does_not_exist() -> None:
    assert set(alerts()) == {rule.name for rule in RULES}


@pytest.mark.parametrize("file", BOARDS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_boards_change_colour_at_no_other_number(file: Path) -> None:
    known = [list(entry["steps"].values()) for entry in WITH_STEPS.values()]
    known += [[float(band["at_least"]) for band in shipped.card()["band"] if band["at_least"]]]
    allowed = {frozenset(values) for values in known}
    for found in steps_of(json.loads(file.read_text("utf-8"))):
        assert found[0] is None
        numbers = {value for value in found[1:] if value is not None}
        assert numbers in allowed or numbers <= TRIVIAL, found


def test_every_list_of_steps_is_used_somewhere() -> None:
    """A limit that nothing is made from would be a claim."""
    shown = {
        frozenset(value for value in found if value is not None)
        for file in BOARDS
        for found in steps_of(json.loads(file.read_text("utf-8")))
    }
    fired = {name for name, _ in alerts().values()}
    unused = {
        name
        for name, entry in WITH_STEPS.items()
        if name not in fired and set(entry["steps"].values()) not in shown
    }
    assert unused == set()
