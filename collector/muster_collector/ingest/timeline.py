"""Books what became of reports under the time that they were sampled, until it is written.

What is stored, refused or a duplicate is booked under its own time, and once. What is missing or
lost is not booked (an account places it when somebody asks, since it may come after all), but the
hours that it lies in are noted, because the store has to be told of them again.
"""

from __future__ import annotations

from muster_collector.ledger.account import Account
from muster_collector.ledger.marks import Stretch
from muster_collector.ledger.nodes import Node
from muster_collector.ledger.slots import (
    COVERED,
    DUPLICATE,
    HOUR,
    LATE,
    MOVED,
    NAMES,
    REFUSED,
    SLOT,
    STORED,
    Booked,
    Bookings,
    Counts,
    GivenUp,
)

WIDTH = len(NAMES)
MOST_HOURS = 24 * 400
"""Hours that one event may touch; what is longer is touched at its end."""


class Timeline:
    """What is booked since the last transaction; `due` has the hours that the store has to have.

    An hour is due when it changes, and again once the transaction with its bookings is on the disk:
    whoever wrote it to the store between the two has read too little.
    """

    def __init__(self) -> None:
        self.due: set[tuple[int, str]] = set()
        self._bookings: Bookings = {}
        self._given_up: GivenUp = {}
        self._hours: set[tuple[int, str]] = set()

    def stored(
        self, node: Node, account: Account, seq: int, ts: int, *, late: bool, again: bool
    ) -> None:
        """A report is stored; `again` for one that had been refused before."""
        key = (ts // SLOT * SLOT, node.node)
        counts = self._bookings.get(key) or self._begin(key)
        counts[STORED] += 1
        if late:
            counts[LATE] += 1
        if again:
            counts[REFUSED] -= 1
        else:
            counts[COVERED] += int(node.every * 1000)
        marks = account.marks
        # Nearly all come in order, for which nothing is to be placed anew.
        if seq == marks.top + 1 and 0 <= ts - marks.top_ts <= SLOT:
            marks.top, marks.top_ts = seq, ts
        else:
            self._mark(node, account, seq, ts)

    def moved(self, node: Node, ts: int) -> None:
        """A report that is stored had another time, which was wrong."""
        key = (ts // SLOT * SLOT, node.node)
        (self._bookings.get(key) or self._begin(key))[MOVED] += 1

    def duplicate(self, node: Node, ts: int) -> None:
        """A report came again."""
        key = (ts // SLOT * SLOT, node.node)
        (self._bookings.get(key) or self._begin(key))[DUPLICATE] += 1

    def refused(self, node: Node, account: Account, seq: int, ts: int = 0) -> None:
        """A report is refused; one whose time is not known is placed by its neighbours."""
        if ts:
            self._mark(node, account, seq, ts)
        else:
            ((_, stretch),) = account.place([("", (seq, seq))], node.every)
            ts = max(0, int(stretch.first))
        key = (ts // SLOT * SLOT, node.node)
        counts = self._bookings.get(key) or self._begin(key)
        counts[REFUSED] += 1
        counts[COVERED] += int(node.every * 1000)

    def changed(self, node: Node, account: Account) -> None:
        """Other reports of an account are missing or lost than before."""
        self._forgotten(node, account)
        for _, stretch in account.when(node.every):
            self.touch(node.node, stretch.first, stretch.last)

    def archived(self, node: Node, account: Account) -> None:
        """An account goes: what it lost is only counted from now on."""
        self.changed(node, account)
        for reason, stretch in account.when(node.every):
            self._give_up(node.node, reason, stretch)

    def touch(self, node: str, first: float, last: float) -> None:
        """The hours from one time to another have changed."""
        end = max(0, int(last)) // HOUR * HOUR
        begin = max(int(first) // HOUR * HOUR, end - MOST_HOURS * HOUR, 0)
        for start in range(begin, end + 1, HOUR):
            self._note((start, node))

    def take(self) -> Booked:
        """What to write now; nothing is kept back."""
        booked = Booked(self._bookings, self._given_up, self._hours)
        self._bookings, self._given_up, self._hours = {}, {}, set()
        return booked

    def written(self, booked: Booked) -> None:
        """The ledger's file has it now."""
        self.due.update(booked.hours)

    def _note(self, hour: tuple[int, str]) -> None:
        self.due.add(hour)
        self._hours.add(hour)

    def _begin(self, key: tuple[int, str]) -> Counts:
        counts = self._bookings[key] = [0] * WIDTH
        self._note((key[0] // HOUR * HOUR, key[1]))
        return counts

    def _mark(self, node: Node, account: Account, seq: int, ts: int) -> None:
        first, last = account.marks.note(seq, ts)
        if last - first > SLOT:
            self.touch(node.node, first, last)
        if account.marks.times:
            self._forgotten(node, account)
            account.prune()

    def _forgotten(self, node: Node, account: Account) -> None:
        for reason, stretch in account.place(account.given_up, node.every):
            self._give_up(node.node, reason, stretch)
        account.given_up.clear()

    def _give_up(self, node: str, reason: str, stretch: Stretch) -> None:
        end = max(0, int(stretch.last)) // HOUR * HOUR
        begin = max(int(stretch.first) // HOUR * HOUR, end - MOST_HOURS * HOUR, 0)
        for start in range(begin, end + 1, HOUR):
            low = start if start > begin else 0.0
            if count := stretch.within(low, start + HOUR):
                key = (start, node, reason)
                self._given_up[key] = self._given_up.get(key, 0) + count
