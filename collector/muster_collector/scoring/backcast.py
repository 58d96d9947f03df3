"""History scored again under another card or estate, from the hourly values of the nodes.

Many windows are scored in one go: a unit's score does not depend on what stands beside it, unless
the card compares units; then each window is scored on its own. Either way a window gets the bits
that it would get alone.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from muster_collector.estate import Estate
from muster_collector.readiness.engine import Scores, score
from muster_collector.readiness.rollup import rollup
from muster_collector.readiness.schema import Goalposts, Thresholds
from muster_collector.readiness.scorecard import Scorecard
from muster_collector.scoring.hourly_values import HOUR, MEASUREMENT, fields
from muster_collector.scoring.units import LEVELS, Floats, Integers, Units, make_units
from muster_collector.store.arrays import arrays, floats
from muster_collector.store.base import Query, Read, Store
from muster_collector.store.duck_select import Arrays

ROWS = 12_000
"""Nodes times windows that are read and scored in one go; bounds the memory."""
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


@dataclass(frozen=True)
class Members:
    """The nodes of a former window, as `make_units` takes them."""

    known: tuple[Member, ...]

    def nodes(self) -> tuple[Member, ...]:
        """All of them."""
        return self.known


class Block(NamedTuple):
    """Some windows: their ends, the nodes, who was there (windows x nodes), where, with what.

    `site` is windows x nodes of positions in `sites`; `values` windows x nodes x indicators.
    """

    ends: Integers
    nodes: list[str]
    there: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
    site: Integers
    sites: list[str]
    values: Floats


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
    made: dict[tuple[object, ...], Units] = {}
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
            block = _block(card, found)
            try:
                samples += await asyncio.to_thread(
                    lambda block: list(_block_scores(card, estate_at, level, unit, block, made)),
                    block,
                )
            except BaseException:
                if reading is not None:
                    reading.cancel()
                raise
    return samples


async def _values(store: Store, card: Scorecard, start: int, end: int) -> Arrays | None:
    reads = (Read("site", "raw"), *(Read(name, "raw") for name in dict.fromkeys(fields(card))))
    where = {"level": ["node"]}
    return await arrays(store, Query(MEASUREMENT, reads, start + 1, end + 1, ("id",), where))


def _block(card: Scorecard, found: Arrays) -> Block:
    length = len(found.time)
    ends, window = np.unique(found.time, return_inverse=True)
    nodes = [node for (node,) in found.groups]
    names = np.ma.filled(found.values["site"], "")
    sites, place = np.unique(names.astype(str), return_inverse=True)
    there = np.zeros((len(ends), len(nodes)), dtype=bool)
    site = np.zeros((len(ends), len(nodes)), dtype=np.int64)
    there[window, found.group] = True
    site[window, found.group] = place
    values = np.full((len(ends), len(nodes), len(card.indicators)), np.nan)
    for number, name in enumerate(fields(card)):
        values[window, found.group, number] = floats(found.values.get(name), length)
    return Block(ends, nodes, there, site, sites.tolist(), values)


def _block_scores(  # noqa: PLR0917 - one question about one block
    card: Scorecard,
    estate_at: EstateAt,
    level: str,
    unit: str,
    block: Block,
    made: dict[tuple[object, ...], Units],
) -> Iterator[Sample]:
    """Windows with the same nodes at the same places under the same plans go together."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for number, end in enumerate(block.ends.tolist()):
        estate = estate_at(end)
        day = dt.datetime.fromtimestamp(end / 1000, dt.UTC).date()
        plans = [s.planned_from for s in estate.sites if s.planned_from and s.planned_from <= day]
        key = (id(estate), len(plans), block.there[number].tobytes(), block.site[number].tobytes())
        # Relative normalisation compares the nodes of one window.
        alike.setdefault((*key, end) if compares(card) else key, []).append(number)
    for windows in alike.values():
        end = int(block.ends[windows[0]])
        inside = np.flatnonzero(block.there[windows[0]])
        members = tuple(
            Member(block.nodes[node], block.sites[block.site[windows[0], node]])
            for node in inside.tolist()
        )
        estate = estate_at(end)
        day = dt.datetime.fromtimestamp(end / 1000, dt.UTC).date()
        known = (id(estate), members, day if any(s.planned_from for s in estate.sites) else None)
        if known not in made:
            made[known] = make_units(estate, Members(members), end)
        values = block.values[np.array(windows)[:, None], inside]
        found = under(card, made[known], values, level, unit)
        for number, value in zip(windows, found.tolist(), strict=True):
            yield Sample(int(block.ends[number]), None if np.isnan(value) else value)


def compares(card: Scorecard) -> bool:
    """Whether a unit's score depends on the units beside it."""
    return any(
        not isinstance(indicator.normalise, Thresholds | Goalposts)
        or indicator.winsorise is not None
        or (indicator.impute is not None and indicator.impute.kind != "value")
        for _, indicator in card.leaves
    )


def under(card: Scorecard, units: Units, values: Floats, level: str, unit: str) -> Floats:
    """A unit's score in each window, from windows x nodes x indicators; NaN without one.

    The nodes are those of `units`, in the same order.
    """
    windows = len(values)
    row = units[level].index.get(unit)
    if row is None:
        return np.full(windows, np.nan)
    scores: Scores = score(card, values.reshape(-1, values.shape[2]), limits=False)
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
            columns=1,
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
