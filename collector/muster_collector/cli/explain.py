"""`muster explain`: why a score is what it is, or what moved it, in points that sum."""

from __future__ import annotations

import argparse
from typing import Any

from muster_collector.api import sheets
from muster_collector.cli import client, output
from muster_collector.cli.options import add_common, add_unit
from muster_collector.errors import MusterError

CHANGE = ("part", "id", "points")
COLUMNS = ("part", "id", "score", "lost", "value", "unit", "coverage", "why")
"""For people; the other formats have all columns."""


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "explain",
        help="which indicators and members cost a unit how many points",
        description="Points lost by pillar, indicator and member, which sum to 100 - score; with"
        " --from the points that moved the score since then, which sum to the change.",
    )
    add_unit(parser)
    parser.add_argument("--at", metavar="TIME", help="the window that ended last before this time")
    parser.add_argument("--from", dest="start", metavar="TIME", help="explain the change since")
    parser.add_argument("--to", dest="end", metavar="TIME", help="the change up to (default: now)")
    parser.add_argument(
        "--estate",
        choices=("then", "now"),
        default="then",
        help="the estate that held at the time (default), or today's",
    )
    add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask, and write a row for the unit and each of its parts."""
    if options.start is not None:
        return _change(options)
    answer = client.get(
        options,
        "explain",
        level=options.level,
        id=options.id,
        at=options.at,
        estate=options.estate,
    )
    columns = COLUMNS if options.format == "table" else sheets.EXPLAINED
    output.write(list(sheets.explained(answer)), columns, options)
    return 0


def _change(options: argparse.Namespace) -> int:
    """What moved the score, the greatest first."""
    span = {"from": options.start, "to": options.end, "estate": options.estate}
    answer = client.get(options, "change", level=options.level, id=options.id, **span)
    if answer["change"] is None:
        raise MusterError(f"{options.level} {options.id}: {answer['why']}")
    columns = CHANGE if options.format == "table" else sheets.MOVED
    output.write(sheets.moved(answer), columns, options)
    return 0
