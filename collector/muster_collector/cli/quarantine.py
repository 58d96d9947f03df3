"""`muster quarantine list|show`: what was refused, why, and its bytes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from muster_collector.api.times import iso
from muster_collector.cli import output
from muster_collector.errors import MusterError

DATA = Path("/var/lib/muster-collector")


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("quarantine", help="messages that were refused, and why")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the newest first, without their bytes")
    listing.add_argument("--node", help="of this node only")
    listing.add_argument("--reason", help="of this reason only")
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="at most (50)")
    output.add_options(listing)
    listing.set_defaults(run=run_list)
    show = actions.add_parser("show", help="one message with its bytes")
    show.add_argument("id", type=int)
    show.add_argument("--raw", action="store_true", help="nothing but the bytes")
    show.set_defaults(run=run_show)
    for action in (listing, show):
        action.add_argument(
            "--data", type=Path, default=DATA, metavar="DIR", help=f"[collector] data ({DATA})"
        )


def run_list(options: argparse.Namespace) -> int:
    """Print the newest refused messages."""
    from muster_collector import quarantine

    rows = quarantine.listing(
        options.data, node=options.node, reason=options.reason, limit=options.limit
    )
    output.write([_readable(row) for row in rows], quarantine.COLUMNS, options)
    return 0


def run_show(options: argparse.Namespace) -> int:
    """Print one refused message."""
    from muster_collector import quarantine

    found = quarantine.one(options.data, options.id)
    if found is None:
        raise MusterError(f"quarantine {options.id}: no such id; 'muster quarantine list' has them")
    payload = found["payload"]
    if options.raw:
        sys.stdout.buffer.write(payload)
        return 0
    for name, value in _readable(found).items():
        if name != "payload":
            print(f"{name:<13}{output.shown(value)}")
    if len(payload) < found["size"]:
        print(f"{'kept':<13}the first {len(payload)} bytes")
    print(output.shown(payload.decode(errors="backslashreplace")))
    return 0


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"time": iso(row["time"])}
