"""Tells nodes what is settled and what is missing: cumulative, and rationed.

Invariants: an ack says only what the ledger's file holds (`flush` is called between transactions);
a node gets at most one round of acks in `every` seconds, but at once when something is newly
missing or it was born; an ack that gets lost costs nothing, because the next one says it all.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable

from muster_collector import telemetry
from muster_collector.ingest.bases import Bases
from muster_collector.ingest.patience import Patience
from muster_collector.ingest.rates import Rates
from muster_collector.ledger.account import Account
from muster_collector.ledger.nodes import Node
from muster_wire import echo, topics
from muster_wire.codec import Encoded, encode
from muster_wire.messages import Ack, Refused

MOST_MISSING = 64
"""Ranges that an ack names, the lowest; the rest follows when these have come."""
ECHOES = 10
"""Echoes answered in a second at most, of all nodes together."""

Publish = Callable[[str, Encoded], None]


class Acks:
    """The acks that are due; times are seconds of one monotonic clock."""

    def __init__(
        self,
        publish: Publish,
        patience: Patience,
        rates: Rates,
        bases: Bases,
        *,
        every: float,
        root: str,
        leave: Callable[[Node], bool] = lambda _: True,
    ) -> None:
        self.rates = rates
        self.bases = bases
        self._publish = publish
        self._patience = patience
        self._every = every
        self._leave = leave
        """Leaves the node's account for whoever takes over, before the node can rely on it."""
        self._root = root
        self._wanted: dict[str, tuple[Node, dict[int, Account]]] = {}
        self._due: dict[str, float] = {}
        self._queue: list[tuple[float, str]] = []
        self._last: dict[str, float] = {}
        self._echoes: deque[float] = deque(maxlen=ECHOES)

    def echo(self, place: topics.Topic, token: bytes, now: float, wall: int) -> None:
        """Tell somebody who tries the way that it is open; `wall` is our clock in ms."""
        text = echo.answer(token, wall)
        full = len(self._echoes) == ECHOES and now < self._echoes[0] + 1
        if text is None or full:
            return
        self._echoes.append(now)
        topic = topics.topic(place.site, place.node, "ack", root=self._root)
        self._publish(topic, Encoded(text, echo.ECHO))

    def want(self, node: Node, account: Account, now: float, *, urgent: bool = False) -> None:
        """An ack of an epoch is due, now or when the ration allows it."""
        name = node.node
        wanted = self._wanted.get(name)
        if wanted is None:
            self._wanted[name] = (node, {account.epoch: account})
        else:
            wanted[1][account.epoch] = account
        due = now if urgent else max(now, self._last.get(name, now - self._every) + self._every)
        if due < self._due.get(name, float("inf")):
            self._due[name] = due
            heapq.heappush(self._queue, (due, name))

    @property
    def due(self) -> int:
        """To how many nodes something is due."""
        return len(self._due)

    def flush(self, now: float) -> None:
        """Send what is due."""
        while self._queue and self._queue[0][0] <= now:
            due, name = heapq.heappop(self._queue)
            if self._due.get(name) != due:
                continue
            del self._due[name]
            self._last[name] = now
            node, accounts = self._wanted.pop(name)
            left = self._leave(node)
            for account in accounts.values():
                if left:
                    self._send(node, account, now)
                else:
                    self.want(node, account, now)

    def _send(self, node: Node, account: Account, now: float) -> None:
        missing = account.missing()[:MOST_MISSING]
        if missing and self.rates.over(node.node):
            # What came now would be postponed: ask when the minute is over.
            missing = []
            self.want(node, account, now)
        refused = [Refused(seq, reason) for seq, reason in account.refused_lately.items()]
        account.refused_lately.clear()
        base = self.bases.seq(node.node, account.epoch)
        ack = Ack(account.epoch, account.through, missing, refused[-MOST_MISSING:], base)
        topic = topics.topic(node.site, node.node, "ack", root=self._root)
        self._publish(topic, encode(ack))
        telemetry.ACKS.inc()
        if missing:
            self._patience.asked(node, account, missing[0][0], now)
