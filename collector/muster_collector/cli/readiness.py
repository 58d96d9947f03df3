"""`muster readiness`: scores of any level, now or over time, from a running collector."""

from __future__ import annotations

import argparse
from typing import Any

from muster_collector.cli import client, output
from muster_collector.cli.options import add_common, add_range, add_units
from muster_collector.errors import ConfigError

PLACES = ("region", "district", "site")
WHOLE = ("csv", "parquet", "xlsx")
"""Files that the collector makes whole, hundreds of thousands of rows at once."""
COLUMNS = (
    "time", "level", "id", "site", "district", "region", "score", "low", "high", "coverage",
    "grade", "scored", "planned", "p10", "worst", "why", "method",
)  # fmt: skip
FOR_PEOPLE = ("time", "id", "score", "low", "high", "coverage", "grade", "scored", "planned", "why")
STEPS = ("windows", "expected", "least", "most")
GROUPS = ("id", "score", "low", "high", "coverage", "grade", "scored", "planned", "p10", "worst",
          "why")  # fmt: skip


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "readiness",
        help="scores by node, site, district, region, fleet, sector or role",
        description="Scores from a running collector: the newest, or those of a range of time.",
    )
    add_units(parser, level="fleet")
    for place in PLACES:
        parser.add_argument(
            f"--{place}", action="append", metavar="ID", help=f"only in this {place}"
        )
    parser.add_argument(
        "--by",
        choices=("sector", "role"),
        help="sites by sector or nodes by role, instead of a level",
    )
    parser.add_argument("--at", metavar="TIME", help="as it stood at a time")
    parser.add_argument(
        "--known", metavar="TIME", help="a range as it was known then, before late data came"
    )
    parser.add_argument(
        "--fields", metavar="NAMES", help="columns beside time and id, as score,low,high"
    )
    add_range(parser, step="means: 1h, and local days, weeks, months as 1d, 1w, 1mo")
    add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask, and write the rows."""
    if options.by:
        return _groups(options)
    wanted = {"level": options.level, "id": options.id, "from": options.start, "to": options.end}
    wanted |= {place: getattr(options, place) for place in PLACES}
    wanted |= {name: getattr(options, name) for name in ("at", "known", "step", "zone", "fields")}
    if options.format in WHOLE:
        output.check(options)
        made = client.file(options, "readiness", **wanted, format=options.format)
        output.deliver(made, options)
        return 0
    rows = client.rows(options, "readiness", **wanted)
    columns: tuple[str, ...] = FOR_PEOPLE if options.format == "table" else COLUMNS
    if options.step:
        # Steps are means: they have no 10th percentile, and no one reason.
        kept = tuple(name for name in columns if name not in ("p10", "worst", "why"))
        columns = (*kept, *(STEPS[:1] if options.format == "table" else STEPS))
    if rows and "date" in rows[0]:
        without = columns[1:] if options.format == "table" else columns
        columns = ("date", *without)
    if options.fields:
        chosen = {name.strip() for name in options.fields.split(",")}
        chosen |= {"id", "date" if "date" in columns else "time"}
        columns = tuple(name for name in ("date", *COLUMNS, *STEPS) if name in chosen)
    output.write(rows, columns, options)
    return 0


def _groups(options: argparse.Namespace) -> int:
    given = (options.id, options.start, options.end, options.step, options.known, options.zone,
             options.fields)  # fmt: skip
    if any(given) or options.region or options.district or options.site:
        raise ConfigError("--by: stands beside --at only: now, or as it stood at a time")
    answer = client.get(options, "groups", by=options.by, at=options.at)
    output.write(answer["rows"], GROUPS, options)
    return 0
