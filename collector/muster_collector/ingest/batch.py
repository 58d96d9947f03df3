"""Messages in hand that will be stored together."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections.abc import Sequence

from muster_collector.ingest.items import Item, ReportItem
from muster_collector.ledger.account import Account
from muster_collector.ledger.nodes import Node
from muster_collector.store.base import RefusedPoint, Sample, whole


class Batch:
    """Points, the messages that they came from, and one future for all of them.

    `eras` are accounts that have to be in the ledger's file before the points are in the store.
    """

    def __init__(self) -> None:
        self.points: list[Sample] = []
        self.size = 0
        """How many points these are; positions of points are as in `whole(points)`."""
        self.items: list[Item] = []
        self.eras: list[tuple[Node, Account]] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.begun = time.monotonic()

    def add(self, item: Item) -> asyncio.Future[None]:
        """One more message; the future is done once it is settled."""
        if not self.items:
            self.begun = time.monotonic()
        self.items.append(item)
        return self.done

    def refuse(self, refused: Sequence[RefusedPoint]) -> None:
        """Tell the reports which of their points the store has refused."""
        points = whole(self.points)
        owners = [i for i in self.items if isinstance(i, ReportItem) and i.end > i.start]
        starts = [owner.start for owner in owners]
        for position, reason in refused:
            owner = owners[bisect_right(starts, position) - 1]
            # What is only said about a report, behind its points, makes it no worse.
            if position < owner.end:
                owner.refusals.append((reason, points[position]))
