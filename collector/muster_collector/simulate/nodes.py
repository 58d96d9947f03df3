"""The node's side of the wire contract for made-up nodes, with the spool in memory.

Invariant of `SpooledNode`: a report stays in `spool` until an ack's `through` passes it, and only
then; `made` counts every report ever made.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from muster_collector.simulate.world import Node
from muster_wire.messages import Ack, Birth, Metric, Report, Status

SPOOL_LIMIT = 10_000
"""Reports a node keeps unacked; a simulation gives up the oldest beyond and declares them lost."""


class SpooledNode:
    """One made-up node: makes reports, keeps them until acked, answers what an ack asks for."""

    def __init__(self, node: Node, every: float, epoch: int) -> None:
        self.node = node
        self.every = every
        self.epoch = epoch
        self.made = 0
        self.settled = 0
        self.spool: dict[int, tuple[int, list[Metric]]] = {}
        self.wanted: set[int] = set()

    @property
    def oldest(self) -> int:
        """The oldest seq in the spool; the next one to be made when it is empty."""
        return next(iter(self.spool), self.made)

    def make(self, now: float) -> Report:
        """Sample the node and spool the report; seq begins at 0."""
        seq = self.made
        self.made += 1
        self.spool[seq] = (int(now * 1000), self.node.sample(now))
        if len(self.spool) > SPOOL_LIMIT:
            del self.spool[self.oldest]
        return self.report(seq)

    def report(self, seq: int) -> Report:
        """The report as it goes out now."""
        ts, metrics = self.spool[seq]
        return Report(
            node=self.node.name,
            site=self.node.site,
            epoch=self.epoch,
            seq=seq,
            oldest=self.oldest,
            ts=ts,
            sent=int(time.time() * 1000),
            every=self.every,
            metrics=metrics,
        )

    def acknowledge(self, ack: Ack) -> None:
        """Empty the spool up to `through` and note what is wanted again."""
        if ack.epoch != self.epoch:
            return
        for seq in [seq for seq in self.spool if seq <= ack.through]:
            del self.spool[seq]
            self.settled += 1
        for first, last in ack.missing:
            self.wanted.update(seq for seq in self.spool if first <= seq <= last)

    def take_wanted(self, most: int) -> Iterable[Report]:
        """At most `most` of the reports that an ack asked for, oldest first."""
        chosen = sorted(self.wanted)[:most]
        self.wanted.difference_update(chosen)
        return [self.report(seq) for seq in chosen if seq in self.spool]

    def birth(self) -> Birth:
        """What the node is, clearly marked as simulated."""
        return Birth(
            node=self.node.name,
            site=self.node.site,
            epoch=self.epoch,
            oldest=self.oldest,
            next=self.made,
            ts=int(time.time() * 1000),
            every=self.every,
            agent="muster simulate",
            inventory={
                "simulated": True,
                "persona": self.node.persona.name,
                "cpus": self.node.cpus,
                "memory": self.node.memory,
            },
        )

    def status(self, *, online: bool) -> Status:
        """Online, or offline because the simulation ended."""
        return Status(
            node=self.node.name,
            site=self.node.site,
            state="online" if online else "offline",
            ts=int(time.time() * 1000),
            reason="" if online else "stopped",
        )
