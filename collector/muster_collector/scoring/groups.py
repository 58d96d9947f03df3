"""Readiness by what units have in common instead of by place: sites by sector, nodes by role."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from muster_collector.estate import Estate
from muster_collector.readiness.rollup import Rollup, rollup
from muster_collector.scoring.result import LevelResult, Result
from muster_collector.scoring.units import Integers

Kind = Literal["sector", "role"]


class Groups(NamedTuple):
    """Groups in the order of their names, and their scores, row by row."""

    names: list[str]
    scores: Rollup


def grouped(result: Result, estate: Estate, kind: Kind) -> Groups:
    """Roll the newest sites or nodes up by a property; "" is what the estate does not say."""
    return _by_sector(result, estate) if kind == "sector" else _by_role(result, estate)


def _by_sector(result: Result, estate: Estate) -> Groups:
    sites = result.levels["site"]
    sectors = [estate.site(site).sector for site in sites.level.ids]
    names = sorted(set(sectors))
    group = _rows(sectors, names)
    # Where nothing is planned and nothing reports, there is no member.
    group[sites.level.weight <= 0] = -1
    return Groups(names, _rollup(sites, group, len(names)))


def _by_role(result: Result, estate: Estate) -> Groups:
    nodes, sites = result.levels["node"], result.levels["site"]
    day = dt.datetime.fromtimestamp(result.end / 1000, dt.UTC).date()
    roles = [estate.role_of(node) for node in nodes.level.ids]
    seen: dict[int, Counter[str]] = {site: Counter() for site in range(len(sites.level.ids))}
    for site, role in zip(nodes.level.parent.tolist(), roles, strict=True):
        seen[site][role] += 1
    planned: Counter[str] = Counter()
    for site, counts in seen.items():
        planned += Counter(estate.planned(sites.level.ids[site], day)) | counts
    names = sorted(planned)
    return Groups(names, _rollup(nodes, _rows(roles, names), len(names), planned))


def _rows(values: list[str], names: list[str]) -> Integers:
    index = {name: row for row, name in enumerate(names)}
    return np.array([index[value] for value in values], dtype=np.int64)


def _rollup(
    members: LevelResult, group: Integers, count: int, planned: Mapping[str, int] | None = None
) -> Rollup:
    wanted = [planned[name] for name in sorted(planned)] if planned is not None else None
    return rollup(members.scores, group, count, weights=members.level.weight, planned=wanted)
