"""Clocks of nodes: how far each is off, and where the reports of a wrong one belong. Pure, in ms.

**The offset** (node's clock minus ours) is estimated one-way. A message that was `sent` by the
node's clock and came at `arrival` by ours has `sent - arrival = offset - delay`, and a delay is
never negative: the greatest difference of a while is the best estimate and never too high (F.
Cristian, Probabilistic clock synchronization, 1989; the minimum filter of RFC 5905, section 10). It
is too low by the least delay, which is not known; how much longer than the fastest one messages
usually took is given as the uncertainty.

**The rule for reports of a wrong clock.** A report is believed as it is when its node's clock was
right at sending (`sent` between `past` before and `future` after the arrival) and its `ts` is not
in our future and not before 2020, or when its clock is wrong at sending, but `ts` is possible and
newer than `sent` (the clock went wrong in between). Else it belongs to an *era*: a run of reports
that one setting of one clock has dated, all moved by the same `shift`. The first one that fits:
1. an era of its epoch on whose line it lies: `ts` differs from the era's anchor by as much as `seq`
   calls for, and at most by three intervals, at least 30 s, more, but by less than half the shift;
   and `sent` can be of that clock. If a right clock may have sent it shortly after it was sampled,
   it has to be on the line to 2 s.
2. an era, of any epoch of the node, whose shift is within a minute of what a new one would have:
   two shifts for one setting of a clock could put two of its reports on the same millisecond, where
   the store keeps one;
3. a new era. Its shift is `arrival - sent` where the clock was wrong at sending too (then `sent -
   ts` is the report's age whatever the clock says), else what brings it between its neighbours by
   `seq`, or to `sent` where there are none; in whole seconds. Where that is nearly nothing the
   neighbours were left alone, while most clocks seemed wrong, and so is this report: moved by a
   second it would get the time of another one.
An era is written to the ledger's file before the store gets the first report that it moves, so the
same report gets the same time whenever and however often it comes again.

If most clocks of the fleet seem wrong in one direction, ours is, and nothing is moved. A clock that
is slow by less than `past` is not told from a queue at the broker: it is left alone, and seen in
the offset.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from muster_collector.ledger.account import Account, Era

EARLIEST = 1_577_836_800_000
"""2020-01-01 in ms: a clock that is before it has not been set."""
MOST_ERAS = 64
"""Eras kept of an epoch; beyond, the oldest goes."""
SAME = 60_000
"""Shifts that differ by less are of one era."""
INTERVALS, LEAST = 3, 30_000
JITTER = 2_000
"""By how much two samples may be nearer to each other than the interval."""
WINDOW = 600_000
"""How long a least delay counts, once or twice."""
DRIFT = 100e-6
"""By how much a crystal may be off."""
JUMPED = 8
"""Messages in a row that say that the clock was set back."""


QUORUM = 5
"""Clocks that it takes to doubt one's own."""


class Sent(Protocol):
    """What this needs of a report."""

    @property
    def seq(self) -> int:
        """Its number."""

    @property
    def ts(self) -> int:
        """When it was sampled, by its clock."""

    @property
    def sent(self) -> int:
        """When it was sent, by its clock."""

    @property
    def every(self) -> float:
        """The sampling interval in seconds."""


class Bounds(NamedTuple):
    """How far behind and ahead (ms) a clock may be before its reports are moved."""

    past: int
    future: int


def shift(
    account: Account,
    report: Sent,
    arrival: int,
    bounds: Bounds,
    others: Iterable[Account] = (),
) -> tuple[int, Era | None]:
    """By how much (ms) a report is moved, and the era that this begins, if it does.

    `others` are the node's other epochs: a clock does not change with an epoch.
    """
    low, high = arrival - bounds.past, arrival + bounds.future
    right = low <= report.sent <= high
    possible = EARLIEST <= report.ts <= high
    if arrival < EARLIEST or (right and possible and not account.eras):
        return 0, None
    age = report.sent - report.ts
    slack = max(LEAST, int(INTERVALS * report.every * 1000))
    fresh = right and 0 <= age <= slack
    for era in reversed(account.eras):
        near = JITTER if fresh else min(slack, abs(era.shift) // 2)
        if _on_line(era, report, near) and (right or _may_be(era, report, arrival, bounds)):
            return era.shift, None
    if possible and (right or age < 0 or report.sent > high):
        return 0, None
    wanted = _new_shift(account, report, arrival, right=right)
    if abs(wanted) < min(SAME, bounds.future):
        return 0, None
    for era in (*reversed(account.eras), *(era for other in others for era in other.eras)):
        if abs(era.shift - wanted) < SAME:
            wanted = era.shift
            break
    return wanted, Era(report.seq, report.ts, wanted)


def begin(account: Account, era: Era) -> None:
    """Keep an era."""
    account.eras.append(era)
    del account.eras[:-MOST_ERAS]


def _on_line(era: Era, report: Sent, near: int) -> bool:
    """Whether the counting from an era's anchor leads to a report's time.

    Reports that were not made put it further from the anchor than that, and nothing puts it nearer.
    """
    number = report.seq - era.seq
    beyond = report.ts - era.ts - number * report.every * 1000
    if number < 0:
        beyond = -beyond
    return -JITTER <= beyond <= (near if number else JITTER)


def _may_be(era: Era, report: Sent, arrival: int, bounds: Bounds) -> bool:
    """Whether a clock that is wrong by an era's shift can have said when a report was sent."""
    delay = arrival - report.sent - era.shift
    return report.sent < report.ts or -SAME <= delay <= bounds.past


def _new_shift(account: Account, report: Sent, arrival: int, *, right: bool) -> int:
    age = report.sent - report.ts
    if not right and age >= 0:
        exact = arrival - report.sent
    else:
        exact = _between_neighbours(account, report, arrival) - report.ts
    return round(exact / 1000) * 1000


def _between_neighbours(account: Account, report: Sent, arrival: int) -> int:
    """When a report was sampled by the numbers and times of others, in hand or settled."""
    marks = account.marks
    seq, ts = account.newest
    known = {**marks.times, **({marks.top: marks.top_ts} if marks.top_ts else {})}
    if ts:
        known[seq] = ts
    above = min((s for s in known if s > report.seq), default=None)
    below = max((s for s in known if s < report.seq), default=None)
    step = report.every * 1000
    if above is not None:
        by_interval = known[above] - int((above - report.seq) * step)
        return by_interval if below is None else max(by_interval, known[below])
    if below is not None:
        return min(known[below] + int((report.seq - below) * step), arrival)
    return min(report.sent, arrival)


@dataclass(slots=True)
class Offset:
    """The offset of one clock, from the messages of the last ten to twenty minutes."""

    best: float | None = None
    former: float | None = None
    since: int = 0
    count: int = 0
    total: float = 0.0
    lower: int = 0

    def heard(self, sent: int, arrival: int) -> None:
        """A message came."""
        found = sent - arrival
        if self.best is None or arrival - self.since > WINDOW or arrival < self.since:
            recent = self.best is not None and 0 <= arrival - self.since <= 2 * WINDOW
            self.former = self.best if recent else None
            self.best, self.since, self.count, self.total = found, arrival, 0, 0.0
        self.best = max(self.best, found)
        self.lower = self.lower + 1 if found < self.best - SAME else 0
        if self.lower >= JUMPED:
            self.best, self.former, self.since = found, None, arrival
            self.count, self.total, self.lower = 0, 0.0, 0
        self.count += 1
        self.total += found

    @property
    def ms(self) -> float | None:
        """How far the node's clock is ahead of ours; None before anything came."""
        if self.best is None:
            return None
        return self.best if self.former is None else max(self.best, self.former)

    @property
    def uncertainty(self) -> float | None:
        """How far (ms) the true offset may be from that, see above."""
        if self.ms is None:
            return None
        return self.ms - self.total / self.count + DRIFT * 2 * WINDOW

    @property
    def wrong(self) -> float:
        """By how much (ms) the clock is off at least, whichever way."""
        if self.ms is None or self.uncertainty is None:
            return 0.0
        return max(0.0, abs(self.ms) - self.uncertainty)


def ours_is_wrong(offsets: Sequence[float]) -> bool:
    """Whether the clocks of a fleet (ms ahead of ours) say that it is ours that is wrong."""
    ahead = sum(offset > SAME for offset in offsets)
    behind = sum(offset < -SAME for offset in offsets)
    return len(offsets) >= QUORUM and max(ahead, behind) * 2 > len(offsets)
