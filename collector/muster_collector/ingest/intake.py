"""The way of a message: read, checked, batched, stored, settled in the ledger, acknowledged.

    MQTT -> take: topic -> reading -> ledger (new?) -> shapes -> batch
                                                                  |
    PUBACK <- future <- ledger file <- desk.apply <- store.write <-  run: one batch after the other
    acks   <- acks.flush

Invariants: every report ends in exactly one of stored, duplicate, refused or asked for again (told
against a base that is not here), births and states are taken; all are counted when their batch is
in the ledger's file, and acknowledged to the broker only then; a batch that cannot be written is
tried again for ever, while the broker's Receive Maximum bounds what is in hand (what comes with
QoS 0 beyond it is dropped, counted and missed).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from muster_collector import telemetry
from muster_collector.config import Config
from muster_collector.errors import StoreError
from muster_collector.ingest import about, events, reading
from muster_collector.ingest.bases import UnknownBaseError, whole
from muster_collector.ingest.batch import Batch
from muster_collector.ingest.desk import Desk
from muster_collector.ingest.items import (
    SITE,
    BirthItem,
    ConfigItem,
    Item,
    RefusedItem,
    ReportItem,
    StatusItem,
    UnopenedItem,
)
from muster_collector.ingest.shapes import Shapes
from muster_collector.ledger import clocks
from muster_collector.ledger.account import Account
from muster_collector.ledger.file import Changes, LedgerFile, Quarantined
from muster_collector.ledger.nodes import Node
from muster_collector.store.base import Point, RefusedPoint, Sample, Store, size
from muster_wire import topics
from muster_wire.codec import Encoded
from muster_wire.deltas import DeltaError
from muster_wire.echo import ECHO
from muster_wire.messages import Report
from muster_wire.topics import Topic, TopicError

FIRST_DELAY, LAST_DELAY = 0.1, 10.0
TICK = 0.25
"""Seconds between looks at acks whose time has come."""
KEEP = 64 << 10
"""Bytes of a refused message that are kept."""
MOVED = "clock_moved"
"""The measurement with a point for each report that was moved, at its right time."""
MOST_TOPICS = 100_000


def wall_clock() -> int:
    """Milliseconds of Unix time."""
    return time.time_ns() // 1_000_000


class Incoming(NamedTuple):
    """A message as it came; `time` is its arrival in ms."""

    topic: str
    payload: bytes
    content_type: str
    retained: bool
    time: int


def mark(report: Report, moved: int) -> Point:
    """What tells boards that a report has not the time that its node gave it."""
    tags = (("host", report.node), ("site", report.site))
    return Point(MOVED, tags, {"shift_s": moved / 1000, "ts": report.ts - moved}, report.ts)


class Intake:
    """Takes messages in; `run` stores them."""

    def __init__(
        self,
        config: Config,
        store: Store,
        file: LedgerFile,
        desk: Desk,
        *,
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        self.store = store
        self.file = file
        self.desk = desk
        self.ledger = desk.ledger
        self.clock = clock
        self.limits = config.limits
        self.bounds = clocks.Bounds(
            int(max(config.limits.clock_behind, 1.5 * config.mqtt.session_expiry) * 1000),
            int(config.limits.clock_ahead * 1000),
        )
        self.root = config.mqtt.root
        self.partitions = config.collector.partitions
        self.flush = config.store.flush
        self.most_points = config.store.batch_lines
        # Smaller than the window, or the batch would wait for what the broker holds back.
        self.most_items = max(1, config.mqtt.receive_maximum // 2)
        self.most_in_hand = 2 * config.mqtt.receive_maximum
        self.in_hand = 0
        self.back: Callable[[float], None] = lambda _: None
        """Is told how many seconds the store needed for a batch, its absence included."""
        self.shapes = Shapes(config.limits)
        self.bases = desk.acks.bases
        self.sites: Mapping[str, str] = {}
        """Nodes whose site is settled: what they send from another one is refused."""
        self._topics: dict[str, Topic] = {}
        self._batch: Batch | None = None
        self._writing: Batch | None = None
        self._something = asyncio.Event()
        self._full = asyncio.Event()
        self._doubted = (0, False)
        self.paper = asyncio.Lock()
        """Held from a change in memory until it is on the disk: transactions come in that order."""
        self._ending = False

    def take(
        self, topic: str, payload: bytes, content_type: str, qos: int, retained: bool
    ) -> asyncio.Future[None] | None:
        """A message has come; the future is done when it may be acknowledged to the broker."""
        if self.overflows(topic, qos):
            return None
        message = Incoming(topic, payload, content_type, retained, self.clock())
        try:
            place = self.place(topic)
            if place.partition not in self.partitions:
                events.elsewhere()
                return None
            if not self.desk.acks.rates.admit(place.node, message.time):
                events.postponed(place.node)
                return None
            if content_type == ECHO:
                self._echo(place, message)
                return None
            self.check_site(place)
            items = self._items(place, message)
        except reading.RefusedError as error:
            items = [self._refused(message, error)]
        done = None
        for item in items:  # nothing is stored in between, so one future is for all
            done = self.add(item)
        return done

    def crowded(self) -> bool:
        """Whether nothing more must be read: the broker sends more than its window.

        A window beside the two that QoS 0 may fill; so three, and what one read brings, is the most
        that is ever in hand.
        """
        return self.in_hand >= self.most_in_hand + self.most_in_hand // 2

    def overflows(self, topic: str, qos: int) -> bool:
        """Whether a message must be dropped, because nothing else would bound what is in hand."""
        if qos > 0 or self.in_hand < self.most_in_hand:
            return False
        events.overflow(topic)
        return True

    async def run(self) -> None:
        """Store batches, one after the other, until cancelled or `finish`ed."""
        while not self._ending or self._batch is not None:
            await self._something.wait()
            self._something.clear()
            batch = self._batch
            if batch is None:
                continue
            left = batch.begun + self.flush - time.monotonic()
            if left > 0 and not self._ending:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await self._full.wait()
            self._full.clear()
            self._batch, self._writing = None, batch
            await self._write(batch)
            self._writing = None

    async def tick(self) -> None:
        """Send the acks whose time has come, and close old epochs, until cancelled."""
        rounds = 0
        while True:
            await asyncio.sleep(TICK)
            telemetry.IN_HAND.set(self.in_hand)
            oldest = self._writing or self._batch
            telemetry.POINTS_IN_HAND.set(
                sum(batch.size for batch in (self._batch, self._writing) if batch)
            )
            telemetry.ACKS_DUE.set(self.desk.acks.due)
            telemetry.ACKS_WAITING.set(self.desk.acks.waiting)
            telemetry.OLDEST.set(time.monotonic() - oldest.begun if oldest else 0.0)
            self.desk.acks.rates.turn(self.clock())
            if not self.paper.locked():
                self.desk.acks.flush(time.monotonic())
            rounds += 1
            if rounds % 240 == 0 and not self.paper.locked():
                self.desk.end_epochs(self.clock())

    def finish(self) -> None:
        """Store what is in hand at once; `run` returns after that."""
        self._ending = True
        self._something.set()
        self._full.set()

    def place(self, text: str) -> Topic:
        """The parts of a topic; raises `RefusedError`."""
        place = self._topics.get(text)
        if place is None:
            try:
                place = topics.parse(text, root=self.root)
            except TopicError as error:
                raise reading.RefusedError("topic", str(error)) from error
            if len(self._topics) >= MOST_TOPICS:
                self._topics.clear()
            self._topics[text] = place
        return place

    def check_site(self, place: Topic) -> None:
        """Refuse what a node says at another site than its own."""
        site = self.sites.get(place.node)
        if site is not None and site != place.site:
            raise reading.RefusedError(
                SITE, f"the estate has {place.node} at site {site!r}, not at {place.site!r}"
            )

    def append(self, points: Sequence[Sample]) -> tuple[int, int]:
        """Put points into the batch, before the item that they are of; where in it they are."""
        if self._batch is None:
            self._batch = Batch()
        start = self._batch.size
        self._batch.points += points
        self._batch.size += sum(map(size, points))
        return start, self._batch.size

    def add(self, item: Item) -> asyncio.Future[None]:
        """Put an item into the batch; the future is done when the ledger's file has it."""
        if self._batch is None:
            self._batch = Batch()
        batch = self._batch
        done = batch.add(item)
        self.in_hand += 1
        self._something.set()
        if batch.size >= self.most_points or len(batch.items) >= self.most_items:
            self._full.set()
        return done

    def _echo(self, place: Topic, message: Incoming) -> None:
        """Somebody tries whether the way is open."""
        if place.kind == "report" and not message.retained:
            self.desk.acks.echo(place, message.payload, time.monotonic(), message.time)

    def _items(self, place: Topic, message: Incoming) -> Sequence[Item]:
        payload, content_type, now = message.payload, message.content_type, message.time
        if place.kind == "report":
            return self._reports(place, message)
        if not payload:
            return ()  # somebody takes a retained message from the broker
        if place.kind == "status":
            status = reading.status(place, payload, content_type, self.limits)
            return (StatusItem(self.ledger.node(place.node, place.site, now), status),)
        if place.kind == "config/state":
            state = reading.config_state(place, payload, content_type, self.limits)
            node = self.ledger.node(place.node, place.site, now)
            if not message.retained:
                self.append([about.configured(state, now)])
            return (ConfigItem(node, state, message.retained),)
        return (self._birth(place, message),) if place.kind == "birth" else ()

    def _birth(self, place: Topic, message: Incoming) -> BirthItem:
        payload, content_type, now = message.payload, message.content_type, message.time
        birth = reading.birth(place, payload, content_type, self.limits)
        node = self.ledger.node(place.node, place.site, now)
        account = node.accounts.get(birth.epoch)
        if account is None and not message.retained:
            account = node.account(birth.epoch, birth.oldest)
        if account is not None and not account.plausible(birth.oldest, birth.next - 1):
            raise reading.RefusedError("sequence", f"next {birth.next} is far beyond what is known")
        if not message.retained:
            told = about.machine(place.node, place.site, birth.agent, birth.inventory, now)
            self.append(told)
        return BirthItem(node, account, birth, message.retained, now)

    def _reports(self, place: Topic, message: Incoming) -> Sequence[Item]:
        """The report of a message, or all those that came in it."""
        now = message.time
        layouts = self.shapes.series(place.node, place.site, now)
        report = reading.report(place, message.payload, message.content_type, self.limits, layouts)
        node = self.ledger.node(place.node, place.site, now)
        account = node.account(report.epoch, report.oldest)
        newest = report.later[-1].seq if report.later else report.seq
        if not account.plausible(report.oldest, max(report.seq, newest)):
            raise reading.RefusedError("sequence", f"seq {newest} is far beyond what is known")
        try:
            told = report.base is not None
            if told:
                self.bases.open(report, now)
            reports = reading.expand(report, self.limits)
        except UnknownBaseError:
            return (UnopenedItem(node, account, report, now),)
        except DeltaError as error:
            key = (report.epoch, report.seq)
            raise reading.RefusedError("delta", str(error), key) from error
        except reading.RefusedError as error:
            error.whole = self.bases.opened(report, now) if told else None
            raise
        self.desk.acks.rates.spend(place.node, len(reports) - 1)
        if report.keep:
            self.bases.keep(report, now)
        if not message.retained:
            node.clock.heard(report.sent, now)
        items: list[Item] = []
        for one in reports:
            try:
                items.append(self._report(one, node, account, message))
            except reading.RefusedError as error:
                error.whole = whole(one) if told else None
                items.append(self._refused(message, error))
        return items

    def _report(self, report: Report, node: Node, account: Account, message: Incoming) -> Item:
        now = message.time
        duplicate = account.known(report.seq)
        moved = 0
        if not message.retained:
            moved = self.move(node, account, report, now, new=not duplicate)
        item = ReportItem(message.topic, node, account, report, now, duplicate, moved=moved)
        if not duplicate:
            points, item.faults = self.shapes.points(report, now)
            account.pending.add(report.seq)
            item.start, item.end = self.append(points)
            if moved and points:
                self.append([mark(report, moved)])
        report.metrics = []
        return item

    def move(self, node: Node, account: Account, report: Report, arrival: int, *, new: bool) -> int:
        """Give a report that a wrong clock has dated its right time; by how many ms it moved."""
        others = node.accounts.values()
        moved, era = clocks.shift(account, report, arrival, self.bounds, others)
        if moved and self._doubt(arrival):
            return 0
        if moved:
            report.ts += moved
            if report.ts < clocks.EARLIEST:
                raise reading.RefusedError(
                    "time", f"ts {report.ts - moved} cannot be placed", (report.epoch, report.seq)
                )
        if era is not None and new:
            events.clock_wrong(node.node, era.shift)
            clocks.begin(account, era)
            self.append([])
            if self._batch is not None:
                self._batch.eras.append((node, account))
        if report.seq > account.newest[0]:
            account.newest = (report.seq, report.ts)
        return moved

    def _doubt(self, now: int) -> bool:
        """Whether the fleet says that our own clock is wrong; looked at once a second."""
        if not 0 <= now - self._doubted[0] < 1000:
            offsets = [node.clock.ms for node in self.ledger.nodes.values()]
            wrong = clocks.ours_is_wrong([offset for offset in offsets if offset is not None])
            self._doubted = (now, wrong)
            events.our_clock(wrong=wrong)
        return self._doubted[1]

    def _refused(self, message: Incoming, error: reading.RefusedError) -> RefusedItem:
        """What to do about a message that will never be stored."""
        topic = message.topic
        as_it_came = Encoded(message.payload, message.content_type)
        whole = error.whole or self.bases.alone(error.report, message.time)
        payload, content_type = whole or as_it_came
        place = self._topics.get(topic)
        record = Quarantined(
            message.time, topic, place.node if place else "", error.reason, error.detail,
            content_type, len(payload), payload[:KEEP],
        )  # fmt: skip
        if place is None or place.kind != "report":
            return RefusedItem(record, None)
        node = self.ledger.nodes.get(place.node)
        if node is None or error.key is None:
            return RefusedItem(record, node)
        epoch, seq = error.key
        account = node.accounts.get(epoch)
        if account is None or not account.plausible(0, seq):
            return RefusedItem(record, None)
        if account.known(seq) or seq in account.refusals:
            return RefusedItem(record, node, account)
        account.pending.add(seq)
        return RefusedItem(record, node, account, seq)

    async def _write(self, batch: Batch) -> None:
        began = time.monotonic()
        if batch.eras:
            async with self.paper:
                for node, account in batch.eras:
                    self.desk.touch(node, account)
                await self.commit(self.desk.changes())
        refused = await self._store(batch.points)
        stored = time.monotonic()
        if refused:
            batch.refuse(refused)
        async with self.paper:
            self.desk.apply(batch.items)
            await self.commit(self.desk.changes())
        self.in_hand -= len(batch.items)
        batch.done.set_result(None)
        now = time.monotonic()
        self.desk.acks.flush(now)
        telemetry.POINTS.labels("stored").inc(batch.size - len(refused))
        telemetry.POINTS.labels("refused").inc(len(refused))
        telemetry.BATCH_MESSAGES.observe(len(batch.items))
        telemetry.WAIT_SECONDS.observe(began - batch.begun)
        telemetry.WRITE_SECONDS.observe(stored - began)
        telemetry.COMMIT_SECONDS.observe(now - stored)
        telemetry.STORED_SECONDS.observe(now - batch.begun)

    async def _store(self, points: list[Sample]) -> list[RefusedPoint]:
        """Write until the store has taken or refused every point."""
        if not points:
            return []
        delay, began = FIRST_DELAY, time.monotonic()
        while True:
            try:
                refused = await self.store.write(points)
            except StoreError as error:
                events.store_away(self.store.name, error)
                await asyncio.sleep(max(error.wait, delay * random.uniform(0.5, 1.0)))
                delay = min(LAST_DELAY, delay * 2)
            else:
                events.store_back(self.store.name)
                self.back(time.monotonic() - began)
                return refused

    async def commit(self, changes: Changes) -> None:
        """Write to the ledger's file, as often as it takes."""
        delay = FIRST_DELAY
        while True:
            try:
                await asyncio.to_thread(self.file.commit, changes)
            except sqlite3.Error as error:
                events.ledger_failed(error)
                await asyncio.sleep(delay * random.uniform(0.5, 1.0))
                delay = min(LAST_DELAY, delay * 2)
            else:
                self.desk.timeline.written(changes.booked)
                events.ledger_back()
                telemetry.QUARANTINE_DROPPED.set(self.file.dropped)
                return
