"""The two clocks that the agent lives by, passed in so that a test's day takes milliseconds."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for what is reported, monotonic time for what is waited for."""

    def wall(self) -> int:
        """Milliseconds of Unix time; may jump."""

    def monotonic(self) -> float:
        """Seconds that only grow; stands still while the machine is suspended."""


class SystemClock:
    """The machine's own clocks."""

    def wall(self) -> int:
        """Milliseconds of Unix time."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Seconds since some point in the past."""
        return time.monotonic()
