"""A table of places (units x a card's indicators) from the newest scores and imported figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from muster_collector.estate import Estate
from muster_collector.readiness import schema
from muster_collector.readiness.scorecard import Scorecard
from muster_collector.scoring import figures
from muster_collector.scoring.figures import Figure
from muster_collector.scoring.result import Result
from muster_collector.scoring.units import FLEET, LEVELS, Floats

SITE = "site"


def wanted(card: Scorecard) -> set[str]:
    """The imported indicators that a card reads."""
    rules = (node.indicator.place for node in card.indicators if node.indicator)
    return {rule.indicator for rule in rules if isinstance(rule, schema.Figure)}


def values(
    card: Scorecard, result: Result, estate: Estate, known: Sequence[Figure], level: str
) -> Floats:
    """One row for each unit of `level` (not nodes), NaN where a place has no value.

    Imported figures are the fleet's; smaller places have none.
    """
    ids = result.levels[level].level.ids
    table = np.full((len(ids), len(card.indicators)), np.nan)
    for number, node in enumerate(card.indicators):
        rule = node.indicator.place if node.indicator else None
        if isinstance(rule, schema.Figure):
            found = figures.newest(known, rule.indicator, rule.unit, rule.source)
            if level == FLEET and found is not None:
                table[:, number] = found.value
        elif isinstance(rule, schema.LiveScore):
            table[:, number] = _scores(result, level, rule.part)
        elif isinstance(rule, schema.LiveNodes):
            table[:, number] = _nodes(result, level)
        elif isinstance(rule, schema.LiveSites):
            table[:, number] = _sites(result, estate, level, rule)
    return table


def _scores(result: Result, level: str, part: str) -> Floats:
    """Scores of a part of the live card; none where the card has no such part."""
    column = result.card.columns.get(part)
    scores = result.levels[level].scores.value
    return np.full(len(scores), np.nan) if column is None else scores[:, column]


def _nodes(result: Result, level: str) -> Floats:
    """Percent of the planned nodes that have a score; NaN where none is planned."""
    scored = (~np.isnan(result.levels["node"].scores.value[:, 0])).astype(np.float64)
    planned = result.levels[SITE].level.planned.astype(np.float64)
    have = _summed(result, "node", level, scored)
    return _percent(have, _summed(result, SITE, level, planned))


def _sites(result: Result, estate: Estate, level: str, rule: schema.LiveSites) -> Floats:
    """Percent of the sites, in the wanted sectors, that are planned or report."""
    sites = result.levels[SITE]
    sector = [estate.site(site).sector for site in sites.level.ids]
    counts = np.array([not rule.sectors or name in rule.sectors for name in sector], dtype=bool)
    counts &= sites.level.weight > 0
    # NaN is never at least anything: a site without a score is not ready.
    ready = counts & (sites.scores.value[:, 0] >= rule.at_least)
    have = _summed(result, SITE, level, ready.astype(np.float64))
    return _percent(have, _summed(result, SITE, level, counts.astype(np.float64)))


def _summed(result: Result, below: str, level: str, number: Floats) -> Floats:
    """A number of each unit of `below`, summed over what lies in each unit of `level`."""
    for name in LEVELS[LEVELS.index(below) : LEVELS.index(level)]:
        parent = result.levels[name].level.parent
        size = len(result.levels[LEVELS[LEVELS.index(name) + 1]].level.ids)
        number = np.bincount(parent[parent >= 0], number[parent >= 0], size).astype(np.float64)
    return number


def _percent(part: Floats, whole: Floats) -> Floats:
    share: Floats = np.full(len(whole), np.nan)
    np.divide(100.0 * part, whole, out=share, where=whole > 0)
    return share
