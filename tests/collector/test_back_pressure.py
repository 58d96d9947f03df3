"""A database that stands still slows the intake and grows no memory; then all is stored soon.

The collector is a process, the broker and the database are real; the flood is an MQTT client's.
"""

from __future__ import annotations

import asyncio
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiomqtt
from collector.centre import report, text, until
from collector.test_collector_process import MakeConfig, collector, database_says, make_config

from muster_wire import topics
from servers import Influx1, Mosquitto, free_port

__all__ = ["make_config"]
WINDOW = 50
"""The receive_maximum of the configuration."""
MOST = 3 * WINDOW + (256 << 10) // 4000
"""What is in hand at most: three windows, and what one read from the socket brings."""
FLOOD, FIELDS = 2500, 100
ROOM_MB = 30
"""What a window of such reports, a batch of them and their points may take; the flood is larger."""
QUIET = "max_queued_messages 100000\nallow_anonymous true\n"


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6


def gauge(port: int, name: str) -> float:
    """One of the collector's numbers, as Prometheus would read it."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        lines = answer.read().decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def large(seq: int, node: str = "n1") -> dict[str, Any]:
    """A report of about 4 KB."""
    fields = {f"field_with_a_long_name_{number}": seq * number for number in range(FIELDS)}
    return report(seq, node=node, metrics=[{"name": "mem", "tags": {}, "fields": fields}])


async def test_a_database_that_stands_still_bounds_what_is_in_hand(
    make_config: MakeConfig, tmp_path: Path
) -> None:
    broker = Mosquitto(tmp_path / "broker", QUIET).start()
    own = Influx1(tmp_path / "influx").start()
    port = free_port()
    store = f'kind = "influxdb"\nurl = "{own.url}"\ndatabase = "pressure"'
    file = make_config(broker.url, store=store)
    words = file.read_text().replace('roles = ["ingest"]', 'roles = ["ingest", "api"]')
    file.write_text(f"{words}[api]\nport = {port}\n[limits]\nreports_per_minute = 1000000\n")
    root = f"process/{tmp_path.name}"
    try:
        with collector(file) as (process, said):
            await until(lambda: "collector started" in said(), "started")
            async with aiomqtt.Client(
                "127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5
            ) as client:
                await flood(client, root, "n1", range(WINDOW))
                await stored(own, "n1", WINDOW)
                own.signal(signal.SIGSTOP)
                await flood(client, root, "n1", range(WINDOW, 2 * WINDOW))
                await full(port)
                before = resident_mb(process.pid)
                await flood(client, root, "n1", range(2 * WINDOW, FLOOD))
                await flood(client, root, "n2", range(FLOOD), qos=0)
                await full(port)
                grown = resident_mb(process.pid) - before
                assert grown < ROOM_MB, f"{grown:.0f} MB for {2 * FLOOD} reports of 4 KB"

                own.signal(signal.SIGCONT)
                await flood(client, root, "n3", [0])
                seen: list[float] = []
                watching = asyncio.create_task(watch(port, seen))
                await stored(own, "n3", 1)
                await stored(own, "n1", FLOOD)
                watching.cancel()
                assert max(seen) <= MOST, "mosquitto sends its whole queue after the first acks"
    finally:
        own.signal(signal.SIGCONT)
        own.stop()
        broker.stop()


async def flood(client: aiomqtt.Client, root: str, node: str, seqs: Any, qos: int = 1) -> None:
    place = topics.topic("s1", node, "report", root=root)
    for seq in seqs:
        await client.publish(place, text(large(seq, node)), qos=qos, timeout=60)


async def watch(port: int, seen: list[float]) -> None:
    """Note how much is in hand until cancelled."""
    while True:
        seen.append(await asyncio.to_thread(gauge, port, "muster_collector_in_hand"))
        await asyncio.sleep(0.05)


async def full(port: int) -> None:
    """Until the window is full; never more than it is in hand, nor twice that with QoS 0."""
    await eventually(lambda: gauge(port, "muster_collector_in_hand") >= WINDOW)
    assert gauge(port, "muster_collector_in_hand") <= 2 * WINDOW


async def stored(server: Influx1, node: str, count: int) -> None:
    query = f"SELECT count(field_with_a_long_name_1) FROM mem WHERE host = '{node}'"

    def found() -> bool:
        try:
            values = database_says(server, "pressure", query)["values"]
        except (KeyError, OSError):
            return False
        return bool(values[0][1] == count)

    await eventually(found)


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - a database sends no events
            await asyncio.sleep(0.1)
