"""What can happen to the alerting: one function an event, each one log line and one counter."""

from __future__ import annotations

import logging

from muster_collector import telemetry
from muster_collector.alerts import wording
from muster_collector.alerts.grouping import Notification

log = logging.getLogger("muster_collector.alerts")
_failing: dict[str, str] = {}


def changed(rule: str, state: str, text: str) -> None:
    """An alert began to fire, or was resolved."""
    telemetry.ALERT_CHANGES.labels(rule, state).inc()
    write = log.warning if state == "firing" else log.info
    write("alert %s rule=%s: %s", state, rule, text)


def firing(severities: dict[str, int]) -> None:
    """How many alerts fire now, by severity."""
    for severity, count in severities.items():
        telemetry.ALERTS_FIRING.labels(severity).set(count)


def told(receiver: str, notification: Notification) -> None:
    """A receiver took a notification."""
    telemetry.NOTIFICATIONS.labels(receiver, "taken").inc()
    _failing.pop(receiver, None)
    kind, name = notification.group
    log.info(
        "notified receiver=%r %s=%s firing=%d resolved=%d",
        receiver, kind, name, len(notification.firing), len(notification.resolved),
    )  # fmt: skip


def not_told(receiver: str, reason: str) -> None:
    """A receiver did not take a notification; it is tried again at the next evaluation."""
    telemetry.NOTIFICATIONS.labels(receiver, "failed").inc()
    if _failing.get(receiver) != reason:
        _failing[receiver] = reason
        log.error("not notified: %s; tried again", reason)


def left_out(receiver: str, reason: str) -> None:
    """A mail server took a notification for some of those it was for, and not for this one."""
    telemetry.NOTIFICATIONS.labels(receiver, "left out").inc()
    log.error("not notified: %s", wording.plain(reason))


def not_kept(reason: str) -> None:
    """The state could not be written: after a restart people may be told again."""
    telemetry.ALERT_BOOK_ERRORS.inc()
    if _failing.get("book") != reason:
        _failing["book"] = reason
        log.error("alerts.json not written: %s; tried again", reason)


def kept() -> None:
    """The state was written."""
    _failing.pop("book", None)
