"""Makes reports: what goes into the spool, and the messages in which it goes out."""

from __future__ import annotations

from muster_agent import body
from muster_agent.bases import Base
from muster_agent.clock import Clock
from muster_agent.compact import Compact, Full
from muster_agent.keeper import Keeper
from muster_agent.spool import Edges
from muster_agent.together import Key
from muster_wire.codec import Encoded
from muster_wire.messages import Metric

MOST_LOST = 64
"""Ranges of lost reports that one report or birth carries."""
MOST_TEXT = 200_000
"""Bytes of JSON that reports which go together may have: collectors take 262,144 by default."""


class Writer:
    """The reports of one node, each of which may wait for `wait` seconds before it goes out."""

    def __init__(
        self, keeper: Keeper, compact: Compact, clock: Clock, *, node: str, site: str, wait: float
    ) -> None:
        self.keeper = keeper
        self.compact = compact
        self.clock = clock
        self.node = node
        self.site = site
        self.wait = wait

    def spool(self, ts: int, every: float, metrics: list[Metric], *, up: bool) -> Key:
        """Make a report and spool it, in full or as it goes out at once: told against a base.

        With the link not `up` it will go later, and in full.
        """
        epoch = self.keeper.epoch
        oldest, seq = self.keeper.edges(epoch) or Edges(0, 0)
        report = Full((epoch, seq), ts, every, metrics)
        base = self.compact.base_of(report.key) if up else None
        message = None
        if base is None:
            key = self.keeper.append(ts, body.make(ts=ts, every=every, metrics=metrics))
        else:
            message = body.told(report, base, self.envelope(report.key))
            key = self.keeper.append(ts, message.payload, Base(base.key, base.body))
            if key != report.key or self.keeper.edges(epoch) != (oldest, seq + 1):
                message = None  # its number, or what had to be given up for it, is not what it says
        self.compact.made(report._replace(key=key), message)
        return key

    def alone(self, key: Key, stored: bytes, *, keep: bool) -> Encoded:
        """A report in full, in a message of its own."""
        envelope = self.envelope(key)._replace(keep=keep)
        return Encoded(body.payload(stored, envelope), body.content_type(stored))

    def together(self, bodies: dict[Key, bytes], largest: int) -> Encoded | None:
        """Reports in one message of at most `largest` bytes; None when they do not fit into it."""
        first = next(iter(bodies))
        try:
            message, size = body.together(
                [(seq, found) for (_, seq), found in bodies.items()], self.envelope(first)
            )
        except ValueError:
            return None
        return message if size <= MOST_TEXT and len(message.payload) <= largest else None

    def envelope(self, key: Key) -> body.Envelope:
        """What is known of a report only when it is sent."""
        epoch, seq = key
        return body.Envelope(
            node=self.node,
            site=self.site,
            epoch=epoch,
            seq=seq,
            oldest=(self.keeper.edges(epoch) or Edges(0, 0)).oldest,
            sent=self.clock.wall(),
            lost=self.keeper.lost(epoch)[:MOST_LOST],
            wait=self.wait,
        )
