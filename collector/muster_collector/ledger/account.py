"""The account of one epoch of one node: what became of every seq. Pure, without clock and I/O.

Every seq from 0 to `highest` is in exactly one of
- settled: up to `through`, or in `beyond`; it was stored, refused, or is in one of the `lost` sets;
  of those refused, `refusals` says which (the newest of them, see `MOST_RANGES`);
- pending: in hand, on its way into the store;
- missing: all others; these are what an ack asks for.

Invariants: `beyond` holds nothing up to `through` + 1; `lost` sets are disjoint subsets of what is
settled; stored + refused + lost + missing + pending = highest + 1 - before, where `before` is what
this ledger never had to account for. What was given up as lost, or refused, and comes after all in
a form that can be stored, is stored, and no longer lost or refused. No message costs more memory
than a range, and ranges are capped. `missing` and `losses` may be read in any thread. `marks` has
the times of the reports beside those that are not stored, so that these can be placed in time (see
`when`); `given_up` has what was lost and is only counted from now on, until somebody takes it.
`newest` is the highest seq that is in hand or settled, and when it was sampled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from muster_collector.ledger.marks import Marks, Stretch
from muster_wire.ranges import Ranges, Span

BEFORE = "before"
"""The set of what was settled before this ledger knew the epoch; it counts as nothing."""
UNKNOWN, ENDED, GAPS, OTHER = "unknown", "epoch ended", "too many gaps", "other"
"""Reasons that the centre gives: the node has it no more and does not say why; the epoch is over;
more gaps than `MOST_RANGES`; the node gave more reasons than `MOST_REASONS`."""
MOST_RANGES = 1024
MOST_REASONS = 16
MOST_AHEAD = 1_000_000_000
"""Seqs that a message may be ahead of what is known: thirty years of one a second."""


class Era(NamedTuple):
    """Reports dated by one setting of a clock, see `clocks`: a point of its line, and the shift."""

    seq: int
    ts: int
    shift: int


class Account:
    """One epoch of one node."""

    __slots__ = (
        "beyond", "closed", "duplicate", "epoch", "eras", "first_ts", "foreign", "forgotten",
        "given_up", "highest", "last_arrival", "last_ts", "late", "lost", "marks", "moved",
        "newest", "node", "pending", "refusals", "refused", "refused_lately", "stored", "through",
    )  # fmt: skip

    def __init__(self, node: str, epoch: int, oldest: int) -> None:
        self.node = node
        self.epoch = epoch
        self.through = self.highest = oldest - 1
        self.beyond = Ranges()
        self.pending: set[int] = set()
        self.lost: dict[str, Ranges] = {BEFORE: Ranges([(0, oldest - 1)])}
        self.forgotten: dict[str, int] = {}
        self.stored = self.duplicate = self.refused = self.late = 0
        self.refusals = Ranges()
        self.refused_lately: dict[int, str] = {}
        self.first_ts = self.last_ts = self.last_arrival = 0
        self.closed = False
        self.moved = 0
        self.eras: list[Era] = []
        self.newest = (-1, 0)
        self.given_up: list[tuple[str, Span]] = []
        self.marks = Marks(oldest - 1)
        self.foreign = False
        """Another collector may have settled what the node will no more have, and left no word."""

    def known(self, seq: int) -> bool:
        """Whether that report is stored with certainty, or in hand: another one is a duplicate."""
        if seq > self.through and seq not in self.beyond:
            return seq in self.pending
        if seq in self.pending:
            return True
        return seq not in self.refusals and not any(seq in lost for lost in self.lost.values())

    def plausible(self, oldest: int, newest: int) -> bool:
        """Whether a message with these edges may be believed."""
        return 0 <= oldest <= newest + 1 and newest <= max(self.highest, 0) + MOST_AHEAD

    def settle(self, seq: int, reason: str | None = None) -> None:
        """A report has been stored, or refused for good for a reason; it must not be `known`."""
        self.pending.discard(seq)
        if seq in self.refusals:
            self.refusals.remove(seq, seq)
            self.refused -= 1
        if reason is None:
            self.stored += 1
        else:
            self.refused += 1
            self.refusals.add(seq, seq)
            del self.refusals.spans[:-MOST_RANGES]
            if len(self.refused_lately) < MOST_RANGES:
                self.refused_lately[seq] = reason
        self.highest = max(self.highest, seq)
        if seq == self.through + 1 and not self.beyond.spans:
            self.through = seq
        elif seq <= self.through or seq in self.beyond:
            for ranges in self.lost.values():
                ranges.remove(seq, seq)
        else:
            self._settle(seq, seq)
            self._cap_gaps()

    def declare(self, lost: Iterable[tuple[int, int, str]], below: int) -> None:
        """The node says that it gave up these ranges; what it says about `below` on is ignored.

        Nobody has settled what a node still declares, so it counts even if it was before the
        baseline: a spool may give reports up before the centre has heard of their epoch.
        """
        for first, end, reason in lost:
            last = min(end, below - 1)
            for span in self.lost[BEFORE].within(first, last):
                self.lost[BEFORE].remove(*span)
                self._count_lost(span, reason)
            self._lose(max(first, 0), last, reason)

    def release(self, oldest: int) -> None:
        """The node holds nothing before `oldest`: what has not arrived of that is lost.

        Unless somebody else settled it, who has left no account behind: then it is `BEFORE` ours.
        """
        if oldest > self.through + 1:
            self._lose(0, oldest - 1, BEFORE if self.foreign else UNKNOWN)
        self.foreign = False

    def expect(self, next_seq: int) -> None:
        """The node has made all reports before `next_seq`."""
        self.highest = max(self.highest, next_seq - 1)

    def close(self) -> None:
        """The epoch is over: what is missing is lost."""
        self._lose(0, self.highest, ENDED)
        self.closed = True

    def refuse_missing(self, seq: int, reason: str) -> None:
        """Give up on a report that is missing: it comes, but never in a form that can be read."""
        self.settle(seq, reason)

    def missing(self) -> list[Span]:
        """The ranges that are neither settled nor in hand, in order."""
        if self.through == self.highest:
            return []
        return list(self._open(self.through + 1, self.highest))

    @property
    def missing_count(self) -> int:
        """How many are missing."""
        return sum(last - first + 1 for first, last in self.missing())

    @property
    def losses(self) -> dict[str, int]:
        """How many were lost, by reason."""
        counts = dict(self.forgotten)
        for reason, ranges in list(self.lost.items()):
            if reason != BEFORE and ranges:
                counts[reason] = counts.get(reason, 0) + len(ranges)
        return counts

    def when(self, every: float) -> list[tuple[str, Stretch]]:
        """What is missing ("") or lost (its reason), and when it was sampled, one each `every` s.

        Between two reports whose times are known those between them are spread evenly; before the
        first and after the last one by the interval. May be asked for in any thread.
        """
        spans = [("", span) for span in self.missing()]
        for reason, ranges in list(self.lost.items()):
            if reason != BEFORE:
                spans += [(reason, span) for span in list(ranges.spans)]
        return self.place(spans, every)

    def place(self, spans: Sequence[tuple[str, Span]], every: float) -> list[tuple[str, Stretch]]:
        """When some reports were sampled, by their neighbours."""
        if not spans:
            return []
        where = self.marks.placing(every, self.last_arrival)
        return [(reason, where(*span)) for reason, span in spans]

    def prune(self) -> None:
        """Forget the times that nothing stands beside any more."""
        if self.marks.many(len(self.beyond.spans) + sum(len(r.spans) for r in self.lost.values())):
            spans = self.missing()
            for reason, ranges in self.lost.items():
                spans += ranges.spans if reason != BEFORE else []
            self.marks.keep({edge for low, high in spans for edge in (low - 1, high + 1)})

    def _open(self, first: int, last: int) -> Iterable[Span]:
        """What of first..last is neither settled nor pending."""
        spans = self.beyond.gaps(max(first, self.through + 1), last)
        if not self.pending:
            return spans
        left = Ranges(spans)
        for seq in list(self.pending):
            left.remove(seq, seq)
        return left.spans

    def _settle(self, first: int, last: int) -> None:
        self.beyond.add(first, last)
        low, high = self.beyond.spans[0]
        if low == self.through + 1:
            self.through = high
            del self.beyond.spans[0]

    def _lose(self, first: int, last: int, reason: str) -> None:
        if last <= self.through:
            return
        self.highest = max(self.highest, last)
        self._give_up(first, last, reason)
        self._cap_gaps()

    def _give_up(self, first: int, last: int, reason: str) -> None:
        for span in list(self._open(first, last)):
            self._count_lost(span, reason)
            self._settle(*span)

    def _count_lost(self, span: Span, reason: str) -> None:
        if reason not in self.lost and len(self.lost) > MOST_REASONS:
            reason = OTHER
        self.lost.setdefault(reason, Ranges()).add(*span)
        self._cap_lost()

    def _cap_gaps(self) -> None:
        """With too many gaps the lowest are given up, so that hostile seqs cost no memory.

        Reports in hand are left out; they settle by themselves, and are bounded too.
        """
        excess = len(self.beyond.spans) - MOST_RANGES
        if excess > 0:
            self._give_up(0, self.beyond.spans[excess][0] - 1, GAPS)

    def _cap_lost(self) -> None:
        """With too many lost ranges the lowest are only counted: they can be stored no more."""
        for reason, ranges in self.lost.items():
            while len(ranges.spans) > MOST_RANGES:
                first, last = ranges.spans.pop(0)
                if reason != BEFORE:
                    self.given_up.append((reason, (first, last)))
                    self.forgotten[reason] = self.forgotten.get(reason, 0) + last - first + 1
