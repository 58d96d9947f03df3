"""Sets of sequence numbers kept as ranges, so that a gap of any length costs one entry.

Invariant: `spans` are (first, last) pairs, both included, sorted, neither overlapping nor touching.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from operator import itemgetter

Span = tuple[int, int]
_LAST = itemgetter(1)


class Ranges:
    """A set of whole numbers; every operation costs as much as there are ranges, at most."""

    __slots__ = ("spans",)

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self.spans: list[Span] = []
        for first, last in spans:
            self.add(first, last)

    def __bool__(self) -> bool:
        """Whether anything is in it."""
        return bool(self.spans)

    def __len__(self) -> int:
        """How many numbers are in it."""
        return sum(last - first + 1 for first, last in self.spans)

    def __contains__(self, number: int) -> bool:
        """Whether a number is in it."""
        if not self.spans:
            return False
        at = bisect_left(self.spans, number, key=_LAST)
        return at < len(self.spans) and self.spans[at][0] <= number

    @property
    def first(self) -> int:
        """The smallest number; IndexError when empty."""
        return self.spans[0][0]

    def add(self, first: int, last: int) -> None:
        """Put all of first..last in; nothing when first > last."""
        if first > last:
            return
        begin = end = bisect_left(self.spans, first - 1, key=_LAST)
        while end < len(self.spans) and self.spans[end][0] <= last + 1:
            first = min(first, self.spans[end][0])
            last = max(last, self.spans[end][1])
            end += 1
        self.spans[begin:end] = [(first, last)]

    def remove(self, first: int, last: int) -> None:
        """Take all of first..last out; nothing when first > last."""
        if first > last:
            return
        begin = end = bisect_left(self.spans, first, key=_LAST)
        left: list[Span] = []
        while end < len(self.spans) and self.spans[end][0] <= last:
            low, high = self.spans[end]
            left += [(low, first - 1)] if low < first else []
            left += [(last + 1, high)] if high > last else []
            end += 1
        self.spans[begin:end] = left

    def gaps(self, first: int, last: int) -> Iterator[Span]:
        """The ranges of first..last that are not in it, in order."""
        for low, high in self.spans[bisect_left(self.spans, first, key=_LAST) :]:
            if low > last:
                break
            if low > first:
                yield first, low - 1
            first = high + 1
        if first <= last:
            yield first, last

    def within(self, first: int, last: int) -> list[Span]:
        """The parts of it that lie in first..last, in order."""
        found = []
        for low, high in self.spans[bisect_left(self.spans, first, key=_LAST) :]:
            if low > last:
                break
            found.append((max(low, first), min(high, last)))
        return found
