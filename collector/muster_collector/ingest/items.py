"""What a message in hand will do to the ledger once its batch is stored, one class a kind."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from muster_collector.ingest import events
from muster_collector.ingest.shapes import Fault
from muster_collector.ingest.timeline import Timeline
from muster_collector.ledger.account import Account
from muster_collector.ledger.file import Quarantined
from muster_collector.ledger.nodes import Node
from muster_collector.store.base import Point
from muster_wire.codec import JSON, encode
from muster_wire.messages import Birth, ConfigState, Metric, Report, Status

METRIC, POINT = "metric: ", "point: "
"""What the reasons of parts of a report begin with: refused by us, refused by the store."""
SITE = "site"
"""The reason of what a node sends from a site that is not its own. It is not settled: the node
keeps it, and sends it again once node or estate is put right."""
IMPLIED = ("host", "site")
"""Tags that come from the topic."""
LATE_INTERVALS, LATE_LEAST = 3, 30_000
"""A report is late when it comes this many intervals, and these ms, after it was sampled; where
reports wait for each other at the node, that comes on top."""


class Refusal(NamedTuple):
    """Why something stays in quarantine: the reason (counted) and the detail."""

    reason: str
    detail: str


class Desk(Protocol):
    """Where items leave what they did; see `desk.Desk`."""

    @property
    def timeline(self) -> Timeline:
        """What became of reports by the time they were sampled."""

    def count(self, outcome: str, reason: str = "") -> None:
        """Count what became of a message."""

    def touch(self, node: Node, account: Account | None = None) -> None:
        """Write these to the ledger's file."""

    def acknowledge(self, node: Node, account: Account, *, urgent: bool = False) -> None:
        """Let the node know."""

    def quarantine(self, record: Quarantined) -> None:
        """Keep a refused message or part of one."""

    def replayed(self, number: int, refusal: Refusal | None = None) -> None:
        """A record left the quarantine, or stays there for a new reason."""

    def unreadable(self, node: Node) -> None:
        """A message of the node did not say which report it was."""

    def stored(self, ts: int) -> None:
        """A report sampled at `ts` (ms) is in the store."""


@dataclass(slots=True)
class ReportItem:
    """A report: its points are `whole(points)[start:end]` of the batch."""

    topic: str
    node: Node
    account: Account
    report: Report
    arrival: int
    duplicate: bool
    start: int = 0
    end: int = 0
    faults: list[Fault] = field(default_factory=list)
    refusals: list[tuple[str, Point]] = field(default_factory=list)
    """Points that the store refused, and why."""
    moved: int = 0
    """By how many ms its time was put right."""

    def apply(self, desk: Desk) -> None:
        """Settle it."""
        node, account, report = self.node, self.account, self.report
        gap = report.seq > account.highest + 1 and report.oldest <= account.highest + 1
        account.last_arrival = self.arrival
        self._note(node, report)
        if self.duplicate:
            account.duplicate += 1
            desk.count("duplicate")
            desk.timeline.duplicate(node, report.ts)
        else:
            self._settle(desk)
        if report.lost or report.oldest > account.through + 1:
            lost = ((lost.first, lost.last, lost.reason) for lost in report.lost)
            account.declare(lost, report.seq)
            account.release(report.oldest)
            desk.timeline.changed(node, account)
        desk.touch(node, account)
        desk.acknowledge(node, account, urgent=gap)

    def _settle(self, desk: Desk) -> None:
        account, report = self.account, self.report
        self._quarantine(desk)
        broken = len(self.refusals) + len(self.faults)
        if broken and len(self.refusals) == self.end - self.start:
            reason = self.faults[0].reason if self.faults else "store"
            again = report.seq in account.refusals
            account.settle(report.seq, reason)
            self.node.last_refused = self.arrival
            desk.count("refused", reason)
            if not again:
                desk.timeline.refused(self.node, account, report.seq, report.ts)
            return
        self._settle_stored(desk)
        desk.count("stored")
        desk.stored(report.ts)

    def _settle_stored(self, desk: Desk) -> None:
        node, account, report = self.node, self.account, self.report
        again = report.seq in account.refusals
        account.settle(report.seq)
        node.last_stored = max(node.last_stored or 0, self.arrival)
        account.first_ts = min(account.first_ts or report.ts, report.ts)
        account.last_ts = max(account.last_ts, report.ts)
        limit = max(LATE_LEAST, LATE_INTERVALS * report.every * 1000) + report.wait * 1000
        late = self.arrival - report.ts > limit
        account.late += late
        desk.timeline.stored(node, account, report.seq, report.ts, late=late, again=again)
        if self.moved:
            account.moved += 1
            desk.timeline.moved(node, report.ts)

    def _quarantine(self, desk: Desk) -> None:
        """Keep what was refused of it: each metric as a report that holds nothing else."""
        for fault in self.faults:
            desk.quarantine(self._record(f"{METRIC}{fault.reason}", fault.detail, fault.metric))
        for reason, point in self.refusals:
            tags = {key: value for key, value in point.tags if key not in IMPLIED}
            metric = Metric(point.measurement, tags, dict(point.fields))
            desk.quarantine(self._record(f"{POINT}store", reason, metric))

    def _record(self, reason: str, detail: str, metric: Metric) -> Quarantined:
        text = encode(
            dataclasses.replace(self.report, metrics=[metric], lost=[]), compress_above=sys.maxsize
        ).payload
        return Quarantined(
            self.arrival, self.topic, self.node.node, reason, detail, JSON, len(text), text
        )

    def _note(self, node: Node, report: Report) -> None:
        if not self.duplicate:
            node.returned(self.account)
        node.last_arrival = self.arrival
        node.last_report_ts = max(node.last_report_ts or 0, report.ts)
        node.every, node.wait = report.every, report.wait
        if node.epoch is None or node.source:
            # Our agent takes the place of another one that measured this host before.
            node.epoch, node.source = report.epoch, ""
        if not node.has_status:
            node.online = True


@dataclass(slots=True)
class BirthItem:
    """A birth; `account` is None where a retained one speaks of an epoch that is not known."""

    node: Node
    account: Account | None
    birth: Birth
    retained: bool
    arrival: int

    def apply(self, desk: Desk) -> None:
        """Take in what it says of the node and of its spool."""
        node, birth, account = self.node, self.birth, self.account
        desk.count("birth")
        if not self.retained:
            node.returned(account)
        if not self.retained or node.epoch in (None, birth.epoch):
            node.source = ""
            node.epoch = birth.epoch
            node.agent = birth.agent
            node.inventory = birth.inventory
            node.simulated = bool(birth.inventory.get("simulated", node.simulated))
            node.every, node.wait = birth.every, birth.wait
        if account is not None:
            account.last_arrival = max(account.last_arrival, self.arrival)
            account.declare(((r.first, r.last, r.reason) for r in birth.lost), birth.next)
            account.release(birth.oldest)
            account.expect(birth.next)
            desk.timeline.changed(node, account)
            desk.acknowledge(node, account, urgent=not self.retained)
        for other in node.accounts.values():
            if other is not account and not other.closed and other.missing():
                desk.acknowledge(node, other, urgent=not self.retained)
        desk.touch(node, account)


@dataclass(slots=True)
class UnopenedItem:
    """A report told against a base that is not held here: it is missing, and asked for again."""

    node: Node
    account: Account
    report: Report
    arrival: int

    def apply(self, desk: Desk) -> None:
        """Ask for it at once; the ack says that the base is not here."""
        account, report = self.account, self.report
        account.last_arrival = self.node.last_arrival = self.arrival
        self.node.returned(account)
        account.declare(((r.first, r.last, r.reason) for r in report.lost), report.seq)
        account.release(report.oldest)
        account.expect(report.seq + 1)
        desk.timeline.changed(self.node, account)
        desk.count("asked again", "base")
        desk.touch(self.node, account)
        desk.acknowledge(self.node, account, urgent=True)


@dataclass(slots=True)
class StatusItem:
    """Whether a node is connected."""

    node: Node
    status: Status

    def apply(self, desk: Desk) -> None:
        """Take it in."""
        self.node.has_status = True
        self.node.online = self.status.state == "online"
        desk.count("status")


@dataclass(slots=True)
class ConfigItem:
    """What a node did with the configuration that was wanted of it."""

    node: Node
    state: ConfigState
    retained: bool

    def apply(self, desk: Desk) -> None:
        """Take it in."""
        self.node.config = self.state
        desk.count("config")
        if not self.retained:
            events.configured(self.state)


@dataclass(slots=True)
class RefusedItem:
    """A message that will never be stored; without `account` it cannot be told which report it is.

    With an account but no seq (-1) it is a report that was settled before.
    """

    record: Quarantined
    node: Node | None
    account: Account | None = None
    seq: int = -1

    def apply(self, desk: Desk) -> None:
        """Keep it, and settle the report if it is known which one it was."""
        node, account = self.node, self.account
        if node is not None and account is not None and self.seq < 0:
            account.duplicate += 1
            desk.count("duplicate")
            desk.touch(node, account)
            desk.acknowledge(node, account)
            return
        desk.count("refused", self.record.reason)
        desk.quarantine(self.record)
        if node is None:
            return
        if account is None:
            node.last_refused = self.record.time
            if self.record.reason != SITE:
                desk.unreadable(node)
            desk.touch(node)
            return
        account.last_arrival = node.last_refused = self.record.time
        account.settle(self.seq, self.record.reason)
        desk.timeline.refused(node, account, self.seq)
        desk.touch(node, account)
        desk.acknowledge(node, account)


@dataclass(slots=True)
class ReplayItem(ReportItem):
    """A report, or a part of one, that comes out of quarantine; its points are written always.

    A seq counts as stored once, whatever it was before, and not at all (`counted`) where its epoch
    is no longer accounted for; what the node is now is not learnt from something so old.
    """

    number: int = 0
    part: bool = False
    counted: bool = True
    refusal: Refusal | None = None
    """Why it stays in quarantine; None once it is stored."""

    def apply(self, desk: Desk) -> None:
        """Settle it, or keep it with its new reason."""
        account, seq = self.account, self.report.seq
        account.pending.discard(seq)
        self.refusal = self._refusal()
        desk.replayed(self.number, self.refusal)
        if self.refusal is not None:
            return
        self._quarantine(desk)
        desk.stored(self.report.ts)
        counts_alone = not self.part or bool(self.node.source)
        wanted = not account.known(seq) if counts_alone else seq in account.refusals
        if not wanted or not self.counted:
            return
        self._settle_stored(desk)
        desk.touch(self.node, account)
        if not self.node.source:
            desk.acknowledge(self.node, account)

    def _refusal(self) -> Refusal | None:
        """Why nothing of it is stored now."""
        if len(self.refusals) < self.end - self.start or not (self.refusals or self.faults):
            return None
        if self.faults:
            kind, (reason, detail, _) = METRIC, self.faults[0]
        else:
            kind, reason, detail = POINT, "store", self.refusals[0][0]
        return Refusal(kind + reason if self.part else reason, detail)


@dataclass(slots=True)
class StaysItem:
    """A record that is refused again before anything of it can be stored."""

    number: int
    refusal: Refusal

    def apply(self, desk: Desk) -> None:
        """Let it have its new reason."""
        desk.replayed(self.number, self.refusal)


Item = ReportItem | UnopenedItem | BirthItem | StatusItem | ConfigItem | RefusedItem | StaysItem
