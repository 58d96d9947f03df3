"""`muster score`: the engine on any table, without server or store; or on live places."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muster_collector.cli import client, output
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
    output.add_options(parser)
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
    parser.add_argument(
        "--sensitivity",
        action="store_true",
        help="instead of scores, the share of each weight and each set of thresholds in the"
        " uncertainty of the ranking: first and total order",
    )
    parser.add_argument(
        "--samples", type=int, default=256, metavar="N", help="of the sensitivity (default 256)"
    )
    parser.add_argument("--seed", type=int, default=1, help="of draws and samples (default 1)")
    client.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read, score, write."""
    from muster_collector.readiness import export, score

    card = read_card(options.scorecard)
    units, values = _live(card, options) if options.live else _table(card, options)
    firm = _varied(card, values, options) if options.draws else None
    if options.sensitivity:
        _sensitivity(card, values, options)
        return 0
    scores = score(card, values)
    if options.format in ("table", "json"):
        text = export.as_table if options.format == "table" else export.as_json
        output.deliver(text(units, scores, firm).encode(), options)
    else:
        output.write(export.rows(units, scores, firm), export.columns(card, firm), options)
    return 0


def _sensitivity(card: Scorecard, values: Any, options: argparse.Namespace) -> None:
    """Which weights and thresholds move the ranking, the one that matters most first."""
    import numpy as np

    from muster_collector.readiness.sensitivity import rank_sensitivity

    if not (8 <= options.samples <= 4096 and options.seed >= 0):
        raise ConfigError("--samples: use 8 to 4096, and a --seed of 0 or more")
    rng = np.random.default_rng(options.seed)
    inputs, found = rank_sensitivity(card, values, rng, samples=options.samples)
    rows = [
        {"kind": one.kind, "id": one.id, "first": float(first), "total": float(total)}
        for one, first, total in zip(inputs, found.first, found.total, strict=True)
    ]
    rows.sort(key=lambda row: (-float(str(row["total"])), str(row["id"])))
    output.write(rows, ("kind", "id", "first", "total"), options)


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
