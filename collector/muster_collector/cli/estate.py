"""`muster estate check|diff|import`: what an estate says, what changed, and from which day on."""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import sys
import tempfile
import zoneinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muster_collector.errors import ConfigError

if TYPE_CHECKING:
    from muster_collector.estate import Estate


def add(commands: Any) -> None:
    """Declare the command and what can be done with an estate."""
    parser = commands.add_parser("estate", help="regions, districts, sites and planned nodes")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    check = actions.add_parser(
        "check",
        help="check a file, name every fault by its place",
        description="Check an estate file, TOML or CSV, or a folder of dated ones; one line for"
        " each thing that is wrong.",
    )
    check.add_argument("file", type=Path)
    check.set_defaults(run=run)
    diff = actions.add_parser(
        "diff",
        help="what differs; exit status 1 when anything does",
        description="Compare two estates, each a file or a folder (its newest version).",
    )
    diff.add_argument("old", type=Path)
    diff.add_argument("new", type=Path)
    diff.set_defaults(run=run_diff)
    bring = actions.add_parser(
        "import",
        help="let a file hold from a day on",
        description="Check a file and put it into a folder of dated versions, which [scoring]"
        " estate names. What was before the day is scored with the version that held then.",
    )
    bring.add_argument("file", type=Path)
    bring.add_argument("--into", type=Path, required=True, metavar="FOLDER")
    bring.add_argument(
        "--from", dest="since", type=_day, metavar="DATE", help="local day (default: today)"
    )
    bring.add_argument("--replace", action="store_true", help="put it in the place of that day's")
    bring.set_defaults(run=run_import)


def _day(text: str) -> dt.date:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: write it as 2026-07-01") from error
    if day.year < 1970:
        raise argparse.ArgumentTypeError(f"{text!r}: use 1970 or later")
    return day


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


def run_diff(options: argparse.Namespace) -> int:
    """Print one line for every place that differs."""
    from muster_collector.estate import differences, load

    lines = list(differences(load(options.old), load(options.new)))
    for line in lines:
        print(line)
    return int(bool(lines))


def run_import(options: argparse.Namespace) -> int:
    """Put a checked copy beside the others; nothing is changed when anything is wrong."""
    from muster_collector.estate import dated, load

    estate = load(options.file)
    since = options.since or dt.datetime.now(zoneinfo.ZoneInfo(estate.timezone)).date()
    folder: Path = options.into
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = [path for path in dated.files(folder) if dated.day_of(path) == since]
        if there and not options.replace:
            raise ConfigError(f"{there[0]}: holds from {since} already: --replace puts it in place")
        content = options.file.read_bytes()
        with tempfile.TemporaryDirectory() as room:
            # The whole folder as it would be must be right before anything is moved into it.
            for path in dated.files(folder):
                if path not in there:
                    shutil.copy(path, room)
            name = f"{since.isoformat()}{options.file.suffix.lower()}"
            Path(room, name).write_bytes(content)
            load(Path(room))
        fresh = folder / f".{name}.new"
        fresh.write_bytes(content)
        for path in there:
            path.unlink()
        fresh.replace(folder / name)
    except OSError as error:
        raise ConfigError(f"--into {folder}: {error.strerror or error}") from error
    print(f"{folder / name}: {summary(estate)}, from {since} on")
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
    if estate.targets:
        # Not wrong: a target whose day has passed is settled by what was known of that day.
        past = sum(target.due < dt.date.today() for target in estate.targets)  # noqa: DTZ011 - a day for people
        parts += [f"{len(estate.targets)} targets" + (f" ({past} past)" if past else "")]
    return ", ".join(parts) + (" (an example)" if estate.example else "")
