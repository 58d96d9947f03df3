"""What the agent's tests share: fake machines, and the flag that rewrites golden files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from agent.peer import Agent
from hosts.machine import Machine, make

FLAG = "--update-golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(FLAG, action="store_true", help="write the golden files of tests/hosts anew")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written instead of compared."""
    return bool(request.config.getoption(FLAG, default=False))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Callable[[str], Machine]]:
    """Makes copies of fixture machines by name."""
    made: list[Machine] = []

    def of(name: str) -> Machine:
        made.append(make(name, tmp_path))
        return made[-1]

    yield of
    for one in made:
        one.host.close()


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
