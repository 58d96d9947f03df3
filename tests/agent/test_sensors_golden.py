"""Every fixture machine gives exactly its golden output at its second sample."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hosts.machine import HOSTS, Machine, golden_text, names, two_samples


@pytest.mark.parametrize("name", names())
def test_machine_gives_its_golden_output(
    name: str, machine: Callable[[str], Machine], update_golden: bool
) -> None:
    file = HOSTS / f"{name}.golden.json"
    text = golden_text(two_samples(machine(name)))
    if update_golden:
        file.write_text(text)
    assert text == file.read_text(), "if it is meant: pytest tests/agent --update-golden"
