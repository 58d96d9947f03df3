"""`muster scorecard check|show|diff`: what a scorecard says, whether it holds, what changed."""

from __future__ import annotations

import argparse
import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muster_collector.errors import ConfigError

if TYPE_CHECKING:
    from muster_collector.readiness import Scorecard

DEFAULT = "new-digital-infrastructure"


def add(commands: Any) -> None:
    """Add the command and its three verbs."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "scorecard", help="check, show or compare scorecards"
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    what = "a file, or the name of a shipped scorecard"
    check = verbs.add_parser("check", help="is it well-formed? prints its id and method")
    check.add_argument("card", nargs="+", help=what)
    check.set_defaults(run=run_check)
    show = verbs.add_parser("show", help="the method as a page of Markdown")
    show.add_argument("card", nargs="?", help=what)
    show.set_defaults(run=run_show)
    diff = verbs.add_parser("diff", help="what differs; exit status 1 when anything does")
    diff.add_argument("old", help=what)
    diff.add_argument("new", help=what)
    diff.set_defaults(run=run_diff)


def read_card(name: str | None = None) -> Scorecard:
    """The scorecard in a file, or a shipped one by its name (default: the default one)."""
    from muster_collector.readiness import load

    return load(read_text(name), name or DEFAULT)


def read_text(name: str | None = None) -> str:
    """The text of a scorecard file, or of a shipped one by its name (default: the default one)."""
    name = name or DEFAULT
    shipped = resources.files("muster_collector") / "scorecards" / f"{name}.toml"
    try:
        if "/" not in name and shipped.is_file():
            return shipped.read_text("utf-8")
        return Path(name).read_text("utf-8-sig")
    except OSError as error:
        known = ", ".join(sorted(shipped_names()))
        raise ConfigError(f"{name}: {error.strerror}: name a file or one of {known}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{name}: is not UTF-8 at byte {error.start}: save it as UTF-8"
        ) from error


def shipped_names() -> list[str]:
    """The scorecards that come with Muster."""
    folder = resources.files("muster_collector") / "scorecards"
    return [file.name.removesuffix(".toml") for file in folder.iterdir()]


def pages() -> dict[str, str]:
    """The reference page of every shipped scorecard, by its path in the repository."""
    from muster_collector.readiness.describe import page

    cards = {name: read_card(name) for name in sorted(shipped_names())}
    return {f"docs/reference/scorecard-{name}.md": page(card) for name, card in cards.items()}


def run_check(options: argparse.Namespace) -> int:
    """Check every card; the first problem of the first bad one ends it."""
    for name in options.card:
        card = read_card(name)
        count = len(card.indicators)
        print(f"{name}: {card.id}, method {card.method}, {count} indicators, well-formed")
    return 0


def run_show(options: argparse.Namespace) -> int:
    """Print the page that documents a card."""
    from muster_collector.readiness.describe import page

    sys.stdout.write(page(read_card(options.card)))
    return 0


def run_diff(options: argparse.Namespace) -> int:
    """Print one line for every place that differs."""
    from muster_collector.readiness.describe import differences

    old, new = read_card(options.old), read_card(options.new)
    lines = list(differences(old, new))
    print(f"method {old.method} -> {new.method}" if old.method != new.method else "same method")
    for line in lines:
        print(line)
    return int(bool(lines))
