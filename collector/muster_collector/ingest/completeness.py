"""Writes every node's account to the store, for boards: measurement `completeness`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from muster_collector.errors import StoreError
from muster_collector.ingest import events
from muster_collector.ingest.fleet import Fleet
from muster_collector.ledger.nodes import Node
from muster_collector.store.base import Point, Store

MEASUREMENT = "completeness"
COUNTS = ("stored", "duplicate", "refused", "late", "lost", "missing")
MOST = 2**62
"""What a node makes us believe may be more than a store's integers hold."""


def point(node: Node, now: int) -> Point:
    """The account of a node at `now` (ms); counts are cumulative, `missing` is of now."""
    totals = node.totals
    fields: dict[str, int | float | bool | str] = {
        name: min(getattr(totals, name), MOST) for name in COUNTS
    }
    if node.last_arrival is not None:
        fields["silent_s"] = max(0.0, (now - node.last_arrival) / 1000)
    return Point(MEASUREMENT, (("host", node.node), ("site", node.site)), fields, now)


async def write_for_ever(
    fleet: Fleet, store: Store, *, every: float, clock: Callable[[], int]
) -> None:
    """Write all accounts every so many seconds; while the store is away, that one is left out."""
    while True:
        await asyncio.sleep(every)
        fleet.observe()
        points = [point(node, clock()) for node in fleet.nodes()]
        try:
            await store.write(points)
        except StoreError as error:
            events.store_away(store.name, error)
