"""What became of a node's reports in a range of time. Pure, times in ms, ranges `start <= t < end`.

Every report that should be there is exactly one of
- stored (of which `late` ones came late and `moved` ones had a wrong time, see `clocks`);
- refused, or lost with a reason;
- missing: it was made, the ledger knows by its number, and it is asked for;
- down: it was never made, though the node's interval called for it: the node came back, and its
  numbers go on without a gap;
- silent: the node's interval called for it since the node was heard last; whether it was made will
  be known when it is back.
`expected` is their sum. Duplicates are beside it. What is down or silent is the time that no report
covers, divided by the interval, once that is more than one and a half intervals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from muster_collector.ledger import states
from muster_collector.ledger.marks import Stretch
from muster_collector.ledger.nodes import Node
from muster_collector.ledger.slots import COVERED, DUPLICATE, LATE, MOVED, REFUSED, STORED, Sums

GRACE = 1.5
"""Intervals that may pass from one report to the next."""
COUNTS = (
    "expected", "stored", "late", "duplicate", "refused", "lost", "missing", "down", "silent",
    "moved",
)  # fmt: skip


@dataclass(slots=True)
class Period:
    """The account of a range; periods of several nodes or ranges can be added."""

    expected: int = 0
    stored: int = 0
    late: int = 0
    duplicate: int = 0
    refused: int = 0
    lost: int = 0
    missing: int = 0
    down: int = 0
    silent: int = 0
    moved: int = 0
    covered: int = 0
    """The time (ms) that stored and refused reports cover."""
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, other: Period) -> None:
        """Take another one in."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.covered += other.covered
        self.reasons.update(other.reasons)


class NodeAccount:
    """One node, looked at once for any number of ranges."""

    def __init__(self, node: Node, now: int) -> None:
        # Nothing was expected of it from then on.
        now = min(now, node.forgotten or now)
        self.node, self.now = node, now
        accounts = list(node.accounts.values())
        self.open: list[tuple[str, Stretch]] = []
        for account in accounts:
            self.open += account.when(node.every)
        began = [account.first_ts for account in accounts if account.first_ts]
        self.first = min([node.first_seen, *began])
        last = states.heard(node)
        self.last = (node.last_report_ts or node.first_seen) + int(node.every * 1000)
        quiet = last is None or now - last > states.limit(node.every, node.wait)
        # A node that reports is not asked for more than it has begun.
        self.until = now if quiet else self.last

    @property
    def oldest_missing(self) -> float:
        """When the oldest report that is missing was sampled; now without any."""
        missing = (stretch.first for reason, stretch in self.open if not reason)
        return min(missing, default=float(self.now))

    def period(self, start: int, end: int, sums: Sums | None, theirs: int = 0) -> Period:
        """The account of `start <= t < end`; reports in other accounts cover `theirs` ms of it."""
        made = Period()
        if sums is not None:
            counts = [max(0, count) for count in sums.counts]
            made.stored, made.late, made.moved = counts[STORED], counts[LATE], counts[MOVED]
            made.duplicate, made.refused = counts[DUPLICATE], counts[REFUSED]
            made.reasons.update(sums.lost)
        for reason, stretch in self.open:
            if count := stretch.within(start, end):
                if reason:
                    made.reasons[reason] += count
                else:
                    made.missing += count
        made.lost = made.reasons.total()
        made.covered = sums.counts[COVERED] if sums is not None else 0
        self._idle(made, start, end, made.covered + theirs)
        made.expected = (
            made.stored + made.refused + made.lost + made.missing + made.down + made.silent
        )
        return made

    def _idle(self, made: Period, start: int, end: int, covered: int) -> None:
        """Fill in what was not made, or not yet heard of."""
        every = self.node.every * 1000
        begin, finish = max(start, self.first), min(end, self.until)
        if every <= 0 or finish <= begin:
            return
        idle = finish - begin - covered - (made.missing + made.lost) * every
        if idle < GRACE * every:
            return
        count = int(idle // every)
        quiet = max(0, finish - max(begin, self.last))
        made.silent = min(count, int(quiet // every))
        made.down = count - made.silent


def total(periods: Iterable[Period]) -> Period:
    """The sum of some periods."""
    made = Period()
    for period in periods:
        made.add(period)
    return made
