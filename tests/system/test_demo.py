"""`muster demo` as its user starts it: each broker, a busy port, Ctrl-C, a killed parent."""

from __future__ import annotations

import importlib.util
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from servers import free_port, program

LIMIT = 60.0


def start(data: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "muster_collector", "demo", "--data", str(data)]
    return subprocess.Popen(
        [*command, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {LIMIT:.0f} s: {what}")
        time.sleep(0.02)


def processes_of(data: Path) -> list[str]:
    """Command lines of living processes that work in that directory."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(data) in line:
            found.append(line)
    return found


def fleet_rows(port: int) -> list[dict[str, Any]]:
    """The fleet's newest score; none while there is no page yet."""
    url = f"http://127.0.0.1:{port}/api/v1/readiness?level=fleet"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            rows: list[dict[str, Any]] = json.load(answer)["rows"]
    except OSError:
        return []
    return rows


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A directory that the broker can read after it gave up root; nothing may be left in it."""
    tmp_path.chmod(0o755)
    yield tmp_path
    assert processes_of(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("broker", ["mosquitto", "iotcore"])
def test_it_ends_by_itself_with_an_account(data: Path, broker: str) -> None:
    if broker == "mosquitto":
        program("mosquitto")
    elif not importlib.util.find_spec("iotcore"):
        pytest.skip("iotcore is not installed: the extra 'demo' brings it")
    port, file = free_port(), data / "summary.json"
    demo = start(
        data, "--for", "12s", "--simulate", "5", "--port", str(port), "--json", str(file),
        "--broker", broker,
    )  # fmt: skip
    output, errors = demo.communicate(timeout=LIMIT)
    assert demo.returncode == 0, errors
    assert f"page        http://127.0.0.1:{port}" in output
    assert broker in output
    summary = json.loads(file.read_text())
    assert set(summary) == {"reports", "nodes", "fleet", "peak_rss_mb", "url"}
    reports = summary["reports"]
    assert set(reports) == {"made", "stored", "duplicate", "refused", "lost"}
    assert reports["stored"] == reports["made"] > 5
    assert reports["refused"] == reports["lost"] == 0
    assert summary["nodes"] == 6
    assert summary["url"] == f"http://127.0.0.1:{port}"
    assert 20 < summary["peak_rss_mb"] < 2000
    fleet = summary["fleet"]
    assert set(fleet) == {"score", "low", "high", "coverage"}
    assert 0 <= fleet["low"] <= fleet["score"] <= fleet["high"] <= 100
    assert 0 < fleet["coverage"] <= 1


@pytest.mark.slow
def test_this_machine_is_scored_while_it_runs_and_ctrl_c_ends_it(data: Path) -> None:
    port = free_port()
    demo = start(data, "--port", str(port))
    try:
        until(lambda: any(row["score"] is not None for row in fleet_rows(port)), "a score")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as page:
            assert b"<html" in page.read()
        for path in ("/healthz", "/readyz", "/metrics", "/api/v1/openapi.json"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                assert answer.status == 200, path
    finally:
        demo.send_signal(signal.SIGINT)
    output, errors = demo.communicate(timeout=LIMIT)
    assert demo.returncode == 0, errors
    assert "0 refused, 0 lost" in output
    assert "Traceback" not in errors


def test_a_busy_port_is_named_with_what_to_pass_instead(data: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        demo = start(data, "--port", str(port))
        _, errors = demo.communicate(timeout=LIMIT)
    assert demo.returncode == 1
    (line,) = errors.splitlines()
    assert f"port {port} cannot be used" in line
    assert "--port" in line
    assert 'make demo ARGS="--port' in line


def test_a_killed_demo_takes_its_processes_with_it(data: Path) -> None:
    port = free_port()
    demo = start(data, "--port", str(port), "--simulate", "2")
    until(lambda: bool(fleet_rows(port)), "the page")
    demo.kill()
    demo.communicate()
    until(lambda: processes_of(data) == [], "its children are gone too")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--for", "soon"], "is not a duration"),
        (["--broker", "rabbit"], "invalid choice"),
        (["--json", "no/such/folder/file", "--for", "1s"], "--json no/such/folder/file"),
    ],
)
def test_wrong_usage_is_one_clear_line(data: Path, arguments: list[str], words: str) -> None:
    demo = start(data, *arguments, "--port", str(free_port()))
    _, errors = demo.communicate(timeout=LIMIT)
    assert demo.returncode == 2
    assert words in errors.splitlines()[-1]
