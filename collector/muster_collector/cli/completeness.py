"""`muster completeness`: for each node, what of its reports was stored, refused, late, lost."""

from __future__ import annotations

import argparse
from typing import Any

from muster_collector.cli import client, output

COLUMNS = (
    "node", "site", "online", "last_report", "silent_s",
    "stored", "duplicate", "refused", "late", "lost", "missing",
)  # fmt: skip


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "completeness",
        help="what became of every report",
        description="What became of every report of each node, since its first one.",
    )
    parser.add_argument("--site", help="nodes of this site only")
    parser.add_argument("--node", help="this node only")
    client.add_options(parser)
    output.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask a running collector."""
    answer = client.get(options, "completeness", site=options.site, node=options.node)
    output.write(answer["rows"], COLUMNS, options)
    return 0
