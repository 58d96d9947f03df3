"""What the networks of places carry in a window: the sums of their nodes' interfaces, for boards.

`traffic` has a point for each site, district, region and the fleet that has a node with interfaces,
at the window's end and with the tags of `readiness` but the method: `received` and `sent` in bits a
second, and how many `nodes` they are of. Late reports make a window due again, and its sums anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from muster_collector.scoring.units import LEVELS, Units
from muster_collector.store.base import Point, Query, Read, Store, Table

MEASUREMENT = "traffic"
SOURCE = "net"
READS = {"received": Read("bytes_recv", "rate"), "sent": Read("bytes_sent", "rate")}
NOT_LINKS = {"", "all", "lo"}
"""Values of the tag `interface` that are no link: the protocols' counters, and the node itself."""


async def points(store: Store, units: Units, start: int, end: int) -> list[Point]:
    """The sums of `start <= time < end` (ms); `StoreError`."""
    reads = tuple(READS.values())
    query = Query(SOURCE, reads, start, end, group=("host", "interface"))
    table = await store.select(query)
    return await asyncio.to_thread(lambda: list(_sums(table, units, end)))


def _sums(table: Table, units: Units, end: int) -> Iterator[Point]:
    carried = _of_nodes(table)
    nodes = units["node"]
    for level in LEVELS[1:]:
        sums: dict[str, dict[str, float]] = {}
        for row, node in enumerate(nodes.ids):
            if node not in carried:
                continue
            place = dict(nodes.tags[row]).get(level, level)
            total = sums.setdefault(place, dict.fromkeys((*READS, "nodes"), 0.0))
            total["nodes"] += 1
            for name, bits in carried[node].items():
                total[name] += bits
        for place, total in sums.items():
            if (found := units[level].index.get(place)) is not None:
                yield Point(MEASUREMENT, units[level].tags[found], dict(total), end)


def _of_nodes(table: Table) -> dict[str, dict[str, float]]:
    """Bits a second of each node, both ways, over its links."""
    found: dict[str, dict[str, float]] = {}
    if not len(table):
        return found
    columns = [table.columns[f"{read.field}_rate"] for read in READS.values()]
    keys = zip(table.columns["host"], table.columns["interface"], strict=True)
    for (host, interface), *rates in zip(keys, *columns, strict=True):
        if interface in NOT_LINKS:
            continue
        node = found.setdefault(host, dict.fromkeys(READS, 0.0))
        for name, rate in zip(READS, rates, strict=True):
            # A series of one sample has no rate.
            if rate is not None and rate == rate:  # noqa: PLR0124
                node[name] += 8 * rate
    return found
