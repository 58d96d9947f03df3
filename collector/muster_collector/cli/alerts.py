"""`muster alerts`: what fires, the rules, silences, and a test of those who are told."""

from __future__ import annotations

import argparse
import getpass
import json
from typing import Any

from muster_collector.cli import client, output
from muster_collector.errors import ConfigError

COLUMNS = ("severity", "state", "since", "rule", "site", "summary", "silenced", "inhibited")
RULES = ("rule", "severity", "limit", "for_s", "without_data", "firing", "title")
SILENCES = ("id", "match", "end", "by", "comment")
JSON = "application/json"


def add(commands: Any) -> None:
    """Declare the command and its actions."""
    parser = commands.add_parser("alerts", help="what fires, and who is told of it")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    shown = _action(actions, "list", listing, "what fires now, and what is about to", table=True)
    shown.add_argument("--site", help="of this site only")
    shown.add_argument("--rule", help="of this rule only")
    shown.add_argument("--severity", choices=("warning", "critical"))
    shown.add_argument("--all", action="store_true", help="also what was resolved in the last hour")
    _action(actions, "rules", rules, "every rule, its limit and how many fire", table=True)
    made = _action(actions, "silence", silence, "tell nobody of alerts that match, for a while")
    made.add_argument(
        "match", nargs="+", metavar="LABEL=TEXT",
        help="such as site=airport rule=silent-node host='web-*'; all must match",
    )  # fmt: skip
    made.add_argument("--for", dest="duration", required=True, help="such as 30m, 2h or 1d")
    made.add_argument("--comment", default="", help="why")
    made.add_argument("--by", default=None, help="who (default: the user's name)")
    _action(actions, "silences", silences, "silences that are in force", table=True)
    ended = _action(actions, "unsilence", unsilence, "end a silence")
    ended.add_argument("id", help="as `muster alerts silences` shows it")
    _action(actions, "test", try_out, "send everybody who is told a message that says it is a test")


def _action(
    actions: Any, name: str, work: Any, text: str, *, table: bool = False
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=text)
    client.add_options(parser)
    if table:
        output.add_options(parser)
    parser.set_defaults(run=work)
    return parser


def listing(options: argparse.Namespace) -> int:
    """Ask a running collector what fires."""
    state = None if options.all else ["firing", "pending"]
    answer = client.get(
        options, "alerts",
        state=state, site=options.site, rule=options.rule, severity=options.severity,
    )  # fmt: skip
    output.write(answer["rows"], COLUMNS, options)
    return 0


def rules(options: argparse.Namespace) -> int:
    """Ask a running collector for its rules."""
    output.write(client.get(options, "alerts/rules")["rows"], RULES, options)
    return 0


def silence(options: argparse.Namespace) -> int:
    """Begin a silence."""
    match = {}
    for text in options.match:
        name, given, value = text.partition("=")
        if not (name and given and value):
            raise ConfigError(f"{text}: use LABEL=TEXT, such as site=airport")
        match[name] = value
    by = options.by if options.by is not None else _user()
    wanted = {"match": match, "duration": options.duration, "by": by, "comment": options.comment}
    made = client.post(options, "silences", json.dumps(wanted).encode(), JSON)
    print(f"silence {made['id']} until {made['end']}")
    return 0


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # A process without a name, as in a container.
        return ""


def silences(options: argparse.Namespace) -> int:
    """List the silences in force."""
    rows = [row for row in client.get(options, "silences")["rows"] if row["active"]]
    output.write(rows, SILENCES, options)
    return 0


def unsilence(options: argparse.Namespace) -> int:
    """End a silence."""
    ended = client.delete(options, f"silences/{client.quoted(options.id)}")
    print(f"silence {ended['id']} ended")
    return 0


def try_out(options: argparse.Namespace) -> int:
    """Try every receiver; 1 when one did not take it."""
    rows = client.post(options, "alerts/test", b"{}", JSON)["rows"]
    if not rows:
        raise ConfigError("nobody is told: set webhook_url or mail_to in [alerts]")
    for row in rows:
        print(f"{row['receiver']}: {row['error'] or 'taken'}")
    return int(any(row["error"] for row in rows))
