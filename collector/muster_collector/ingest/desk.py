"""Does the paperwork of stored batches: ledger, quarantine, acks that are due, counts.

Invariant: what `apply` changes in memory is not told to anybody before `changes` of it is on the
disk; whoever writes calls `acks.flush` only between transactions.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable

from muster_collector import telemetry
from muster_collector.ingest import events
from muster_collector.ingest.acks import Acks
from muster_collector.ingest.items import Item, Refusal
from muster_collector.ingest.patience import Patience
from muster_collector.ingest.sources import interval
from muster_collector.ingest.timeline import Timeline
from muster_collector.ledger.account import Account
from muster_collector.ledger.file import Changes, Quarantined, account_row, node_row
from muster_collector.ledger.nodes import MOST_EPOCHS, Ledger, Node

UNREADABLE = "unreadable"


class Desk:
    """Collects what a batch changed until it is written."""

    def __init__(
        self, ledger: Ledger, acks: Acks, patience: Patience, on_stored: Callable[[int], None]
    ) -> None:
        self.ledger = ledger
        self.acks = acks
        self.stored = on_stored
        self.timeline = Timeline()
        self._patience = patience
        self._nodes: dict[str, Node] = {}
        self._accounts: dict[tuple[str, int], Account] = {}
        self._gone: list[tuple[str, int]] = []
        self._quarantined: list[Quarantined] = []
        self._replayed: list[tuple[int, Refusal | None]] = []
        self._counts: Counter[tuple[str, str]] = Counter()
        self._now = 0.0

    def apply(self, items: Iterable[Item]) -> None:
        """Let the messages of a stored batch take effect, in the order of their arrival."""
        self._now = time.monotonic()
        for item in items:
            item.apply(self)
        for node in list(self._nodes.values()):
            if len(node.accounts) > MOST_EPOCHS:
                for account in node.archive():
                    self._gone.append((node.node, account.epoch))
                    self.timeline.archived(node, account)
        for labels, count in self._counts.items():
            telemetry.MESSAGES.labels(*labels).inc(count)
        self._counts.clear()

    def end_epochs(self, now: int) -> None:
        """Close old epochs and old gaps of which nothing came for a while; `now` in ms."""
        self._now = time.monotonic()
        for node in self.ledger.nodes.values():
            if node.forgotten is not None:
                continue
            if node.source and (changed := interval.close_gaps(node, now)):
                self.touch(node, changed)
                self.timeline.changed(node, changed)
            if len(node.accounts) > 1:
                for account in node.end_epochs(now):
                    events.epoch_ended(node.node, account.epoch, account.losses)
                    self.touch(node, account)
                    self.timeline.changed(node, account)

    def changes(self) -> Changes:
        """What to write now; nothing is kept back."""
        gone = set(self._gone)
        changes = Changes(
            [node_row(node) for node in self._nodes.values()],
            [account_row(a) for key, a in self._accounts.items() if key not in gone],
            self._gone,
            self._quarantined,
            [number for number, refusal in self._replayed if refusal is None],
            [(*refusal, number) for number, refusal in self._replayed if refusal is not None],
            self.timeline.take(),
        )
        self._nodes, self._accounts = {}, {}
        self._gone, self._quarantined, self._replayed = [], [], []
        return changes

    def count(self, outcome: str, reason: str = "") -> None:
        """Count what became of a message."""
        self._counts[outcome, reason] += 1

    def touch(self, node: Node, account: Account | None = None) -> None:
        """Write these to the ledger's file."""
        self._nodes[node.node] = node
        if account is not None:
            self._accounts[node.node, account.epoch] = account

    def acknowledge(self, node: Node, account: Account, *, urgent: bool = False) -> None:
        """Let the node know."""
        self.acks.want(node, account, self._now, urgent=urgent)

    def quarantine(self, record: Quarantined) -> None:
        """Keep a refused message or part of one."""
        telemetry.QUARANTINED.labels(record.reason).inc()
        events.refused(record.topic, record.reason, record.detail)
        self._quarantined.append(record)

    def replayed(self, number: int, refusal: Refusal | None = None) -> None:
        """A record left the quarantine, or stays there for a new reason."""
        self.count("replayed", refusal.reason if refusal else "")
        if number:
            self._replayed.append((number, refusal))

    def unreadable(self, node: Node) -> None:
        """A message of the node did not say which report it was."""
        for account, seq in self._patience.unreadable(node):
            account.settle(seq, UNREADABLE)
            self.timeline.refused(node, account, seq)
            self.touch(node, account)
            self.acknowledge(node, account, urgent=True)
