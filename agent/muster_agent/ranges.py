"""Sets of sequence numbers kept as ranges, because an outage makes one range of 100,000 numbers.

Invariant: `spans` are [first, last] pairs, both included, sorted, neither overlapping nor touching.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable


class Ranges:
    """A set of whole numbers; every operation costs as much as there are ranges, at most."""

    def __init__(self, spans: Iterable[tuple[int, int]] = ()) -> None:
        self.spans: list[tuple[int, int]] = []
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
        at = self._at(number)
        return at < len(self.spans) and self.spans[at][0] <= number

    @property
    def first(self) -> int:
        """The smallest number; IndexError when empty."""
        return self.spans[0][0]

    def add(self, first: int, last: int) -> None:
        """Put all of first..last in; nothing when first > last."""
        if first > last:
            return
        begin = self._at(first - 1)
        end = begin
        while end < len(self.spans) and self.spans[end][0] <= last + 1:
            first = min(first, self.spans[end][0])
            last = max(last, self.spans[end][1])
            end += 1
        self.spans[begin:end] = [(first, last)]

    def remove(self, first: int, last: int) -> None:
        """Take all of first..last out; nothing when first > last."""
        if first > last:
            return
        begin = self._at(first)
        end = begin
        left: list[tuple[int, int]] = []
        while end < len(self.spans) and self.spans[end][0] <= last:
            span = self.spans[end]
            if span[0] < first:
                left.append((span[0], first - 1))
            if span[1] > last:
                left.append((last + 1, span[1]))
            end += 1
        self.spans[begin:end] = left

    def _at(self, number: int) -> int:
        """The position of the first range that does not end before `number`."""
        return bisect_left(self.spans, number, key=lambda span: span[1])
