"""Tells nodes what is settled and what is missing: cumulative, and rationed.

Invariants: an ack says only what the ledger's file holds (`flush` is called between transactions);
a node gets at most one round of acks in `every` seconds, but at once when something is newly
missing or it was born; an ack that gets lost costs nothing, because the next one says it all; what
is missing is asked for only as fast as `Budget` allows, and not at all while it may still be on its
way (`hold`).
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from itertools import islice

from muster_collector import telemetry
from muster_collector.ingest.bases import Bases
from muster_collector.ingest.budget import Budget
from muster_collector.ingest.patience import Patience
from muster_collector.ingest.rates import Rates
from muster_collector.ledger.account import Account
from muster_collector.ledger.nodes import Node
from muster_wire import echo, topics
from muster_wire.codec import Encoded, encode
from muster_wire.messages import Ack, Refused
from muster_wire.ranges import Span

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
        budget: Budget,
        hold: Callable[[], bool] = lambda: False,
        leave: Callable[[Node], bool] = lambda _: True,
    ) -> None:
        self.rates = rates
        self.bases = bases
        self._publish = publish
        self._patience = patience
        self._every = every
        self._leave = leave
        """Leaves the node's account for whoever takes over, before the node can rely on it."""
        self._budget = budget
        self._hold = hold
        """Whether nobody is to be asked: there is no room, or it may be on its way."""
        self._root = root
        self._wanted: dict[str, tuple[Node, dict[int, Account]]] = {}
        self._due: dict[str, float] = {}
        self._queue: list[tuple[float, str]] = []
        self._last: dict[str, float] = {}
        self._line: dict[tuple[str, int], tuple[Node, Account]] = {}
        """Who could not be asked for what is missing, the longest first."""
        self._called: set[tuple[str, int]] = set()
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
        urgent = urgent and not self._hold()
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
        self._next_in_line(now)
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

    @property
    def waiting(self) -> int:
        """How many accounts wait to be asked for what is missing."""
        return len(self._line)

    def _next_in_line(self, now: float) -> None:
        if not self._line or self._hold():
            return
        for key in list(islice(self._line, self._budget.turns(now))):
            self._called.add(key)
            self.want(*self._line.pop(key), now, urgent=True)

    def _ask(self, node: Node, account: Account, now: float) -> list[Span]:
        """What to ask for now; what must wait gets into line."""
        missing = account.missing()[:MOST_MISSING]
        if not missing:
            return []
        if self.rates.over(node.node):
            # What came now would be postponed: ask when the minute is over.
            self.want(node, account, now)
            return []
        key = (node.node, account.epoch)
        free = key in self._called or not self._line
        self._called.discard(key)
        asked = self._budget.take(missing, now) if free and not self._hold() else []
        if not asked:
            self._line.setdefault(key, (node, account))
        return asked

    def _send(self, node: Node, account: Account, now: float) -> None:
        missing = self._ask(node, account, now)
        refused = [Refused(seq, reason) for seq, reason in account.refused_lately.items()]
        account.refused_lately.clear()
        base = self.bases.seq(node.node, account.epoch)
        ack = Ack(account.epoch, account.through, missing, refused[-MOST_MISSING:], base)
        topic = topics.topic(node.site, node.node, "ack", root=self._root)
        self._publish(topic, encode(ack))
        telemetry.ACKS.inc()
        if missing:
            self._patience.asked(node, account, missing[0][0], now)
