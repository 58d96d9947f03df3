"""`muster quarantine list|show|replay`: what was refused and why, and once more after a fix."""

from __future__ import annotations

import argparse
import base64
import json
import sys
from pathlib import Path
from typing import Any

from muster_collector.api.times import iso
from muster_collector.cli import client, output
from muster_collector.errors import ConfigError, MusterError

DATA = Path("/var/lib/muster-collector")
REPLAYED = ("id", "node", "outcome", "reason", "detail")


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "quarantine", help="messages that were refused, why, and once more after a fix"
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the newest first, without their bytes")
    _filters(listing)
    listing.add_argument("--topic", help="whose topic begins with this only")
    listing.add_argument("--since", metavar="TIME", help="not before: now-1h, 2026-03-01T08:00:00Z")
    listing.add_argument("--limit", type=int, default=50, metavar="N", help="at most (50)")
    output.add_options(listing)
    listing.set_defaults(run=run_list)
    show = actions.add_parser("show", help="one message with its bytes")
    show.add_argument("id", type=int)
    show.add_argument("--raw", action="store_true", help="nothing but the bytes")
    show.add_argument("--format", choices=("table", "json"), default="table")
    show.set_defaults(run=run_show)
    for action in (listing, show):
        action.add_argument(
            "--data", type=Path, default=DATA, metavar="DIR", help=f"[collector] data ({DATA})"
        )
    replay = actions.add_parser(
        "replay",
        help="through the checks and into the store once more",
        description="What is stored now leaves the quarantine and counts as stored; what is refused"
        " again stays with its new reason. The running collector does it.",
    )
    replay.add_argument("ids", type=int, nargs="*", metavar="ID", help="these")
    _filters(replay)
    replay.add_argument("--all", action="store_true", help="everything")
    replay.add_argument(
        "--dry-run", action="store_true", help="tell what would be refused, change nothing"
    )
    client.add_options(replay)
    output.add_options(replay)
    replay.set_defaults(run=run_replay)


def _filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--node", help="of this node only")
    parser.add_argument("--reason", help="of this reason only")


def run_list(options: argparse.Namespace) -> int:
    """Print the newest refused messages."""
    import time

    from muster_collector import quarantine
    from muster_collector.api import times

    since = None
    if options.since is not None:
        try:
            since = times.parse(options.since, time.time_ns() // 1_000_000)
        except ValueError as error:
            raise ConfigError(f"--since {error}") from error
    chosen = quarantine.Chosen(
        node=options.node, reason=options.reason, topic=options.topic, since=since,
        limit=options.limit,
    )  # fmt: skip
    rows = quarantine.listing(options.data, chosen)
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
    if options.format == "json":
        shown = _readable(found) | {"payload": base64.b64encode(payload).decode()}
        print(json.dumps(shown, ensure_ascii=False, indent=1))
        return 0
    for name, value in _readable(found).items():
        if name != "payload":
            print(f"{name:<13}{output.shown(value)}")
    if len(payload) < found["size"]:
        print(f"{'kept':<13}the first {len(payload)} bytes")
    print(output.shown(payload.decode(errors="backslashreplace")))
    return 0


def run_replay(options: argparse.Namespace) -> int:
    """Have a running collector play records again, page by page."""
    if not (options.ids or options.node or options.reason or options.all):
        raise ConfigError("quarantine replay: say which: IDs, --node, --reason or --all")
    wanted: dict[str, Any] = {
        "ids": options.ids, "node": options.node, "reason": options.reason, "all": options.all,
        "dry_run": options.dry_run, "after": 0,
    }  # fmt: skip
    rows: list[Any] = []
    while wanted["after"] is not None:
        content = json.dumps(wanted).encode()
        answer = client.post(options, "quarantine/replay", content, "application/json")
        rows += answer["rows"]
        wanted["after"] = answer["next"]
    if rows or not options.ids:
        output.write(rows, REPLAYED, options)
    unknown = sorted(set(options.ids) - {row["id"] for row in rows})
    if unknown and not (options.node or options.reason):
        gone = ", ".join(map(str, unknown))
        raise MusterError(f"quarantine {gone}: no such id; 'muster quarantine list' has them")
    if sys.stderr.isatty():
        stored = sum(row["outcome"] == "stored" for row in rows)
        would = "would be " if options.dry_run else ""
        print(f"{stored} {would}stored, {len(rows) - stored} {would}refused again", file=sys.stderr)
    return 0


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"time": iso(row["time"])}
