"""Scorecards: what is refused and how it is said, and what the method's hash depends on."""

from __future__ import annotations

import copy
import datetime as dt
import math
import re
import tomllib
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from readiness.cards import card, text, toml

from muster_collector.errors import ConfigError
from muster_collector.readiness import load
from muster_wire.catalogue import CATALOGUE

A: dict[str, dict[str, Any]] = {"a": {}}
LATER = {
    "chrony",
    "completeness",
    "dns_query",
    "http_response",
    "net_response",
    "ping",
    "updates",
    "x509_cert",
}
"""Measurements of the default card that no agent sensor of this release sends."""


def shipped(name: str) -> str:
    return (resources.files("muster_collector") / "scorecards" / name).read_text("utf-8")


def thresholds(*points: tuple[float, float]) -> dict[str, Any]:
    return {"kind": "thresholds", "points": [list(point) for point in points]}


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (
            text({"a": {"weight": -1}}),
            "card.toml: indicator.a.weight = -1: use a number above 0 (0 leaves it out)",
        ),
        (
            text({"a": {"weight": "heavy"}}),
            'card.toml: indicator.a.weight = "heavy": use a number',
        ),
        (text({"a": {"weight": True}}), "card.toml: indicator.a.weight = true: use a number"),
        (
            text({"a": {"weight": 0}}),
            "card.toml: scorecard: the weights in it sum to 0: give one of them more than 0",
        ),
        (
            text({"a": {}, "b": {"parent": "p", "weight": 0}}, {"p": {}}),
            "card.toml: level.p: the weights in it sum to 0: give one of them more than 0",
        ),
        (
            text({"a": {"colour": "red"}}),
            (
                "card.toml: indicator.a.colour: unknown key; known: title, parent, weight, "
                "critical, meaning, unit, direction, normalise, reason, reference, optional, "
                "impute, winsorise, source"
            ),
        ),
        (
            text({"a": {"normalise": {"kind": "goalposts", "low": 1, "hihg": 2}}}),
            "card.toml: indicator.a.normalise.hihg: unknown key; known: kind, low, high, log",
        ),
        (
            text({"a": {"parent": "nowhere"}}),
            'card.toml: indicator.a.parent = "nowhere": use the id of a level (none)',
        ),
        (
            text({"a": {"parent": "p"}}, {"p": {"parent": "q"}, "q": {"parent": "p"}}),
            'card.toml: level.p.parent = "q": a circle: p -> q -> p',
        ),
        (
            text(A, {"p": {}}),
            "card.toml: level.p: has nothing in it: give it an indicator or remove it",
        ),
        (
            text({"a": {}, "b": {"parent": "a"}}, {"a": {}}),
            "card.toml: indicator.a: an id twice: a level has it too, rename one of them",
        ),
        (
            text({"a": {"normalise": thresholds((0, 0), (9, 50), (5, 100))}}),
            (
                "card.toml: indicator.a.normalise.points = "
                "[[0.0, 0.0], [9.0, 50.0], [5.0, 100.0]]: write points with rising values"
            ),
        ),
        (
            text({"a": {"direction": "down", "normalise": thresholds((0, 0), (9, 50))}}),
            (
                "card.toml: indicator.a.normalise.points = [[0.0, 0.0], [9.0, 50.0]]: "
                'out of order: with direction "down" scores must fall'
            ),
        ),
        (
            text({"a": {"normalise": {"kind": "goalposts", "low": 5, "high": 5}}}),
            "card.toml: indicator.a.normalise.high = 5.0: use a number above low (5)",
        ),
        (
            text({"a": {"normalise": {"kind": "goalposts", "low": 0, "high": 5, "log": True}}}),
            "card.toml: indicator.a.normalise.low = 0.0: with log use a number above 0",
        ),
        (text({"Big": {}}), "card.toml: indicator.Big: use a-z, 0-9, - and _, a letter first"),
        (
            text(A, coverage=1.5),
            "card.toml: scorecard.coverage = 1.5: use 1 or less",
        ),
        (
            text(A, aggregation="median"),
            (
                'card.toml: scorecard.aggregation = "median": '
                "use one of 'arithmetic', 'geometric', 'harmonic' or 'minimum'"
            ),
        ),
        ("[scorecard]\n[scorecard]", "card.toml: not TOML: Cannot declare"),
        ("", "card.toml: scorecard: is missing"),
    ],
)
def test_refuses_with_one_line_that_names_the_place(source: str, line: str) -> None:
    with pytest.raises(ConfigError, match="^" + re.escape(line)) as caught:
        load(source, "card.toml")
    assert "\n" not in str(caught.value)


def test_method_ignores_order_comments_defaults_and_prose() -> None:
    one = card({"a": {"weight": 2.0}, "b": {}})
    other = load(
        "# a comment\n"
        + text({"b": {"weight": 1}, "a": {"reason": "a better reason", "weight": 2}}),
        "elsewhere.toml",
    )
    assert one.method == other.method
    assert re.fullmatch("[0-9a-f]{12}", one.method)


def test_method_sees_what_is_named_like_prose() -> None:
    one, other = (card({"title": {"weight": weight}, "b": {}}) for weight in (1, 2))
    assert one.method != other.method
    tagged = {"measurement": "m", "fields": ["f"], "statistic": "mean"}
    one, other = (card({"a": {"source": {**tagged, "where": {"note": [value]}}}}) for value in "xy")
    assert one.method != other.method


def test_method_sees_every_change_that_can_move_a_number() -> None:
    base = {"a": {"weight": 2}, "b": {}}
    changed = [
        card({"a": {"weight": 3}, "b": {}}),
        card({"a": {"weight": 2, "direction": "down"}, "b": {}}),
        card({"a": {"weight": 2, "critical": {"below": 20, "cap": 20}}, "b": {}}),
        card(base, coverage=0.1),
        card(base, aggregation="geometric"),
        card(base),
    ]
    assert len({c.method for c in changed}) == len(changed)


def test_shipped_cards_load() -> None:
    default = load(shipped("new-digital-infrastructure.toml"), "default")
    pillars = ["compute", "storage", "circulation", "services", "resilience", "security"]
    assert [node.id for node in default.pillars] == pillars
    assert load(shipped("human-development.toml"), "hdi").id == "human-development"


JUNK: list[Any] = [
    "",
    "x",
    "{no}",
    -1,
    0,
    1e308,
    math.nan,
    math.inf,
    True,
    [],
    [[1, 2]],
    {},
    {"kind": "minmax"},
    {"x": 1},
    dt.date(2026, 1, 1),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document: keys of tables and positions of lists."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in inside:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from places(item, (*path, key))


def refusal(source: str) -> str | None:
    """Why a card is refused; None if it is not. Nothing else may be raised."""
    try:
        load(source, "card.toml")
    except ConfigError as error:
        return str(error)
    return None


WHOLE = tomllib.loads(shipped("new-digital-infrastructure.toml"))
PLACES = list(places(WHOLE))


@given(st.sampled_from(PLACES), st.sampled_from(JUNK), st.booleans())
def test_whatever_stands_anywhere_gives_one_clear_line(
    place: tuple[Any, ...], junk: Any, beside: bool
) -> None:
    document = copy.deepcopy(WHOLE)
    table: Any = document
    for key in place[:-1]:
        table = table[key]
    if beside and isinstance(table, dict):
        table["odd"] = junk
    else:
        table[place[-1]] = junk
    source = "\n".join(f"{key} = {toml(value)}" for key, value in document.items())
    message = refusal(source)
    assert message is None or re.fullmatch(r"card\.toml: [^\n]{1,800}", message)


@given(st.text())
def test_any_text_is_refused_in_one_line(source: str) -> None:
    with pytest.raises(ConfigError, match=r"^card\.toml: .+$"):
        load(source, "card.toml")


def test_card_in_the_guide_is_well_formed() -> None:
    guide = Path(__file__).parents[2] / "docs" / "guides" / "scoring.md"
    block = guide.read_text("utf-8").split("```toml\n")[1].split("```")[0]
    assert [node.id for node in load(block, "guide").indicators] == ["mean_schooling"]


def test_live_indicators_read_what_agents_send() -> None:
    sent = {m.name: m for m in CATALOGUE}
    for name, indicator in load(
        shipped("new-digital-infrastructure.toml"), "x"
    ).document.indicator.items():
        assert indicator.source is not None, name
        for read in filter(None, (indicator.source, indicator.source.over)):
            if read.measurement not in sent:
                assert read.measurement in LATER, name
                continue
            measurement = sent[read.measurement]
            fields = {field.name: field for field in measurement.fields}
            assert set(read.fields) <= set(fields), name
            tags = {*read.where, *read.without, *indicator.source.per}
            assert tags <= set(measurement.tags), name
            kinds = {fields[field].kind == "counter" for field in read.fields}
            gauge_reading = read.statistic != "rate"
            # uptime is a counter that is read as it stands.
            assert kinds == {not gauge_reading} or name == "uptime", name
