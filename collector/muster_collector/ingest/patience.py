"""Ends the resending of a report that never comes in a form that can be read.

Such a message (not JSON, too large, ...) does not say which report it is, so that one stays missing
and would be asked for and sent for ever. The rule: a seq that was the lowest missing one in `ASKS`
acks, at least `APART` seconds from each other, is given up as refused once that many unreadable
messages came from its node since the first of these acks. Every round with unreadable messages
settles at least one report, so it ends; no report is given up on less evidence, and one that does
come after all is still stored, because its points go to the same place in the store.
"""

from __future__ import annotations

from dataclasses import dataclass

from muster_collector.ledger.account import Account
from muster_collector.ledger.nodes import Node

ASKS = 3
APART = 10.0


@dataclass(slots=True)
class Ask:
    """How often a seq was asked for, and how many unreadable messages had come before."""

    seq: int
    times: int
    last: float
    unreadable: int


class Patience:
    """What was asked for of each node with unreadable messages."""

    def __init__(self) -> None:
        self._asks: dict[tuple[str, int], Ask] = {}

    def asked(self, node: Node, account: Account, seq: int, now: float) -> None:
        """An ack named `seq` as the lowest missing one."""
        if not node.unreadable:
            return
        key = (node.node, account.epoch)
        ask = self._asks.get(key)
        if ask is None or ask.seq != seq:
            self._asks[key] = Ask(seq, 1, now, node.unreadable)
        elif now - ask.last >= APART:
            ask.times += 1
            ask.last = now

    def unreadable(self, node: Node) -> list[tuple[Account, int]]:
        """A message of the node could not be read: the reports to give up now."""
        node.unreadable += 1
        return [
            (account, self._asks.pop(key).seq)
            for epoch, account in node.accounts.items()
            if (ask := self._asks.get(key := (node.node, epoch))) is not None
            and ask.times >= ASKS
            and node.unreadable - ask.unreadable >= ASKS
            and not account.known(ask.seq)
        ]
