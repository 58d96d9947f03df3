"""When a collector may take, keep and must drop a lease; pure, times in seconds that are passed in.

The lease is one retained topic of the broker. Whoever watches it sees the same messages in the same
order, its own among them, and that order decides:

    standby --(not renewed for `seconds`)--> claiming --(own claim comes back first)--> owner
       ^                                        |                                         |
       +---(anybody else's message comes first)-+      lost <--(nothing back for `KEEP` of it)

Invariants: an owner's right counts from when it *sent* what came back, and ends after `KEEP` of
`seconds`; a standby's patience counts from when it last *heard* anything, or began to listen, and
is `seconds`. What is heard was sent before, so as long as two clocks do not differ by a fifth in
speed, the right of one has ended before another asks. A lease that is lost is never renewed. One
that is given back is free at once for those only who have heard of it before, because a message may
be late: what a newcomer finds at the broker proves nothing but that somebody was there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

KEEP = 0.8
"""The part of `seconds` that an owner works without a renewal."""
RENEW = 0.2
"""The part of `seconds` after which it renews."""


class Lease(NamedTuple):
    """What the retained message says; `term` grows with every owner, `beat` with every message."""

    owner: str
    """An id that every process makes up; empty when the lease is given back."""
    name: str
    term: int
    beat: int
    seconds: float
    partitions: tuple[int, ...]

    def encode(self) -> bytes:
        """As a payload."""
        return json.dumps({"v": 1, **self._asdict()}, separators=(",", ":")).encode()


def decode(payload: bytes) -> Lease:
    """The lease in a payload; `ValueError` when it is none."""
    try:
        found = json.loads(payload)
        lease = Lease(
            str(found["owner"]), str(found["name"]), int(found["term"]), int(found["beat"]),
            float(found["seconds"]), tuple(int(one) for one in found["partitions"]),
        )  # fmt: skip
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(f"not a lease: {error!r}") from error
    if found.get("v") != 1 or not 0 < lease.seconds < 1e6:
        raise ValueError("not a lease of version 1")
    return lease


class State(Enum):
    """What a collector is to a lease."""

    STANDBY = "standby"
    CLAIMING = "claiming"
    OWNER = "owner"
    LOST = "lost"


class Candidate:
    """One collector's part; `now` is a clock that goes on while the machine sleeps."""

    def __init__(self, me: str, name: str, seconds: float, partitions: Iterable[int]) -> None:
        self.me = me
        self.name = name
        self.seconds = seconds
        self.partitions = tuple(sorted(partitions))
        self.state = State.STANDBY
        self.holder: Lease | None = None
        """The lease of somebody else as it was last heard."""
        self.term = 0
        self.echoed = -1
        """The newest beat of ours that came back."""
        self._beat = -1
        self._sent: dict[int, float] = {}
        self._until = 0.0
        self._renew_at = 0.0
        self._free_at: float | None = None
        self._others: dict[str, tuple[Lease, float]] = {}

    def connected(self, now: float) -> None:
        """From now on every message is heard."""
        if self.state is State.OWNER:
            self._renew_at = now
        elif self.state is not State.LOST:
            self._wait(now)

    def heard(self, lease: Lease, now: float) -> None:
        """A message came on the lease's topic."""
        if lease.owner == self.me:
            self._echo(lease)
        elif self.state is State.OWNER:
            # A claim in error, or something late: say again who has it. Or they were right.
            self._renew_at = now
            if now >= self._until:
                self.state = State.LOST
        elif not lease.owner:
            if self.state is State.STANDBY and self.holder and self.holder.term == lease.term:
                self._free_at = now
        elif self.state is not State.LOST:
            self.holder = lease
            self._wait(now)

    def heard_of_others(self, group: str, lease: Lease, now: float) -> None:
        """A message came on the topic of another lease."""
        if lease.owner:
            self._others[group] = (lease, now)
        else:
            self._others.pop(group, None)

    def rival(self, now: float) -> Lease | None:
        """A living lease of another group that has some of the same partitions."""
        for lease, heard in self._others.values():
            if now - heard < lease.seconds and set(lease.partitions) & set(self.partitions):
                return lease
        return None

    def due(self, now: float, wall: int) -> Lease | None:
        """What to publish now, if anything; `wall` is in ms of Unix time."""
        if self.state is State.OWNER:
            rival = self.rival(now)
            if now >= self._until or (rival and (rival.term, rival.owner) < (self.term, self.me)):
                self.state = State.LOST
            elif now >= self._renew_at:
                return self._message(now)
        elif self.state is State.CLAIMING and now >= self._renew_at:
            self._wait(now)
        elif (
            self.state is State.STANDBY
            and self._free_at is not None
            and now >= self._free_at
            and self.rival(now) is None
        ):
            known = self.holder.term if self.holder else 0
            self.term = max(known + 1, self.term + 1, wall)
            self.state = State.CLAIMING
            self._sent.clear()
            message = self._message(now)
            self._renew_at = now + self.seconds
            return message
        return None

    def give_back(self, now: float) -> Lease | None:
        """What to publish when an owner has done its work; it never works again."""
        if not self.holds(now):
            return None
        self.state = State.LOST
        return Lease("", self.name, self.term, 0, self.seconds, self.partitions)

    def renew(self, now: float) -> Lease:
        """A message of the owner before it is due, to see when it comes back."""
        return self._message(now)

    def wake(self, now: float) -> float:
        """Seconds until `due` may have something, if nothing is heard."""
        if self.state is State.OWNER:
            return max(0.0, min(self._until, self._renew_at) - now)
        if self.state is State.CLAIMING:
            return max(0.0, self._renew_at - now)
        free = self.seconds if self._free_at is None else self._free_at - now
        return max(0.05, min(free, self.seconds))

    def holds(self, now: float) -> bool:
        """Whether it may work and speak now."""
        return self.state is State.OWNER and now < self._until

    def _message(self, now: float) -> Lease:
        self._beat += 1
        self._sent[self._beat] = now
        self._renew_at = now + RENEW * self.seconds
        return Lease(self.me, self.name, self.term, self._beat, self.seconds, self.partitions)

    def _echo(self, lease: Lease) -> None:
        """Something of ours came back: in the order of the broker nobody was before."""
        sent = self._sent.pop(lease.beat, None)
        if sent is None or self.state not in (State.CLAIMING, State.OWNER):
            return
        if self.state is State.CLAIMING:
            self.state = State.OWNER
            self._renew_at = sent + RENEW * self.seconds
        self.echoed = max(self.echoed, lease.beat)
        self._until = max(self._until, sent + KEEP * self.seconds)

    def _wait(self, now: float) -> None:
        """Claim when nothing is heard for as long as any lease that may be out there."""
        longest = max(self.seconds, self.holder.seconds if self.holder else 0.0)
        self.state = State.STANDBY
        self._free_at = now + longest
