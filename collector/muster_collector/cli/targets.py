"""`muster targets list|status|import|figures`: dated targets, and figures from outside for them."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path
from typing import Any

from muster_collector.cli import client, output
from muster_collector.errors import ConfigError

COLUMNS = (
    "level", "id", "part", "name", "name_zh", "target", "due", "status", "score", "gap",
    "pace_needed", "pace_seen", "earliest", "likely", "latest", "probability", "days",
    "unit", "source", "as_of",
)  # fmt: skip
FOR_PEOPLE = (
    "level", "id", "part", "target", "unit", "due", "status", "score", "gap", "likely",
    "probability",
)  # fmt: skip
SET = (
    "level", "id", "part", "target", "unit", "direction", "due", "name", "name_zh", "source",
)  # fmt: skip
FIGURES = ("indicator", "source", "date", "value", "unit")


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
    listed = actions.add_parser(
        "list",
        help="the targets that are set",
        description="Every target of the estate file, without judging it.",
    )
    figures = actions.add_parser(
        "figures",
        help="the figures that were imported",
        description="Imported figures by indicator, source and day.",
    )
    for parser, what in ((listed, run_list), (figures, run_figures)):
        client.add_options(parser)
        output.add_options(parser)
        parser.set_defaults(run=what)
    bring = actions.add_parser(
        "import",
        help="bring figures from outside (CSV)",
        description="Import a CSV with the columns year or date, indicator, value, unit, source:"
        " all of it, or nothing and the row and column that is wrong. Again replaces.",
    )
    bring.add_argument("file", type=Path)
    bring.add_argument("--encoding", default="", help="of the file, when it is not UTF-8 or UTF-16")
    client.add_options(bring)
    bring.set_defaults(run=run_import)


def run(options: argparse.Namespace) -> int:
    """Ask, and write the rows."""
    answer = client.get(options, "targets", days=options.days)
    columns = FOR_PEOPLE if options.format == "table" else COLUMNS
    output.write(answer["rows"], columns, options)
    return 0


def run_list(options: argparse.Namespace) -> int:
    """What the estate sets."""
    estate = client.get(options, "estate")
    output.write([_set(target) for target in estate.get("targets", [])], SET, options)
    return 0


def _set(target: dict[str, Any]) -> dict[str, Any]:
    """A target of the estate in the columns that `status` has too."""
    if target.get("indicator"):
        about = {"level": "imported", "id": target["indicator"], "part": "value"}
        return {**target, **about, "target": target["value"]}
    return {**target, "target": target["score"], "unit": "points"}


def run_figures(options: argparse.Namespace) -> int:
    """What was imported."""
    output.write(client.get(options, "figures")["rows"], FIGURES, options)
    return 0


def run_import(options: argparse.Namespace) -> int:
    """Check the file here, where its name is known, then send it."""
    from muster_collector.readiness import table
    from muster_collector.scoring import figures

    try:
        content = options.file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{options.file}: {error.strerror}") from error
    if options.encoding:
        content = table.decoded(content, str(options.file), options.encoding).encode()
    figures.parse(content, str(options.file), today=dt.datetime.now(dt.UTC).date())
    answer = client.post(options, "figures", content, "text/csv")
    print(f"{answer['imported']} figures, {answer['replaced']} of them replaced")
    return 0
