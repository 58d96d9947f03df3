"""The shipped broker configuration, run for real with certificates from the shipped script."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from muster_agent.cli import main
from muster_wire.topics import topic
from servers import Mosquitto, free_port

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
CERTIFICATES = DEPLOY / "certificates"
NODES = ("node-a", "node-b")
SPEAKERS = {"ack": "Collector", "config": "Operator"}
"""Who tells nodes what."""
LIMIT = 10


def issue(folder: Path, *arguments: str, status: int = 0) -> str:
    """Run the script; the text of its error, or what it printed."""
    done = subprocess.run(
        [CERTIFICATES, arguments[0], folder, *arguments[1:]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stderr if status else done.stdout


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority with certificates for the broker, the collector and two nodes."""
    folder = tmp_path_factory.mktemp("authority")
    issue(folder, "init")
    issue(folder, "server", "localhost", "127.0.0.1")
    issue(folder, "collector")
    issue(folder, "operator")
    issue(folder, "node", *NODES)
    return folder


class Shipped(Mosquitto):
    """A broker with the shipped drop-in and ACL; only paths and the port are those of the test."""

    def __init__(self, directory: Path, authority: Path) -> None:
        super().__init__(directory, "")
        self.authority = authority
        self.collectors = free_port()

    def command(self) -> list[str]:
        files = self.directory / "muster"
        files.mkdir(exist_ok=True)
        for name in ("ca.pem", "cert.pem", "key.pem"):
            source = self.authority / "issued" / "localhost" / name
            (files / name).write_bytes(source.read_bytes())
        (files / "crl.pem").write_bytes((self.authority / "crl.pem").read_bytes())
        (files / "acl").write_bytes((DEPLOY / "mosquitto" / "acl").read_bytes())
        shipped = (DEPLOY / "mosquitto" / "conf.d" / "muster.conf").read_text()
        assert shipped.count("listener 8883\n") == 1
        shipped = shipped.replace("listener 8883\n", f"listener {self.port} 127.0.0.1\n")
        more = (DEPLOY / "mosquitto" / "conf.d" / "muster-collectors.conf").read_text()
        shipped += more.replace("listener 8884 ", f"listener {self.collectors} ")
        settings = shipped.replace("/etc/mosquitto/muster", str(files))
        configuration = self.directory / "mosquitto.conf"
        configuration.write_text(f"user root\nlog_dest stderr\n{settings}")
        return [self.program, "-c", str(configuration)]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, authority: Path) -> Iterator[Shipped]:
    server = Shipped(tmp_path_factory.mktemp("broker"), authority).start()
    yield server
    server.stop()


def tls(authority: Path, name: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority / "ca.pem"))
    if name:
        own = authority / "issued" / name
        context.load_cert_chain(own / "cert.pem", own / "key.pem")
    return context


@asynccontextmanager
async def connected(
    broker: Shipped,
    name: str | None,
    *,
    client_id: str = "",
    will: aiomqtt.Will | None = None,
    keep: bool = False,
    port: int = 0,
) -> AsyncIterator[aiomqtt.Client]:
    """A client with the certificate of `name`; with `keep` its session outlives it."""
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no types
    properties.SessionExpiryInterval = 3600 if keep else 0
    client = aiomqtt.Client(
        "localhost",
        port or broker.port,
        protocol=aiomqtt.ProtocolVersion.V5,
        tls_context=tls(broker.authority, name),
        identifier=client_id or None,
        will=will,
        clean_start=not keep,
        properties=properties,
        timeout=LIMIT,
    )
    async with client:
        yield client


async def greet(broker: Shipped, context: ssl.SSLContext) -> bytes:
    """Send a CONNECT by hand and return the packet type of the answer."""
    reader, writer = await asyncio.open_connection("localhost", broker.port, ssl=context)
    try:
        writer.write(b"\x10\x0d\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x00")
        return await reader.readexactly(1)
    finally:
        writer.close()


async def refused(broker: Shipped, context: ssl.SSLContext) -> None:
    """The broker ends the connection before any MQTT (TLS 1.3 tells a client late)."""
    assert await greet(broker, tls(broker.authority, "node-a")) == b"\x20"
    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
        await greet(broker, context)


async def first(client: aiomqtt.Client) -> tuple[str, bytes]:
    """The next message: its topic and payload."""
    message = await anext(aiter(client.messages))
    assert isinstance(message.payload, bytes)
    return str(message.topic), message.payload


def of(node: str, kind: str) -> str:
    return topic("site-1", node, kind)


async def heard(broker: Shipped, sender: str, topics: list[str]) -> list[str]:
    """Which of the topics reach the collector when `sender` publishes them, up to an end mark."""
    async with connected(broker, "Collector") as collector, connected(broker, sender) as node:
        await collector.subscribe("muster/v1/#", qos=1)
        for name in topics:
            await node.publish(name, b"x", qos=1)
        await node.publish(of(sender, "report"), b"end", qos=1)
        found: list[str] = []
        while (message := await first(collector))[1] != b"end":
            found.append(message[0])
        return found


@pytest.mark.parametrize("kind", ["report", "birth", "status", "config/state"])
async def test_a_node_speaks_for_itself_alone(broker: Shipped, kind: str) -> None:
    mine, theirs = of("node-a", kind), of("node-b", kind)
    assert await heard(broker, "node-a", [theirs, mine, theirs]) == [mine]


@pytest.mark.parametrize("kind", ["ack", "config"])
async def test_a_node_cannot_speak_for_the_centre(broker: Shipped, kind: str) -> None:
    forged = [of("node-b", kind), of("node-a", kind)]
    async with connected(broker, "node-b") as other:
        await other.subscribe(of("node-b", kind), qos=1)
        assert await heard(broker, "node-a", forged) == []
        async with connected(broker, SPEAKERS[kind]) as centre:
            await centre.publish(of("node-b", kind), b"real", qos=1)
        assert await first(other) == (of("node-b", kind), b"real")


@pytest.mark.parametrize("kind", ["ack", "config"])
@pytest.mark.parametrize("wanted", ["#", "muster/v1/#", "muster/v1/+/+/node-b/+", None])
async def test_a_node_hears_only_what_is_for_it(
    broker: Shipped, kind: str, wanted: str | None
) -> None:
    async with connected(broker, "node-a") as node, connected(broker, SPEAKERS[kind]) as centre:
        for pattern in {wanted or of("node-b", kind), of("node-a", kind)}:
            await node.subscribe(pattern, qos=1)
        async with connected(broker, "node-b") as other:
            await other.publish(of("node-b", "report"), b"secret", qos=1)
        await centre.publish(of("node-b", kind), b"theirs", qos=1)
        await centre.publish(of("node-a", kind), b"mine", qos=1)
        assert await first(node) == (of("node-a", kind), b"mine")


async def test_the_collector_clears_what_a_forgotten_node_left(broker: Shipped) -> None:
    left = [of("node-a", kind) for kind in ("birth", "status", "config/state")]
    async with connected(broker, "node-a") as node:
        for topic in left:
            await node.publish(topic, b"left", qos=1, retain=True)
        async with connected(broker, "Collector") as collector:
            for topic in left:
                await collector.publish(topic, b"", qos=1, retain=True)
        async with connected(broker, "Collector") as collector:
            await collector.subscribe("muster/v1/#", qos=1)
            await node.publish(of("node-a", "report"), b"end", qos=1)
            assert await first(collector) == (of("node-a", "report"), b"end")


@pytest.mark.parametrize(
    ("victim", "expected"), [("node-a", [b"gone", b"end"]), ("node-b", [b"end"])]
)
async def test_a_will_cannot_speak_for_another(
    broker: Shipped, victim: str, expected: list[bytes]
) -> None:
    will = aiomqtt.Will(of(victim, "status"), b"gone", qos=1)
    async with connected(broker, "Collector") as collector:
        await collector.subscribe("muster/v1/#", qos=1)
        async with connected(broker, "node-a", will=will) as old:
            # The same name again: the broker drops the former connection, and its will is due.
            async with connected(broker, "node-a") as node:
                await node.publish(of("node-a", "report"), b"end", qos=1)
            found = [(await first(collector))[1] for _ in expected]
            with suppress(aiomqtt.MqttError):
                await old.publish(of("node-a", "report"), b"late", qos=0)
    assert found == expected


async def test_a_node_cannot_take_over_a_session(broker: Shipped) -> None:
    async with connected(broker, "node-b", client_id="node-b") as other:
        await other.subscribe(of("node-b", "ack"), qos=1)
        async with connected(broker, "node-a", client_id="node-b"):
            async with connected(broker, "Collector") as collector:
                await collector.publish(of("node-b", "ack"), b"still here", qos=1)
            assert await first(other) == (of("node-b", "ack"), b"still here")


async def test_collectors_have_several_sessions_and_a_place_of_their_own(broker: Shipped) -> None:
    """On their listener the client says its id; nobody else may write what they tell each other."""
    ours = "muster/v1/collector/lease/Collector-all"
    port = broker.collectors
    async with (
        connected(broker, "Collector", client_id="Collector-all", port=port),
        connected(broker, "Collector", client_id="Collector-all.a", port=port) as b,
    ):
        await b.subscribe("muster/v1/collector/#", qos=1)
        async with connected(broker, "node-a") as node, connected(broker, "Operator") as operator:
            await node.publish(ours, b"forged", qos=1)
            await operator.publish(ours, b"forged", qos=1)
        await b.publish(ours, b"real", qos=1)
        assert await first(b) == (ours, b"real")


async def test_the_collectors_session_outlives_it(tmp_path: Path, authority: Path) -> None:
    server = Shipped(tmp_path, authority).start()
    try:
        async with connected(server, "Collector", keep=True) as collector:
            await collector.subscribe("muster/v1/+/+/+/report", qos=1)
        async with connected(server, "node-a") as node:
            await node.publish(of("node-a", "report"), b"while away", qos=1)
        async with connected(server, "Collector", keep=True) as collector:
            assert await first(collector) == (of("node-a", "report"), b"while away")
    finally:
        server.stop()


async def test_the_agent_reports_with_the_example_configuration(
    broker: Shipped, tmp_path: Path
) -> None:
    text = (DEPLOY / "config" / "agent.toml").read_text()
    for old, new in (
        ("mqtts://broker.example:8883", f"mqtts://localhost:{broker.port}"),
        ("/etc/muster/tls", str(broker.authority / "issued" / "node-a")),
        ("/var/lib/muster-agent", str(tmp_path)),
        ('id = ""', 'id = "node-a"'),
    ):
        assert text.count(old) >= 1
        text = text.replace(old, new)
    (tmp_path / "agent.toml").write_text(text)
    assert main(["check", "--config", str(tmp_path / "agent.toml")]) == 0
    run = [sys.executable, "-m", "muster_agent", "run", "--config", str(tmp_path / "agent.toml")]
    async with connected(broker, "Collector") as collector:
        await collector.subscribe("muster/v1/+/+/+/report", qos=1)
        await collector.subscribe("muster/v1/+/+/+/birth", qos=1)
        agent = await asyncio.create_subprocess_exec(*run)
        try:
            async with asyncio.timeout(LIMIT):
                found = {(await first(collector))[0] for _ in range(2)}
        finally:
            agent.terminate()
            await agent.wait()
    assert found == {of("node-a", "report"), of("node-a", "birth")}


async def test_without_a_certificate_nobody_comes_in(broker: Shipped) -> None:
    await refused(broker, tls(broker.authority, None))


async def test_a_certificate_of_another_authority_is_refused(
    broker: Shipped, tmp_path: Path
) -> None:
    issue(tmp_path, "init")
    issue(tmp_path, "node", "node-a")
    context = ssl.create_default_context(cafile=str(broker.authority / "ca.pem"))
    own = tmp_path / "issued" / "node-a"
    context.load_cert_chain(own / "cert.pem", own / "key.pem")
    await refused(broker, context)


async def test_a_revoked_node_is_shut_out_and_comes_back_with_a_new_one(
    tmp_path: Path, authority: Path
) -> None:
    issue(authority, "node", "node-c")
    server = Shipped(tmp_path, authority).start()
    try:
        async with connected(server, "node-c"):
            pass
        old = authority / "issued" / "node-c"
        kept = {name: (old / name).read_bytes() for name in ("cert.pem", "key.pem")}
        issue(authority, "revoke", "node-c")
        server.stop()
        server.start()
        for name, content in kept.items():
            (tmp_path / name).write_bytes(content)
        stolen = ssl.create_default_context(cafile=str(authority / "ca.pem"))
        stolen.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
        await refused(server, stolen)
        issue(authority, "node", "node-c")
        async with connected(server, "node-c"):
            pass
    finally:
        server.stop()


def test_the_script_refuses_what_would_be_wrong(authority: Path, tmp_path: Path) -> None:
    assert "use 1 to 63" in issue(authority, "node", "Collector", status=1)
    assert "use 1 to 63" in issue(authority, "node", "a/b", status=1)
    assert "exists" in issue(authority, "node", "node-a", status=1)
    assert "exists" in issue(authority, "init", status=1)
    assert "no authority" in issue(tmp_path / "none", "collector", status=1)
    assert "nothing was issued" in issue(authority, "revoke", "node-z", status=1)
    assert "usage" in issue(authority, "node", status=2)


def test_keys_are_readable_by_their_owner_alone(authority: Path) -> None:
    keys = [*authority.glob("issued/*/key.pem"), authority / "ca-key.pem"]
    assert len(keys) >= 5
    assert all(key.stat().st_mode & 0o077 == 0 for key in keys)
