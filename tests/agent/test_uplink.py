"""The agent against a real broker, with an independent client in the collector's place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agent.peer import Agent, centre, until

from servers import Mosquitto


@pytest.fixture
def agents(tmp_path: Path) -> Iterator[Any]:
    """Makes agents by node name; none outlives the test."""
    made: list[Agent] = []

    def make(name: str, url: str, **settings: Any) -> Agent:
        made.append(Agent(tmp_path / name, url, **settings))
        return made[-1]

    yield make
    for agent in made:
        agent.kill()


async def test_it_ends_with_status_0_once_every_report_is_acked(
    mosquitto: Mosquitto, agents: Any
) -> None:
    async with centre(mosquitto.port, "counted") as one:
        one.auto = True
        agent = agents("counted", mosquitto.url).start("--count", "5")
        await one.got(5)
        assert agent.wait() == 0
        await until(lambda: len(one.statuses) == 2)
    assert one.seqs == [0, 1, 2, 3, 4]
    assert [(s["state"], s["reason"]) for s in one.statuses] == [
        ("online", ""),
        ("offline", "stopped"),
    ]
    assert one.births[0]["next"] in (0, 1)
