"""`muster what-if`: history under another scorecard, other weights or another estate."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from muster_collector.api import sheets
from muster_collector.cli import client, output
from muster_collector.cli.options import add_common, add_unit
from muster_collector.cli.scorecard import read_text
from muster_collector.errors import ConfigError

PATIENCE = 900.0
"""Seconds that a year of a large fleet may take on a busy machine."""


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "what-if",
        help="former scores beside what they would be under another method",
        description="Scores as they were and as they would have been, from stored hourly values.",
    )
    add_unit(parser)
    parser.add_argument("--from", dest="start", metavar="TIME", required=True)
    parser.add_argument("--to", dest="end", metavar="TIME", help="default: now")
    parser.add_argument("--step", choices=("1h", "1d"), default="1h", help="days are local days")
    parser.add_argument("--scorecard", metavar="FILE", help="a file, or a shipped one by its name")
    parser.add_argument("--weights", metavar="ID=NUMBER,...", help="of levels and indicators")
    parser.add_argument(
        "--estate",
        metavar="then|now|FILE",
        default="then",
        help="the estate that held at the time (default), today's, or one in a file (TOML or CSV)",
    )
    add_common(parser)
    parser.set_defaults(run=run, patience=PATIENCE)


def run(options: argparse.Namespace) -> int:
    """Ask, and write both series; what is not exact is said on standard error."""
    query: dict[str, Any] = {
        "from": options.start,
        "to": options.end,
        "step": options.step,
        "level": options.level,
        "id": options.id,
        "estate": options.estate,
        "weight": _weights(options.weights),
    }
    if options.estate not in ("then", "now"):
        answer = _other_estate(options, query)
    elif options.scorecard:
        text = read_text(options.scorecard).encode()
        answer = client.post(options, "backcast", text, "application/toml", **query)
    else:
        answer = client.get(options, "backcast", **query)
    if answer["missing"]:
        print(f"muster: no stored values: {', '.join(answer['missing'])}", file=sys.stderr)
    rows = sheets.backcast(answer)
    left_out = "date" if options.step == "1h" else "time" if options.format == "table" else ""
    columns = [name for name in sheets.BACKCAST if name != left_out]
    output.write(rows, columns, options)
    return 0


def _other_estate(options: argparse.Namespace, query: dict[str, Any]) -> Any:
    """Ask with an estate of the planner's own."""
    from muster_collector.estate import load

    if options.scorecard:
        raise ConfigError("--estate FILE: one change at a time, leave out --scorecard")
    path = Path(options.estate)
    # Checked here, where its name is known.
    load(path)
    media = "text/csv" if path.suffix.lower() == ".csv" else "application/toml"
    del query["estate"]
    return client.post(options, "backcast/estate", path.read_bytes(), media, **query)


def _weights(text: str | None) -> list[str] | None:
    if text is None:
        return None
    pairs = [pair.strip() for pair in text.split(",")]
    for pair in pairs:
        if "=" not in pair:
            raise ConfigError(f"--weights {pair}: write ID=NUMBER")
    return [pair.replace("=", ":", 1) for pair in pairs]
