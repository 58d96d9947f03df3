"""Which reports wait for others, so that they go out in one message on a link that costs money.

Invariant: the reports that wait are those from `since` on, all of one epoch and none of them sent;
they go once there are `batch` of them, or the first has waited for `wait` seconds.
"""

from __future__ import annotations

import math

from muster_wire.ranges import Ranges

Key = tuple[int, int]
"""An epoch and a seq."""


class Together:
    """The reports that wait; with a batch of 1 none ever does."""

    def __init__(self, wait: float = 0.0, every: float = 1.0) -> None:
        self.batch = max(1, round(wait / every))
        self.wait = wait if self.batch > 1 else 0.0
        self.since: Key | None = None
        self.count = 0
        self._due = math.inf

    def made(self, key: Key, now: float) -> None:
        """A new report has to wait."""
        if self.batch == 1:
            return
        if self.since is None or self.since[0] != key[0]:
            self.since, self.count = key, 0
            self._due = now + self.wait
        self.count += 1

    def ripe(self, now: float) -> bool:
        """Whether what waits may go."""
        return self.since is None or self.count >= self.batch or now >= self._due

    def due(self, now: float) -> float:
        """Seconds until it may go; infinite when nothing waits."""
        return math.inf if self.since is None else max(0.0, self._due - now)

    def hurry(self) -> None:
        """Let what waits go now."""
        self._due = -math.inf

    def sent(self, key: Key) -> None:
        """A report went out; what waited before it is backlog now."""
        if self.since is not None and self.since[0] == key[0] and key[1] >= self.since[1]:
            self.since, self.count, self._due = None, 0, math.inf

    def renumbered(self, old: int, first: int, new: int) -> None:
        """Reports of an epoch, from a seq on, are those of a new epoch from 0 on."""
        if self.since is not None and self.since[0] == old:
            self.since = (new, max(0, self.since[1] - first))

    def waits(self, key: Key) -> bool:
        """Whether a report that was never sent waits for others."""
        return self.since is not None and self.since[0] == key[0] and key[1] >= self.since[1]

    def before(self, key: Key, unsent: Ranges) -> list[Key]:
        """A report and those before it that were never sent, as many as go in one message."""
        first = key[1]
        while first - 1 in unsent and key[1] - first + 1 < self.batch:
            first -= 1
        return [(key[0], seq) for seq in range(first, key[1] + 1)]

    def after(self, key: Key, planned: Ranges) -> list[Key]:
        """A report and those behind it that are to be sent and do not wait."""
        end = key[1] + 1
        while end in planned and end - key[1] < self.batch and not self.waits((key[0], end)):
            end += 1
        return [(key[0], seq) for seq in range(key[1], end)]
