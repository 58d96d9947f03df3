"""Every command that boards, runbooks and guides tell people to type exists, with its options."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from muster_agent.cli import main as agent
from muster_collector.cli import main as centre

ROOT = Path(__file__).resolve().parents[2]
FILES = (
    *sorted((ROOT / "grafana" / "boards").glob("*/*.json")),
    *sorted((ROOT / "docs" / "runbooks").glob("*.md")),
    ROOT / "docs" / "guides" / "deploy.md",
    ROOT / "docs" / "guides" / "grafana.md",
)
COMMAND = re.compile(r"(?:`|/opt/muster/bin/)(muster(?:-agent)?) ([a-z][^`\n]*)")
PROGRAMS: dict[str, Callable[[list[str]], int]] = {"muster": centre, "muster-agent": agent}


def commands() -> list[tuple[str, str]]:
    return sorted({match for file in FILES for match in COMMAND.findall(file.read_text("utf-8"))})


@pytest.mark.parametrize(("name", "text"), commands(), ids=lambda text: str(text)[:40])
def test_it_exists(name: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = text.split(" | ", maxsplit=1)[0].split()
    actions = [word for word in words if re.fullmatch(r"[a-z]+", word)][:2]
    if name == "muster-agent" or words[1:2] != actions[1:2]:
        actions = actions[:1]
    with pytest.raises(SystemExit) as ended:
        PROGRAMS[name]([*actions, "--help"])
    shown = capsys.readouterr()
    assert ended.value.code == 0, shown.err
    for option in re.findall(r"--[a-z-]+", text):
        assert option in shown.out
