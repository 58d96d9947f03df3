"""The throughput test between two agents: both ends for real, and either end hostile."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from agent.peer import Agent, centre, until
from agent.probe_targets import HOST, Script, answer, hangs, serving
from agent.test_agent_cli import muster_agent
from hypothesis import given
from hypothesis import strategies as st

from muster_agent import throughput
from muster_agent.settings import Place, Throughput
from muster_agent.throughput import FRAME, HELLO, LARGEST, Request, Responder, parse_request, proof
from muster_wire.catalogue import types
from muster_wire.messages import Metric
from servers import Mosquitto, free_port

SECRET = b"0123456789abcdef0123"
NONCE = b"00" * 16
Make = Callable[..., Responder]
SILENT = hangs()


@pytest.fixture
def secret(tmp_path: Path) -> str:
    """A file with the secret that both sides know."""
    file = tmp_path / "secret"
    file.write_bytes(SECRET + b"\n")
    return str(file)


@pytest.fixture
def responder(secret: str) -> Iterator[Make]:
    """Makes responders that listen; none outlives the test."""
    made: list[Responder] = []

    def make(**changes: Any) -> Responder:
        limits = {"max_mb": 1, "max_mbit": 80, "max_time": 20.0, "per_day": 5, **changes}
        place = Place(HOST, free_port())
        settings = Throughput(listen=place, secret_file=secret, **limits)
        one = Responder(settings)
        made.append(one)
        one.start()
        assert one.listening.wait(20)
        return one

    yield make
    for one in made:
        one.close()


def probe(port: int, secret: str, **settings: Any) -> Metric:
    """One test of what listens at a port."""
    wanted = {"secret_file": secret, "mb": 1, "mbit": 80, **settings}
    (metric,) = answer(f"throughput://{HOST}:{port}", **wanted)
    return metric


def test_both_directions_are_measured_and_keep_to_the_limit(responder: Make, secret: str) -> None:
    metric = probe(responder().port, secret, peer_site="north")
    assert metric.tags["result"] == "success"
    assert metric.tags["peer_site"] == "north"
    fields = metric.fields
    assert set(fields) == set(types()["throughput"])
    assert fields["limit"] == 80.0
    for direction in ("upload", "download"):
        assert 0 < float(fields[direction]) <= 80 * 1.1
    for size in ("bytes_sent", "bytes_received"):
        assert 1_000_000 <= int(fields[size]) <= 1_000_000 + LARGEST


@pytest.mark.parametrize(
    ("ours", "theirs", "limit"), [({"mbit": 8}, {}, 8.0), ({}, {"max_mbit": 16}, 16.0)]
)
def test_the_smaller_limit_of_both_sides_holds(
    responder: Make, secret: str, ours: Any, theirs: Any, limit: float
) -> None:
    fields = probe(responder(**theirs).port, secret, **ours).fields
    assert fields["limit"] == limit
    assert float(fields["upload"]) <= limit * 1.1
    assert float(fields["download"]) <= limit * 1.1


def test_a_slow_path_is_measured_by_what_passed_in_the_time(responder: Make, secret: str) -> None:
    fields = probe(responder(max_mbit=1).port, secret, timeout=5.0).fields
    assert fields["result_code"] == 0
    assert int(fields["bytes_sent"]) < 1_000_000
    assert 0 < float(fields["download"]) <= 1.5


def test_who_does_not_know_the_secret_is_refused(
    responder: Make, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    other.write_text("not the secret at all\n")
    one = responder()
    metric = probe(one.port, str(other))
    assert metric.tags["result"] == "refused"
    assert metric.fields == {"result_code": 3}
    assert list(one.tests) == []
    wait_for_end(one)
    assert (
        "throughput: a test for 127.0.0.1 ended early: it does not know" in capfd.readouterr().err
    )


def wait_for_end(one: Responder) -> None:
    """Until the test that a responder is at has ended."""
    if one._worker is not None:
        one._worker.join(20)


def test_one_at_a_time_and_so_many_a_day(responder: Make, secret: str) -> None:
    one = responder(per_day=1)
    with socket.create_connection((HOST, one.port)) as stranger:
        assert stranger.recv(100).startswith(HELLO)
        assert probe(one.port, secret, timeout=1.0).tags["result"] == "busy"
    wait_for_end(one)
    assert probe(one.port, secret).tags["result"] == "success"
    wait_for_end(one)
    assert probe(one.port, secret).tags["result"] == "refused"
    one.tests[0] -= throughput.DAY
    wait_for_end(one)
    assert probe(one.port, secret).tags["result"] == "success"


def test_a_proof_is_good_for_one_connection_and_one_request(responder: Make) -> None:
    one = responder()
    text = Request(1, 1, 1).text()
    with socket.create_connection((HOST, one.port)) as stranger:
        nonce = stranger.recv(100)[len(HELLO) : -1]
        heard = proof(SECRET, nonce, text)
        stranger.sendall(heard + b" " + Request(999, 9, 9).text() + b"\n")
        assert stranger.recv(100) == b"NO secret\n"
    wait_for_end(one)
    with socket.create_connection((HOST, one.port)) as stranger:
        assert stranger.recv(100)[len(HELLO) : -1] != nonce
        stranger.sendall(heard + b" " + text + b"\n")
        assert stranger.recv(100) == b"NO secret\n"


def endless(connection: socket.socket) -> None:
    """Gigabytes, in right frames."""
    frame = FRAME.pack(LARGEST - 4) + bytes(LARGEST - 4)
    while True:
        connection.sendall(frame)


def greeted(one: Responder, request: bytes = Request(1000, 10**7, 1000).text()) -> socket.socket:
    """A connection on which the secret was proved."""
    connection = socket.create_connection((HOST, one.port))
    nonce = connection.recv(100)[len(HELLO) : -1]
    connection.sendall(proof(SECRET, nonce, request) + b" " + request + b"\n")
    return connection


def test_a_peer_that_sends_gigabytes_is_cut(responder: Make, capfd: Any) -> None:
    one = responder()
    with greeted(one) as peer:
        assert peer.recv(100) == b"GO 1000 10000000 1000\n"
        with pytest.raises(OSError):  # noqa: PT011 - reset or broken pipe, as the kernel likes
            endless(peer)
    wait_for_end(one)
    assert "more than the 1000 bytes granted" in capfd.readouterr().err


HOSTILE = {
    "a frame too large": (FRAME.pack(1 << 31), "a frame of"),
    "half a frame": (FRAME.pack(100) + b"x", "it went away"),
    "nothing": (b"", "it went away"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_peer_ends_only_its_own_test(
    responder: Make, secret: str, case: str, capfd: Any
) -> None:
    sent, why = HOSTILE[case]
    one = responder()
    with greeted(one) as peer:
        assert peer.recv(100).startswith(b"GO ")
        peer.sendall(sent)
        peer.shutdown(socket.SHUT_WR)
        wait_for_end(one)
    assert why in capfd.readouterr().err
    assert probe(one.port, secret).tags["result"] == "success"


def test_a_stranger_that_stalls_is_sent_away(
    responder: Make, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throughput, "PATIENCE", 0.2)
    one = responder()
    with socket.create_connection((HOST, one.port)) as stranger:
        stranger.settimeout(20)
        assert stranger.recv(100).startswith(HELLO)
        stranger.sendall(b"x")
        assert stranger.recv(100) == b"", "it was closed"
    wait_for_end(one)
    monkeypatch.undo()
    assert probe(one.port, secret).tags["result"] == "success"


def test_a_test_that_takes_too_long_ends(responder: Make, capfd: Any) -> None:
    one = responder(max_time=0.3)
    with greeted(one) as peer:
        peer.settimeout(20)
        assert peer.recv(100).startswith(b"GO ")
        peer.sendall(FRAME.pack(10))
        assert peer.recv(100) == b""
    wait_for_end(one)
    assert "ended early" in capfd.readouterr().err


@given(st.binary(max_size=80))
def test_whatever_is_asked_is_a_request_or_a_value_error(text: bytes) -> None:
    try:
        found = parse_request(text)
    except ValueError:
        return
    assert min(found) > 0


def pretends(*steps: bytes, then: Script = SILENT) -> Script:
    """A peer that greets, hears a request, and says something before it does something."""

    def script(connection: socket.socket) -> None:
        connection.sendall(HELLO + NONCE + b"\n")
        while not connection.recv(1000).endswith(b"\n"):
            pass
        for step in steps:
            connection.sendall(step)
        then(connection)

    return script


def swallows(answer_: bytes, after: Script) -> Script:
    """A peer that takes all frames of an upload, and says something about it."""

    def script(connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while size := FRAME.unpack(stream.read(FRAME.size))[0]:
                stream.read(size)
        connection.sendall(answer_)
        after(connection)

    return pretends(b"GO 1000 10000000 1000\n", then=script)


UPLOADED = b"GOT 65536\n"
PEERS: dict[str, tuple[Script, str]] = {
    "silent": (hangs(), "timeout"),
    "another protocol": (hangs(b"220 mail.example ESMTP\n"), "connection_failed"),
    "an endless greeting": (hangs(HELLO + b"0" * 5000), "connection_failed"),
    "no answer to the request": (pretends(), "timeout"),
    "an answer that is none": (pretends(b"GO x\n"), "connection_failed"),
    "nothing granted": (pretends(b"GO 0 0 0\n"), "connection_failed"),
    "deaf": (pretends(b"GO 1000000 10000000 1000\n"), "timeout"),
    "a lie about what came": (swallows(b"GOT 1\n", hangs()), "connection_failed"),
    "no data": (swallows(UPLOADED, hangs(FRAME.pack(0))), "connection_failed"),
    "data that never end": (swallows(UPLOADED, hangs(FRAME.pack(100))), "timeout"),
    "gigabytes": (swallows(UPLOADED, endless), "connection_failed"),
    "a frame too large": (swallows(UPLOADED, hangs(FRAME.pack(1 << 30))), "connection_failed"),
}


@pytest.mark.parametrize("case", PEERS)
def test_a_peer_that_stalls_lies_or_floods_costs_one_result(secret: str, case: str) -> None:
    script, result = PEERS[case]
    with serving(script) as port:
        patience = {"timeout": 0.4} if result == "timeout" else {}
        metric = probe(port, secret, **patience)
    assert metric.tags["result"] == result
    assert set(metric.fields) == {"result_code"}


def test_a_peer_that_grants_more_than_was_asked_gets_no_more(secret: str) -> None:
    came: list[int] = []

    def count(connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while size := FRAME.unpack(stream.read(FRAME.size))[0]:
                came.append(len(stream.read(size)))
        connection.sendall(b"GOT %d\n" % (sum(came) + FRAME.size * len(came)))
        connection.sendall(FRAME.pack(100) + bytes(100) + FRAME.pack(0))

    huge = pretends(b"GO 999999999999 999999999999 999999999999\n", then=count)
    with serving(huge) as port:
        fields = probe(port, secret).fields
    assert fields["limit"] == 80.0
    assert sum(came) <= 1_000_000 + LARGEST


def test_a_port_that_is_taken_is_one_line_and_the_agent_goes_on(
    secret: str, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server((HOST, 0)) as taken:
        place = Place(HOST, taken.getsockname()[1])
        monkeypatch.setattr(throughput, "AGAIN", 0.01)
        one = Responder(Throughput(listen=place, secret_file=secret))
        one.start()
        assert not one.listening.wait(0.2), "nobody can listen there"
    assert one.listening.wait(20), "the port is free again"
    one.close()
    assert capfd.readouterr().err.count("throughput: cannot listen at") == 1


async def test_an_agent_tests_another_beside_its_sampling(
    mosquitto: Mosquitto, tmp_path: Path, secret: str
) -> None:
    port = free_port()
    listen = {"throughput__listen": f"{HOST}:{port}", "throughput__secret_file": secret}
    south = Agent(tmp_path / "south", mosquitto.url, **listen)
    north = Agent(tmp_path / "north", mosquitto.url)
    with north.config.open("a") as file:
        file.write(
            f'[probe.south]\nurl = "throughput://{HOST}:{port}"\nsecret_file = "{secret}"\n'
            'mb = 1\nmbit = 80\njitter = "0s"\npeer_site = "south"\n'
        )
    async with centre(mosquitto.port, "north") as one:
        try:
            south.start()
            await until(lambda: listens(port), south.log.read_text)
            north.start()
            await until(lambda: bool(results(one.reports)), north.log.read_text)
            assert (await north.stop(), await south.stop()) == (0, 0)
        finally:
            north.kill()
            south.kill()
    (found,) = results(one.reports)
    assert (found["tags"]["result"], found["tags"]["peer_site"]) == ("success", "south")
    assert "throughput: a test for 127.0.0.1: 10" in south.log.read_text()


def listens(port: int) -> bool:
    """Whether anybody does."""
    with socket.socket() as sock:
        return sock.connect_ex((HOST, port)) == 0


def results(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The results of throughput tests in reports."""
    metrics = [metric for report in reports for metric in report["metrics"]]
    return [metric for metric in metrics if metric["name"] == "throughput"]


MISTAKES = {
    "no secret": ("[throughput]\nlisten = '0.0.0.0:5021'", "listen has no secret_file"),
    "a name": ("[throughput]\nlisten = 'host:5021'", '[throughput] listen = "host:5021": use "ADD'),
    "a file that is not there": (
        "[throughput]\nlisten = '0.0.0.0:5021'\nsecret_file = '/nowhere'",
        '[throughput] secret_file = "/nowhere": No such file',
    ),
    "a short secret": (
        "[throughput]\nlisten = '0.0.0.0:5021'\nsecret_file = '{short}'",
        "its first line must have 16 characters",
    ),
    "a probe without a secret": (
        "[probe.a]\nurl = 'throughput://127.0.0.1:5021'",
        "[probe.a] has no secret_file",
    ),
    "a probe that is too often": (
        "[probe.a]\nurl = 'throughput://127.0.0.1'\nsecret_file = 'x'\nevery = '5m'",
        '[probe.a] every = "300s": use 15m or more with throughput',
    ),
    "another probe's setting": (
        "[probe.a]\nurl = 'ping://127.0.0.1'\nmbit = 5",
        "[probe.a] mbit = 5: leave it out, it is for throughput",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_in_the_configuration_is_one_line(tmp_path: Path, case: str) -> None:
    text, line = MISTAKES[case]
    (tmp_path / "short").write_text("secret\n")
    file = tmp_path / "agent.toml"
    file.write_text(text.format(short=tmp_path / "short"))
    found = muster_agent("check", "--config", str(file))
    assert (found.status, len(found.errors)) == (2, 1)
    assert line in found.errors[0]
