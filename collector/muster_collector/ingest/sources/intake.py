"""Takes in what other agents publish: read, placed, batched, stored and accounted like reports.

Every group of samples of one node and time is an item of its own in the same batch, so one wrong
line costs only itself; the message is acknowledged to the broker when the batch is in the ledger's
file. Nothing tells duplicates apart, and nothing must: a point that is written again overwrites.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from muster_collector.ingest.intake import KEEP, MOST_TOPICS, Incoming, Intake
from muster_collector.ingest.items import Desk, Item, RefusedItem, ReportItem
from muster_collector.ingest.reading import RefusedError
from muster_collector.ingest.sources import interval
from muster_collector.ingest.sources.sample import Bad
from muster_collector.ingest.sources.source import Group, Origin, Source
from muster_collector.ledger.file import Quarantined
from muster_collector.ledger.nodes import Node
from muster_wire import topics
from muster_wire.messages import Report


@dataclass(slots=True)
class SampleItem(ReportItem):
    """What one node measured at one time; its report's `seq` is the slot of that time."""

    def _settle(self, desk: Desk) -> None:
        node, report = self.node, self.report
        self._quarantine(desk)
        if self.end == self.start + len(self.refusals):
            node.unreadable += 1
            node.last_refused = self.arrival
            desk.count("refused", self.faults[0].reason if self.faults else "store")
            return
        if not self.account.known(report.seq):
            self._settle_stored(desk)
        node.last_stored = self.arrival
        desk.count("stored")
        desk.stored(report.ts)

    def apply(self, desk: Desk) -> None:
        """Settle it."""
        node, report = self.node, self.report
        self.account.last_arrival = node.last_arrival = self.arrival
        node.last_report_ts = max(node.last_report_ts or 0, report.ts)
        node.every = report.every
        node.online = True
        node.returned(self.account)
        self._settle(desk)
        desk.touch(node, self.account)


class Sources:
    """All sources of the configuration, in their order."""

    def __init__(self, intake: Intake, sources: Iterable[Source]) -> None:
        self._intake = intake
        self._sources = list(sources)
        self._by_topic: dict[str, Source | None] = {}
        known = intake.ledger.nodes.values()
        self._nodes = Counter(node.source for node in known if node.source)

    @property
    def filters(self) -> list[str]:
        """What to subscribe to."""
        return [source.topic for source in self._sources]

    def of(self, topic: str) -> Source | None:
        """The source that a topic belongs to."""
        try:
            return self._by_topic[topic]
        except KeyError:
            found = next((source for source in self._sources if source.matches(topic)), None)
            if len(self._by_topic) >= MOST_TOPICS:
                self._by_topic.clear()
            self._by_topic[topic] = found
            return found

    def take(
        self, topic: str, payload: bytes, content_type: str, qos: int, retained: bool
    ) -> asyncio.Future[None] | None:
        """A message has come; the future is done when it may be acknowledged to the broker."""
        source = self.of(topic)
        if source is None or self._intake.overflows(topic, qos):
            return None
        message = Incoming(topic, payload, content_type, retained, self._intake.clock())
        done = None
        for item in self.items(source, message):
            done = self._intake.add(item)
        return done

    def items(self, source: Source, message: Incoming) -> Iterable[Item]:
        """What a message does, one after the other; each has its points in the batch already."""
        latest = message.time + round(self._intake.limits.future * 1000)
        groups, bad = source.read(message.topic, message.payload, latest)
        # Of several collectors that all read this, one keeps what is of no node.
        ours = topics.partition(message.topic) in self._intake.partitions
        refused = bad if ours else []
        for group in groups:
            if topics.partition(group.origin.node) in self._intake.partitions:
                try:
                    yield self._item(source, message, group)
                except RefusedError as error:
                    refused.append(Bad(error.reason, error.detail, message.payload))
        whole = set[str]()
        for piece in refused:
            if piece.piece is not message.payload or piece.reason not in whole:
                yield RefusedItem(_record(message, piece), None)
            if piece.piece is message.payload:
                whole.add(piece.reason)

    def _item(self, source: Source, message: Incoming, group: Group) -> SampleItem:
        node = self._node(source, group.origin, message.time)
        every = source.settings.every
        account, seq = interval.slot(node, group.time, every)
        report = Report(
            node.node, node.site, account.epoch, seq, seq, group.time, group.time, every,
            group.metrics,
        )  # fmt: skip
        item = SampleItem(message.topic, node, account, report, message.time, duplicate=False)
        points, item.faults = self._intake.shapes.points(report, message.time)
        item.start, item.end = self._intake.append(points)
        report.metrics = []
        return item

    def _node(self, source: Source, origin: Origin, now: int) -> Node:
        """The node, if this source may write to it; raises `RefusedError`."""
        ledger, most = self._intake.ledger, source.settings.most_nodes
        node = ledger.nodes.get(origin.node)
        if node is None:
            if self._nodes[source.topic] >= most:
                raise RefusedError("new node", f"more than {most} hosts from {source.topic!r}")
            node = ledger.node(origin.node, origin.site, now)
            self._adopt(node, source, origin)
        elif node.source != source.topic:
            if not node.source or node.source in self.filters:
                other = repr(node.source) if node.source else "Muster's own agent"
                raise RefusedError("identity", f"node {node.node!r} is measured by {other}")
            self._nodes[node.source] -= 1
            self._adopt(node, source, origin)
        elif node.inventory.get("host") != origin.host:
            raise RefusedError(
                "identity",
                f"host {origin.host[:80]!r} would be node {node.node!r}, which is host"
                f" {str(node.inventory.get('host'))[:80]!r}: give it an id in nodes",
            )
        node.site = origin.site
        return node

    def _adopt(self, node: Node, source: Source, origin: Origin) -> None:
        self._nodes[source.topic] += 1
        node.source, node.agent, node.epoch = source.topic, source.agent, None
        node.inventory = {"host": origin.host, "source": source.topic}


def _record(message: Incoming, bad: Bad) -> Quarantined:
    return Quarantined(
        message.time, message.topic, "", bad.reason, bad.detail, message.content_type,
        len(bad.piece), bad.piece[:KEEP],
    )  # fmt: skip
