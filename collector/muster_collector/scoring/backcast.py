"""History scored again under another card or estate, from the hourly values of the nodes.

Many windows are scored in one go: a unit's score does not depend on what stands beside it, unless
the card compares units; then each window is scored on its own. Either way a window gets the bits
that it would get alone.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from muster_collector.estate import Estate
from muster_collector.readiness.engine import Scores, score
from muster_collector.readiness.rollup import rollup
from muster_collector.readiness.schema import Goalposts, Thresholds
from muster_collector.readiness.scorecard import Scorecard
from muster_collector.scoring.hourly_values import HOUR, MEASUREMENT, fields
from muster_collector.scoring.units import (
    LEVELS,
    Floats,
    Integers,
    Members,
    Units,
    make_units,
)
from muster_collector.store.arrays import arrays, floats
from muster_collector.store.base import Query, Read, Store
from muster_collector.store.tables import Arrays

ROWS = 16_000
"""Nodes times windows that are read and scored in one go; bounds the memory."""
KEPT = 50
"""Fleets whose units are kept for the windows that have them again."""
EstateAt = Callable[[int], Estate]


class Sample(NamedTuple):
    """A unit's score at the end of a window (ms); None without one."""

    time: int
    score: float | None


@dataclass(frozen=True)
class Member:
    """A node of a former window."""

    node: str
    site: str
    first_seen: int = 0


class Block(NamedTuple):
    """Some windows: their ends, the nodes, who was there (windows x nodes), where, with what.

    `site` is windows x nodes of positions in `Known.sites`; `values` indicators x windows x nodes.
    """

    ends: Integers
    nodes: tuple[str, ...]
    there: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    site: Integers
    values: Floats


@dataclass(frozen=True)
class Known:
    """What many blocks have in common: each site's number, and the units of nodes seen before."""

    sites: dict[str, int] = field(default_factory=dict)
    units: dict[tuple[object, ...], Units] = field(default_factory=dict)
    plans: dict[tuple[int, dt.date], int] = field(default_factory=dict)

    def planned(self, estate: Estate, end: int) -> int:
        """How many of an estate's dated plans had begun when a window ended."""
        day = dt.datetime.fromtimestamp(end / 1000, dt.UTC).date()
        if (id(estate), day) not in self.plans:
            begun = sum(s.planned_from is not None and s.planned_from <= day for s in estate.sites)
            self.plans[id(estate), day] = begun
        return self.plans[id(estate), day]


async def stored(
    store: Store, level: str, unit: str, start: int, end: int
) -> list[tuple[Sample, str]]:
    """A unit's scores at the hours in `start < t <= end`, each with the method that made it."""
    reads = (Read("score", "raw"), Read("scored", "raw"), Read("method", "raw"))
    where = {"level": [level], "id": [unit]}
    table = await store.select(Query(MEASUREMENT, reads, start + 1, end + 1, where=where))
    if not len(table):
        return []
    columns = (table.columns[name] for name in ("time", "score", "scored", "method"))
    samples = (
        (Sample(time, value if known else None), method)
        for time, value, known, method in zip(*columns, strict=True)
    )
    return sorted(samples, key=lambda found: found[0].time)


async def lacking(
    store: Store, card: Scorecard, live: Scorecard, start: int, end: int
) -> list[str]:
    """Indicators of a card whose values nobody stored; what the live card reads always was."""
    known = set(fields(live))
    strange = [(node.id, name) for node, name in zip(card.indicators, fields(card), strict=True)
               if name not in known]  # fmt: skip
    if not strange:
        return []
    reads = tuple(Read(name, "count") for _, name in strange)
    table = await store.select(Query(MEASUREMENT, reads, start + 1, end + 1))
    counts = {
        name: sum(filter(None, table.columns.get(f"{name}_count", []))) for _, name in strange
    }
    return [indicator for indicator, name in strange if not counts[name]]


async def scored(
    store: Store,
    card: Scorecard,
    estate_at: EstateAt,
    level: str,
    unit: str,
    *,
    span: tuple[int, int],
    nodes: int,
) -> list[Sample]:
    """A unit's scores at the hours in `start < t <= end` (ms) from the stored values.

    `nodes` (about how many there are) sets how much is read at once. `StoreError` like the store.
    """
    start, end = span
    step = max(1, ROWS // max(nodes, 1)) * HOUR
    known = Known()
    samples: list[Sample] = []
    parts = [(first, min(first + step, end)) for first in range(start, end, step)]
    reading = asyncio.create_task(_values(store, card, *parts[0])) if parts else None
    for number in range(len(parts)):
        assert reading is not None  # noqa: S101 - there is one for each part
        found = await reading
        # What comes next is read while this is scored.
        last = number + 1 == len(parts)
        reading = None if last else asyncio.create_task(_values(store, card, *parts[number + 1]))
        if found is not None:
            work = partial(_scores, card, estate_at, level, unit, found, known)
            try:
                samples += await asyncio.to_thread(work)
            except BaseException:
                if reading is not None:
                    reading.cancel()
                raise
    return samples


async def _values(store: Store, card: Scorecard, start: int, end: int) -> Arrays | None:
    reads = (Read("site", "raw"), *(Read(name, "raw") for name in dict.fromkeys(fields(card))))
    where = {"level": ["node"]}
    return await arrays(store, Query(MEASUREMENT, reads, start + 1, end + 1, ("id",), where))


def _block(card: Scorecard, found: Arrays, known: Known) -> Block:
    length = len(found.time)
    ends, window = np.unique(found.time, return_inverse=True)
    nodes = tuple(node for (node,) in found.groups)
    sites = known.sites
    names = np.ma.filled(found.values["site"], "").tolist()
    # Where each sample lies in an array of windows x nodes.
    place = window * len(nodes) + found.group
    there = np.zeros((len(ends), len(nodes)), dtype=bool)
    there.flat[place] = True
    site = np.zeros((len(ends), len(nodes)), dtype=np.int64)
    site.flat[place] = [sites.setdefault(name, len(sites)) for name in names]
    values = np.full((len(card.indicators), there.size), np.nan)
    for row, name in zip(values, fields(card), strict=True):
        row[place] = floats(found.values.get(name), length)
    return Block(ends, nodes, there, site, values.reshape(len(values), *there.shape))


def _scores(  # noqa: PLR0917 - one question about one block
    card: Scorecard, estate_at: EstateAt, level: str, unit: str, found: Arrays, known: Known
) -> list[Sample]:
    """Windows with the same nodes at the same places under the same plans go together."""
    block = _block(card, found, known)
    samples: list[Sample] = []
    alike: dict[tuple[object, ...], list[int]] = {}
    for number, end in enumerate(block.ends.tolist()):
        estate = estate_at(end)
        there, site = block.there[number].tobytes(), block.site[number].tobytes()
        # Relative normalisation compares the nodes of one window.
        alone = end if compares(card) else None
        plans = known.planned(estate, end)
        alike.setdefault((id(estate), plans, block.nodes, there, site, alone), []).append(number)
    for key, windows in alike.items():
        inside = np.flatnonzero(block.there[windows[0]])
        if key[:5] not in known.units:
            if len(known.units) >= KEPT:
                known.units.clear()
            known.units[key[:5]] = _units(estate_at, block, windows[0], inside, known)
        values = block.values
        if len(windows) < len(block.ends):
            values = values[:, windows]
        if len(inside) < len(block.nodes):
            values = values[:, :, inside]
        made = under(card, known.units[key[:5]], values, level, unit)
        for number, value in zip(windows, made.tolist(), strict=True):
            samples.append(Sample(int(block.ends[number]), None if np.isnan(value) else value))
    return samples


def _units(estate_at: EstateAt, block: Block, window: int, inside: Integers, known: Known) -> Units:
    """The units over the nodes of a window."""
    sites = list(known.sites)
    members = tuple(
        Member(block.nodes[node], sites[block.site[window, node]]) for node in inside.tolist()
    )
    end = int(block.ends[window])
    return make_units(estate_at(end), Members(members), end)


def compares(card: Scorecard) -> bool:
    """Whether a unit's score depends on the units beside it."""
    return any(
        not isinstance(indicator.normalise, Thresholds | Goalposts)
        or indicator.winsorise is not None
        or (indicator.impute is not None and indicator.impute.kind != "value")
        for _, indicator in card.leaves
    )


def under(card: Scorecard, units: Units, values: Floats, level: str, unit: str) -> Floats:
    """A unit's score in each window, from indicators x windows x nodes; NaN without one.

    The nodes are those of `units`, in the same order.
    """
    windows = values.shape[1]
    row = units[level].index.get(unit)
    if row is None:
        return np.full(windows, np.nan)
    scores: Scores = score(card, values.reshape(len(values), -1).T, limits=False)
    for below, above in pairwise(LEVELS[: LEVELS.index(level) + 1]):
        members, groups = units[below], units[above]
        size = len(groups.ids)
        offset = np.repeat(np.arange(windows) * size, len(members.ids))
        parent = np.tile(members.parent, windows)
        scores = rollup(
            scores,
            np.where(parent >= 0, parent + offset, -1),
            windows * size,
            weights=np.tile(members.weight, windows),
            planned=np.tile(groups.planned, windows),
            planned_weight=np.tile(groups.planned_weight, windows),
            alone=True,
        )
    found: Floats = scores.value[:, 0].reshape(windows, -1)[:, row]
    return found


def means(
    samples: Sequence[Sample], begin: Callable[[int], int]
) -> dict[int, tuple[float | None, int]]:
    """Start of step -> mean of its scores and how many there are; `begin` takes a time within."""
    steps: dict[int, list[float]] = {}
    for sample in samples:
        known = steps.setdefault(begin(sample.time - 1), [])
        if sample.score is not None:
            known.append(sample.score)
    return {
        start: (sum(known) / len(known) if known else None, len(known))
        for start, known in steps.items()
    }
