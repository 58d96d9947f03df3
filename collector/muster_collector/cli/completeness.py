"""`muster completeness`: what became of every report, of any node or place, in any time."""

from __future__ import annotations

import argparse
from typing import Any

from muster_collector.cli import client, output
from muster_collector.cli.options import add_common, add_range, add_units

NODE = ("id", "site", "account", "state", "last_report", "silent_since")
PLACE = (
    "id", "nodes", "nodes_healthy", "nodes_late", "nodes_refused", "nodes_silent", "never_seen",
)  # fmt: skip
SO_FAR = (
    "expected", "stored", "late", "duplicate", "refused", "lost", "missing", "complete", "reasons",
)  # fmt: skip
RANGE = (*SO_FAR[:-2], "down", "silent", "moved", "complete", "reasons")
ROWS = 100_000


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "completeness",
        help="what became of every report",
        description="What became of every report: since each node's first one, or of a range of "
        "time. Ranges are widened to whole five minutes, to hours if they begin over 3 days ago.",
    )
    add_units(parser, level="node")
    parser.add_argument("--site", help="nodes of this site only")
    parser.add_argument("--node", help="this node only")
    add_range(parser, step="a row for each 1h; days (1d) are local days")
    add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask a running collector."""
    answer = client.get(
        options,
        "completeness",
        level=options.level,
        id=options.id,
        site=options.site,
        node=options.node,
        **{"from": options.start},
        to=options.end,
        step=options.step,
        zone=options.zone,
        limit=ROWS,
    )
    ranged = options.start or options.end or options.step
    columns = (NODE if options.level == "node" else PLACE) + (RANGE if ranged else SO_FAR)
    if options.step:
        columns = ("time", *columns)
    output.write(answer["rows"], columns, options)
    return 0
