"""Several collectors share a fleet: real processes, a real broker, a real database.

The node is an MQTT client of the test's own that forgets a report only when an ack says so; the
database is asked what it holds, and only then the ledger.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from collector.centre import NOW, birth, report, text

from muster_wire import topics
from servers import Influx1, Mosquitto, free_port

LIMIT = 60.0
LEASE = 6.0


class Collector:
    """One process; `data` and the name are its own, the client id is that of its group."""

    def __init__(
        self, place: Path, name: str, broker: str, database: str, group: str = "group"
    ) -> None:
        self.name = name
        self.place = place / name
        self.place.mkdir()
        self.port = free_port()
        self.broker = broker
        self.database = database
        self.group = group
        self.log = self.place / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, partitions: str = "0-63") -> Collector:
        file = self.place / "collector.toml"
        file.write_text(
            f'[mqtt]\nurl = "{self.broker}"\nroot = "{self.root}"\n'
            f'client_id = "{self.group}"\nkeepalive = "2s"\n'
            f'[collector]\ndata = "{self.place}/data"\nroles = ["ingest", "api"]\n'
            f'name = "{self.name}"\nlease = "{LEASE:.0f}s"\npartitions = "{partitions}"\n'
            f'ack_every = "100ms"\n'
            f'[store]\nkind = "influxdb"\nurl = "{self.database}"\nflush = "20ms"\n'
            f'database = "lease"\n[api]\nport = {self.port}\n'
        )
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "muster_collector", "collector", "run", "--config", file],
                stderr=out,
            )
        return self

    @property
    def root(self) -> str:
        return f"lease/{self.place.parent.name}"

    def said(self, words: str) -> int:
        return self.log.read_text().count(words)

    def connections(self) -> list[str]:
        lines = self.log.read_text().splitlines()
        return [line for line in lines if "broker connected" in line and "for=" not in line]

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def ended(self) -> int:
        assert self.process is not None
        return await asyncio.to_thread(self.process.wait, LIMIT)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    async def ledger(self, node: str) -> dict[str, Any]:
        """What its ledger says of a node."""
        url = f"http://127.0.0.1:{self.port}/api/v1/completeness"

        def ask() -> dict[str, Any]:
            with urllib.request.urlopen(url, timeout=30) as answer:
                rows = json.load(answer)["rows"]
                return next((row for row in rows if row["node"] == node), {})

        return await asyncio.to_thread(ask)


class Node:
    """Sends reports, and again what an ack misses, until an ack settles them."""

    def __init__(self, client: aiomqtt.Client, root: str, name: str) -> None:
        self.client = client
        self.root = root
        self.name = name
        self.next = 0
        self.spool: set[int] = set()
        self.acks: list[dict[str, Any]] = []

    async def make(self, count: int) -> None:
        for _ in range(count):
            self.spool.add(self.next)
            self.next += 1
            await self.send(self.next - 1)
            await asyncio.sleep(0.01)

    async def send(self, seq: int) -> None:
        made = report(seq, node=self.name, oldest=min(self.spool, default=seq))
        await self.publish(made, "report")

    async def born(self) -> None:
        oldest = min(self.spool, default=self.next)
        await self.publish(birth(node=self.name, oldest=oldest, next=self.next), "birth")

    async def publish(self, message: dict[str, Any], kind: str) -> None:
        place = topics.topic("s1", self.name, kind, root=self.root)
        await self.client.publish(place, text(message), qos=1)

    async def heard(self, payload: bytes) -> None:
        ack = json.loads(payload)
        self.acks.append(ack)
        self.spool = {seq for seq in self.spool if seq > ack["through"]}
        for first, last in ack["missing"]:
            for seq in range(first, last + 1):
                if seq in self.spool:
                    await self.send(seq)

    async def settled(self) -> None:
        """Until nothing is left to settle; a birth asks, as an agent's does."""
        async with asyncio.timeout(LIMIT):
            while self.spool:
                await self.born()
                await asyncio.sleep(0.3)


@asynccontextmanager
async def nodes(port: int, root: str, *names: str) -> AsyncIterator[list[Node]]:
    """Connected nodes, listening."""
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        made = {name: Node(client, root, name) for name in names}
        for name in names:
            await client.subscribe(topics.topic("s1", name, "ack", root=root))

        async def listen() -> None:
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                await made[topics.parse(str(message.topic), root=root).node].heard(message.payload)

        task = asyncio.create_task(listen())
        try:
            yield list(made.values())
        finally:
            task.cancel()


async def until(condition: Callable[[], object], what: str) -> None:
    try:
        async with asyncio.timeout(LIMIT):
            while not condition():  # noqa: ASYNC110 - processes send no events
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {LIMIT:.0f} s: {what}") from None


def stored(url: str, node: str) -> list[int]:
    """The times that the database holds of a node, from the first report on."""
    query = f"SELECT used FROM mem WHERE host = '{node}'"
    words = urllib.parse.urlencode({"db": "lease", "epoch": "ms", "q": query})
    with urllib.request.urlopen(f"{url}/query?{words}", timeout=20) as answer:
        (series,) = json.load(answer)["results"][0]["series"]
    return [time - NOW for time, _ in series["values"]]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    server = Mosquitto(tmp_path / "broker").start()
    yield server
    server.stop()


@pytest.fixture
def make_collector(
    tmp_path: Path, broker: Mosquitto, influx1: Influx1
) -> Iterator[Callable[..., Collector]]:
    made: list[Collector] = []
    urllib.request.urlopen(
        f"{influx1.url}/query", data=b"q=DROP DATABASE lease", timeout=20
    ).close()

    def make(name: str, group: str = "group") -> Collector:
        made.append(Collector(tmp_path, name, broker.url, influx1.url, group))
        return made[-1]

    yield make
    for each in made:
        each.kill()


async def test_a_standby_takes_over_from_one_that_is_killed_and_gives_back_in_order(
    broker: Mosquitto, influx1: Influx1, make_collector: Callable[..., Collector]
) -> None:
    a, b = make_collector("a").start(), make_collector("b")
    await until(lambda: a.said("lease won"), "a works")
    b.start()
    await until(lambda: b.said("a is at work"), "b stands by")
    async with nodes(broker.port, a.root, "n1") as (node,):
        await node.make(100)
        await until(lambda: node.acks, "acked")
        a.kill()
        await node.make(100)
        await until(lambda: b.said("collector started"), "b works")
        await node.make(20)
        await node.settled()
        row = await b.ledger("n1")
        assert (row["stored"], row["lost"], row["missing"]) == (220, 0, 0)

        a.start()
        await until(lambda: a.said("b is at work"), "a stands by")
        await node.make(50)
        b.signal(signal.SIGTERM)
        assert await b.ended() == 0
        await node.make(50)
        await until(lambda: a.said("collector started") == 2, "a works again")
        await node.settled()
        row = await a.ledger("n1")
        assert (row["stored"], row["lost"], row["missing"]) == (320, 0, 0)
    assert await asyncio.to_thread(stored, influx1.url, "n1") == list(range(320))


async def test_one_that_slept_past_its_lease_says_nothing_more(
    broker: Mosquitto, influx1: Influx1, make_collector: Callable[..., Collector]
) -> None:
    a, b = make_collector("a").start(), make_collector("b")
    await until(lambda: a.said("lease won"), "a works")
    b.start()
    await until(lambda: b.said("a is at work"), "b stands by")
    async with nodes(broker.port, a.root, "n1") as (node,):
        await node.make(50)
        await node.settled()
        await node.make(50)
        a.signal(signal.SIGSTOP)
        await node.make(50)
        await until(lambda: b.said("collector started"), "b works")
        await node.make(50)
        await node.settled()
        before = len(node.acks)
        a.signal(signal.SIGCONT)
        assert await a.ended() == 1
        assert a.said("another one may work") == 1
        await node.make(50)
        await node.settled()
        assert all(ack["through"] >= 199 for ack in node.acks[before:]), "none of what a knew"
        row = await b.ledger("n1")
        assert (row["stored"], row["lost"], row["missing"]) == (250, 0, 0)
        assert b.said("lease won") == 1
    assert await asyncio.to_thread(stored, influx1.url, "n1") == list(range(250))


async def test_a_broker_that_forgets_everything_changes_no_owner(
    broker: Mosquitto, influx1: Influx1, make_collector: Callable[..., Collector]
) -> None:
    """And the accounts are left there anew, for whoever takes over next."""
    a, b = make_collector("a").start(), make_collector("b")
    await until(lambda: a.said("lease won"), "a works")
    b.start()
    await until(lambda: b.said("a is at work"), "b stands by")
    async with nodes(broker.port, a.root, "n1") as (node,):
        await node.make(60)
        await node.settled()
        spool, made = node.spool, node.next
    broker.kill()
    await asyncio.to_thread(broker.start)
    await until(lambda: len(a.connections()) == 2, "a is back")
    async with nodes(broker.port, a.root, "n1") as (node,):
        node.spool, node.next = spool, made
        await node.make(60)
        await node.settled()
        assert (a.said("lease won"), b.said("lease won")) == (1, 0)
        a.kill()
        await until(lambda: b.said("collector started"), "b works")
        await node.make(60)
        await node.settled()
        row = await b.ledger("n1")
        assert (row["stored"], row["lost"], row["missing"]) == (180, 0, 0)
    assert await asyncio.to_thread(stored, influx1.url, "n1") == list(range(180))


async def test_a_standby_knows_what_a_broker_forgot_that_died_together_with_the_owner(
    broker: Mosquitto, make_collector: Callable[..., Collector]
) -> None:
    a, b = make_collector("a").start(), make_collector("b")
    await until(lambda: a.said("lease won"), "a works")
    b.start()
    await until(lambda: b.said("a is at work"), "b stands by")
    async with nodes(broker.port, a.root, "n1") as (node,):
        await node.make(60)
        await node.settled()
        spool, made = node.spool, node.next
    broker.kill()
    a.kill()
    await asyncio.to_thread(broker.start)
    await until(lambda: b.said("collector started"), "b works")
    async with nodes(broker.port, a.root, "n1") as (node,):
        node.spool, node.next = spool, made
        await node.make(60)
        await node.settled()
        row = await b.ledger("n1")
        assert (row["stored"], row["lost"], row["missing"]) == (120, 0, 0)


async def test_partitions_move_to_a_collector_that_is_added(
    broker: Mosquitto, influx1: Influx1, make_collector: Callable[..., Collector]
) -> None:
    """Node n1 is in partition 44, n2 in 22."""
    a, c = make_collector("a").start(), make_collector("c", group="upper")
    await until(lambda: a.said("collector started"), "a works")
    async with nodes(broker.port, a.root, "n1", "n2") as (one, two):
        await one.make(40)
        await two.make(40)
        c.start("32-63")
        await until(lambda: c.said("a works on some of the same partitions"), "c waits")
        a.signal(signal.SIGTERM)
        assert await a.ended() == 0
        a.start("0-31")
        await one.make(40)
        await two.make(40)
        await until(lambda: c.said("collector started"), "c works")
        await until(lambda: a.said("collector started") == 2, "a works")
        await one.settled()
        await two.settled()
        row = await c.ledger("n1")
        assert (row["stored"], row["lost"], row["missing"]) == (80, 0, 0)
        row = await a.ledger("n2")
        assert (row["stored"], row["lost"], row["missing"]) == (80, 0, 0)
        assert await a.ledger("n1") == {}
    for name in ("n1", "n2"):
        assert await asyncio.to_thread(stored, influx1.url, name) == list(range(80))
