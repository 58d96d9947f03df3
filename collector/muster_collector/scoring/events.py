"""What the scorer says of itself: one function an event, its log line and its numbers."""

from __future__ import annotations

import logging
import math

from muster_collector import telemetry
from muster_collector.errors import StoreError
from muster_collector.scoring.result import Result
from muster_collector.scoring.units import FLEET

log = logging.getLogger("muster.scoring")

WINDOWS = telemetry.counter("windows_scored", "Windows scored: new or again", "kind")
SECONDS = telemetry.histogram(
    "scoring_seconds",
    "Seconds from reading a window to its stored scores",
    (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
DUE = telemetry.gauge("windows_due", "Windows to be scored again")
READINESS = telemetry.gauge(
    "fleet_readiness", "Fleet score, 0 to 100; NaN without one", of="muster_"
)
COVERAGE = telemetry.gauge("fleet_coverage", "Coverage of the fleet score, 0 to 1", of="muster_")
REFUSED = telemetry.counter("scores_refused", "Points of scores that the store refused")
FAILURES = telemetry.counter("scoring_waits", "Times that scoring began to wait")
READINESS.set(math.nan)


def scored(result: Result, seconds: float, *, newest: bool, due: int) -> None:
    """A window's scores are in the store; too often for a log line."""
    WINDOWS.labels("new" if newest else "again").inc()
    SECONDS.observe(seconds)
    DUE.set(due)
    if newest:
        fleet = result.levels[FLEET].scores
        READINESS.set(float(fleet.value[0, 0]))
        COVERAGE.set(float(fleet.coverage[0, 0]))


def waits(error: StoreError) -> None:
    """The store does not answer; said once until it does."""
    FAILURES.inc()
    log.warning("scoring waits for the store: %s", error)


def goes_on(due: int) -> None:
    """The store answers again."""
    log.info("scoring goes on, %d windows are due", due)


def refused(count: int, reason: str) -> None:
    """The store will never take some of a window's points."""
    REFUSED.inc(count)
    log.error("the store refused %d points of scores, the first: %s", count, reason)
