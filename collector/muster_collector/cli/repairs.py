"""`muster repairs`: which fixes lift a place most, by indicator or by node, and by how much."""

from __future__ import annotations

import argparse
from typing import Any

from muster_collector.cli import client, output
from muster_collector.cli.options import add_common, add_unit

COLUMNS = {
    "indicator": ("indicator", "gain", "score", "nodes"),
    "node": ("node", "site", "gain", "score", "indicators"),
}


def add(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "repairs",
        help="which fixes lift a place most, and by how much",
        description="Indicators (put right on all nodes of the unit) or nodes (put right in all"
        " that they measure) by the points that the unit's score would gain, caps that fall away"
        " included; each is put right alone.",
    )
    add_unit(parser)
    parser.add_argument("--by", choices=tuple(COLUMNS), default="indicator")
    parser.add_argument("--at", metavar="TIME", help="the window that ended last before this time")
    parser.add_argument("--limit", type=int, default=100, metavar="N", help="rows (default 100)")
    add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask, and write the rows."""
    answer = client.get(
        options,
        "repairs",
        level=options.level,
        id=options.id,
        by=options.by,
        at=options.at,
        limit=options.limit,
    )
    output.write(answer["rows"], COLUMNS[options.by], options)
    return 0
