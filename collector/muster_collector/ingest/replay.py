"""Plays what was refused again, after a fix: the same checks, batches and ledger as the first time.

What is stored now leaves the quarantine; what is refused again stays there with its new reason. A
report that was refused counts as stored from then on, and as refused no more. Writing a point twice
overwrites it, so playing something again that was stored meanwhile does no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from muster_collector import quarantine
from muster_collector.errors import StoreError
from muster_collector.ingest import reading
from muster_collector.ingest.intake import Incoming, Intake, mark
from muster_collector.ingest.items import (
    METRIC,
    POINT,
    Item,
    Refusal,
    RefusedItem,
    ReplayItem,
    StaysItem,
)
from muster_collector.ingest.reading import RefusedError
from muster_collector.ingest.shapes import Shapes
from muster_collector.ingest.sources.intake import SampleItem, Sources
from muster_collector.ingest.sources.source import Source
from muster_collector.ledger.account import Account
from muster_collector.ledger.clocks import shift
from muster_collector.ledger.nodes import Node
from muster_collector.quarantine import Chosen, Kept
from muster_wire.messages import Report

AT_ONCE = 100
"""Records in hand at the same time, so that they do not crowd out what comes from the broker."""
PATIENCE = 30.0
"""Seconds that a store may take before the caller is told that it is away."""
CUT = Refusal("cut", "only its beginning was kept, so it cannot be played again")
BASE = Refusal("base", "it tells what has changed since a report that is not here any more")
OTHER = Refusal(
    "not a report", "a birth or a state tells what was then; the next one of its node tells what is"
)


class Result(NamedTuple):
    """What became of one record: "stored", or "refused" again and why."""

    id: int
    topic: str
    node: str
    outcome: str
    reason: str
    detail: str


class Quarantine:
    """The quarantine of a running collector: looked into, and played again, one call at a time."""

    def __init__(
        self, intake: Intake, sources: Sources, directory: Path, *, patience: float = PATIENCE
    ) -> None:
        self._intake = intake
        self._sources = sources
        self._directory = directory
        self._patience = patience
        self._one = asyncio.Lock()

    async def listing(self, wanted: Chosen) -> list[quarantine.Row]:
        """The chosen records without their bytes, the newest first."""
        return await asyncio.to_thread(quarantine.listing, self._directory, wanted)

    async def chosen(self, wanted: Chosen) -> list[Kept]:
        """The chosen records, the oldest first."""
        return await asyncio.to_thread(quarantine.chosen, self._directory, wanted)

    async def replay(self, wanted: Chosen, *, dry_run: bool) -> list[Result]:
        """Play the chosen records; `StoreError` when the store does not take them in time.

        A dry run tells what this collector refuses; what the store would say is not known before.
        """
        async with self._one:
            records = await self.chosen(wanted)
            if dry_run:
                shapes = Shapes(self._intake.limits)
                return [_result(record, self._judge(record, shapes)) for record in records]
            results: list[Result] = []
            for start in range(0, len(records), AT_ONCE):
                results += await self._play(records[start : start + AT_ONCE])
            return results

    def _judge(self, record: Kept, shapes: Shapes) -> Refusal | None:
        """Why it would be refused."""
        now = self._intake.clock()
        try:
            if (source := self._source(record)) is not None:
                return self._judge_samples(source, record, now)
            reports = self._reports(record)
        except RefusedError as error:
            return Refusal(error.reason, error.detail)
        found = [shapes.points(report, now) for report in reports]
        points = [point for some, _ in found for point in some]
        faults = [fault for _, some in found for fault in some]
        return Refusal(faults[0].reason, faults[0].detail) if faults and not points else None

    def _judge_samples(self, source: Source, record: Kept, now: int) -> Refusal | None:
        latest = now + round(self._intake.limits.future * 1000)
        groups, bad = source.read(record.topic, record.payload, latest)
        return None if groups or not bad else Refusal(bad[0].reason, bad[0].detail)

    async def _play(self, records: Sequence[Kept]) -> list[Result]:
        work = [self._take(record) for record in records]
        done = [self._intake.add(item) for items in work for item in items]
        _, late = await asyncio.wait(done, timeout=self._patience)
        if late:
            raise StoreError("the store takes nothing now; what is in hand goes on when it does")
        return [
            _result(record, getattr(items[0], "refusal", None))
            for record, items in zip(records, work, strict=True)
        ]

    def _take(self, record: Kept) -> list[Item]:
        """What a record will do; the first item says what becomes of the record."""
        now = self._intake.clock()
        try:
            if (source := self._source(record)) is not None:
                return self._samples(source, record)
            first, *others = self._reports(record)
            items = [self._item(record, first, now, record.id)]
            return [*items, *(self._item(record, other, now, 0) for other in others)]
        except RefusedError as error:
            return [StaysItem(record.id, Refusal(error.reason, error.detail))]

    def _source(self, record: Kept) -> Source | None:
        """The source of a whole message of another agent, or of a line of one."""
        return None if _is_part(record) else self._sources.of(record.topic)

    def _samples(self, source: Source, record: Kept) -> list[Item]:
        if record.size > len(record.payload):
            raise RefusedError(*CUT)
        message = Incoming(
            record.topic, record.payload, record.content_type, retained=False, time=record.time
        )
        found = list(self._sources.items(source, message))
        samples = [item for item in found if isinstance(item, SampleItem)]
        others = [item for item in found if isinstance(item, RefusedItem)]
        if not samples:
            reason, detail = (
                ("empty", "no metrics")
                if not others
                else (others[0].record.reason, others[0].record.detail)
            )
            raise RefusedError(reason, detail)
        first = [record.id, *[0] * (len(samples) - 1)]
        played: list[Item] = [
            ReplayItem(
                item.topic, item.node, item.account, item.report, item.arrival, duplicate=False,
                start=item.start, end=item.end, faults=item.faults, number=number,
            )
            for item, number in zip(samples, first, strict=True)
        ]  # fmt: skip
        return [*played, *others]

    def _item(self, record: Kept, report: Report, now: int, number: int) -> ReplayItem:
        intake = self._intake
        node = intake.ledger.node(report.node, report.site, record.time)
        # An epoch that is not there while older ones were folded into a sum may be in that sum.
        counted = report.epoch in node.accounts or not node.former
        if counted and not _is_part(record):
            account = node.account(report.epoch, report.oldest)
        else:
            account = node.accounts.get(report.epoch) or Account(node.node, report.epoch, 0)
        moved = self._move(node, account, report, record, counted=counted)
        item = ReplayItem(
            record.topic, node, account, report, record.time, duplicate=False,
            number=number, part=_is_part(record), counted=counted, moved=moved,
        )  # fmt: skip
        points, item.faults = intake.shapes.points(report, now)
        item.start, item.end = intake.append(points)
        if item.moved and points:
            intake.append([mark(report, item.moved)])
        if not item.part and not account.known(report.seq):
            account.pending.add(report.seq)
        report.metrics = []
        return item

    def _move(
        self, node: Node, account: Account, report: Report, record: Kept, *, counted: bool
    ) -> int:
        """Put the time of a report right as it would have been when it came; parts are already."""
        if _is_part(record):
            return 0
        if counted:
            return self._intake.move(node, account, report, record.time, new=True)
        moved, _ = shift(account, report, record.time, self._intake.bounds)
        report.ts += moved
        return moved

    def _reports(self, record: Kept) -> list[Report]:
        """The reports in a record; raises `RefusedError`."""
        if record.size > len(record.payload):
            raise RefusedError(*CUT)
        if _is_part(record):
            # It is ours, made of a report that had passed.
            return [reading.REPORT.validate_json(record.payload)]
        place = self._intake.place(record.topic)
        if place.kind != "report":
            raise RefusedError(*OTHER)
        self._intake.check_site(place)
        limits = self._intake.limits
        report = reading.report(place, record.payload, record.content_type, limits)
        if report.base is not None:
            raise RefusedError(*BASE)
        return reading.expand(report, limits)


def _is_part(record: Kept) -> bool:
    return record.reason.startswith((METRIC, POINT))


def _result(record: Kept, refusal: Refusal | None) -> Result:
    outcome, reason, detail = ("refused", *refusal) if refusal else ("stored", "", "")
    return Result(record.id, record.topic, record.node, outcome, reason, detail)
