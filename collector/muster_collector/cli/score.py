"""`muster score`: the engine on any table, without server or store."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muster_collector.cli.scorecard import read_card
from muster_collector.errors import ConfigError

if TYPE_CHECKING:
    from muster_collector.readiness import Scorecard
    from muster_collector.readiness.robustness import Robustness


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "score",
        help="score a table of your own with a scorecard",
        description="Score a CSV: the first column names the units, each other column is named "
        "after an indicator of the scorecard. Empty cells are missing data.",
    )
    parser.add_argument("--data", required=True, metavar="FILE", help="a CSV, - for stdin")
    parser.add_argument(
        "--scorecard", metavar="FILE", help="the scorecard, or the name of a shipped one"
    )
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table")
    parser.add_argument("--output", metavar="FILE", help="write there instead of to the screen")
    parser.add_argument("--encoding", default="", help="of the table, when it is not UTF-8")
    parser.add_argument(
        "--partial", action="store_true", help="indicators without a column count as missing"
    )
    parser.add_argument(
        "--draws",
        type=int,
        default=0,
        metavar="N",
        help="vary weights and thresholds at random N times: intervals of ranks and scores",
    )
    parser.add_argument("--seed", type=int, default=1, help="of the draws (default 1)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read, score, write."""
    from muster_collector.readiness import export, score, table

    card = read_card(options.scorecard)
    origin = "standard input" if options.data == "-" else options.data
    data = sys.stdin.buffer.read() if options.data == "-" else _read(options.data)
    read = table.parse(data, origin, card, encoding=options.encoding, partial=options.partial)
    if read.ignored:
        print(f"muster: {origin}: no indicator for {', '.join(read.ignored)}", file=sys.stderr)
    formats = {"table": export.as_table, "csv": export.as_csv, "json": export.as_json}
    firm = _varied(card, read.values, options) if options.draws else None
    text = formats[options.format](read.units, score(card, read.values), firm)
    if options.output:
        _write(options.output, text)
    else:
        sys.stdout.write(text)
    return 0


def _varied(card: Scorecard, values: Any, options: argparse.Namespace) -> Robustness:
    import numpy as np

    from muster_collector.readiness.robustness import robustness

    if not (0 < options.draws <= 100_000 and options.seed >= 0):
        raise ConfigError("--draws: use 1 to 100000, and a --seed of 0 or more")
    return robustness(card, values, np.random.default_rng(options.seed), draws=options.draws)


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def _write(path: str, text: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error
