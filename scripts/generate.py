"""Writes every generated file of the repository, or with --check names those that are stale."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GENERATORS: tuple[str, ...] = (
    "decisions:index",
    "muster_collector.api.reference:pages",
    "muster_collector.alerts.grafana:generate",
    "muster_collector.boards:generate",
    "muster_collector.cli.scorecard:pages",
    "reference:metrics",
    "reference:sensors",
    "muster_agent.reference:generate",
    "muster_collector.config_reference:generate",
    "muster_collector.internal:generate",
)
"""Functions as `module:function`, each returning relative path -> content."""


def generated() -> dict[str, str]:
    """Every generated file, by its path in the repository."""
    files: dict[str, str] = {}
    for name in GENERATORS:
        module, function = name.split(":")
        make: Callable[[], Mapping[str, str]] = getattr(importlib.import_module(module), function)
        files.update(make())
    return files


def main() -> int:
    """Write or check; exit status 1 when something is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, name stale files")
    check = parser.parse_args().check
    stale = 0
    for path, content in generated().items():
        file = ROOT / path
        if file.exists() and file.read_text(encoding="utf-8") == content:
            continue
        stale += 1
        print(f"{path}: {'stale, run make generate' if check else 'written'}")
        if not check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
    return int(check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
