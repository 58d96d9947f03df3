"""Brokers that refuse, lower the QoS, limit packets, give our session away: one clear line each."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiomqtt
import pytest
from collector.centre import LIMIT, Centre, NodeClient, report, until

from servers import Mosquitto

PLUGIN = next(Path("/usr/lib").rglob("mosquitto_dynamic_security.so"), None)
OPEN = "allow_anonymous true\n"


@pytest.fixture
def make_centre(tmp_path: Path) -> Callable[..., contextlib.AbstractContextManager[Centre]]:
    @contextmanager
    def make(settings: str) -> Iterator[Centre]:
        broker = Mosquitto(tmp_path / "broker", OPEN + settings).start()
        try:
            yield Centre(broker, tmp_path / "data")
        finally:
            broker.stop()

    (tmp_path / "data").mkdir()
    return make


Make = Callable[..., contextlib.AbstractContextManager[Centre]]


async def heard(node: NodeClient, seq: int) -> None:
    """Send a report again and again, until the collector is back and has it."""
    async with asyncio.timeout(LIMIT):
        while not any(ack["through"] == seq for ack in node.acks):
            await node.send(report(seq))
            node.news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(node.news.wait(), 0.2)


async def test_a_broker_that_grants_qos_0_only_is_said_once_and_gaps_are_closed(
    make_centre: Make, caplog: pytest.LogCaptureFixture
) -> None:
    with make_centre("max_qos 0\n") as centre:
        async with centre.running(), centre.node() as node:
            await node.send(report(0), qos=0)
            await node.send(report(2), qos=0)
            await node.ack(lambda ack: ack["missing"] == [[1, 1]])
            await node.send(report(1), qos=0)
            await node.settled(2)
    assert caplog.text.count("broker grants QoS 0 only") == 1
    assert "raise its max_qos to 1" in caplog.text


async def test_an_ack_that_is_too_large_for_the_broker_does_not_cost_the_connection(
    make_centre: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """A node with sixty gaps gets an ack of 400 bytes, which this broker takes for an offence."""
    with make_centre("max_packet_size 300\n") as centre:
        small = {"name": "m", "tags": {}, "fields": {"x": 1}}
        async with centre.running(), centre.node() as node:
            for seq in range(0, 120, 2):
                await node.send(report(seq, metrics=[small]))
            await until(lambda: "ack left out" in caplog.text, "it is said")
            for seq in range(1, 119, 2):
                await node.send(report(seq, metrics=[small]))
            await node.settled(118)
    assert len(centre.store.points) == 119
    assert "broker away" not in caplog.text


async def test_a_broker_that_lets_nobody_subscribe_is_asked_again(
    make_centre: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With the plugin of mosquitto for access rights, which refuses in the SUBACK."""
    if PLUGIN is None:
        pytest.skip("mosquitto comes without its dynamic security plugin")
    rights = tmp_path / "rights.json"

    def allow(*, subscribe: bool) -> None:
        acl = {
            "publishClientSend": True, "publishClientReceive": True, "subscribe": subscribe,
            "unsubscribe": True,
        }  # fmt: skip
        content = {"defaultACLAccess": acl, "clients": [], "groups": [], "roles": []}
        rights.write_text(json.dumps(content))

    allow(subscribe=False)
    with make_centre(f"plugin {PLUGIN}\nplugin_opt_config_file {rights}\n") as centre:
        async with centre.running(connected=False):
            await until(lambda: "broker refuses 4 subscriptions" in caplog.text, "refused")
            await until(lambda: "it refuses all subscriptions" in caplog.text, "it goes on trying")
            allow(subscribe=True)
            await asyncio.to_thread(centre.broker.stop)
            await asyncio.to_thread(centre.broker.start)
            async with centre.node() as node:
                await heard(node, 0)
    assert caplog.text.count("check its ACL for this user") == 1


async def test_two_clients_of_one_id_are_guessed_and_the_right_one_gets_its_session_back(
    make_centre: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing that was acknowledged to a node is missing, and the rest still comes."""
    with make_centre("") as centre:
        async with centre.running(), centre.node() as node:
            await node.send(report(0))
            await node.settled(0)
            while "has another client the client_id" not in caplog.text:
                with contextlib.suppress(aiomqtt.MqttError):
                    async with aiomqtt.Client(
                        "127.0.0.1",
                        centre.broker.port,
                        identifier=centre.config.mqtt.client_id,
                        protocol=aiomqtt.ProtocolVersion.V5,
                        clean_start=True,
                    ):
                        pass
                await asyncio.sleep(0.01)
            await heard(node, 1)
    assert repr(centre.config.mqtt.client_id) in caplog.text
