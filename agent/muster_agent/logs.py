"""One line an event on stderr: with journald's level prefix, or with the time on a terminal."""

from __future__ import annotations

import sys
import time

ERROR, WARNING, INFO = 3, 4, 6
"""Levels of syslog(3), as journald reads them in front of a line."""


def log(level: int, text: str) -> None:
    """Write one line; line ends in `text` become spaces."""
    line = " ".join(text.split("\n"))
    lead = time.strftime("%H:%M:%S ") if sys.stderr.isatty() else f"<{level}>"
    sys.stderr.write(f"{lead}{line}\n")
    sys.stderr.flush()


def info(text: str) -> None:
    """What happened in the ordinary course of things."""
    log(INFO, text)


def warning(text: str) -> None:
    """What somebody may want to look at."""
    log(WARNING, text)


def error(text: str) -> None:
    """What somebody has to mend."""
    log(ERROR, text)
