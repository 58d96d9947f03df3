"""Grafana boards as code: in English and Chinese, InfluxQL only."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # The SDK warns when its classic boards are imported; they are what every Grafana provisions.
    warnings.simplefilter("ignore", DeprecationWarning)
    from muster_collector.boards.capacity import capacity
    from muster_collector.boards.circulation import circulation
    from muster_collector.boards.completeness import completeness
    from muster_collector.boards.fleet import fleet
    from muster_collector.boards.kit.board import render
    from muster_collector.boards.kit.tongue import CODES, Tongue
    from muster_collector.boards.noc import noc
    from muster_collector.boards.node import node
    from muster_collector.boards.readiness import readiness
    from muster_collector.boards.services import services
    from muster_collector.boards.site import site

BOARDS = (noc, fleet, readiness, site, node, completeness, circulation, services, capacity)
"""Every board, in the order of their folder."""
FOLDER = "grafana/boards"


def boards() -> dict[str, str]:
    """The JSON of every board in every language, by its path below the folder of boards."""
    files: dict[str, str] = {}
    for tongue in map(Tongue, CODES):
        for make in BOARDS:
            board = make(tongue)
            files[f"{tongue.code}/{board.name}.json"] = render(board, tongue)
    return files


def generate() -> dict[str, str]:
    """The boards by their paths in the repository."""
    return {f"{FOLDER}/{name}": content for name, content in boards().items()}
