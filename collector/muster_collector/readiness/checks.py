"""What a well-formed scorecard can still have wrong: (place, value, what would be right)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from .schema import (
    Document,
    Goalposts,
    Indicator,
    Level,
    Reference,
    Thresholds,
)

ROOT = "overall"
"""The id of the tree's top: the card's own score."""

Problem = tuple[str, Any, str]


def problems(document: Document) -> Iterator[Problem]:
    """Every problem of the card, the most basic first."""
    yield from _ids(document)
    yield from _parents(document)
    yield from _cycles(document)
    yield from _weights(document)
    yield from _bands(document)
    for name, indicator in document.indicator.items():
        for place, value, right in _indicator(indicator):
            yield f"indicator.{name}.{place}", value, right


def _ids(document: Document) -> Iterator[Problem]:
    for name in document.level:
        if name in document.indicator:
            yield f"indicator.{name}", None, "an id twice: a level has it too, rename one of them"
    for kind, names in (("level", document.level), ("indicator", document.indicator)):
        if ROOT in names:
            yield f"{kind}.{ROOT}", None, f"{ROOT} is the card's own top: use another id"


def _children(document: Document) -> Iterator[tuple[str, str, Level | Indicator]]:
    yield from (("level", name, child) for name, child in document.level.items())
    yield from (("indicator", name, child) for name, child in document.indicator.items())


def _parents(document: Document) -> Iterator[Problem]:
    known = ", ".join(document.level) or "none"
    parents = set()
    for kind, name, child in _children(document):
        parents.add(child.parent)
        if child.parent not in (None, ROOT) and child.parent not in document.level:
            yield f"{kind}.{name}.parent", child.parent, f"use the id of a level ({known})"
    for name in document.level:
        if name not in parents:
            yield f"level.{name}", None, "has nothing in it: give it an indicator or remove it"


def _cycles(document: Document) -> Iterator[Problem]:
    for name in document.level:
        path, above = [name], document.level[name].parent
        while above is not None and above in document.level and above not in path:
            path.append(above)
            above = document.level[above].parent
        if above == name:
            circle = " -> ".join([*path, name])
            yield f"level.{name}.parent", document.level[name].parent, f"a circle: {circle}"
            return


def _weights(document: Document) -> Iterator[Problem]:
    sums: dict[str | None, float] = {}
    for _, _, child in _children(document):
        parent = None if child.parent == ROOT else child.parent
        sums[parent] = sums.get(parent, 0.0) + child.weight
    for parent, total in sums.items():
        if total <= 0:
            place = f"level.{parent}" if parent else "scorecard"
            yield place, None, "the weights in it sum to 0: give one of them more than 0"


def _bands(document: Document) -> Iterator[Problem]:
    for first, second in pairwise(document.band):
        if second.at_least >= first.at_least:
            yield (
                f"band.{second.grade}.at_least",
                second.at_least,
                f"write bands from the best down: below {first.at_least:g}",
            )
    if document.band and document.band[-1].at_least != 0:
        last = document.band[-1]
        yield f"band.{last.grade}.at_least", last.at_least, "the last band must begin at 0"


def _indicator(indicator: Indicator) -> Iterator[Problem]:
    rule = indicator.normalise
    if isinstance(rule, Thresholds):
        yield from _thresholds(rule, indicator)
    if isinstance(rule, Goalposts):
        yield from _goalposts(rule)
    if isinstance(rule, Reference) and (rule.value is None) != rule.own:
        yield "normalise.value", rule.value, "give one value, or own = true for each unit's own"
    if indicator.optional and indicator.impute:
        yield "optional", True, "nothing can stand in for what does not apply: drop impute or it"
    if indicator.impute and (indicator.impute.kind == "value") == (indicator.impute.value is None):
        yield (
            "impute.value",
            indicator.impute.value,
            'kind "value" needs a value, the others must not have one',
        )


def _thresholds(rule: Thresholds, indicator: Indicator) -> Iterator[Problem]:
    values = [x for x, _ in rule.points]
    scores = [y for _, y in rule.points]
    shown = [list(point) for point in rule.points]
    if any(b <= a for a, b in pairwise(values)):
        yield "normalise.points", shown, "write points with rising values"
    sign = 1 if indicator.direction == "up" else -1
    if any(sign * (b - a) < 0 for a, b in pairwise(scores)):
        word = "rise" if sign > 0 else "fall"
        yield (
            "normalise.points",
            shown,
            f'out of order: with direction "{indicator.direction}" scores must {word}',
        )
    if rule.log and values[0] <= 0:
        yield "normalise.points", shown, "with log every value must be above 0"


def _goalposts(rule: Goalposts) -> Iterator[Problem]:
    if rule.high <= rule.low:
        yield "normalise.high", rule.high, f"use a number above low ({rule.low:g})"
    if rule.log and rule.low <= 0:
        yield "normalise.low", rule.low, "with log use a number above 0"
