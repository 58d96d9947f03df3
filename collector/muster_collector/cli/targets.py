"""`muster targets status`: gap, pace, likely date and chance of every dated target."""

from __future__ import annotations

import argparse
from typing import Any

from muster_collector.cli import client, output

COLUMNS = (
    "level", "id", "part", "name", "name_zh", "target", "due", "status", "score", "gap",
    "pace_needed", "pace_seen", "earliest", "likely", "latest", "probability", "days",
)  # fmt: skip
FOR_PEOPLE = (
    "level", "id", "part", "target", "due", "status", "score", "gap", "likely", "probability",
)  # fmt: skip


def add(commands: Any) -> None:
    """Declare the command and what can be asked of targets."""
    parser = commands.add_parser("targets", help="dated targets and the chance to reach them")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    status = actions.add_parser(
        "status",
        help="gap, pace and likely date of every target",
        description="Every target of the estate file, judged by the stored days of its score.",
    )
    status.add_argument("--days", type=int, default=180, help="days of history to judge by")
    client.add_options(status)
    output.add_options(status)
    status.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask, and write the rows."""
    answer = client.get(options, "targets", days=options.days)
    columns = FOR_PEOPLE if options.format == "table" else COLUMNS
    output.write(answer["rows"], columns, options)
    return 0
