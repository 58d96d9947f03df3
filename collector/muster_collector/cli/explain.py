"""`muster explain`: why a score is what it is, in points that sum to what is missing from 100."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

from muster_collector.cli import client, output
from muster_collector.cli.readiness import LEVELS

COLUMNS = ("part", "id", "score", "lost", "value", "unit", "coverage", "why")


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "explain",
        help="which indicators and members cost a unit how many points",
        description="Points lost by pillar, indicator and member; they sum to 100 - score.",
    )
    parser.add_argument("--level", choices=LEVELS, default="fleet")
    parser.add_argument("--id", default="fleet")
    parser.add_argument("--at", metavar="TIME", help="the window that ended last before this time")
    client.add_options(parser)
    output.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask, and write a row for the unit and each of its parts."""
    answer = client.get(options, "explain", level=options.level, id=options.id, at=options.at)
    output.write(list(_rows(answer)), COLUMNS, options)
    return 0


def _rows(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield {**answer, "part": answer["level"]}
    for pillar in _costliest(answer["pillars"]):
        yield {**pillar, "part": "pillar"}
        for indicator in _costliest(pillar["indicators"]):
            yield {**indicator, "part": "indicator"}
    for member in answer["members"]:
        yield {**member, "part": "member"}


def _costliest(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By points lost, those without a score last."""
    return sorted(parts, key=lambda part: (part["lost"] is None, -(part["lost"] or 0.0)))
