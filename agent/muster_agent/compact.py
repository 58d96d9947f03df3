"""Tells the newest report as what has changed since one that the centre holds, the base.

    keep it, please -> an ack names it -> reports are told against it -> after `RENEWED` the next
                                       `-> an ack does not name it: what was told goes in full

Invariants: nothing is told against a report before an ack has named it; only the newest report is
ever told against one, when it is sent for the first time, so that whatever is sent again, or after
an outage, can be read alone; `told` has what was told against `base` and is not settled.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from muster_agent.together import Key
from muster_wire import deltas
from muster_wire.codec import Encoded
from muster_wire.messages import Ack, Metric

RENEWED = 20
"""Reports that are told against one base: the further it lies back, the more has changed."""


class Full(NamedTuple):
    """A report as it was made: epoch and seq, time (ms), interval (s), metrics."""

    key: Key
    ts: int
    every: float
    metrics: list[Metric]
    body: bytes = b""
    known: deltas.Known | None = None
    """The body in full and the metrics taken apart, of one that others may be told against."""


def copied(report: Full) -> Full:
    """A report that no sensor has its hands on any more."""
    metrics = [Metric(m.name, dict(m.tags), dict(m.fields)) for m in report.metrics]
    return report._replace(metrics=metrics)


def based(report: Full | None, body: bytes) -> Full | None:
    """A report ready for others to be told against it."""
    if report is None:
        return None
    one = copied(report)
    return one._replace(body=body, known=deltas.known(one.metrics))


class Compact:
    """What this node and the centre both know; `understood` once an ack speaks of bases."""

    def __init__(self, *, on: bool) -> None:
        self.on = on
        self.understood = False
        self.newest: Full | None = None
        self.message: Encoded | None = None
        self.base: Full | None = None
        self.told: set[Key] = set()
        self._asked: Full | None = None
        self._age = RENEWED

    def base_of(self, key: Key) -> Full | None:
        """What a report that is being made may be told against; None when it has to be in full."""
        base = self.base
        if base is None or base.key[0] != key[0] or base.key[1] >= key[1]:
            return None
        return base if self._age < RENEWED else None

    def made(self, report: Full, message: Encoded | None = None) -> None:
        """A new report is in the spool, as this message if it is told against the base."""
        self.newest, self.message = (report, message) if self.on else (None, None)

    def against(self, key: Key) -> tuple[Full, Full] | None:
        """A report that may be told, and its base; None when it has to go in full."""
        base = self.base_of(key)
        newest = self.newest
        return (newest, base) if base and newest and newest.key == key else None

    def keeps(self, key: Key) -> bool:
        """Whether to ask the centre to keep a report that goes in full."""
        return self.newest is not None and self.newest.key == key and self._age >= RENEWED

    def sent(self, key: Key, *, told: bool, kept: bool, body: bytes = b"") -> None:
        """The newest report was given to the connection; `body` is it in full."""
        self._age += 1
        if told:
            self.told.add(key)
        if kept:
            self.base, self._asked, self._age = None, based(self.newest, body), 0
        self.newest = self.message = None  # freed while the processor still has it at hand

    def disconnected(self) -> None:
        """What was on its way may not have arrived."""
        if self._asked is not None:
            self._asked, self._age = None, RENEWED

    def acked(self, ack: Ack) -> Iterator[Key]:
        """What an ack says of bases; the reports that have to go again, in full."""
        self.understood = ack.base is not None
        if self._asked is not None and (ack.epoch, ack.base) == self._asked.key:
            self.base, self._asked = self._asked, None
        elif self.base is not None and ack.epoch == self.base.key[0] and self._lost(ack):
            self.base, self._age = None, RENEWED
            yield from sorted(key for key in self.told if key[1] > ack.through)
            self.told.clear()
        self.told = {key for key in self.told if key[0] != ack.epoch or key[1] > ack.through}

    def _lost(self, ack: Ack) -> bool:
        return self.base is not None and ack.base != self.base.key[1]
