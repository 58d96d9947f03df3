"""Points to the store in bounded batches, so that neither memory nor the event loop suffers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import islice

from muster_collector.scoring import events
from muster_collector.store.base import Point, Store

BATCH = 5_000
"""Points a write."""


async def write_all(store: Store, points: Iterable[Point]) -> None:
    """Write everything; `StoreError` leaves a part written, and writing it all again is safe.

    The points are made beside the event loop.
    """
    rest, refused, reason = iter(points), 0, ""
    while batch := await asyncio.to_thread(lambda: list(islice(rest, BATCH))):
        refusals = await store.write(batch)
        refused += len(refusals)
        reason = refusals[0].reason if refusals else reason
    if refused:
        events.refused(refused, reason)
