"""`muster estate check`: whether an estate file is right, and what is in it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from muster_collector.estate import Estate


def add(commands: Any) -> None:
    """Declare the command and what can be done with an estate."""
    parser = commands.add_parser("estate", help="regions, districts, sites and planned nodes")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    check = actions.add_parser(
        "check",
        help="check a file, name every fault by its place",
        description="Check an estate file, TOML or CSV; one line for each thing that is wrong.",
    )
    check.add_argument("file", type=Path)
    check.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what is wrong (status 2), or a summary."""
    from muster_collector.estate import check

    estate, findings = check(options.file)
    for line in findings:
        print(line, file=sys.stderr)
    if estate is None or findings:
        return 2
    print(summary(estate))
    return 0


def summary(estate: Estate) -> str:
    """How much of everything there is, in one line."""
    planned = sum(sum(site.planned.values()) for site in estate.sites)
    unplaced = sum(site.lat is None or site.lon is None for site in estate.sites)
    parts = [
        f"{len(estate.regions)} regions",
        f"{len(estate.districts)} districts",
        f"{len(estate.sites)} sites",
        f"{planned} planned nodes",
    ]
    parts += [f"{unplaced} sites without coordinates"] if unplaced else []
    return ", ".join(parts) + (" (an example)" if estate.example else "")
