"""An ingest with a store in memory, and a node that is an independent MQTT client."""

from __future__ import annotations

import asyncio
import itertools
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiomqtt
from aiomqtt.client import ProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from muster_collector.config import Collector, Config, Limits, Mqtt
from muster_collector.config import Store as StoreSettings
from muster_collector.errors import StoreError
from muster_collector.ingest.service import Ingest
from muster_collector.store.base import Point, Query, RefusedPoint, Sample, Table, whole
from muster_wire import topics
from servers import Mosquitto

LIMIT = 60.0
NOW = time.time_ns() // 1_000_000
_roots = itertools.count()


class MemoryStore:
    """Keeps points; can be away, and refuse what a test names."""

    def __init__(self) -> None:
        self.name = "memory"
        self.away = False
        self.points: dict[tuple[str, tuple[tuple[str, str], ...], int], Any] = {}
        self.writes: list[int] = []
        self.refuse: Callable[[Point], str | None] = lambda _: None

    async def open(self) -> None: ...

    async def write(self, points: Sequence[Sample]) -> list[RefusedPoint]:
        if self.away:
            raise StoreError("memory: away")
        self.writes.append(len(points))
        refused = []
        for position, point in enumerate(whole(points)):
            if reason := self.refuse(point):
                refused.append(RefusedPoint(position, reason))
            else:
                self.points[point.measurement, point.tags, point.time] = point.fields
        return refused

    async def select(self, query: Query) -> Table:
        del query
        return Table({})

    async def close(self) -> None: ...

    def times(self, host: str, measurement: str = "mem") -> list[int]:
        """The times of what is stored of a node."""
        tag = ("host", host)
        return sorted(t for m, tags, t in self.points if m == measurement and tag in tags)


def report(seq: int, **changes: Any) -> dict[str, Any]:
    """A report of node n1 at site s1, as JSON has it."""
    made: dict[str, Any] = {
        "v": 1, "node": "n1", "site": "s1", "epoch": 7, "seq": seq, "oldest": 0, "ts": NOW + seq,
        "sent": NOW + seq, "every": 10.0, "lost": [],
        "metrics": [{"name": "mem", "tags": {}, "fields": {"used": seq, "used_percent": 12.5}}],
    }  # fmt: skip
    return made | changes


def birth(**changes: Any) -> dict[str, Any]:
    """A birth of the same node."""
    made: dict[str, Any] = {
        "v": 1, "node": "n1", "site": "s1", "epoch": 7, "oldest": 0, "next": 0, "ts": NOW,
        "every": 10.0, "agent": "0.1.0", "sensors": ["mem"], "inventory": {"cpus": 4},
    }  # fmt: skip
    return made | changes


def text(message: Any) -> bytes:
    """A message as a payload."""
    return message if isinstance(message, bytes) else json.dumps(message).encode()


class NodeClient:
    """What a node does, through an MQTT client that is not ours."""

    def __init__(self, client: aiomqtt.Client, root: str, node: str, site: str) -> None:
        self.client = client
        self.root = root
        self.node, self.site = node, site
        self.acks: list[dict[str, Any]] = []
        self.news = asyncio.Event()

    async def send(
        self, message: Any, kind: str = "report", *, content_type: str = "", **options: Any
    ) -> None:
        """Publish below this node's topic; returns when the broker has it."""
        properties = None
        if content_type:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.ContentType = content_type
        place = topics.topic(self.site, self.node, kind, root=self.root)
        options = {"qos": 1} | options
        await self.client.publish(place, text(message), properties=properties, **options)

    async def listen(self) -> None:
        async for message in self.client.messages:
            assert isinstance(message.payload, bytes)
            self.acks.append(json.loads(message.payload))
            self.news.set()

    async def ack(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first ack, past or to come, of which the condition holds."""
        looked = 0
        async with asyncio.timeout(LIMIT):
            while True:
                self.news.clear()
                for found in self.acks[looked:]:
                    if condition(found):
                        return found
                looked = len(self.acks)
                await self.news.wait()

    async def settled(self, through: int) -> dict[str, Any]:
        """The ack that says that all is settled up to there."""
        return await self.ack(lambda ack: ack["through"] == through and not ack["missing"])


class Centre:
    """One root on a broker, one data directory, one store."""

    def __init__(self, broker: Mosquitto, directory: Path, **limits: int) -> None:
        self.broker = broker
        self.root = f"centre{next(_roots)}/v1"
        self.store = MemoryStore()
        self.late: list[int] = []
        self.sites: dict[str, str] = {}
        self.clock = NOW + 1000
        """Stands until a test moves it."""
        self.config = Config(
            mqtt=Mqtt(url=broker.url, root=self.root, client_id=self.root, receive_maximum=20),
            collector=Collector(data=directory, ack_every="100ms"),  # type: ignore[arg-type]
            store=StoreSettings(flush="20ms"),  # type: ignore[arg-type]
            limits=Limits(payload_bytes=limits.pop("payload_bytes", 4096), **limits),
        )

    @asynccontextmanager
    async def running(self, *, connected: bool = True) -> AsyncIterator[Ingest]:
        """The ingest, connected, until the end of the block; then it ends in order."""
        # A suite that takes a while must not make the reports late.
        ingest = Ingest(
            self.config, self.store, on_stored=self.late.append, clock=lambda: self.clock,
            sites=self.sites,
        )  # fmt: skip
        stop = asyncio.Event()
        task = asyncio.create_task(ingest.run(stop))
        try:
            await until(lambda: ingest.connected or not connected or task.done(), "connected")
            yield ingest
        finally:
            stop.set()
            await task

    @asynccontextmanager
    async def node(self, name: str = "n1", site: str = "s1") -> AsyncIterator[NodeClient]:
        """A connected node."""
        async with aiomqtt.Client(
            "127.0.0.1", self.broker.port, protocol=ProtocolVersion.V5
        ) as client:
            node = NodeClient(client, self.root, name, site)
            await client.subscribe(topics.topic(site, name, "ack", root=self.root))
            task = asyncio.create_task(node.listen())
            try:
                yield node
            finally:
                task.cancel()

    def quarantined(self) -> list[tuple[str, str, bytes]]:
        """Reason, detail and bytes of what is in quarantine, oldest first."""
        with closing(sqlite3.connect(self.config.collector.data / "ledger.db")) as db:
            return db.execute("SELECT reason, detail, payload FROM quarantine").fetchall()


async def until(condition: Callable[[], bool], what: str) -> None:
    """Poll until it holds."""
    try:
        async with asyncio.timeout(LIMIT):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not within {LIMIT:.0f} s: {what}") from None
