"""How many reports of each node are handled in a minute, so that one cannot crowd out the rest.

What is beyond is acknowledged to the broker, or it would fill the window that all share, and then
forgotten: not stored, not settled, counted as postponed. So the ledger misses it and an ack asks
for it once the node's minute is over; nothing is lost, and a node drains at this rate at most.
"""

from __future__ import annotations

MINUTE = 60_000


class Rates:
    """The messages of each node in the present minute; times in ms."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._minute = 0
        self._counts: dict[str, int] = {}

    def admit(self, node: str, now: int) -> bool:
        """Whether one more message of a node may be handled."""
        minute = now // MINUTE
        if minute != self._minute:
            self._minute = minute
            self._counts.clear()
        count = self._counts.get(node, 0) + 1
        self._counts[node] = count
        return count <= self._most

    def spend(self, node: str, more: int) -> None:
        """A message that was admitted holds that many reports more than one."""
        if more:
            self._counts[node] = self._counts.get(node, 0) + more

    def over(self, node: str) -> bool:
        """Whether the next message of a node would be postponed."""
        return self._counts.get(node, 0) >= self._most

    def turn(self, now: int) -> None:
        """Begin a new minute where one is over, also when nothing comes."""
        if now // MINUTE != self._minute:
            self._minute = now // MINUTE
            self._counts.clear()
