"""The collector's CPU for a report of 60 fields, from the socket to the confirmed write and ack."""

from __future__ import annotations

import asyncio
import os
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import starmap
from pathlib import Path
from typing import BinaryIO

import mqtt5
import uvloop

from muster_collector.cli.collector import spare_the_collector
from muster_collector.config import Collector, Config, Mqtt
from muster_collector.config import Store as StoreSettings
from muster_collector.ingest.service import Ingest
from muster_collector.store import open_store
from muster_collector.store.base import Point, Query, RefusedPoint, Store, Table
from muster_wire import topics
from muster_wire.codec import Encoded, encode
from muster_wire.messages import Metric, Report
from servers import Influx1, Mosquitto

REPORTS = 10_000
NODES = 100
WINDOW = 1000
BROKER = "allow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 0\n"


class NullStore:
    """Takes everything at once."""

    name = "null"

    async def open(self) -> None:
        """Nothing to open."""

    async def write(self, points: Sequence[Point]) -> list[RefusedPoint]:
        """Nothing is refused."""
        del points
        return []

    async def select(self, query: Query) -> Table:
        """Nothing is here."""
        del query
        return Table({})

    async def close(self) -> None:
        """Nothing to close."""


def main() -> None:
    """Print a line for each store."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        broker = Mosquitto(folder / "broker", BROKER).start()
        influx = Influx1(folder / "influx").start()
        settings = {
            "null store": None,
            "InfluxDB 1.x": StoreSettings(kind="influxdb", url=influx.url, database="bench"),
            "embedded": StoreSettings(kind="embedded"),
        }
        spare_the_collector()
        try:
            print(f"{REPORTS} reports of 60 fields in 12 lines, {NODES} nodes")
            print(f"{'':<14}{'CPU us/report':>14}{'reports/s':>11}{'lines/report':>14}")
            for number, (name, store) in enumerate(settings.items()):
                (folder / f"data{number}").mkdir()
                uvloop.run(measure(name, store, broker, folder / f"data{number}"))
        finally:
            influx.stop()
            broker.stop()


async def measure(name: str, settings: StoreSettings | None, broker: Mosquitto, data: Path) -> None:
    """Flood one collector, and look at this process until everything is acked."""
    root = f"bench/{data.name}"
    config = Config(
        mqtt=Mqtt(url=broker.url, root=root, client_id=data.name),
        collector=Collector(data=data),
        store=settings or StoreSettings(),
    )
    store: Store = NullStore() if settings is None else open_store(settings, data)
    await store.open()
    done = asyncio.Event()
    stored = 0

    def count(_: int) -> None:
        nonlocal stored
        stored += 1
        if stored == REPORTS:
            done.set()

    ingest = Ingest(config, store, on_stored=count)
    stop = asyncio.Event()
    task = asyncio.create_task(ingest.run(stop))
    while not ingest.connected:  # noqa: ASYNC110 - said in the log only
        await asyncio.sleep(0.01)
    messages = list(reports(root))
    pid = await asyncio.to_thread(flood, broker.port, messages)
    cpu, wall = time.process_time(), time.monotonic()
    await done.wait()
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    await asyncio.to_thread(os.waitpid, pid, 0)
    print(f"{name:<14}{cpu / REPORTS * 1e6:14.0f}{REPORTS / wall:11.0f}{12:14d}", flush=True)
    stop.set()
    await task
    await store.close()


def reports(root: str) -> Iterator[tuple[str, Encoded]]:
    """Reports of all nodes in turn, encoded as an agent does it."""
    now = time.time_ns() // 1_000_000
    for number in range(REPORTS):
        seq, which = divmod(number, NODES)
        node, site = f"node-{which}", f"site-{which % 10}"
        metrics = [
            Metric(
                f"m{m}",
                {"device": f"sd{m}"} if m % 2 else {},
                {f"field_{f}": (number + f) * 1.01 if f % 2 else number + f for f in range(5)},
            )
            for m in range(12)
        ]
        report = Report(node, site, 1, seq, 0, now - (100 - seq) * 10_000, now, 10.0, metrics)
        yield topics.topic(site, node, "report", root=root), encode(report)


def flood(port: int, messages: list[tuple[str, Encoded]]) -> int:
    """Publish all from a child process, so that its CPU is not counted; its process id."""
    pid = os.fork()
    if pid == 0:
        publish(port, messages)
        os._exit(0)
    return pid


def publish(port: int, messages: list[tuple[str, Encoded]]) -> None:
    """Send as fast as the broker takes them, and wait until it has them all."""
    with (
        socket.create_connection(("127.0.0.1", port)) as connection,
        connection.makefile("rb") as answers,
    ):
        connection.sendall(mqtt5.ConnectPacket(f"flood-{os.getpid()}").write())
        read(answers)
        for begin in range(0, len(messages), WINDOW):
            some = messages[begin : begin + WINDOW]
            connection.sendall(b"".join(starmap(packet, enumerate(some, 1))))
            for _ in some:
                read(answers)
        connection.sendall(mqtt5.DisconnectPacket().write())


def packet(number: int, message: tuple[str, Encoded]) -> bytes:
    topic, (payload, content_type) = message
    return mqtt5.PublishPacket(
        topic, payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=number, content_type=content_type
    ).write()


def read(answers: BinaryIO) -> None:
    """Read a packet, all of which are short here."""
    answers.read(answers.read(2)[1])


if __name__ == "__main__":
    main()
