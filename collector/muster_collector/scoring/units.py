"""Who is scored: every known node, the places above it, what each weighs, and what is planned.

A place weighs in the level above it what its planned nodes weigh by role, times its own weight in
the estate; so with weights of 1 a district of a hundred nodes counts a hundred times one of one.
A place where nothing is planned and nothing reports weighs nothing and is no planned member.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

from muster_collector.estate import Estate

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
FLEET = "fleet"
LEVELS = ("node", "site", "district", "region", FLEET)
PLACES = ("site", "district", "region")
Tags = tuple[tuple[str, str], ...]


class KnownNode(Protocol):
    """What scoring needs to know of a node; `first_seen` is in ms."""

    @property
    def node(self) -> str:
        """Its id."""

    @property
    def site(self) -> str:
        """The site it reports from."""

    @property
    def first_seen(self) -> int:
        """When the collector first heard of it."""


class FleetView(Protocol):
    """The nodes that the collector knows, silent ones too."""

    def nodes(self) -> Iterable[KnownNode]:
        """All of them, in any order."""


@dataclass(frozen=True)
class Members:
    """The nodes of a window, which stay the same while they are looked at in another thread."""

    known: tuple[KnownNode, ...]

    def nodes(self) -> tuple[KnownNode, ...]:
        """All of them."""
        return self.known


@dataclass(frozen=True)
class Level:
    """The units of one level, ordered by id, one array element each.

    `parent` is the position in the level above, -1 where the unit counts for nothing there;
    `weight` is what it weighs there. `planned` and `planned_weight` are of the unit's own members
    (one node's are 1). `tags` name the unit and the places around it, sorted by key.
    """

    name: str
    ids: tuple[str, ...]
    index: Mapping[str, int]
    parent: Integers
    weight: Floats
    planned: Integers
    planned_weight: Floats
    tags: tuple[Tags, ...]


Units = Mapping[str, Level]
"""Level name to level, nodes first, the fleet last."""


def make_units(
    estate: Estate, fleet: FleetView, end: int, reporting: Collection[str] = ()
) -> Units:
    """The units of a window that ends at `end` (ms).

    Its nodes are those that were known before it ended, and those that are known now and have data
    in it (`reporting`): a node's spool may reach back before the collector first heard of it.
    """
    nodes = {
        known.node: known.site
        for known in fleet.nodes()
        if known.first_seen < end or known.node in reporting
    }
    parents = _parents(estate, nodes)
    index = {name: {unit: row for row, unit in enumerate(parents[name])} for name in LEVELS}
    rows: dict[str, Integers] = {
        below: _rows(parents[below], index[above]) for below, above in pairwise(LEVELS)
    }
    rows[FLEET] = np.array([-1], dtype=np.int64)
    weight: dict[str, Floats] = {
        "node": _floats(estate.role_weight(estate.role_of(node)) for node in nodes)
    }
    planned: dict[str, Integers] = {"node": np.ones(len(nodes), dtype=np.int64)}
    planned_weight: dict[str, Floats] = {"node": np.ones(len(nodes))}
    planned["site"], planned_weight["site"] = _plans(estate, parents, end)
    for below, above in pairwise(LEVELS[1:]):
        own = _floats(estate.weight(below, unit) for unit in parents[below])
        weight[below] = own * planned_weight[below]
        counts = weight[below] > 0
        rows[below][~counts] = -1
        group, size = rows[below][counts], len(index[above])
        planned[above] = np.bincount(group, minlength=size)
        total = np.bincount(group, weight[below][counts], size)
        # Without members bincount gives integers.
        planned_weight[above] = total.astype(np.float64)
    weight[FLEET] = np.ones(1)
    tags = _tags(parents)
    return {
        name: Level(
            name=name,
            ids=tuple(parents[name]),
            index=index[name],
            parent=rows[name],
            weight=weight[name],
            planned=planned[name],
            planned_weight=planned_weight[name],
            tags=tags[name],
        )
        for name in LEVELS
    }


Parents = Mapping[str, Mapping[str, str]]
"""Level to its units, ordered by id, each with the unit above it."""


def _parents(estate: Estate, nodes: Mapping[str, str]) -> Parents:
    sites = {site.id for site in estate.sites} | set(nodes.values())
    of_site = {site: estate.site(site).district for site in sites}
    districts = {district.id for district in estate.districts} | set(of_site.values())
    of_district = {district: estate.region_of(district) for district in districts}
    regions = {region.id for region in estate.regions} | set(of_district.values())
    tables: list[Mapping[str, str]] = [nodes, of_site, of_district]
    tables += [dict.fromkeys(regions, FLEET), {FLEET: ""}]
    return {name: dict(sorted(table.items())) for name, table in zip(LEVELS, tables, strict=True)}


def _plans(estate: Estate, parents: Parents, end: int) -> tuple[Integers, Floats]:
    """Members and weight that each site should have; more than planned are as good as planned."""
    day = dt.datetime.fromtimestamp(end / 1000, dt.UTC).date()
    seen: dict[str, Counter[str]] = {site: Counter() for site in parents["site"]}
    for node, site in parents["node"].items():
        seen[site][estate.role_of(node)] += 1
    # `|` of counters is the greater count of each role.
    expected = [Counter(estate.planned(site, day)) | counts for site, counts in seen.items()]
    weights = (
        sum(count * estate.role_weight(role) for role, count in sorted(roles.items()))
        for roles in expected
    )
    return np.array([roles.total() for roles in expected], dtype=np.int64), _floats(weights)


def _floats(values: Iterable[float]) -> Floats:
    return np.fromiter(values, np.float64)


def _rows(parents: Mapping[str, str], index: Mapping[str, int]) -> Integers:
    return np.fromiter((index[parent] for parent in parents.values()), np.int64, len(parents))


def _tags(parents: Parents) -> dict[str, tuple[Tags, ...]]:
    """For each unit its level, its id, and the places that it is or lies in."""
    around: dict[str, Tags] = {FLEET: ()}
    tags: dict[str, tuple[Tags, ...]] = {}
    for name in reversed(LEVELS):
        own = {
            unit: around.get(above, ()) + (((name, unit),) if name in PLACES else ())
            for unit, above in parents[name].items()
        }
        tags[name] = tuple(
            tuple(sorted((*places, ("id", unit), ("level", name)))) for unit, places in own.items()
        )
        around = own
    return tags
