"""`muster readiness`: scores of any level, now or over time, from a running collector."""

from __future__ import annotations

import argparse
from typing import Any

from muster_collector.cli import client, output

LEVELS = ("node", "site", "district", "region", "fleet")
COLUMNS = (
    "time", "level", "id", "site", "district", "region", "score", "low", "high", "coverage",
    "grade", "scored", "planned", "p10", "worst", "why", "method",
)  # fmt: skip
FOR_PEOPLE = ("time", "id", "score", "low", "high", "coverage", "grade", "scored", "planned", "why")
ROWS = 100_000


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "readiness",
        help="scores by node, site, district, region or fleet",
        description="Scores from a running collector: the newest, or those of a range of time.",
    )
    parser.add_argument("--level", choices=LEVELS, default="fleet")
    parser.add_argument("--id", action="append", help="only this unit; may be repeated")
    parser.add_argument("--from", dest="start", metavar="TIME", help="2026-03-01 or now-7d")
    parser.add_argument("--to", dest="end", metavar="TIME", help="default: now")
    parser.add_argument("--at", metavar="TIME", help="as it stood at a time")
    parser.add_argument(
        "--step", metavar="DURATION", help="means over steps: 1h; days (1d) are local days"
    )
    parser.add_argument("--zone", metavar="NAME", help="time zone of days (default: the estate's)")
    client.add_options(parser)
    output.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask, and write the rows."""
    answer = client.get(
        options,
        "readiness",
        level=options.level,
        id=options.id,
        **{"from": options.start},
        to=options.end,
        at=options.at,
        step=options.step,
        zone=options.zone,
        limit=ROWS,
    )
    columns = FOR_PEOPLE if options.format == "table" else COLUMNS
    if options.step:
        columns = (*columns, "windows")
    output.write(answer["rows"], columns, options)
    return 0
