"""Which report goes out next, and what an ack means: the node's side of the protocol, without I/O.

Invariants:
- a report in the spool is in exactly one of: `unsent` (never given to a connection), `again` (to be
  sent once more), `flight` (sent, not yet taken by the broker), or taken, which is remembered
  nowhere because it is the common case;
- nothing leaves `unsent` but by being sent or given up; no ack settles what is in it;
- a report is sent again only when the broker did not take it or an ack named it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import chain

from muster_agent import logs
from muster_agent.keeper import Keeper
from muster_agent.settings import Uplink
from muster_agent.spool import GONE, Edges
from muster_agent.together import Key, Together
from muster_wire.messages import Ack
from muster_wire.ranges import Ranges

CROSSING = 10.0
"""Seconds within which an ack may have crossed a report that it calls missing."""
REFUSED_PAUSE = 30.0
"""Seconds to wait after the broker refused a report."""
ANEW_PAUSE = 600.0
"""Seconds before another ack may end an epoch: a centre that is wrong must not end all of them."""


class Delivery:
    """What is to be sent, what is on its way, and what the centre has said."""

    def __init__(
        self, keeper: Keeper, limits: Uplink, now: float, together: Together | None = None
    ) -> None:
        self.keeper = keeper
        self.limits = limits
        self.together = together or Together()
        self.unsent: dict[int, Ranges] = {}
        self.again: dict[int, Ranges] = {}
        self.flight: dict[int, tuple[Key, ...]] = {}
        self.newest: Key | None = None
        self.resends = 0
        self.ignored = 0
        self.refusals = 0
        self.window = limits.window
        self.waiting: float | None = now if keeper.depth else None
        self._recent: dict[Key, float] = {}
        self._heard: dict[int, float] = {}
        self._tokens = 1.0
        self._filled = now
        self._paused = -math.inf
        self._anew = -math.inf
        # Births speak of the current epoch only, so nobody would ask for those of older ones.
        for epoch in keeper.epochs()[:-1]:
            oldest, end = keeper.edges(epoch) or Edges(0, 0)
            self._ranges(self.again, epoch).add(oldest, end - 1)

    def made(self, epoch: int, seq: int, now: float) -> None:
        """A new report is in the spool."""
        self._ranges(self.unsent, epoch).add(seq, seq)
        self.newest = (epoch, seq)
        self.together.made(self.newest, now)
        if self.waiting is None and self.together.since is None:
            self.waiting = now

    def added(self, epoch: int) -> None:
        """An epoch that has ended got one more report."""
        oldest, end = self.keeper.edges(epoch) or Edges(0, 0)
        if oldest < end:
            self._ranges(self.unsent, epoch).add(end - 1, end - 1)

    def pick(self, now: float) -> Key | None:
        """The report to send now: the newest first, then the oldest at a bounded rate."""
        if len(self.flight) >= self.window or now < self._paused:
            return None
        if self.newest is not None and self.never_sent(self.newest) and self.together.ripe(now):
            return self.newest
        self._remind(now)
        return self._oldest() if self._fill(now) >= 1 else None

    @property
    def pending(self) -> bool:
        """Whether a report waits to be sent."""
        return self._oldest() is not None

    def wake(self, now: float) -> float:
        """Seconds until `pick` may find something without anything else happening."""
        if len(self.flight) >= self.window:
            return math.inf
        if now < self._paused:
            return self._paused - now
        ripe = self.together.due(now)
        if self._oldest() is None:
            return ripe
        return min(ripe, max(0.0, (1 - self._fill(now)) / self.limits.backlog_per_second))

    def with_others(self, key: Key) -> list[Key]:
        """The reports that go in one message with a picked one, in their order."""
        unsent = self.unsent.get(key[0], Ranges())
        if key == self.newest and key[1] in unsent:
            return self.together.before(key, unsent)
        if self.together.batch == 1:
            return [key]
        planned = Ranges([*unsent.spans, *self.again.get(key[0], Ranges()).spans])
        return self.together.after(key, planned)

    def sent(self, keys: Sequence[Key], mid: int, now: float) -> None:
        """Picked reports were given to the connection as its message `mid`."""
        if self.newest not in keys:
            self._tokens -= len(keys)
        self._expire(now)
        for key in keys:
            if key[1] in self.again.get(key[0], ()):
                self.resends += 1
            self._forget(key)
            self._recent.pop(key, None)
            self._recent[key] = now
        self.flight[mid] = tuple(keys)
        self.together.sent(keys[-1])
        if self.waiting is None:
            self.waiting = now

    def gone(self, key: Key) -> None:
        """A picked report is not in the spool any more: given up already, or now."""
        self.together.sent(key)
        self._forget(key)
        self._trim(key[0])
        edges = self.keeper.edges(key[0])
        told = any(r.first <= key[1] <= r.last for r in self.keeper.lost(key[0]))
        if edges is not None and edges.oldest <= key[1] and not told:
            self.keeper.give_up(key[0], key[1], key[1], GONE)

    def taken(self, mid: int) -> None:
        """The broker has a report."""
        self.flight.pop(mid, None)

    def refused(self, mid: int, now: float) -> None:
        """The broker answered that it does not want a report: try again later."""
        for key in self.flight.pop(mid, ()):
            self._repeat(key)
            self._recent.pop(key, None)
            self._paused = now + REFUSED_PAUSE

    def repeat(self, keys: Iterable[Key]) -> None:
        """The centre could not read these: they have to go again."""
        for key in keys:
            self._repeat(key)

    def disconnected(self) -> None:
        """Whatever the broker had not taken has to go out again; no ack can cross any more."""
        for keys in self.flight.values():
            self.repeat(keys)
        self.flight.clear()
        self._recent.clear()
        self._paused = -math.inf

    def asked(self, now: float) -> None:
        """A birth went out, which the collector answers with an ack."""
        self.waiting = now if self._expecting() else None

    def stale(self, now: float) -> bool:
        """Whether the centre has been silent about waiting reports for too long."""
        return self.waiting is not None and now - self.waiting >= self.limits.ack_timeout

    def acked(self, ack: Ack, now: float) -> None:
        """Do what an ack says, as far as it can be true."""
        edges = self.keeper.edges(ack.epoch)
        beyond = edges is not None and ack.through >= edges.next
        if beyond and ack.epoch == self.keeper.epoch and self._begin_anew(ack, now):
            edges, beyond = self.keeper.edges(ack.epoch), False
        if edges is None or (beyond and ack.epoch == self.keeper.epoch):
            self.ignored += 1
            why = f"the newest report is {edges.next - 1}" if edges else "there is no such epoch"
            logs.warning(f"ack through {ack.through} of epoch {ack.epoch} ignored: {why}")
            return
        self._heard[ack.epoch] = now
        self._expire(now)
        self._trim(ack.epoch)
        through = self._believable(ack, edges)
        self.keeper.settle(ack.epoch, through)
        self._ranges(self.again, ack.epoch).remove(0, through)
        for refused in ack.refused:
            self._refused(ack.epoch, refused.seq, refused.reason)
        edges = self.keeper.edges(ack.epoch) or edges
        for first, last in ack.missing:
            self._missing(ack.epoch, max(first, through + 1, 0), last, edges)
        self.waiting = now if self._expecting() else None

    def edges(self, epoch: int) -> Edges:
        """The edges of an epoch for the centre, which need not ask for what waits here."""
        oldest, end = self.keeper.edges(epoch) or Edges(0, 0)
        since = self.together.since
        return Edges(oldest, max(oldest, since[1]) if since and since[0] == epoch else end)

    def _expecting(self) -> bool:
        """Whether the spool holds anything that the centre could have acknowledged."""
        return self.keeper.depth > self.together.count

    def _begin_anew(self, ack: Ack, now: float) -> bool:
        """End an epoch whose numbers were used for reports that this spool does not know of.

        The machine has been restored from a copy of itself. What this process made has numbers that
        other reports had, so it gets new ones; all else is what the centre knows by its numbers.
        """
        if now < self._anew:
            return False
        old, edges = ack.epoch, self.keeper.edges(ack.epoch) or Edges(0, 0)
        first = self.keeper.renumber()
        if first is None:
            return False
        self._anew = now + ANEW_PAUSE
        new, moved = self.keeper.epoch, edges.next - first
        for plan in (self.unsent, self.again):
            self._ranges(plan, old).remove(first, edges.next)
        self._ranges(self.unsent, new).add(0, moved - 1)
        if self.newest is not None and self.newest[0] == old and self.newest[1] >= first:
            self.newest = (new, self.newest[1] - first)
        self.together.renumbered(old, first, new)
        logs.warning(
            f"the collector has reports through {ack.through} of epoch {old}, which ends here with "
            f"{edges.next - 1}: the spool is an older copy of itself; epoch {new} begins with "
            f"{moved} reports of it"
        )
        return True

    def _believable(self, ack: Ack, edges: Edges) -> int:
        """`through`, short of what was never sent or never made."""
        unsent = self.unsent.get(ack.epoch)
        if not unsent or ack.through < unsent.first:
            return min(ack.through, edges.next - 1)
        self.ignored += 1
        return unsent.first - 1

    def _refused(self, epoch: int, seq: int, reason: str) -> None:
        edges = self.keeper.edges(epoch)
        if edges is None or not edges.oldest <= seq < edges.next:
            return
        if seq not in self.unsent.get(epoch, ()):
            self.refusals += 1
            logs.warning(f"report {epoch}/{seq} was refused by the collector: {reason}")
            self._ranges(self.again, epoch).remove(seq, seq)
            self.keeper.drop(epoch, seq)

    def _missing(self, epoch: int, first: int, last: int, edges: Edges) -> None:
        """Plan to send what is wanted again, and declare what cannot be had."""
        gone = Ranges([(first, min(last, edges.oldest - 1))])
        for lost in self.keeper.lost(epoch):
            gone.remove(lost.first, lost.last)
        for span in gone.spans:
            self.keeper.give_up(epoch, *span, GONE)
        wanted = Ranges([(max(first, edges.oldest), min(last, edges.next - 1))])
        for span in self.unsent.get(epoch, Ranges()).spans:
            wanted.remove(*span)
        for key in (*chain.from_iterable(self.flight.values()), *self._recent):
            if key[0] == epoch:
                wanted.remove(key[1], key[1])
        for span in wanted.spans:
            self._ranges(self.again, epoch).add(*span)

    def _repeat(self, key: Key) -> None:
        """Plan to send a report once more, unless it is settled or has another number now."""
        edges = self.keeper.edges(key[0])
        if edges is not None and edges.oldest <= key[1] < edges.next:
            self._ranges(self.again, key[0]).add(key[1], key[1])

    def _remind(self, now: float) -> None:
        """Plan to send something of epochs that have ended and that the centre is silent about.

        Births speak of the current epoch only, so the last ack of an older one may be lost, or all
        of its reports in a broker's queue, and nobody would ask. The first and the last report of
        it uncover everything between.
        """
        sent = {epoch for epoch, _ in chain.from_iterable(self.flight.values())}
        for epoch in self.keeper.epochs()[:-1]:
            edges = self.keeper.edges(epoch)
            planned = self.unsent.get(epoch) or self.again.get(epoch) or epoch in sent
            if edges is None or edges.oldest == edges.next or planned:
                continue
            if now - self._heard.setdefault(epoch, now) >= self.limits.ack_timeout:
                self._heard[epoch] = now
                self._repeat((epoch, edges.oldest))
                self._repeat((epoch, edges.next - 1))

    def _oldest(self) -> Key | None:
        """The oldest report that waits to be sent."""
        for epoch in self.keeper.epochs():
            unsent, again = self.unsent.get(epoch), self.again.get(epoch)
            found = [again.first] if again else []
            if unsent and not self.together.waits((epoch, unsent.first)):
                found.append(unsent.first)
            if found:
                return epoch, min(found)
        return None

    def never_sent(self, key: Key) -> bool:
        """Whether a report was not given to a connection yet."""
        return key[1] in self.unsent.get(key[0], ())

    def _fill(self, now: float) -> float:
        """How many reports of the backlog may go now."""
        rate = self.limits.backlog_per_second
        burst = max(1, min(self.window, rate))
        self._tokens = min(burst, self._tokens + (now - self._filled) * rate)
        self._filled = now
        return self._tokens

    def _expire(self, now: float) -> None:
        """Forget what was sent too long ago for an ack to have crossed it."""
        while self._recent and next(iter(self._recent.values())) < now - CROSSING:
            del self._recent[next(iter(self._recent))]

    def _trim(self, epoch: int) -> None:
        """Plan nothing that is settled or given up."""
        edges = self.keeper.edges(epoch)
        for plan in (self.unsent, self.again):
            if edges is None:
                plan.pop(epoch, None)
                self._heard.pop(epoch, None)
            elif epoch in plan:
                plan[epoch].remove(0, edges.oldest - 1)

    def _forget(self, key: Key) -> None:
        for plan in (self.unsent, self.again):
            if key[0] in plan:
                plan[key[0]].remove(key[1], key[1])

    @staticmethod
    def _ranges(plan: dict[int, Ranges], epoch: int) -> Ranges:
        return plan.setdefault(epoch, Ranges())
