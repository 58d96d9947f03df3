"""The fleet as the store knows it, for a process that scores or serves but takes no reports itself.

The ingest role writes every node's account to `completeness` once a minute; who is named there
within the last day is a node. What only the messages tell (inventory, agent) is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from muster_collector.store.base import Query, Read, Store, Table

DAY = 86_400_000
COUNTS = ("stored", "duplicate", "refused", "late", "lost", "missing")
SILENT, STATE = "silent_s", "state"
ONLINE_WITHIN = 120.0
"""Seconds since the last report within which a node counts as connected."""


@dataclass(frozen=True)
class StoredNode:
    """What the last account says of a node; times in ms."""

    node: str
    site: str
    last_report_ts: int | None
    last_arrival: int | None
    online: bool
    totals: Mapping[str, int]
    simulated: bool
    first_seen: int = 0
    every: float = 0.0
    epoch: int | None = None
    agent: str = ""
    source: str = ""
    inventory: Mapping[str, Any] = field(default_factory=dict)
    config: None = None
    state: str | None = None


class StoredFleet:
    """The nodes of the last `refresh`; none before it."""

    def __init__(self, store: Store, clock: Callable[[], int]) -> None:
        self.store = store
        self.clock = clock
        self._nodes: dict[str, StoredNode] = {}

    def nodes(self) -> Iterable[StoredNode]:
        """All nodes with an account within the last day."""
        return self._nodes.values()

    async def refresh(self) -> None:
        """Read the accounts; `StoreError` leaves what was known."""
        now = self.clock()
        reads = tuple(Read(name, "last") for name in (*COUNTS, SILENT, STATE))
        query = Query("completeness", reads, now - DAY, now + 1, group=("host", "site"))
        table = await self.store.select(query)
        found: dict[str, StoredNode] = {}
        for row in range(len(table)):
            node = _node(table, row, now)
            known = found.get(node.node)
            # A node that moved has an account at both sites; the livelier one is where it is.
            if known is None or (node.last_arrival or 0) > (known.last_arrival or 0):
                found[node.node] = node
        self._nodes = found


def _node(table: Table, row: int, now: int) -> StoredNode:
    columns = table.columns

    def last(name: str) -> Any:
        column = columns.get(f"{name}_last")
        return column[row] if column else None

    silent = last(SILENT)
    seen = None if silent is None else now - round(silent * 1000)
    name = columns["host"][row]
    return StoredNode(
        node=name,
        site=columns["site"][row],
        last_report_ts=seen,
        last_arrival=seen,
        online=silent is not None and silent < ONLINE_WITHIN,
        totals={count: int(last(count) or 0) for count in COUNTS},
        simulated=name.startswith("sim-"),
        state=last(STATE),
    )
