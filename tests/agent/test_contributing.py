"""The example of a sensor in CONTRIBUTING.md works as it stands there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hosts.machine import Machine

PAGE = Path(__file__).resolve().parents[2] / "CONTRIBUTING.md"
BLOCK = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)


def test_the_example_gives_the_line_that_is_shown(machine: Callable[[str], Machine]) -> None:
    page = PAGE.read_text()
    blocks = BLOCK.findall(page[page.index("## Add a sensor") : page.index("## Add an indicator")])
    code = next(text for language, text in blocks if language == "python" and "class " in text)
    file, golden = (text for language, text in blocks if not language)
    space: dict[str, Any] = {}
    exec(compile(code, "CONTRIBUTING.md", "exec"), space)  # noqa: S102 - our own page
    one = machine("vm")
    one.write("proc/sys/fs/inode-nr", file)
    (metric,) = space["Inodes"](one.host).read()
    assert [metric.name, metric.tags, metric.fields] == json.loads(golden)
