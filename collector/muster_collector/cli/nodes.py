"""`muster nodes list|forget`: who is in the fleet, and who will not be back."""

from __future__ import annotations

import argparse
from typing import Any

from muster_collector.cli import client, output

COLUMNS = (
    "node",
    "site",
    "state",
    "online",
    "agent",
    "first_seen",
    "last_report",
    "score",
    "grade",
)


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("nodes", help="who is in the fleet, and who will not be back")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="every node that is known, silent ones too")
    listing.add_argument("--site", help="of this site only")
    listing.add_argument(
        "--state", choices=("healthy", "late", "refused", "silent"), help="in this state only"
    )
    client.add_options(listing)
    output.add_options(listing)
    listing.set_defaults(run=run_list)
    forget = actions.add_parser(
        "forget",
        help="a decommissioned node is no longer one of the fleet",
        description="The node is no longer silent, scored or listed, its alerts end, and its"
        " retained messages at the broker are cleared; what was missing of it counts as lost. What"
        " it sent stays in the database and in the account of every past range, and what the estate"
        " plans stays planned. A node that reports still is left alone; if one reports later, it is"
        " a node again: revoke its certificate (`muster enroll --revoke`) to keep it out.",
    )
    forget.add_argument("node", nargs="+", metavar="NODE")
    forget.add_argument("--force", action="store_true", help="also one that reports still")
    client.add_options(forget)
    forget.set_defaults(run=run_forget)


def run_list(options: argparse.Namespace) -> int:
    """Ask a running collector who there is."""
    found = client.rows(options, "nodes", site=options.site)
    rows = [row for row in found if options.state in (None, row["state"])]
    output.write(rows, COLUMNS, options)
    return 0


def run_forget(options: argparse.Namespace) -> int:
    """Let a running collector forget nodes, one after the other; the first that fails ends it."""
    for name in options.node:
        path = f"nodes/{client.quoted(name)}" + ("?force=true" if options.force else "")
        row = client.delete(options, path)
        print(
            f"{row['node']}: forgotten. {row['stored']} reports stored, {row['refused']} refused,"
            f" {row['lost']} lost stay in the account of the past"
        )
        if row["config"]:
            print(
                f"  what was wanted of it is still at the broker: muster config clear"
                f" {row['site']}/{row['node']}"
            )
    return 0
