"""Probes beside the sampling: schedule, isolation, what a report takes, and their configuration."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agent.probe_targets import HOST, answer, hangs, says, serving
from hypothesis import given
from hypothesis import strategies as st

from muster_agent import config
from muster_agent.errors import ConfigError
from muster_agent.host import Host
from muster_agent.probes import net_response
from muster_agent.probes.body import Chunked, Counter
from muster_agent.probes.prober import Asked, Prober
from muster_agent.sampler import Sampler
from muster_agent.settings import Probe
from muster_wire.catalogue import types
from muster_wire.messages import Metric
from muster_wire.target import parse

OPEN = "tcp://127.0.0.1:{}"


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> int:
        return 0


def probe(port: int, **settings: Any) -> Probe:
    return Probe(parse(OPEN.format(port)), **{"jitter": 0.0, **settings})


@pytest.fixture
def hanging() -> Iterator[int]:
    """A port that takes everybody and says nothing."""
    with serving(hangs()) as port:
        yield port


def until(asked: Asked, runs: int, signal: threading.Event) -> None:
    """Wait until a probe that runs in the thread has finished so many runs."""
    while asked.runs < runs:
        assert signal.wait(30), "the probe has not run"
        signal.clear()


@pytest.fixture
def finished(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set whenever any probe has finished a run."""
    signal = threading.Event()
    original = Asked._finish

    def finish(asked: Asked, result: list[Metric] | Exception) -> None:
        original(asked, result)
        signal.set()

    monkeypatch.setattr(Asked, "_finish", finish)
    return signal


def test_a_hanging_probe_delays_neither_a_report_nor_another_probe(
    hanging: int, finished: threading.Event
) -> None:
    prober = Prober(
        {
            "stuck": probe(hanging, expect="never", timeout=3600),
            "good": probe(hanging, every=0.01),
        },
        Host(),
    )
    sampler = Sampler(prober.probes, Clock(), 10)
    assert sampler.sample() == [], "nothing has run yet"
    prober.start()
    try:
        for _ in range(3):
            until(prober.probes[1], prober.probes[1].runs + 1, finished)
            results = [m for m in sampler.sample() if m.name == "net_response"]
            assert [m.tags["result"] for m in results] == ["success"]
        assert prober.probes[0].runs == 0
        assert prober.probes[0].going is not None
        assert (sampler.errors, sampler.failing) == (0, {})
    finally:
        prober.close()
    assert prober.probes[0].going is None
    assert not any(thread.name == "probes" for thread in threading.enumerate())


def test_a_report_takes_the_newest_result_and_takes_it_once() -> None:
    clock = Clock()
    prober = Prober({"a": probe(1, every=10)}, Host(monotonic=clock.monotonic))
    asked = prober.probes[0]
    for number in range(3):
        asked._finish([Metric("net_response", {}, {"result_code": number})])
    assert [m.fields["result_code"] for m in asked.read()] == [2]
    assert asked.read() == []
    prober.close()


def test_runs_stand_on_a_grid_and_none_is_made_up_for() -> None:
    clock = Clock()
    prober = Prober({"a": probe(1, every=60)}, Host(monotonic=clock.monotonic))
    asked = prober.probes[0]
    assert asked.due == 1000
    clock.now = 1003
    asked._finish([])
    assert asked.due == 1060
    clock.now = 1000 + 86_400 + 1  # suspended for a day
    asked._finish([])
    assert asked.due == 1000 + 86_400 + 60
    prober.close()


def test_jitter_spreads_a_fleet_without_losing_runs() -> None:
    clock = Clock()
    wanted = {str(at): probe(1, every=60, jitter=30.0) for at in range(50)}
    prober = Prober(wanted, Host(monotonic=clock.monotonic))
    moments = [asked.due for asked in prober.probes]
    assert all(1000 <= moment <= 1030 for moment in moments)
    assert len({round(moment, 3) for moment in moments}) > 40
    clock.now = 1035
    for asked in prober.probes:
        asked._finish([])
        assert 1060 <= asked.due <= 1090
    prober.close()


def test_a_probe_that_breaks_costs_only_its_own_readings(
    hanging: int, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> object:
        raise ZeroDivisionError("a mistake of ours")

    prober = Prober({"bad": probe(hanging, expect="x"), "good": probe(hanging)}, Host())
    monkeypatch.setattr(net_response, "_answer", broken)
    sampler = Sampler(prober.probes, Clock(), 10)
    while not all(asked.runs for asked in prober.probes):
        prober.turn()
    assert [m.tags["result"] for m in sampler.sample()] == ["success"]
    assert sampler.errors == 1
    assert "probe.bad: ZeroDivisionError: a mistake of ours" in capfd.readouterr().err
    prober.close()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a count


def test_no_descriptor_is_left_whatever_happens(hanging: int) -> None:
    refused = socket.create_server((HOST, 0))
    nobody = refused.getsockname()[1]
    refused.close()
    wanted = {
        "stuck": probe(hanging, expect="x", timeout=3600),
        "late": probe(hanging, expect="x", timeout=0.05),
        "good": probe(hanging),
        "nobody": probe(nobody),
        "name": Probe(parse("http://no..such/"), jitter=0),
        "dns": Probe(parse(f"dns://{HOST}:{nobody}/x"), jitter=0, timeout=0.05),
    }
    before = descriptors()
    prober = Prober(wanted, Host())
    while sum(asked.runs for asked in prober.probes) < len(wanted) - 1:
        prober.turn()
    for asked in prober.probes:
        asked.close()
    prober.close()
    deadline = time.monotonic() + 30  # the server in this process closes its ends soon
    while descriptors() != before:
        assert time.monotonic() < deadline


def test_a_name_that_nobody_resolves_is_asked_for_once_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[threading.Event] = []

    def stuck(*_: object, **__: object) -> list[object]:
        threads.append(threading.Event())
        threads[-1].wait(30)
        return [(socket.AF_INET, 0, 0, "", (HOST, 1))]

    monkeypatch.setattr(socket, "getaddrinfo", stuck)
    wanted = {"a": Probe(parse("tcp://slow.example:1"), every=0.02, timeout=0.01, jitter=0)}
    prober = Prober(wanted, Host())
    asked = prober.probes[0]
    while asked.runs < 5:
        prober.turn()
    assert [m.tags["result"] for m in asked.read()] == ["timeout"]
    assert len(threads) == 1
    threads[0].set()
    while asked.runs < 500 and [m.tags["result"] for m in asked.read()] != ["connection_failed"]:
        prober.turn()
    assert len(threads) == 1, "the answer that was waited for has been used"
    asked.close()
    prober.close()


def test_the_path_to_another_site_is_marked(hanging: int) -> None:
    (metric,) = answer(OPEN.format(hanging), peer_site="gz-02")
    assert metric.tags["peer_site"] == "gz-02"


def test_probes_send_every_field_that_is_catalogued_for_them(hanging: int) -> None:
    page = says(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
    with serving(page) as port:
        metrics = answer(f"http://{HOST}:{port}/", status=200, expect="x")
    metrics += answer(OPEN.format(hanging))
    for metric in metrics:
        assert metric.fields.keys() == types()[metric.name].keys()


# ---- what is decoded


@given(
    st.lists(st.binary(min_size=1, max_size=300)),
    st.lists(st.integers(1, 50)),
    st.sampled_from([b"", b";name=value"]),
)
def test_chunks_are_put_together_however_they_arrive(
    chunks: list[bytes], cuts: list[int], extension: bytes
) -> None:
    data = b"".join(b"%x%b\r\n%b\r\n" % (len(c), extension, c) for c in chunks) + b"0\r\n\r\n"
    chunked, found = Chunked(), b""
    for size in cuts:
        found += chunked.feed(data[:size])
        data = data[size:]
    found += chunked.feed(data)
    assert found == b"".join(chunks)
    assert chunked.done


@given(st.lists(st.binary(max_size=20)), st.binary(min_size=1, max_size=6))
def test_a_text_is_found_across_pieces(pieces: list[bytes], wanted: bytes) -> None:
    counter = Counter(wanted, 1000)
    for piece in pieces:
        counter.take(len(piece), piece)
    assert counter.found == (wanted in b"".join(pieces))
    assert counter.length == len(b"".join(pieces))


@given(st.text())
def test_no_text_breaks_the_reading_of_urls(text: str) -> None:
    for scheme in ("", "http://", "tcp://", "dns://a/", "ping://"):
        try:
            found = parse(scheme + text)
        except ValueError:
            continue
        assert "\n" not in found.url
        assert " " not in found.url
        assert "@" not in found.host


# ---- configuration


def read(tmp_path: Path, text: str) -> config.Config:
    file = tmp_path / "agent.toml"
    file.write_text(text)
    return config.load(str(file), environment={})


def test_a_probe_is_configured_by_its_url(tmp_path: Path) -> None:
    made = read(
        tmp_path,
        """
        [probe.portal]
        url = "https://portal.example:8443/health?deep=1#part"
        every = "30s"
        expect = "ok"
        [probe.other-site]
        url = "ping://[fd00::7]"
        peer_site = "gz-02"
        [probe.names]
        url = "dns://10.0.0.53/portal.example.?type=MX"
        [probe.db]
        url = "tls://db.example:5432"
        """,
    ).probe
    portal = made["portal"]
    assert (portal.every, portal.timeout, portal.expect) == (30, 5, "ok")
    assert (portal.url.host, portal.url.port) == ("portal.example", 8443)
    assert portal.url.path == "/health?deep=1"
    assert (made["other-site"].url.host, made["other-site"].peer_site) == ("fd00::7", "gz-02")
    names = made["names"].url
    assert (names.port, names.domain, names.record) == (53, "portal.example", "MX")
    assert (made["db"].url.tls, made["db"].url.port) == (True, 5432)


GOOD = 'url = "http://a/"\n'
ONLY = "leave it out, it is for"
MISTAKES = {
    "no table": ("probe = 7", "probe = 7: use sections [probe.NAME]"),
    "a value": ("[probe]\na = 7", "[probe] a = 7: use a section [probe.a]"),
    "an array": ('[[probe]]\nurl = "http://a/"', "use sections [probe.NAME]"),
    "name": ('[probe."A b"]\n' + GOOD, "[probe.A b]: use a name of 1 to 63 of a-z"),
    "no url": ("[probe.a]", '[probe.a] has no url: use "http://HOST/PATH"'),
    "no text": ("[probe.a]\nurl = 7", '[probe.a] url = 7: use "http://HOST/PATH"'),
    "scheme": ('[probe.a]\nurl = "ftp://a/"', '[probe.a] url = "ftp://a/": use "http'),
    "password": ('[probe.a]\nurl = "http://u:p@a/"', 'url = "http://u:p@a/": use'),
    "no port": ('[probe.a]\nurl = "tcp://a"', 'url = "tcp://a": use'),
    "port": ('[probe.a]\nurl = "tcp://a:65536"', 'url = "tcp://a:65536": use'),
    "ping port": ('[probe.a]\nurl = "ping://a:7"', 'url = "ping://a:7": use'),
    "record": ('[probe.a]\nurl = "dns://a/b?type=X"', 'url = "dns://a/b?type=X": use'),
    "label": (f'[probe.a]\nurl = "dns://a/{"x" * 64}"', "[probe.a] url = "),
    "two lines": ('[probe.a]\nurl = "http://a/\\r\\nX: y"', "[probe.a] url = "),
    "long": (f'[probe.a]\nurl = "http://a/{"x" * 300}"', "[probe.a] url = "),
    "key": ("[probe.a]\nport = 1\n" + GOOD, "[probe.a] port = 1: use url, every, timeout"),
    "every": ('[probe.a]\nevery = "1ms"\n' + GOOD, 'every = "1ms": use a duration from 1s'),
    "timeout": ("[probe.a]\ntimeout = 5\n" + GOOD, "timeout = 5: use a duration from 100ms"),
    "method": ('[probe.a]\nmethod = "POST"\n' + GOOD, 'method = "POST": use "GET" or "HEAD"'),
    "other": ("[probe.a]\ncount = 3\n" + GOOD, f"count = 3: {ONLY} ping and not for http"),
    "send": (f'[probe.a]\nurl = "tcp://a:1"\nsend = "{"x" * 1001}"', "use a text of at most 1000"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_that_says_what_would_be_right(tmp_path: Path, name: str) -> None:
    text, wanted = MISTAKES[name]
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    (line,) = caught.value.mistakes
    assert line.startswith(f"{tmp_path}/agent.toml: ")
    assert wanted in line
    assert "\n" not in line


def test_all_mistakes_of_all_probes_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, '[probe.a]\nurl = 7\nevery = 8\n[probe.b]\nfoo = 1\nurl = "ping://a"')
    assert len(caught.value.mistakes) == 3
