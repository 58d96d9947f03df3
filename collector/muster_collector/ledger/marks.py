"""When reports were sampled that are not stored: placed between those that are. Pure, times in ms.

Only the newest time and those beside a gap are kept. Invariants: `top` is the highest seq whose
time is known (`top_ts`, 0 for none); `times` has others, of lower seqs; a report that comes in
order beside a closed account costs two assignments.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import NamedTuple

SOME = 64
"""Times that are kept whether they are of use or not."""


class Stretch(NamedTuple):
    """`number` reports sampled at `first` and every `step` ms after it."""

    first: float
    step: float
    number: int

    def within(self, start: float, end: float) -> int:
        """How many of them lie in `start <= t < end`."""
        return self._before(end) - self._before(start)

    @property
    def last(self) -> float:
        """When the last of them was sampled."""
        return self.first + self.step * (self.number - 1)

    def _before(self, end: float) -> int:
        if self.step <= 0:
            return self.number if self.first < end else 0
        return max(0, min(self.number, int(-((self.first - end) // self.step))))


class Marks:
    """The times of one epoch that are of use."""

    __slots__ = ("times", "top", "top_ts")

    def __init__(self, top: int, top_ts: int = 0, times: dict[int, int] | None = None) -> None:
        self.top, self.top_ts = top, top_ts
        self.times = times or {}

    def note(self, seq: int, ts: int) -> tuple[int, int]:
        """A report was sampled at `ts`: the times between which others are placed anew by that."""
        before = self.top_ts
        if seq == self.top + 1 and before:
            self.top, self.top_ts = seq, ts
            return before, ts
        if seq > self.top:
            if before:
                self.times[self.top] = before
            self.times[seq] = ts
            self.top, self.top_ts = seq, ts
            return before or ts, ts
        self.times[seq] = ts
        below = self.times.get(max((s for s in self.times if s < seq), default=-1), ts)
        above = self.times.get(min((s for s in self.times if s > seq), default=-1), before)
        return min(below, ts), max(above, ts)

    def many(self, spans: int) -> bool:
        """Whether more is kept than so many gaps can need."""
        return len(self.times) > SOME + 4 * spans

    def keep(self, seqs: set[int]) -> None:
        """Forget all others."""
        self.times = {seq: ts for seq, ts in self.times.items() if seq in seqs}

    def placing(self, every: float, end: int) -> Callable[[int, int], Stretch]:
        """From a range of seqs to when they were sampled, one each `every` seconds.

        Where no time is known at all, the last one is said to be of `end` (ms).
        """
        known = {**self.times, self.top: self.top_ts} if self.top_ts else dict(self.times)
        seqs, step = sorted(known), every * 1000

        def place(first: int, last: int) -> Stretch:
            at = bisect_left(seqs, first)
            below = seqs[at - 1] if at else None
            above = seqs[bisect_right(seqs, last)] if seqs and seqs[-1] > last else None
            number = last - first + 1
            if below is not None and above is not None:
                even = max(0.0, (known[above] - known[below]) / (above - below))
                return Stretch(known[below] + (first - below) * even, even, number)
            if above is not None:
                return Stretch(known[above] - (above - first) * step, step, number)
            if below is not None:
                return Stretch(known[below] + (first - below) * step, step, number)
            return Stretch(end - (number - 1) * step, step, number)

        return place
