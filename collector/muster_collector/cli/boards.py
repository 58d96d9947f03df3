"""`muster boards`: write the Grafana boards, or name those of a folder that differ from them."""

from __future__ import annotations

import argparse
from pathlib import Path

from muster_collector.errors import MusterError


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser("boards", help="Grafana boards: build the JSON, or check it")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, action, text in (
        ("build", build, "write every board, in English and Chinese, below a folder"),
        ("check", check, "exit with 1 if a board below the folder is missing or differs"),
    ):
        sub = actions.add_parser(name, help=text, description=text)
        sub.add_argument(
            "folder",
            nargs="?",
            type=Path,
            default=Path("grafana/boards"),
            help="default: grafana/boards",
        )
        sub.set_defaults(run=action)


def build(options: argparse.Namespace) -> int:
    """Write the boards that are missing or differ, and name them."""
    from muster_collector.boards import boards

    for name, content in boards().items():
        file: Path = options.folder / name
        if _same(file, content):
            continue
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content, encoding="utf-8")
        except OSError as error:
            raise MusterError(f"{file}: {error.strerror}: choose a folder you may write") from error
        print(f"{file}: written")
    return 0


def check(options: argparse.Namespace) -> int:
    """Name the boards that `build` would write."""
    from muster_collector.boards import boards

    stale = [
        options.folder / name
        for name, content in boards().items()
        if not _same(options.folder / name, content)
    ]
    for file in stale:
        print(f"{file}: {'differs' if file.exists() else 'missing'}, run muster boards build")
    return int(bool(stale))


def _same(file: Path, content: str) -> bool:
    try:
        return file.read_text(encoding="utf-8") == content
    except (OSError, UnicodeDecodeError):
        return False
