"""`muster score`: the engine on any table, without server or store; or on live places."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muster_collector.cli import client
from muster_collector.cli.scorecard import read_card, read_text
from muster_collector.errors import ConfigError

if TYPE_CHECKING:
    from muster_collector.readiness import Scorecard
    from muster_collector.readiness.robustness import Robustness


def add(commands: Any) -> None:
    """Add the command and its options."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "score",
        help="score a table of your own with a scorecard",
        description="Score a table, or with --live the places of a running collector. In a CSV the"
        " first column names the units, each other column is named "
        "after an indicator of the scorecard. Empty cells are missing data.",
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--data", metavar="FILE", help="a CSV, - for stdin")
    what.add_argument(
        "--live",
        choices=("fleet", "region", "district", "site"),
        help="places of a running collector: its scores and imported figures as the card says",
    )
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
    client.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read, score, write."""
    from muster_collector.readiness import export, score

    card = read_card(options.scorecard)
    units, values = _live(card, options) if options.live else _table(card, options)
    formats = {"table": export.as_table, "csv": export.as_csv, "json": export.as_json}
    firm = _varied(card, values, options) if options.draws else None
    text = formats[options.format](units, score(card, values), firm)
    if options.output:
        _write(options.output, text)
    else:
        sys.stdout.write(text)
    return 0


def _table(card: Scorecard, options: argparse.Namespace) -> tuple[Sequence[str], Any]:
    """Units and values of a CSV."""
    from muster_collector.readiness import table

    origin = "standard input" if options.data == "-" else options.data
    data = sys.stdin.buffer.read() if options.data == "-" else _read(options.data)
    read = table.parse(data, origin, card, encoding=options.encoding, partial=options.partial)
    if read.ignored:
        print(f"muster: {origin}: no indicator for {', '.join(read.ignored)}", file=sys.stderr)
    return read.units, read.values


def _live(card: Scorecard, options: argparse.Namespace) -> tuple[Sequence[str], Any]:
    """Units and values that a collector has; the same engine then scores them here."""
    import numpy as np

    text = read_text(options.scorecard).encode()
    answer = client.post(options, "score", text, "application/toml", level=options.live)
    names = [node.id for node in card.indicators]
    rows = [[unit["indicators"][name]["value"] for name in names] for unit in answer["units"]]
    values = np.array(rows, dtype=np.float64).reshape(len(rows), len(names))
    return [unit["unit"] for unit in answer["units"]], values


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
