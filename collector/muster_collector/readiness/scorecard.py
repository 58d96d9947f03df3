"""A scorecard as an immutable tree, read from TOML with errors that name file and place."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from pydantic import ValidationError

from muster_collector.errors import ConfigError

from . import wording
from .checks import ROOT, problems
from .schema import (
    PROSE,
    Aggregation,
    Critical,
    Document,
    Indicator,
    Level,
    Reference,
    Title,
)


@dataclass(frozen=True, slots=True)
class Node:
    """One place in the tree, in the engine's terms.

    `column` is its position in every array of scores; `parent` and `children` are columns.
    `parts` are the children with weight, ordered by id, and `weights` theirs, summing to 1: the
    order of keys in a file cannot change the last bit of a score.
    """

    id: str
    column: int
    title: Title
    weight: float
    parent: int
    children: tuple[int, ...]
    parts: tuple[int, ...]
    weights: tuple[float, ...]
    aggregation: Aggregation
    coverage: float
    critical: Critical | None
    indicator: Indicator | None


@dataclass(frozen=True)
class Scorecard:
    """A method: the tree, its rules, and the hash that names it.

    `nodes` begin with the card itself (id "overall"); each parent stands before its children.
    """

    document: Document
    origin: str
    method: str
    nodes: tuple[Node, ...]

    @property
    def id(self) -> str:
        """The card's own id."""
        return self.document.scorecard.id

    @property
    def title(self) -> Title:
        """The card's name in both languages."""
        return self.document.scorecard.title

    @cached_property
    def columns(self) -> Mapping[str, int]:
        """Id of a level or indicator -> its column in `Scores`."""
        return {node.id: node.column for node in self.nodes}

    @cached_property
    def indicators(self) -> tuple[Node, ...]:
        """The indicators, in the order of the columns of `values`."""
        return tuple(node for node in self.nodes if node.indicator is not None)

    @cached_property
    def leaves(self) -> tuple[tuple[int, Indicator], ...]:
        """Column and definition of each indicator, in the order of the columns of `values`."""
        return tuple((node.column, node.indicator) for node in self.nodes if node.indicator)

    @cached_property
    def own(self) -> tuple[int, ...]:
        """Numbers of the indicators for which each unit has a reference of its own."""
        return tuple(
            number
            for number, (_, indicator) in enumerate(self.leaves)
            if isinstance(indicator.normalise, Reference) and indicator.normalise.own
        )

    @cached_property
    def levels(self) -> tuple[Node, ...]:
        """All that is not an indicator, the root first."""
        return tuple(node for node in self.nodes if node.indicator is None)

    @cached_property
    def pillars(self) -> tuple[Node, ...]:
        """What stands directly below the root."""
        return tuple(self.nodes[column] for column in self.nodes[0].children)

    @cached_property
    def pillar_of(self) -> tuple[int, ...]:
        """For each column the column of its pillar (the root's is its own)."""
        above: list[int] = []
        for node in self.nodes:
            above.append(node.column if node.parent <= 0 else above[node.parent])
        return tuple(above)

    def __getitem__(self, name: str) -> Node:
        """The level or indicator of that id; KeyError if the card has none."""
        return self.nodes[self.columns[name]]

    def grade(self, score: float) -> str:
        """The grade of a score; "" without a score or bands."""
        for band in self.document.band:
            if score >= band.at_least:
                return band.grade
        return ""

    def grades(self, scores: np.ndarray[Any, np.dtype[np.float64]]) -> list[str]:
        """`grade` of many scores (any one-dimensional array)."""
        return [self.grade(score) for score in scores.tolist()]


def load(text: str, origin: str) -> Scorecard:
    """Read a scorecard; `origin` (a file's name) opens every message of `ConfigError`."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{origin}: not TOML: {error}") from error
    try:
        # By way of JSON, because strict validation takes a JSON array for a tuple.
        document = Document.model_validate_json(json.dumps(data, default=str))
    except ValidationError as error:
        raise ConfigError(f"{origin}: {wording.first(error)}") from error
    for place, value, right in problems(document):
        raise ConfigError(f"{origin}: {wording.line(place, value, right)}")
    return build(document, origin)


def build(document: Document, origin: str) -> Scorecard:
    """A scorecard from a document without problems."""
    return Scorecard(document, origin, method(document), _tree(document))


def method(document: Document) -> str:
    """The first 12 hex digits of SHA-256 over all that can change a number or a grade.

    Comments, the order of keys, spelled-out defaults and prose do not change it.
    """
    content = document.model_dump(mode="json", exclude_defaults=True)
    parts = [content["scorecard"], *content.get("band", [])]
    parts += [*content.get("level", {}).values(), *content["indicator"].values()]
    for part in parts:
        # Only here: an indicator or a tag may well be called "title".
        for key in PROSE & part.keys():
            del part[key]
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _tree(document: Document) -> tuple[Node, ...]:
    """The nodes depth first, in the file's order, the root first."""
    below: dict[str, list[str]] = {}
    everything: dict[str, Level | Indicator] = {**document.level, **document.indicator}
    for name, child in everything.items():
        below.setdefault(child.parent or ROOT, []).append(name)
    order: list[str] = []
    stack = [ROOT]
    while stack:
        order.append(name := stack.pop())
        stack.extend(reversed(below.get(name, [])))
    column = {name: number for number, name in enumerate(order)}
    return tuple(_node(document, name, column, below.get(name, []), everything) for name in order)


def _node(
    document: Document,
    name: str,
    column: Mapping[str, int],
    below: list[str],
    everything: Mapping[str, Level | Indicator],
) -> Node:
    parts = sorted(child for child in below if everything[child].weight > 0)
    total = sum(everything[child].weight for child in parts)
    rule = document.scorecard if name == ROOT else everything[name]
    child = None if name == ROOT else everything[name]
    return Node(
        id=name,
        column=column[name],
        title=rule.title,
        weight=child.weight if child else 1.0,
        parent=column[child.parent or ROOT] if child else -1,
        children=tuple(column[child] for child in below),
        parts=tuple(column[child] for child in parts),
        weights=tuple(everything[child].weight / total for child in parts),
        aggregation="arithmetic" if isinstance(rule, Indicator) else rule.aggregation,
        coverage=1.0 if isinstance(rule, Indicator) else rule.coverage,
        critical=child.critical if child else None,
        indicator=child if isinstance(child, Indicator) else None,
    )
