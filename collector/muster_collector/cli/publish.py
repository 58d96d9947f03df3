"""`muster publish`: readiness as an open-data package that a stranger can check and rebuild."""

from __future__ import annotations

import argparse
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muster_collector.cli import client
from muster_collector.cli.options import LEVELS
from muster_collector.errors import ConfigError

if TYPE_CHECKING:
    from muster_collector.publish.source import Source

PUBLIC = ("fleet", "region", "district", "site")
"""Levels that are published unless others are named: single machines are nobody's business."""
LICENCES = ("CC-BY-4.0", "CC0-1.0", "ODbL-1.0")


def add(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "publish",
        help="an open-data package of readiness, or a check of one",
        description="Write a Frictionless Data Package (CSV and Parquet with a data dictionary,"
        " method, licence and checksums) of local days that are over; the same store gives the"
        " same bytes.",
    )
    parser.add_argument("--from", dest="start", metavar="DAY", help="first day, as 2026-11-01")
    parser.add_argument("--to", dest="end", metavar="DAY", help="last day, included")
    parser.add_argument("--out", type=Path, metavar="DIR", help="folder to write")
    parser.add_argument(
        "--level",
        action="append",
        choices=LEVELS,
        help=f"may be repeated (default: {', '.join(PUBLIC)})",
    )
    parser.add_argument("--licence", choices=LICENCES, default=LICENCES[0])
    parser.add_argument("--check", type=Path, metavar="DIR", help="verify a package instead")
    client.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check, or gather and write."""
    if options.check is not None:
        return _check(options)
    if not (options.start and options.end and options.out):
        raise ConfigError("publish: --from, --to and --out are needed, or --check")
    from muster_collector.publish import package

    order = _order(options, make_source(options))
    files = package.build(order[1], order[0])
    package.write(files, options.out)
    print(f"{options.out}: {len(files)} files, {sum(map(len, files.values()))} bytes")
    return 0


def make_source(options: argparse.Namespace) -> Source:
    """The collector that the options name."""
    from muster_collector.publish.source import Source

    return Source(functools.partial(client.get, options))


def _order(options: argparse.Namespace, source: Source) -> tuple[Any, Source]:
    """What to publish; `ConfigError` for days that cannot be published."""
    from muster_collector.publish.calendar import Span, parse_day
    from muster_collector.publish.package import LICENCES as TERMS
    from muster_collector.publish.package import Order

    first, last = parse_day("--from", options.start), parse_day("--to", options.end)
    if first > last:
        raise ConfigError(f"--from {first}: must not be after --to {last}")
    if first.year < 1970:
        raise ConfigError(f"--from {first}: use 1970 or later")
    if last > source.last_day:
        raise ConfigError(f"--to {last}: is not over yet: use {source.last_day} or before")
    levels = [level for level in reversed(LEVELS) if level in (options.level or PUBLIC)]
    return Order(Span(first, last, source.zone), levels, TERMS[options.licence]), source


def _check(options: argparse.Namespace) -> int:
    from muster_collector.publish.check import check

    resources, rows = check(options.check)
    print(f"{options.check}: {resources} resources, {rows} rows, all as described")
    return 0
