"""After an outage: the present comes first, and no more is asked for than is let in."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from chaos.proxy import Proxy
from collector.books import Books
from collector.centre import NOW, Centre, birth, report, text, until
from collector.test_collector_process import MakeConfig, collector, database_says, make_config

from muster_collector import telemetry
from muster_collector.config import Mqtt
from muster_collector.ingest.acks import Acks
from muster_collector.ingest.bases import Bases
from muster_collector.ingest.budget import MOST, Budget
from muster_collector.ingest.patience import Patience
from muster_collector.ingest.present import BEHIND, Present
from muster_collector.ingest.rates import Rates
from muster_wire import topics
from muster_wire.codec import Encoded
from servers import Influx1, Mosquitto

__all__ = ["make_config"]
BACKLOG = 3000
LIMIT = 120.0
ROOMY = "max_queued_messages 100000\nallow_anonymous true\n"


def count(influx: Influx1, node: str) -> int:
    """The reports that the database holds of a node."""
    try:
        query = f"SELECT count(used) FROM mem WHERE host = '{node}'"
        return int(database_says(influx, "present", query)["values"][0][1])
    except (KeyError, OSError):
        return 0


async def test_the_newest_reports_are_stored_before_what_the_broker_kept(
    make_config: MakeConfig, tmp_path: Path
) -> None:
    """The database is away, and slow after it; the broker has kept all that came meanwhile."""
    with contextlib.ExitStack() as stack:
        broker = Mosquitto(tmp_path / "broker", ROOMY).start()
        stack.callback(broker.stop)
        influx = Influx1(tmp_path / "influx").start()
        stack.callback(influx.stop)
        link = stack.enter_context(Proxy(influx.port))
        url = f"http://127.0.0.1:{link.port}"
        store = f'kind = "influxdb"\nurl = "{url}"\ndatabase = "present"'
        file = make_config(broker.url, store=store)
        file.write_text(f"{file.read_text()}[limits]\nreports_per_minute = 1000000\n")
        _, said = stack.enter_context(collector(file))
        await until(lambda: "broker connected" in said(), "connected")
        root = f"process/{tmp_path.name}"
        async with aiomqtt.Client(
            "127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5
        ) as client:
            await client.subscribe(topics.topic("s1", "old", "ack", root=root))
            acks: list[dict[str, Any]] = []
            listening = asyncio.create_task(listen(client, acks))
            link.refusing = True
            link.cut()
            await publish(client, root, "old", range(BACKLOG))
            await until(lambda: "store away" in said(), "away")
            since = time.monotonic()
            await until(lambda: time.monotonic() - since > BEHIND, "away for long enough")
            link.delay, link.refusing = 0.2, False
            before = await until_present(client, root, influx)
            assert before < BACKLOG / 2, "the backlog follows"
            link.delay = 0.0
            async with asyncio.timeout(LIMIT):
                while await asyncio.to_thread(count, influx, "old") < BACKLOG:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
            listening.cancel()
        assert said().count("behind away=") == 1
        assert not any(ack["missing"] for ack in acks), "what is on its way is not asked for"
        await until(lambda: said().count("caught up with the broker") == 1, "over")


async def test_births_alone_do_not_keep_up_the_wait_for_a_backlog(mosquitto: Mosquitto) -> None:
    """A node that has all in its spool asks with births; while we wait, nobody is asked for it."""
    present = Present(
        Mqtt(url=mosquitto.url, client_id="births"),
        ["births/+/+/+/report"],
        lambda *_: None,
        max_packet=1 << 20,
        allowed=lambda: True,
        idle=lambda: True,
    )
    running = asyncio.create_task(present.run())
    present.begin(2 * BEHIND)
    assert present.active

    def over() -> bool:
        present.came("births/00/s1/n1/birth", b"{}")
        return not present.active

    await until(over, "over")
    running.cancel()


async def listen(client: aiomqtt.Client, acks: list[dict[str, Any]]) -> None:
    """Note acks as they come."""
    async for message in client.messages:
        assert isinstance(message.payload, bytes)
        acks.append(json.loads(message.payload))


async def publish(client: aiomqtt.Client, root: str, node: str, seqs: range) -> None:
    place = topics.topic("s1", node, "report", root=root)
    for seq in seqs:
        await client.publish(place, text(report(seq, node=node)), qos=1, timeout=LIMIT)


async def until_present(client: aiomqtt.Client, root: str, influx: Influx1) -> int:
    """Report until the database has something of now; how many old ones it has then."""
    async with asyncio.timeout(LIMIT):
        for seq in range(10_000):
            await publish(client, root, "new", range(seq, seq + 1))
            if await asyncio.to_thread(count, influx, "new"):
                break
            await asyncio.sleep(0.05)
    return await asyncio.to_thread(count, influx, "old")


async def test_what_is_missing_comes_back_no_faster_than_it_is_let_in(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """Each of some nodes misses 150; all of it is asked for in the end, every node has its turn."""
    centre, gap, rate = Centre(mosquitto, tmp_path), 150, 150
    settings = centre.config.collector.model_copy(update={"ask_per_second": rate})
    centre.config = centre.config.model_copy(update={"collector": settings})
    names = [f"n{number}" for number in range(5)]
    asked: set[tuple[str, int]] = set()
    async with centre.running(), contextlib.AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(centre.node(name)) for name in names]
        began = time.monotonic()
        for node in nodes:
            await node.send(birth(node=node.node, next=gap + 1), "birth")
            await node.send(report(gap, node=node.node))
        while len(asked) < gap * len(nodes):
            await until(lambda: any(node.acks for node in nodes), "acks")
            for node in nodes:
                for ack in node.acks:
                    for first, last in ack["missing"]:
                        asked |= {(node.node, seq) for seq in range(first, last + 1)}
                node.acks.clear()
            allowed = max(2 * rate, MOST) + rate * (time.monotonic() - began)
            assert len(asked) <= allowed


def test_ten_thousand_nodes_that_come_back_are_asked_one_after_the_other(tmp_path: Path) -> None:
    """An hour is missing of each; nothing arrives, which is the worst case for the line."""
    sent: list[tuple[float, str, int]] = []
    rate, every, count_of_nodes = 1000, 3.0, 10_000
    now = 0.0

    def publish_ack(topic: str, message: Encoded) -> None:
        named = sum(last - first + 1 for first, last in json.loads(message.payload)["missing"])
        sent.append((now, topics.parse(topic).node, named))

    books = Books(tmp_path / "books")
    acks = Acks(
        publish_ack, Patience(), Rates(1 << 30), Bases(1 << 20),
        every=every, root=topics.ROOT, budget=Budget(rate),
    )  # fmt: skip
    for number in range(count_of_nodes):
        node = books.ledger.node(f"n{number}", "s1", NOW)
        account = node.account(1, 0)
        account.expect(360)
        acks.want(node, account, now, urgent=True)
    for _ in range(60 * 4):
        acks.flush(now)
        now += 0.25
    named_in_all = sum(named for _, _, named in sent)
    assert 0.9 * rate * 60 <= named_in_all <= rate * 60 + 2 * rate
    assert max(named for _, _, named in sent) == MOST
    turns = [node for _, node, named in sent if named]
    assert len(turns) == len(set(turns)), "nobody twice before everybody once"


@pytest.fixture
def books(tmp_path: Path) -> Books:
    return Books(tmp_path / "ledger")


def test_an_operator_sees_how_much_is_missing_and_when_that_is_over(
    books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    books.send([0], start=NOW)
    books.send([5001], start=NOW)
    books.fleet.observe(NOW)
    caplog.clear()
    books.send(range(1, 1001), start=NOW)
    books.fleet.observe(NOW + 10_000)
    (line,) = [record.getMessage() for record in caplog.records if "backlog" in record.msg]
    assert line == "backlog missing=4000 nodes=1 stored=+100/s: over in 0:00:40"
    assert telemetry.BACKLOG_SECONDS._value.get() == 40
    assert telemetry.BACKLOG_RATE._value.get() == 100
    books.fleet.observe(NOW + 20_000)
    assert caplog.records[-1].getMessage().endswith("stored=+0/s: not getting less")
    books.send(range(1001, 5001), start=NOW)
    books.fleet.observe(NOW + 30_000)
    assert caplog.records[-1].getMessage() == "backlog over"
