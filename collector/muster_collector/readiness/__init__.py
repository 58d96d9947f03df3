"""The scoring engine: pure, vectorised, general; nothing in here reads a clock, a file or a store.

    card = load(text, "card.toml")                # errors name file and place
    card.method                                   # 12 hex digits that name the method
    [node.indicator.source for node in card.indicators]   # what to ask the store (None: imported)

    nodes = score(card, values)                   # units x card.indicators, NaN = missing
    nodes.value[:, 0], nodes.low, nodes.high, nodes.coverage      # units x card.columns
    nodes.value[:, card.columns["storage"]]       # any level or indicator by its id
    card.grades(nodes.value[:, 0]); nodes.why(7)  # grades; why unit 7 has no score
    points = lost(nodes)                          # units x columns; indicators sum to 100 - score

    sites = rollup(nodes, site_of_node, n_sites, weights=role_weight, planned=planned_per_site)
    districts = rollup(sites, district_of_site, n_districts, weights=sites.weight)
    sites.p10, sites.worst, sites.scored, sites.planned, sites.value[:, 0]
    moved = change(yesterday, today)              # moved.total == moved.parts + moved.coverage

Column 0 is always the whole card ("overall"); `card.pillars` are the levels directly below it. A
member that is known and silent is a row of NaN; one that is planned and was never seen is only in
`planned`. Scores of different times are compared only under one method. An optional indicator that
does not apply to a unit has no value, no interval and no coverage (all NaN).

Beside these: `table` and `export` (CSV in; CSV, JSON and text out), `describe` (a card as a page,
the difference of two), `robustness` and `sensitivity` (weights and thresholds varied at random),
`targets` (dated targets: pace, likely date, chance), `schema` (the form of a card).
"""

from .engine import Scores, score
from .explain import Change, change, lost
from .rollup import Rollup, rollup
from .scorecard import Node, Scorecard, load

__all__ = [
    "Change",
    "Node",
    "Rollup",
    "Scorecard",
    "Scores",
    "change",
    "load",
    "lost",
    "rollup",
    "score",
]
