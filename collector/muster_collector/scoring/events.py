"""What the scorer says of itself: one function an event, its log line and its numbers."""

from __future__ import annotations

import logging
import math

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from muster_collector.errors import StoreError
from muster_collector.scoring.result import Result
from muster_collector.scoring.units import FLEET

log = logging.getLogger("muster.scoring")
registry = CollectorRegistry()

WINDOWS = Counter(
    "muster_collector_windows_scored", "Windows scored: new or again", ("kind",), registry=registry
)
SECONDS = Histogram(
    "muster_collector_scoring_seconds",
    "Seconds from reading a window to its stored scores",
    registry=registry,
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
DUE = Gauge("muster_collector_windows_due", "Windows to be scored again", registry=registry)
READINESS = Gauge(
    "muster_fleet_readiness", "Fleet score, 0 to 100; NaN without one", registry=registry
)
COVERAGE = Gauge("muster_fleet_coverage", "Coverage of the fleet score, 0 to 1", registry=registry)
REFUSED = Counter(
    "muster_collector_scores_refused", "Points of scores that the store refused", registry=registry
)
FAILURES = Counter(
    "muster_collector_scoring_waits", "Times that scoring began to wait", registry=registry
)
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


def render() -> bytes:
    """The scorer's numbers as Prometheus text."""
    return generate_latest(registry)
