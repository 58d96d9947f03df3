"""What would be: the same values under other weights, and what a repair would gain; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from muster_collector.errors import ConfigError
from muster_collector.readiness import scorecard
from muster_collector.readiness.checks import problems
from muster_collector.readiness.engine import score
from muster_collector.readiness.schema import Document, Goalposts, Thresholds
from muster_collector.readiness.scorecard import Node, Scorecard
from muster_collector.scoring.changes import shares
from muster_collector.scoring.result import Result, compute
from muster_collector.scoring.units import LEVELS, Floats


class Repair(NamedTuple):
    """What a unit's score would gain if an indicator were at its best on the unit's nodes.

    `nodes` counts those whose value is not at its best now; `gain` is in points of the unit's score
    and takes caps that fall away with it into account.
    """

    indicator: str
    gain: float
    score: float
    nodes: int


def reweighted(card: Scorecard, weights: Mapping[str, float]) -> Scorecard:
    """The card with other weights by id of level or indicator; `ConfigError` names a wrong one."""
    content: dict[str, Any] = card.document.model_dump()
    for name, weight in weights.items():
        table = next(
            (content[kind] for kind in ("level", "indicator") if name in content[kind]), None
        )
        if table is None:
            raise ConfigError(f"weight {name}: the card {card.id} has no such level or indicator")
        if not 0 <= weight < 1e6:
            raise ConfigError(f"weight {name} = {weight:g}: use 0 to 1000000")
        table[name]["weight"] = float(weight)
    document = Document.model_validate(content)
    for place, _, right in problems(document):
        raise ConfigError(f"{place}: {right}")
    return scorecard.build(document, card.origin)


def under(result: Result, card: Scorecard) -> Result:
    """The same window under a card with the same indicators."""
    if [n.id for n in card.indicators] != [n.id for n in result.card.indicators]:
        raise ValueError("the other card must have the same indicators in the same order")
    values = result.levels[LEVELS[0]].value
    return compute(card, _units(result), values, end=result.end, window=result.window)


def repairs(result: Result, level: str, row: int) -> Iterator[Repair]:
    """Every indicator whose repair would gain something, the greatest gain first."""
    now = float(result.levels[level].scores.value[row, 0])
    if np.isnan(now):
        return
    inside = nodes_inside(result, level, row)
    found = (_repair(result, level, row, inside, number) for number in _costly(result, level, row))
    gains = [repair for repair in found if repair.gain > 0]
    yield from sorted(gains, key=lambda repair: (-repair.gain, repair.indicator))


class Mended(NamedTuple):
    """What a unit's score would gain if all that a node measures were at its best.

    `indicators` are those of the node that are not at their best now, the costliest first.
    """

    node: str
    site: str
    gain: float
    score: float
    indicators: tuple[str, ...]


def mended(result: Result, level: str, row: int, most: int) -> Iterator[Mended]:
    """The `most` nodes whose repair gains most, the greatest gain first.

    A node's own score would be the best that what it measures allows; what it lacks stays missing.
    Each is put right alone, so what is over it changes by its share of the unit. A node without a
    score could join, which is no repair of a value, and is left out.
    """
    now = float(result.levels[level].scores.value[row, 0])
    if np.isnan(now):
        return
    nodes = result.levels[LEVELS[0]]
    share = shares(result, level, row)
    bests = [best(node, nodes.value[:, n]) for n, node in enumerate(result.card.indicators)]
    whole = np.where(np.isnan(nodes.value), np.nan, np.array(bests))
    gain = share * (score(result.card, whole, limits=False).value[:, 0] - nodes.scores.value[:, 0])
    order = np.argsort(-np.where(gain > 0, gain, 0.0), kind="stable")[:most]
    for node in order.tolist():
        if gain[node] > 0:
            costs = [
                (float(nodes.lost[node, one.column]), one.id) for one in result.card.indicators
            ]
            worst = tuple(name for cost, name in sorted(costs, key=lambda c: -c[0]) if cost > 1e-9)
            site = dict(nodes.level.tags[node])["site"]
            points = float(gain[node])
            yield Mended(nodes.level.ids[node], site, points, now + points, worst)


def nodes_inside(result: Result, level: str, row: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which nodes a unit is made of."""
    inside = np.arange(len(result.levels[level].level.ids)) == row
    for below in reversed(LEVELS[: LEVELS.index(level)]):
        parent = result.levels[below].level.parent
        inside = (parent >= 0) & np.append(inside, False)[parent]
    return np.asarray(inside)


def _units(result: Result) -> Any:
    return {name: found.level for name, found in result.levels.items()}


def _costly(result: Result, level: str, row: int) -> list[int]:
    """Numbers of the indicators that cost the unit something."""
    lost = result.levels[level].lost[row]
    return [i for i, node in enumerate(result.card.indicators) if lost[node.column] > 1e-9]


def _repair(
    result: Result, level: str, row: int, inside: np.ndarray[Any, np.dtype[np.bool_]], number: int
) -> Repair:
    node = result.card.indicators[number]
    values = result.levels[LEVELS[0]].value.copy()
    broken = inside & (result.levels[LEVELS[0]].scores.value[:, node.column] < 100.0)
    values[broken, number] = best(node, values[:, number])
    mended = compute(result.card, _units(result), values, end=result.end, window=result.window)
    before = float(result.levels[level].scores.value[row, 0])
    after = float(mended.levels[level].scores.value[row, 0])
    return Repair(node.id, after - before, after, int(broken.sum()))


def best(node: Node, values: Floats) -> float:
    """A value of the indicator with the best score that it can have; NaN where nobody has one."""
    if node.indicator is None:
        return float("nan")
    rule, up = node.indicator.normalise, node.indicator.direction == "up"
    if isinstance(rule, Thresholds):
        return max(rule.points, key=lambda point: point[1])[0]
    if isinstance(rule, Goalposts):
        return rule.high if up else rule.low
    known = values[~np.isnan(values)]
    return float(known.max() if up else known.min()) if known.size else float("nan")
