"""Options that commands share: which unit, which units over which time."""

from __future__ import annotations

import argparse

from muster_collector.cli import client, output

LEVELS = ("node", "site", "district", "region", "fleet")


def add_unit(parser: argparse.ArgumentParser) -> None:
    """Declare one unit of a level."""
    parser.add_argument("--level", choices=LEVELS, default="fleet")
    parser.add_argument("--id", default="fleet")


def add_units(parser: argparse.ArgumentParser, *, level: str) -> None:
    """Declare some or all units of a level."""
    parser.add_argument("--level", choices=LEVELS, default=level)
    parser.add_argument("--id", action="append", help="only this unit; may be repeated")


def add_range(parser: argparse.ArgumentParser, *, step: str) -> None:
    """Declare a range of time in steps."""
    parser.add_argument("--from", dest="start", metavar="TIME", help="2026-03-01 or now-7d")
    parser.add_argument("--to", dest="end", metavar="TIME", help="default: now")
    parser.add_argument("--step", metavar="STEP", help=step)
    parser.add_argument("--zone", metavar="NAME", help="time zone of days (default: the estate's)")


def add_common(parser: argparse.ArgumentParser) -> None:
    """Declare where to ask, and what form the answer takes."""
    client.add_options(parser)
    output.add_options(parser)
