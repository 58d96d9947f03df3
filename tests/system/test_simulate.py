"""`muster simulate` against a real broker, with an independent client in the collector's place."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import aiomqtt
import pytest
from pydantic import TypeAdapter

from muster_collector.simulate.world import fleet
from muster_wire import topics
from muster_wire.catalogue import types
from muster_wire.codec import open_payload
from muster_wire.messages import Report
from servers import Mosquitto

REPORT = TypeAdapter(Report)
ROOT = "simulated/v1"


def decode(message: aiomqtt.Message) -> Report:
    assert isinstance(message.payload, bytes)
    properties: Any = message.properties
    return REPORT.validate_json(open_payload(message.payload, properties.ContentType))


async def run_simulation(
    broker: Mosquitto, answer: Callable[[Report, dict[str, set[int]]], dict[str, Any] | None]
) -> tuple[dict[str, Any], dict[str, set[int]], int]:
    """Simulate while `answer` makes an ack for each report; outcome, seqs seen, exit status."""
    seen: dict[str, set[int]] = defaultdict(set)
    async with aiomqtt.Client(
        "127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5
    ) as peer:
        await peer.subscribe(f"{ROOT}/+/+/+/report", qos=1)

        async def acknowledge() -> None:
            async for message in peer.messages:
                report = decode(message)
                assert topics.parse(str(message.topic), root=ROOT).node == report.node
                seen[report.node].add(report.seq)
                if ack := answer(report, seen):
                    topic = topics.topic(report.site, report.node, "ack", root=ROOT)
                    await peer.publish(topic, json.dumps(ack))

        task = asyncio.create_task(acknowledge())
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "muster_collector", "simulate", "--json", "--root", ROOT),
            *("--broker", broker.url, "--nodes", "4", "--sites", "2", "--every", "200ms"),
            *("--for", "1s"),
            stdout=PIPE,
        )
        output, _ = await process.communicate()
        task.cancel()
    assert process.returncode is not None
    return json.loads(output), seen, process.returncode


async def test_every_report_is_settled_when_the_peer_acks(mosquitto: Mosquitto) -> None:
    def answer(report: Report, _: dict[str, set[int]]) -> dict[str, Any]:
        return {"v": 1, "epoch": report.epoch, "through": report.seq}

    outcome, seen, status = await run_simulation(mosquitto, answer)
    assert status == 0
    assert outcome["nodes"] == 4
    assert outcome["made"] == outcome["settled"] == sum(len(seqs) for seqs in seen.values())
    assert set(seen) == {"sim-0001", "sim-0002", "sim-0003", "sim-0004"}


async def test_a_report_named_as_missing_comes_again(mosquitto: Mosquitto) -> None:
    arrivals: dict[tuple[str, int], int] = defaultdict(int)

    def answer(report: Report, _: dict[str, set[int]]) -> dict[str, Any]:
        arrivals[report.node, report.seq] += 1
        if arrivals[report.node, 1] < 2:
            missing = [[1, 1]] if report.seq >= 1 else []
            through = min(report.seq, 0)
        else:
            missing, through = [], max(s for (n, s) in arrivals if n == report.node)
        return {"v": 1, "epoch": report.epoch, "through": through, "missing": missing}

    _, _, status = await run_simulation(mosquitto, answer)
    assert status == 0
    assert all(arrivals[f"sim-000{n}", 1] == 2 for n in range(1, 5))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--nodes", "0"], "use 1 or more"),
        (["--every", "soon"], "is not a duration"),
        (["--broker", "http://127.0.0.1"], "use mqtt://HOST:PORT"),
        (["--password-file", "no-such-file"], "--password-file no-such-file"),
    ],
)
async def test_wrong_usage_is_one_clear_line(arguments: list[str], words: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "muster_collector", "simulate", *arguments, stderr=PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert words in errors.decode().splitlines()[-1]


def test_a_broker_that_is_not_there_is_one_clear_line() -> None:
    """Nothing listens on port 1 of loopback."""
    import subprocess

    command = [sys.executable, "-m", "muster_collector", "simulate"]
    result = subprocess.run(
        [*command, "--broker", "mqtt://127.0.0.1:1"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "broker 127.0.0.1:1" in result.stderr.splitlines()[-1]


def test_the_same_seed_makes_the_same_fleet() -> None:
    def values(seed: int) -> list[Any]:
        return [metric for node in fleet(20, 3, seed) for metric in node.sample(1_800_000_000.0)]

    assert values(1) == values(1)
    assert values(1) != values(2)


def test_what_is_made_up_is_in_the_catalogue() -> None:
    known = types()
    names = {int: "int", float: "float", str: "str", bool: "bool"}
    for node in fleet(30, 3, 7):
        node.sample(1_800_000_000.0)
        for metric in node.sample(1_800_000_010.0):
            sent = {name: names[type(value)] for name, value in metric.fields.items()}
            assert sent.items() <= known[metric.name].items(), metric.name
