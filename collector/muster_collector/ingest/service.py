"""The ingest role, put together: session with the broker, intake, ledger, acks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from muster_collector.config import Config
from muster_collector.ingest import broker_numbers, completeness
from muster_collector.ingest.acks import Acks
from muster_collector.ingest.bases import Bases
from muster_collector.ingest.budget import Budget
from muster_collector.ingest.desk import Desk
from muster_collector.ingest.fleet import Fleet
from muster_collector.ingest.forget import Forgetting
from muster_collector.ingest.intake import Intake, wall_clock
from muster_collector.ingest.mqtt import Link
from muster_collector.ingest.other_ledgers import OtherLedgers
from muster_collector.ingest.patience import Patience
from muster_collector.ingest.present import Present
from muster_collector.ingest.rates import Rates
from muster_collector.ingest.replay import Quarantine
from muster_collector.ingest.sources.intake import Sources
from muster_collector.ingest.sources.source import Source
from muster_collector.ingest.succession import Succession
from muster_collector.lease.keeper import Keeper
from muster_collector.ledger.file import FILE_NAME, LedgerFile
from muster_collector.ledger.nodes import Node
from muster_collector.store.base import Store
from muster_wire import topics
from muster_wire.codec import Encoded

KINDS = ("report", "birth", "status", "config/state")
LAST_WRITE = 10.0
"""Seconds that the last batch gets when the collector ends; what is left comes again."""
SOURCE_WINDOW = 500
"""Messages of other agents in hand that are not stored yet."""
PACKET_HEAD = 64 << 10
"""Bytes for topic and properties beside a payload."""
PACKET_ROOM = 4
"""Packets that are larger than this many times the payload limit are left to the broker."""


class Ingest:
    """The role; `fleet` and `quarantine` are there from the start, `run` works until `stop`."""

    def __init__(
        self,
        config: Config,
        store: Store,
        *,
        on_stored: Callable[[int], None] = lambda _: None,
        clock: Callable[[], int] = wall_clock,
        lease: Keeper | None = None,
        sites: Mapping[str, str] | None = None,
    ) -> None:
        data = config.collector.data
        self._file = LedgerFile(
            Path(data) / FILE_NAME, quarantine_bytes=config.limits.quarantine_mb << 20
        )
        owned = config.collector.partitions
        ledger = self._file.load(owned)
        self.fleet = Fleet(ledger, self._file, OtherLedgers(store, self._file.id, clock()))
        patience = Patience()
        self._allowed = lease.holds if lease else lambda: True
        self._succession = Succession(lease, ledger, self._file, self._retain) if lease else None
        acks = Acks(
            self._publish, patience, Rates(config.limits.reports_per_minute),
            Bases(config.limits.bases_mb << 20),
            every=config.collector.ack_every, root=config.mqtt.root,
            budget=Budget(config.collector.ask_per_second), hold=self._no_room, leave=self._leave,
        )  # fmt: skip
        desk = Desk(ledger, acks, patience, on_stored)
        self._intake = Intake(config, store, self._file, desk, clock=clock)
        self._intake.sites = sites or {}
        sources = Sources(self._intake, map(Source, config.source))
        self.quarantine = Quarantine(self._intake, sources, Path(data))
        wanted = filters(config.mqtt.root, owned)
        largest = max(1 << 20, PACKET_ROOM * config.limits.payload_bytes)
        self._window = config.mqtt.receive_maximum
        self._link = Link(
            config.mqtt,
            wanted,
            self._take,
            max_packet=largest,
            unwanted=unwanted(config.mqtt.root, owned),
            on_connected=self._connected,
            allowed=self._allowed,
            crowded=lambda: self._intake.crowded() or (self._present.active and self._full()),
        )
        self._handle = self._succession.handle if self._succession else self._intake.take
        self._present = Present(
            config.mqtt,
            [name for name in wanted if name.endswith("/report")],
            self._handle,
            max_packet=largest,
            allowed=self._allowed,
            idle=lambda: self._intake.in_hand == 0,
        )
        if wants_present_first(config):
            self._intake.back = self._present.begin
        self._links = [self._link]
        if config.source:
            self._links.append(source_link(config, sources, self._allowed, self._intake.crowded))
        self.forgetting = Forgetting(self._intake, self._retain, self._leave)
        self._writer = completeness.Writer(
            self.fleet, self._file, desk.timeline, store, clock=clock, allowed=self._allowed,
            every=config.collector.completeness_every, keep=config.collector.keep_completeness,
        )  # fmt: skip

    @property
    def connected(self) -> bool:
        """Whether the broker is there, and the ledger knows what former owners knew."""
        over = self._succession is None or self._succession.over.is_set()
        return over and all(link.connected for link in self._links)

    async def run(self, stop: asyncio.Event) -> None:
        """Take in until `stop`; then store what is in hand, and leave the rest to the broker."""
        try:
            async with asyncio.TaskGroup() as tasks:
                writer = tasks.create_task(self._intake.run(), name="writer")
                others = [
                    tasks.create_task(self._link.run(), name="broker"),
                    *[tasks.create_task(self._later(link)) for link in self._links[1:]],
                    tasks.create_task(self._present.run(), name="present"),
                    tasks.create_task(self._intake.tick(), name="acks"),
                    tasks.create_task(self._writer.run(), name="completeness"),
                ]
                if self._succession is not None:
                    work = self._succession.run(self._intake.take)
                    others.append(tasks.create_task(work, name="succession"))
                await stop.wait()
                self._intake.finish()
                await asyncio.wait([writer], timeout=LAST_WRITE)
                for task in (writer, *others):
                    task.cancel()
            # The acknowledgements of the last batch go out in the next turns of the loop.
            for _ in range(5):
                await asyncio.sleep(0)
        finally:
            for link in self._links:
                await link.close()
            self._file.close()

    async def _later(self, link: Link) -> None:
        """Run a link beside the first one, once the ledger is taken over."""
        if self._succession is not None:
            await self._succession.over.wait()
        await link.run()

    def _take(
        self, topic: str, payload: bytes, content_type: str, qos: int, retained: bool
    ) -> asyncio.Future[None] | None:
        if broker_numbers.is_one(topic):
            broker_numbers.take(topic, payload)
            return None
        self._present.came(topic, payload)
        return self._handle(topic, payload, content_type, qos, retained)

    def _connected(self, resumed: bool) -> None:
        self._link.subscribe([broker_numbers.FILTER])
        if self._succession is not None:
            self._succession.connected(resumed)
        if resumed:
            self._intake.back(self._away())

    def _away(self) -> float:
        """Seconds since something came, to this process or to the one before it."""
        if (quiet := self._present.quiet) is not None:
            return quiet
        now = self._intake.clock()
        last = max((node.last_arrival or 0 for node in self.fleet.nodes()), default=now)
        return (now - last) / 1000

    def _no_room(self) -> bool:
        """Whether nothing is to be asked for: the window is full, or the broker has it for us."""
        return self._present.active or self._full()

    def _full(self) -> bool:
        return self._intake.in_hand >= self._window

    def _publish(self, topic: str, message: object) -> None:
        self._link.publish(topic, message)  # type: ignore[arg-type]

    def _leave(self, node: Node) -> bool:
        """Whether an ack may go out now; one that cannot waits for the connection."""
        return self._link.connected and (self._succession is None or self._succession.leave(node))

    def _retain(self, topic: str, message: Encoded) -> bool:
        return self._link.retain(topic, message)


def wants_present_first(config: Config) -> bool:
    """Whether the broker gives this collector a second session without ending its first one."""
    given = config.mqtt.present_first
    several = config.collector.lease is not None or bool(config.source)
    return given if given is not None else several or config.mqtt.url.startswith("mqtt://")


def source_link(
    config: Config, sources: Sources, allowed: Callable[[], bool], crowded: Callable[[], bool]
) -> Link:
    """A session of its own for what other agents publish.

    Its messages may be large, so fewer are in hand, and a flood there leaves the reports of our
    agents their window.
    """
    window = min(config.mqtt.receive_maximum, SOURCE_WINDOW)
    settings = config.mqtt.model_copy(
        update={"client_id": f"{config.mqtt.client_id}-sources", "receive_maximum": window}
    )
    largest = max(source.payload_bytes for source in config.source)
    return Link(
        settings,
        sources.filters,
        sources.take,
        max_packet=largest + PACKET_HEAD,
        allowed=allowed,
        crowded=crowded,
        role="sources",
    )


def filters(root: str, owned: Collection[int]) -> list[str]:
    """The subscriptions that bring what this collector is responsible for."""
    every = len(owned) == topics.PARTITIONS
    places = ["+"] if every else [f"{number:02d}" for number in sorted(owned)]
    return [f"{root}/{place}/+/+/{kind}" for place in places for kind in KINDS]


def unwanted(root: str, owned: Collection[int]) -> list[str]:
    """The subscriptions that its session may still have from when it had other partitions."""
    ours = set(filters(root, owned))
    everything = range(topics.PARTITIONS)
    single = [name for number in everything for name in filters(root, [number])]
    return [name for name in (*filters(root, everything), *single) if name not in ours]
