"""Grafana boards as code: English and Chinese from one source, InfluxQL only."""

from __future__ import annotations

from muster_collector.boards.board import render
from muster_collector.boards.fleet import fleet
from muster_collector.boards.tongue import CODES, Tongue

BOARDS = (fleet,)
"""Every board, in the order of their folder."""
FOLDER = "grafana/boards"


def generate() -> dict[str, str]:
    """The JSON of every board in every language, by its path in the repository."""
    files: dict[str, str] = {}
    for tongue in map(Tongue, CODES):
        for make in BOARDS:
            board = make(tongue)
            files[f"{FOLDER}/{tongue.code}/{board.name}.json"] = render(board, tongue)
    return files
