"""How many reports all nodes together are asked to send again in a second.

After an outage thousands of nodes miss hundreds of reports each. What is asked for comes at once,
so nothing is asked for that the store has no room for: an ask is paid from an allowance that fills
with `rate` reports a second, a node gets at most `MOST` in one ask, and who gets nothing waits in
line, each node once.
"""

from __future__ import annotations

from collections.abc import Iterable

from muster_wire.ranges import Span

MOST = 200
"""Reports that one ack asks for: four seconds of what a node sends while it catches up."""


class Budget:
    """The allowance; times are seconds of one monotonic clock."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._most = max(2.0 * rate, float(MOST))
        self._left = self._most
        self._filled = 0.0

    def take(self, spans: Iterable[Span], now: float) -> list[Span]:
        """The lowest of what is missing that may be asked for now; empty when it must wait."""
        self._fill(now)
        wanted: list[Span] = []
        room = MOST
        for first, last in spans:
            if room <= 0:
                break
            wanted.append((first, min(last, first + room - 1)))
            room -= last - first + 1
        price = sum(last - first + 1 for first, last in wanted)
        if price > self._left:
            return []
        self._left -= price
        return wanted

    def turns(self, now: float) -> int:
        """How many in line may be asked now, whatever they miss."""
        self._fill(now)
        return int(self._left // MOST)

    def _fill(self, now: float) -> None:
        self._left = min(self._most, self._left + max(0.0, now - self._filled) * self.rate)
        self._filled = now
