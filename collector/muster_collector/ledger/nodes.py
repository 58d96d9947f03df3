"""The nodes that a collector knows, each with the accounts of its epochs. Pure, times in ms.

Invariants: a node has at most `MOST_EPOCHS` accounts; what older ones came to is in `former`. An
epoch that is not the current one stays open while reports of it still come, since a node drains its
old epochs beside the new one; after `EPOCH_GRACE` of silence it is closed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from muster_collector.ledger.account import Account
from muster_collector.ledger.clocks import Offset
from muster_wire.messages import ConfigState

MOST_EPOCHS = 8
MOST_MOVES = 8
EPOCH_GRACE = 3_600_000
SIMULATED = "sim-"
"""What the ids of made-up nodes begin with."""


class Totals(NamedTuple):
    """Reports of a node by what became of them; `late` ones are stored, `missing` is now.

    `unreadable` are messages refused before it could be known which report they were.
    """

    stored: int
    duplicate: int
    refused: int
    late: int
    lost: int
    missing: int
    unreadable: int
    reasons: dict[str, int]
    moved: int = 0


@dataclass(slots=True)
class Node:
    """One node; `every`, `wait` in seconds, `last_report_ts` by its own clock, the others by ours.

    `last_stored` and `last_refused` are arrivals of what was stored and of what was refused.
    `source` is the topic pattern that another agent's metrics of it come by; "" for our agent's.
    """

    node: str
    site: str
    first_seen: int
    every: float = 0.0
    last_report_ts: int | None = None
    last_arrival: int | None = None
    online: bool = False
    epoch: int | None = None
    simulated: bool = False
    agent: str = ""
    inventory: dict[str, Any] = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=dict)
    former: Counter[str] = field(default_factory=Counter)
    unreadable: int = 0
    has_status: bool = False
    config: ConfigState | None = None
    """What became of the configuration wanted last; retained, so no ledger keeps it."""
    wait: float = 0.0
    source: str = ""
    last_stored: int | None = None
    last_refused: int | None = None
    clock: Offset = field(default_factory=Offset)
    forgotten: int | None = None
    """Since when (ms) it is no longer one of the fleet; its past stays, until it reports again."""
    left: tuple[tuple[str, int], ...] = ()
    """The sites where it was before, each with the time (ms) until which; the newest moves."""

    def move(self, site: str, now: int) -> None:
        """It is at another site now."""
        self.left = (*self.left, (self.site, now))[-MOST_MOVES:]
        self.site = site

    def sites(self, start: int, end: int) -> tuple[str, set[str]]:
        """The site where it was at `end` (ms), and those that it left since `start`."""
        site = next((site for site, until in self.left if until >= end), self.site)
        return site, {other for other, until in self.left if start <= until < end} - {site}

    @property
    def totals(self) -> Totals:
        """What became of all its reports so far; may be asked for in any thread."""
        counts: Counter[str] = Counter()
        reasons: Counter[str] = Counter()
        for key, count in list(self.former.items()):
            kind, _, reason = key.partition(":")
            (reasons if reason else counts)[reason or kind] += count
        missing = 0
        for account in list(self.accounts.values()):
            counts.update(_counts(account))
            reasons.update(account.losses)
            missing += account.missing_count
        return Totals(
            stored=counts["stored"],
            duplicate=counts["duplicate"],
            refused=counts["refused"],
            late=counts["late"],
            lost=reasons.total(),
            missing=missing,
            unreadable=self.unreadable,
            reasons=dict(reasons),
            moved=counts["moved"],
        )

    def account(self, epoch: int, oldest: int) -> Account:
        """The account of an epoch; one that is new begins with `oldest`."""
        found = self.accounts.get(epoch)
        if found is None:
            found = self.accounts[epoch] = Account(self.node, epoch, oldest)
        return found

    def forget(self, now: int) -> list[Account]:
        """It will not be back: what is missing is lost; the accounts that were closed now."""
        self.forgotten = now
        self.online = False
        opened = [account for account in self.accounts.values() if not account.closed]
        for account in opened:
            account.close()
        return opened

    def returned(self, account: Account | None) -> None:
        """It is there after all."""
        if self.forgotten is not None:
            self.forgotten = None
            if account is not None:
                account.closed = False

    def end_epochs(self, now: int) -> list[Account]:
        """Close old epochs of which nothing came for a while; those that were closed now."""
        ended = [
            account
            for account in self.accounts.values()
            if account.epoch != self.epoch
            and not account.closed
            and not account.pending
            and now - account.last_arrival > EPOCH_GRACE
        ]
        for account in ended:
            account.close()
        return ended

    def archive(self) -> list[Account]:
        """Fold the oldest epochs beyond `MOST_EPOCHS` into `former`; the accounts that went."""
        others = [a for a in self.accounts.values() if a.epoch != self.epoch and not a.pending]
        others.sort(key=lambda account: account.last_arrival)
        gone = others[: max(0, len(self.accounts) - MOST_EPOCHS)]
        for account in gone:
            account.close()
            self.former.update(_counts(account))
            self.former.update({f"lost:{r}": n for r, n in account.losses.items()})
            del self.accounts[account.epoch]
        return gone


def _counts(account: Account) -> dict[str, int]:
    return {
        "stored": account.stored,
        "duplicate": account.duplicate,
        "refused": account.refused,
        "late": account.late,
        "moved": account.moved,
    }


class Ledger:
    """All nodes, by id."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    def node(self, name: str, site: str, now: int) -> Node:
        """The node, which is known from now on."""
        node = self.nodes.get(name)
        if node is None:
            node = Node(name, site, first_seen=now, simulated=name.startswith(SIMULATED))
            self.nodes[name] = node
        elif node.site != site:
            node.move(site, now)
        return node

    def accounts(self) -> Iterator[Account]:
        """Every epoch of every node."""
        for node in self.nodes.values():
            yield from node.accounts.values()
