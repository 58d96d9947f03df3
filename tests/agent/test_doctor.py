"""The doctor as an operator meets it: what works, what does not, and what to do about it."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from agent.peer import Agent, until
from agent.probe_targets import HOST, Authority, hangs, says, serving
from agent.test_agent_cli import Result, muster_agent
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from muster_agent import config
from muster_agent.doctor import machine, waiting
from muster_agent.host import Host
from muster_agent.settings import Place, Throughput
from muster_agent.throughput import Responder
from muster_wire import topics
from muster_wire.echo import ECHO, answer
from servers import Mosquitto, free_port, program

COLLECTOR = """\
[mqtt]
url = "{url}"
[collector]
data = "{directory}"
[api]
port = {port}
"""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def doctor(agent: Agent) -> Result:
    """What the doctor says."""
    return muster_agent("doctor", "--config", str(agent.config))


def line(result: Result, what: str) -> str:
    """The only line about something."""
    (found,) = [text for text in result.out.splitlines() if text[5:].startswith(what)]
    return found


@asynccontextmanager
async def answering(port: int, node: str, ahead_ms: int = 0) -> AsyncIterator[None]:
    """A collector that answers the echoes of one node, with a clock of its own."""
    async with aiomqtt.Client(HOST, port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        await client.subscribe(topics.topic("lab", node, "report"), qos=1)
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ContentType = ECHO

        async def serve() -> None:
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                text = answer(message.payload, time.time_ns() // 1_000_000 + ahead_ms)
                place = topics.topic("lab", node, "ack")
                await client.publish(place, text, properties=properties)

        task = asyncio.create_task(serve())
        try:
            yield
        finally:
            task.cancel()


@pytest.fixture
def collector(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[Path]:
    """A real collector that is connected; its data directory."""
    file, log, data = (tmp_path / name for name in ("collector.toml", "log", "centre"))
    file.write_text(COLLECTOR.format(url=mosquitto.url, directory=data, port=free_port()))
    run = [sys.executable, "-m", "muster_collector", "collector", "run", "--config", str(file)]
    with log.open("wb") as out:
        process = subprocess.Popen(run, stderr=out)
    asyncio.run(until(lambda: b"broker connected" in log.read_bytes(), log.read_text))
    yield data
    process.terminate()
    process.wait()


def test_all_is_well_with_a_real_collector(
    mosquitto: Mosquitto, agents: Any, collector: Path
) -> None:
    agent = agents("healthy", mosquitto.url, sample__sensors=["cpu", "mem"])
    result = doctor(agent)
    assert (result.status, result.errors) == (0, []), result.out
    assert line(result, "sensor cpu").startswith("ok")
    assert "no TLS: use mqtts://" in line(result, "broker ")
    assert line(result, "publishing") == (
        "ok   publishing             the broker takes report, birth, status, config/state"
    )
    assert "this clock is 0." in line(result, "collector")
    assert result.out.endswith("all well\n")
    agent.start()
    asyncio.run(agent.says("connected"))
    result = doctor(agent)
    assert "the agent runs" in line(result, "spool content")
    assert result.status == 0, result.out
    assert asyncio.run(agent.stop()) == 0
    assert "ack ignored" not in agent.log.read_text()
    with closing(sqlite3.connect(collector / "ledger.db")) as db:
        assert db.execute("SELECT count(*) FROM quarantine").fetchone() == (0,)


def test_a_broker_without_a_collector(mosquitto: Mosquitto, agents: Any) -> None:
    result = doctor(agents("lonely", mosquitto.url, mqtt__root="nobody/here"))
    assert line(result, "publishing").startswith("ok")
    assert "nobody listens for this node's reports: is the collector" in line(result, "collector")
    assert (result.status, result.out.splitlines()[-1]) == (1, "1 to mend")


async def test_a_clock_that_is_off(mosquitto: Mosquitto, agents: Any) -> None:
    agent = agents("late", mosquitto.url)
    async with answering(mosquitto.port, "late", ahead_ms=3_600_000):
        result = await asyncio.to_thread(doctor, agent)
    assert line(result, "collector").startswith("BAD")
    assert " s behind its own: set the clock that is wrong" in line(result, "collector")


def test_a_broker_that_is_away(agents: Any, tmp_path: Path) -> None:
    agent = agents("ill", "mqtt://127.0.0.1:1", spool__path=str(tmp_path / "no" / "spool.db"))
    result = doctor(agent)
    assert result.status == 1
    assert f"{tmp_path}/no: No such file or directory: make the folder" in line(result, "spool")
    assert "connection refused: is the broker running there?" in line(result, "broker")
    assert result.out.endswith("2 to mend\n")


def test_a_wrong_password(agents: Any, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    tool = program("mosquitto_passwd")
    subprocess.run([tool, "-b", "-c", passwords, "edge", "right"], check=True)
    broker = Mosquitto(tmp_path / "broker", f"password_file {passwords}\n").start()
    secret = tmp_path / "secret"
    secret.write_text("hush-hush\n")
    who = {"mqtt__username": "edge", "mqtt__password_file": str(secret)}
    try:
        result = doctor(agents("locked-out", broker.url, **who))
    finally:
        broker.stop()
    text = line(result, "broker")
    assert text.startswith("BAD")
    assert "refused by the broker: Not authorized: check [mqtt] username, password_file" in text
    assert "hush" not in result.out


def test_an_acl_that_forbids(agents: Any, tmp_path: Path) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic read muster/#\ntopic write muster/v1/+/+/+/status\n")
    broker = Mosquitto(tmp_path / "broker", f"allow_anonymous true\nacl_file {acl}\n").start()
    try:
        result = doctor(agents("muted", broker.url))
    finally:
        broker.stop()
    assert line(result, "publishing").startswith("BAD")
    assert "refuses report, birth, config/state below muster/v1/" in line(result, "publishing")
    assert "Not authorized: its ACL must let" in line(result, "publishing")
    assert "collector" not in result.out, "nobody could have heard it"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secure(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A broker with TLS that wants certificates."""
    pair = authority.certificate("broker")
    settings = (
        f"cafile {authority.pair.cert}\ncertfile {pair.cert}\nkeyfile {pair.key}\n"
        "require_certificate true\nuse_identity_as_username true\nallow_anonymous true\n"
    )
    broker = Mosquitto(tmp_path_factory.mktemp("secure"), settings).start()
    yield broker
    broker.stop()


def tls(broker: Mosquitto, authority: Authority, **changes: str) -> dict[str, str]:
    """Settings of an agent for it; the key is nobody else's to read."""
    pair = authority.certificate("node", common="node.example")
    pair.key.chmod(0o400)
    files = {"ca_file": authority.pair.cert, "cert_file": pair.cert, "key_file": pair.key}
    made = {f"mqtt__{name}": str(path) for name, path in files.items()}
    return made | {"mqtt__url": f"mqtts://{HOST}:{broker.port}"} | changes


def test_a_node_certificate_is_looked_at(
    secure: Mosquitto, authority: Authority, agents: Any
) -> None:
    settings = tls(secure, authority)
    result = doctor(agents("node.example", settings.pop("mqtt__url"), **settings))
    assert "expires on" in line(result, "certificate")
    assert line(result, "broker").endswith(" ms, TLS")
    Path(settings["mqtt__key_file"]).chmod(0o444)
    result = doctor(agents("open", f"mqtts://{HOST}:{secure.port}", **settings))
    assert "others may read" in line(result, "certificate")
    assert "chmod 0400" in line(result, "certificate")


def test_an_expired_certificate(secure: Mosquitto, authority: Authority, agents: Any) -> None:
    old = authority.certificate("old", days=-1, common="old.example")
    changes = {"mqtt__cert_file": str(old.cert), "mqtt__key_file": str(old.key)}
    settings = tls(secure, authority, **changes)
    result = doctor(agents("old.example", settings.pop("mqtt__url"), **settings))
    assert "expired on" in line(result, "certificate")
    assert "BAD" in line(result, "broker")


def test_an_authority_that_is_not_the_broker_s(
    secure: Mosquitto, authority: Authority, agents: Any, tmp_path: Path
) -> None:
    other = Authority(tmp_path)
    settings = tls(secure, authority, mqtt__ca_file=str(other.pair.cert))
    result = doctor(agents("stranger", settings.pop("mqtt__url"), **settings))
    text = line(result, "broker")
    assert text.startswith("BAD")
    assert ": check [mqtt] url and ca_file" in text


def test_a_broker_that_wants_a_certificate_and_gets_none(
    secure: Mosquitto, authority: Authority, agents: Any
) -> None:
    settings = {"mqtt__ca_file": str(authority.pair.cert)}
    result = doctor(agents("bare", f"mqtts://{HOST}:{secure.port}", **settings))
    assert line(result, "broker").startswith("BAD")
    assert "does it want TLS, or a certificate?" in line(result, "broker")


def test_each_probe_is_tried_and_told_in_plain_words(
    agents: Any, mosquitto: Mosquitto, authority: Authority
) -> None:
    with (
        serving(says(OK)) as web,
        serving(hangs()) as silent,
        serving(says(OK), authority.context("web")) as secret,
    ):
        probes: dict[str, dict[str, object]] = {
            "good": {"url": f"http://{HOST}:{web}/"},
            "other": {"url": f"http://{HOST}:{web}/", "expect": "no"},
            "status": {"url": f"http://{HOST}:{web}/", "status": 204},
            "slow": {"url": f"tcp://{HOST}:{silent}", "expect": "x", "timeout": "200ms"},
            "closed": {"url": f"tcp://{HOST}:1"},
            "untrusted": {"url": f"https://{HOST}:{secret}/"},
            "no-file": {"url": f"https://{HOST}:{secret}/", "ca_file": "/nowhere"},
        }
        agent = agents("asking", mosquitto.url)
        with agent.config.open("a") as file:
            for name, settings in probes.items():
                file.write(f"[probe.{name}]\njitter = '1m'\n")
                file.writelines(f"{key} = {value!r}\n" for key, value in settings.items())
        result = doctor(agent)
    assert " answers in " in line(result, "probe good")
    assert "without the text in expect" in line(result, "probe other")
    assert "status 200 instead of 204" in line(result, "probe status")
    assert "ends without an answer" in line(result, "probe slow")
    assert "is the service running there" in line(result, "probe closed")
    assert "certificate is not trusted: " in line(result, "probe untrusted")
    assert 'ca_file = "/nowhere": No such file' in line(result, "probe no-file")
    assert result.out.endswith("7 to mend\n")


def test_a_throughput_test_is_told_in_megabits(
    agents: Any, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("0123456789abcdef\n")
    listen = Throughput(listen=Place(HOST, free_port()), secret_file=str(secret))
    responder = Responder(listen)
    responder.start()
    assert responder.listening.wait(20)
    agent = agents("paths", mosquitto.url)
    with agent.config.open("a") as file:
        file.write(
            f"[probe.north]\nurl = 'throughput://{HOST}:{listen.listen.port}'\n"
            f"secret_file = '{secret}'\nmb = 1\nmbit = 80\n"
        )
    result = doctor(agent)
    responder.close()
    assert "Mbit/s there" in line(result, "probe north")
    assert line(result, "probe north").endswith("held to 80")


def settings(folder: Path) -> config.Config:
    raw = {"spool": {"path": str(folder / "spool.db")}, "sample": {"sensors": ["mem"]}}
    return config.parse(raw, "agent.toml", hostname="n", environment={})


@pytest.mark.parametrize(
    ("number", "mend"),
    [
        (errno.ENOSPC, "No space left on device: make room on the disk"),
        (errno.EROFS, "Read-only file system: mount the filesystem read-write"),
        (errno.EACCES, "Permission denied: chown it to "),
    ],
)
def test_a_folder_that_takes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, mend: str
) -> None:
    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.write", fail)
    (finding,) = waiting.spool(settings(tmp_path), Host())
    assert finding.good is False
    assert mend in finding.text
    assert list(tmp_path.iterdir()) == []


def spooled(folder: Path, *ages: float) -> None:
    """A spool with reports of these ages in seconds."""
    from muster_agent.spool import Spool

    spool = Spool(str(folder / "spool.db"), max_bytes=1 << 20, max_age=1e9)
    spool.begin(7)
    for age in ages:
        spool.append(int((time.time() - age) * 1000), b"x")
    spool.close()


def content(folder: Path) -> tuple[bool | None, str]:
    *_, last = waiting.spool(settings(folder), Host())
    return last.good, last.text


def test_what_waits_in_the_spool(tmp_path: Path) -> None:
    assert content(tmp_path) == (None, "nothing yet: the agent has never run with it")
    spooled(tmp_path)
    assert content(tmp_path) == (True, "nothing waits; no agent runs with it now")
    (tmp_path / "spool.db").unlink()
    spooled(tmp_path, 5000, 10)
    good, text = content(tmp_path)
    assert good
    assert text.startswith("2 reports wait, the oldest for 5000 s; no agent runs")
    from muster_agent.keeper import lock

    held = lock(str(tmp_path / "spool.db"))
    assert held is not None
    good, text = content(tmp_path)
    os.close(held)
    assert good is False
    assert "the agent runs: nothing is acknowledged" in text


def test_a_clock_that_was_set_back_shows_in_the_spool(tmp_path: Path) -> None:
    spooled(tmp_path, 10, -7200)
    good, text = content(tmp_path)
    assert good is False
    assert "ahead of the clock: it has been set back" in text


def test_a_spool_that_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "spool.db").write_bytes(b"not a database at all" * 100)
    good, text = content(tmp_path)
    assert good is False
    assert "the agent will set it aside" in text


def test_a_clock_that_has_never_been_set() -> None:
    finding = machine.clock(Host(clock=lambda: 120.0))
    assert finding.good is False
    assert "1970-01-01 00:02:00 UTC: the collector refuses reports before 2020" in finding.text


def test_root_is_told_whose_the_agent_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    if os.getuid() == 0:
        os.chown(tmp_path, 4_000_000, 4_000_000)
    (finding,) = machine.user(settings(tmp_path))
    assert (finding.what, finding.good) == ("user", None)
    assert finding.text.endswith("muster-agent doctor")
