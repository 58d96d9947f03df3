"""The agent as a service: told to reload, watched by systemd."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agent.peer import centre, until

from muster_agent.systemd import Notifier
from muster_wire.catalogue import types
from servers import Mosquitto

UNIT = Path(__file__).resolve().parents[2] / "deploy" / "systemd" / "muster-agent.service"


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(20)
        yield listening


async def test_sighup_takes_up_a_good_configuration_and_keeps_the_old_one_otherwise(
    mosquitto: Mosquitto, agents: Any
) -> None:
    async with centre(mosquitto.port, "again") as one:
        agent = agents("again", mosquitto.url).start()
        await one.got(2)
        agent.configure(mosquitto.url, sample__every="ten")
        agent.process.send_signal(signal.SIGHUP)
        await agent.says("<3>not reloaded: ")
        assert "stopped" not in agent.log.read_text()
        assert '[sample] every = "ten": use a duration' in agent.log.read_text()
        await one.got(len(set(one.seqs)) + 2)
        agent.configure(mosquitto.url, sample__every="200ms")
        agent.process.send_signal(signal.SIGHUP)
        await until(lambda: one.reports[-1]["every"] == 0.2)
        assert {r["epoch"] for r in one.reports} == {one.reports[0]["epoch"]}
        assert await agent.stop() == 0
    contents = {(r["seq"], r["ts"]) for r in one.reports}
    assert len(contents) == len(set(one.seqs)), "no seq stands for two samples"


async def test_systemd_hears_that_it_is_ready_and_alive(
    mosquitto: Mosquitto, agents: Any, ear: socket.socket
) -> None:
    agent = agents("watched", mosquitto.url, sample__every="1h")
    agent.start(NOTIFY_SOCKET=ear.getsockname(), WATCHDOG_USEC="200000")
    assert [ear.recv(100) for _ in range(4)] == [b"READY=1", *[b"WATCHDOG=1"] * 3]
    assert await agent.stop() == 0


async def test_an_agent_tells_all_that_is_catalogued_of_itself(
    mosquitto: Mosquitto, agents: Any
) -> None:
    agent = agents("telling", mosquitto.url)
    async with centre(mosquitto.port, "telling") as one:
        agent.start()
        await one.got(2)
        assert await agent.stop() == 0
    told = [m for m in one.reports[-1]["metrics"] if m["name"] == "internal_agent"]
    catalogued = set(types()["internal_agent"]) - {"budget_used", "shed_level"}
    assert [set(m["fields"]) for m in told] == [catalogued], "and no budget where there is none"
    assert 1 << 20 < told[0]["fields"]["memory_rss"] < 1 << 28


def test_the_unit_listens_for_what_the_agent_tells() -> None:
    lines = set(UNIT.read_text().splitlines())
    assert {"Type=notify", "NotifyAccess=main", "ExecReload=/bin/kill -HUP $MAINPID"} <= lines
    assert any(line.startswith("WatchdogSec=") for line in lines)
    assert any(line.startswith("RestrictAddressFamilies=") and "AF_UNIX" in line for line in lines)


def test_without_systemd_nothing_is_told_and_nothing_is_due() -> None:
    notifier = Notifier({})
    notifier.tell("READY=1")
    notifier.alive(1e12)
    assert notifier.due == float("inf")


def test_a_watchdog_of_another_process_is_not_fed(ear: socket.socket) -> None:
    environment = {"NOTIFY_SOCKET": ear.getsockname(), "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"}
    assert Notifier(environment).due == float("inf")
