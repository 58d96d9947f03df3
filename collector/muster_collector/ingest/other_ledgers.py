"""What other collectors booked of our nodes, before they handed them over; read from the store.

A ledger that was lost and begun anew is another one too. Only counts are taken from there: what is
missing and what was lost is in the accounts that are ours now.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from muster_collector.errors import StoreError
from muster_collector.ledger.slots import HOUR, NAMES, Sums
from muster_collector.store.base import Query, Read, Store

HOURLY = "completeness_hourly"
COVERED_S = "covered_s"
LOOK_BACK = 90 * 24 * HOUR
"""How far back another ledger is looked for."""
FRESH = 300.0
"""Seconds that an answer to that is good for."""
FIELDS = (*NAMES[:-1], COVERED_S)
"""In the store the time that reports cover is in seconds."""


class Share(NamedTuple):
    """What one ledger booked of a node at a site."""

    node: str
    ledger: str
    site: str
    sums: Sums


class OtherLedgers:
    """The ledgers in the store that are not `own`; `since` (ms) is when this process began."""

    def __init__(self, store: Store, own: str, since: int) -> None:
        self.since = since
        self._store = store
        self._own = own
        self._ids: list[str] = []
        self._asked = float("-inf")

    @property
    def coarse_until(self) -> int:
        """Before this (ms) only whole hours can be answered; 0 without other ledgers."""
        return self.since if self._ids else 0

    async def look(self, now: int) -> None:
        """Find them; a store that does not answer leaves what was known."""
        if time.monotonic() - self._asked < FRESH:
            return
        query = Query(HOURLY, (Read("stored", "last"),), now - LOOK_BACK, now + HOUR, ("ledger",))
        try:
            table = await self._store.select(query)
        except StoreError:
            return
        self._asked = time.monotonic()
        self._ids = sorted({*table.columns.get("ledger", [])} - {self._own, ""})

    async def sums(self, spans: Sequence[tuple[int, int]]) -> list[dict[str, Sums]]:
        """What they booked of each node in each range (ms, whole hours); raises `StoreError`."""
        found = []
        for shares in await self.shares(spans):
            whole: dict[str, Sums] = {}
            for share in shares:
                whole[share.node] = share.sums.plus(whole.get(share.node))
            found.append(whole)
        return found

    async def shares(self, spans: Sequence[tuple[int, int]]) -> list[list[Share]]:
        """The same, each ledger and site for itself."""
        if not self._ids:
            return [[] for _ in spans]
        return [await self._shares(*span) for span in spans]

    async def _shares(self, start: int, end: int) -> list[Share]:
        reads = tuple(Read(name, "sum") for name in FIELDS)
        group, where = ("host", "ledger", "site"), {"ledger": self._ids}
        # An hour's point lies at its end.
        query = Query(HOURLY, reads, start + 1, end + 1, group, where)
        columns = (await self._store.select(query)).columns
        values = [columns.get(f"{name}_sum", []) for name in FIELDS]
        tags = (columns.get(tag, []) for tag in group)
        found = []
        for row, (host, ledger, site) in enumerate(zip(*tags, strict=True)):
            *counts, covered = (column[row] or 0 for column in values)
            sums = Sums([*map(int, counts), round(covered * 1000)], {})
            found.append(Share(host, ledger, site, sums))
        return found
