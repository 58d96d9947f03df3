"""Enrol nodes and configure them, with the shipped broker configuration and real agents."""

from __future__ import annotations

import asyncio
import json
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from agent.peer import until
from deploy.test_mosquitto import DEPLOY, Shipped, connected, issue

from muster_agent.cli import main as muster_agent
from muster_wire import topics
from muster_wire.codec import open_payload


class Result(NamedTuple):
    status: int
    out: str
    errors: str


def muster(*arguments: object) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", "muster_collector", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority with certificates for broker, collector and operator, but no node."""
    folder = tmp_path_factory.mktemp("authority")
    issue(folder, "init")
    issue(folder, "server", "localhost", "127.0.0.1")
    issue(folder, "collector")
    issue(folder, "operator")
    return folder


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, authority: Path) -> Iterator[Shipped]:
    server = Shipped(tmp_path_factory.mktemp("broker"), authority).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory, broker: Shipped) -> Path:
    """The shipped operator.toml, with the paths and the port of the test."""
    text = (DEPLOY / "config" / "operator.toml").read_text()
    text = text.replace("broker.example:8883", f"localhost:{broker.port}")
    text = text.replace("/etc/muster/tls-operator", str(broker.authority / "issued" / "Operator"))
    file = tmp_path_factory.mktemp("operator") / "operator.toml"
    file.write_text(text)
    return file


def enroll(broker: Shipped, *arguments: str) -> Result:
    place = ("--site", "lab", "--broker", f"mqtts://localhost:{broker.port}")
    return muster("enroll", "--ca", broker.authority, *place, *arguments)


class Node:
    """An enrolled node whose agent runs."""

    def __init__(self, name: str, folder: Path, directory: Path) -> None:
        self.name = name
        self.file = directory / f"{name}.toml"
        self.log = directory / f"{name}.log"
        text = (folder / "agent.toml").read_text().replace("/etc/muster/tls", str(folder))
        spool = f'[spool]\npath = "{directory}/{name}.db"\n'
        sample = '[sample]\nevery = "200ms"\nsensors = ["mem"]\n'
        self.file.write_text(
            text.replace("[remote]\n", '[remote]\ntrial = "20s"\n') + spool + sample
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        command = [sys.executable, "-m", "muster_agent", "run", "--config", str(self.file)]
        with self.log.open("wb") as log:
            process = await asyncio.create_subprocess_exec(*command, stderr=log)
        try:
            await until(lambda: "connected" in self.log.read_text(), self.log.read_text)
            yield
        finally:
            process.terminate()
            await process.wait()


@asynccontextmanager
async def acking(broker: Shipped) -> AsyncIterator[None]:
    """A collector that settles every report at once."""

    async def serve(client: Any) -> None:
        async for message in client.messages:
            place = topics.parse(str(message.topic))
            found = json.loads(open_payload(message.payload, message.properties.ContentType))
            ack = {"v": 1, "epoch": found["epoch"], "through": found["seq"]}
            name = topics.topic(place.site, place.node, "ack")
            await client.publish(name, json.dumps(ack))

    async with connected(broker, "Collector") as client:
        await client.subscribe("muster/v1/+/+/+/report", qos=1)
        task = asyncio.create_task(serve(client))
        try:
            yield
        finally:
            task.cancel()


async def config(operator: Path, *arguments: object) -> Result:
    return await asyncio.to_thread(muster, "config", *arguments, "--config", operator)


async def status(operator: Path) -> dict[str, dict[str, Any]]:
    """What `muster config status` says of each node."""
    found = await config(operator, "status", "--format", "json")
    return {row["node"]: row for row in json.loads(found.out)}


async def test_enrolled_nodes_are_configured_by_node_and_site(
    broker: Shipped, operator: Path, tmp_path: Path
) -> None:
    made = await asyncio.to_thread(enroll, broker, "edge-1", "edge-2", "--allow", "sample.every")
    assert (made.status, made.errors) == (0, "")
    folders = [Path(line) for line in made.out.splitlines()]
    for folder in folders:
        assert {f.name for f in folder.iterdir()} == {"agent.toml", "ca.pem", "cert.pem", "key.pem"}
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert all(stat.S_IMODE(f.stat().st_mode) == 0o600 for f in folder.iterdir())
    file = tmp_path / "wanted.toml"
    file.write_text('[probe.web]\nurl = "http://127.0.0.1/"\n')
    one, two = (Node(folder.name, folder, tmp_path) for folder in folders)
    assert muster_agent(["check", "--config", str(one.file)]) == 0
    async with acking(broker), one.running(), two.running():
        sent = await config(operator, "set", "edge-1", "--set", "sample.every=300ms", "--id", "a")
        assert sent.status == 0, sent.errors
        assert "\tapplied\t" in sent.out
        found = await status(operator)
        assert found["edge-1"] | {"time": ""} == {
            "node": "edge-1", "site": "lab", "online": True, "wanted": "a", "state": "applied",
            "in_force": "a", "time": "", "reason": "",
        }  # fmt: skip
        assert (found["edge-2"]["wanted"], found["edge-2"]["state"]) == ("", "")

        forbidden = await config(operator, "set", "--site", "lab", "--file", file)
        assert forbidden.status == 1
        assert "lab/edge-1: probe.web: this node's [remote] allow opens" in forbidden.errors
        assert "nothing was sent" in forbidden.errors
        assert (await status(operator))["edge-1"]["wanted"] == "a"

        both = await config(operator, "set", "--all", "--set", "sample.every=250ms", "--id", "b")
        assert both.status == 0, both.out
        found = await status(operator)
        assert {(row["wanted"], row["state"]) for row in found.values()} == {("b", "applied")}
        got = await config(operator, "get", "edge-2")
        assert json.loads(got.out) == {
            "edge-2": {"id": "b", "config": {"sample": {"every": "250ms"}}}
        }
        cleared = await config(operator, "clear", "edge-1", "--id", "c")
        assert "\tapplied\t" in cleared.out, cleared
        # What only the node knows, only the node refuses.
        wrong = await config(operator, "clear", "lab/edge-9", "--wait", "1s")
        assert "pending" in wrong.out
    listed = muster("enroll", "--ca", broker.authority, "--list", "--format", "json")
    rows = {row["name"]: row for row in json.loads(listed.out)}
    assert rows["edge-1"]["state"] == "valid"
    assert rows["edge-1"]["days_left"] in (824, 825)
    gone = muster("enroll", "--ca", broker.authority, "--revoke", "edge-1")
    assert gone.out.startswith(str(broker.authority / "crl.pem"))
    listed = muster("enroll", "--ca", broker.authority, "--list")
    assert any(line.startswith("edge-1\trevoked\t") for line in listed.out.splitlines())


async def test_what_a_node_refuses_is_told_with_its_reason(
    broker: Shipped, operator: Path, tmp_path: Path
) -> None:
    made = await asyncio.to_thread(enroll, broker, "edge-3", "--allow", "sample.sensors")
    node = Node("edge-3", Path(made.out.strip()), tmp_path)
    async with acking(broker), node.running():
        sent = await config(operator, "set", "edge-3", "--set", 'sample.sensors=["cpuu"]')
        assert sent.status == 1, sent
        assert "\trefused\t" in sent.out
        assert 'sensors = "cpuu": use cpu, mem' in sent.out
        await config(operator, "clear", "edge-3")


def test_a_node_cannot_configure(broker: Shipped, operator: Path) -> None:
    made = enroll(broker, "edge-4")
    assert made.status == 0
    mine = operator.with_name("edge-4.toml")
    mine.write_text(operator.read_text().replace("issued/Operator", "issued/edge-4"))
    sent = muster("config", "clear", "lab/edge-5", "--config", mine, "--wait", "1s")
    assert sent.status == 1
    assert "may not write muster/v1/" in sent.errors


MISTAKES = {
    ("set", "edge-1"): "nothing to set: use --file or --set",
    ("set", "--set", "sample.every=5s"): "name nodes, or use --site SITE or --all",
    ("get",): "name nodes, or use",
    ("set", "x", "--set", "every=5s"): "--set every=5s: use KEY=VALUE",
    ("set", "x", "--set", "sample.every=5"): "[sample] every = 5: use a duration from",
    ("set", "x", "--set", "mqtt.url=x"): "[mqtt]: use [sample], ",
    ("set", "x", "--set", "probe.a.url=x://y"): '[probe.a] url = "x://y": use "http://HOST/PATH"',
    ("set", "x", "--file", "/nowhere"): "--file /nowhere: No such file",
    ("clear", "x", "--id", "y" * 101): "use a text of 1 to 100 characters",
    ("clear", "x", "--wait", "soon"): "--wait 'soon' is not a duration",
    ("status", "--config", "/nowhere"): "/nowhere: cannot be read",
}


@pytest.mark.parametrize("arguments", MISTAKES)
def test_a_mistake_is_told_before_anything_is_sent(arguments: tuple[str, ...]) -> None:
    found = muster("config", *arguments, "--broker", "mqtt://127.0.0.1:1")
    assert found.status in (1, 2)
    assert MISTAKES[arguments] in found.errors
    assert len(found.errors.splitlines()) == 1


def test_a_broker_that_is_away_is_one_line() -> None:
    found = muster("config", "status", "--broker", "mqtt://127.0.0.1:1")
    assert (found.status, found.errors) == (1, "muster: mqtt://127.0.0.1:1: Connection refused\n")


ENROLMENTS = {
    ("Edge",): "node 'Edge': use 1 to 63 of a-z",
    ("a", "a"): "a node is named twice",
    ("a", "--allow", "mqtt"): '--allow mqtt: use "sample.every"',
    ("a", "--broker", "mqtt://plain"): "--broker mqtt://plain: use mqtts://HOST",
    ("a", "--site", "North"): "--site 'North': use 1 to 63 of a-z",
    ("a", "--list"): "use one of NODE ..., --list and --revoke NAME",
    ("--revoke", "nobody"): "nothing was issued to nobody",
}


@pytest.mark.parametrize("arguments", ENROLMENTS)
def test_a_wrong_enrolment_makes_nothing(broker: Shipped, arguments: tuple[str, ...]) -> None:
    before = sorted((broker.authority / "issued").iterdir())
    found = enroll(broker, *arguments)
    assert found.status in (1, 2)
    assert ENROLMENTS[arguments] in found.errors
    assert sorted((broker.authority / "issued").iterdir()) == before


def test_an_enrolled_node_is_not_enrolled_again(broker: Shipped) -> None:
    assert enroll(broker, "twice").status == 0
    again = enroll(broker, "fresh", "twice")
    assert again.status == 1
    assert "revoke twice first" in again.errors
    assert not (broker.authority / "issued" / "fresh").exists()


def test_a_folder_that_is_no_authority(tmp_path: Path) -> None:
    found = muster("enroll", "--ca", tmp_path, "--list")
    assert (found.status, found.out) == (1, "")
    assert "is no" not in found.errors
    assert f"is {tmp_path} an authority?" in found.errors
