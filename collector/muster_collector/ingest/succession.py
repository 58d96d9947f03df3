"""The ingest of a collector that shares its partitions: waits until it knows what the former knew.

Messages that come before that are held, unacknowledged, so the broker's Receive Maximum bounds
them; what is sent with QoS 0 meanwhile is dropped and counted, and the ledger will miss it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from muster_collector.ingest import events, handover
from muster_collector.ingest.connection import Handler
from muster_collector.lease.keeper import Keeper
from muster_collector.ledger.file import LedgerFile
from muster_collector.ledger.nodes import Ledger, Node
from muster_wire.codec import Encoded
from muster_wire.topics import partition as partition_of

SOME = 200
"""Accounts that are left behind at once, before other work has its turn."""
Message = tuple[str, bytes, str, int, bool]


class Succession:
    """Takes over at the beginning, and leaves every account behind for the next one."""

    def __init__(
        self,
        lease: Keeper,
        ledger: Ledger,
        file: LedgerFile,
        retain: Callable[[str, Encoded], bool],
    ) -> None:
        self._lease = lease
        self._ledger = ledger
        self._file = file
        self._retain = retain
        self._take: Handler | None = None
        self._held: list[tuple[Message, asyncio.Future[None]]] = []
        self._session = asyncio.Event()
        self.over = asyncio.Event()
        """The ledger is taken over."""
        self._forgotten = asyncio.Event()

    def connected(self, resumed: bool) -> None:
        """The shared session is ours; without `resumed` the broker may have forgotten accounts."""
        self._session.set()
        if not resumed:
            self._forgotten.set()

    def handle(
        self, topic: str, payload: bytes, content_type: str, qos: int, retained: bool
    ) -> asyncio.Future[None] | None:
        """Take a message in, or hold it."""
        message = (topic, payload, content_type, qos, retained)
        if self._take is not None:
            return self._take(*message)
        if qos == 0:
            events.overflow(topic)
            return None
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._held.append((message, waiting))
        return waiting

    def leave(self, node: Node) -> bool:
        """Leave a node's account at the broker; whether it is on its way."""
        topic = self._lease.state_topic(partition_of(node.node), node.node)
        return self._retain(topic, handover.state(node, self._lease.term))

    async def run(self, take: Handler) -> None:
        """Take over, let messages in, and leave all accounts again when the broker lost them."""
        await self._session.wait()
        states = await self._lease.states()
        changes, faults = handover.take_over(self._ledger, states, self._lease.before)
        for fault in faults:
            events.state_unreadable(fault)
        await asyncio.to_thread(self._file.commit, changes)
        self._lease.taken_over()
        lost = sum(name not in states for name in self._ledger.nodes)
        events.taken_over(len(changes.nodes), lost)
        if lost:
            self._forgotten.set()
        self._let_in(take)
        while True:
            await self._forgotten.wait()
            self._forgotten.clear()
            for count, node in enumerate(list(self._ledger.nodes.values())):
                self.leave(node)
                if count % SOME == 0:
                    await asyncio.sleep(0.01)

    def _let_in(self, take: Handler) -> None:
        self._take = take
        for message, waiting in self._held:
            done = take(*message)
            if done is None:
                waiting.set_result(None)
            else:
                done.add_done_callback(partial(_finish, waiting))
        self._held.clear()
        self.over.set()


def _finish(waiting: asyncio.Future[None], _done: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
