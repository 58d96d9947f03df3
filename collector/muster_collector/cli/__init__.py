"""The `muster` command line, one file a command."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from muster_collector.errors import ConfigError, MusterError

COMMANDS: tuple[str, ...] = (
    "collector",
    "demo",
    "simulate",
    "boards",
    "readiness",
    "explain",
    "what_if",
    "repairs",
    "targets",
    "publish",
    "report",
    "completeness",
    "nodes",
    "quarantine",
    "config",
    "enroll",
    "alerts",
    "estate",
    "score",
    "scorecard",
)
"""Modules in this folder, in the order of the help; each has `add(commands)`, which sets `run`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 done, 1 failed, 2 wrong usage or configuration."""
    parser = argparse.ArgumentParser(
        prog="muster",
        description="Muster at the centre: how ready is the fleet, and can it be proved?",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name in COMMANDS:
        importlib.import_module(f"{__name__}.{name}").add(commands)
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options)
    except ConfigError as error:
        print(f"muster: {error}", file=sys.stderr)
        return 2
    except MusterError as error:
        print(f"muster: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader (head, less) has seen enough.
        sys.stderr.close()
        return 0
    return status
