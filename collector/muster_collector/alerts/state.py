"""An alert's life: pending, firing, resolved; pure, time is passed in.

Invariants: an alert is `pending` since its condition began, `firing` once that has held for the
rule's `hold`, and `resolved` only after the condition was false for `keep` on end, so that one that
flaps is one alert; what is resolved is kept for `REMEMBER`, for people and for notifications.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from muster_collector.alerts.model import Labels, Rule

REMEMBER = 3_600_000
"""Milliseconds for which a resolved alert is shown."""
Key = tuple[str, Labels]
"""A rule's name and the labels."""


@dataclass(slots=True)
class Alert:
    """One thing that is wrong, or was; times in ms, `value` None where no data is the fault."""

    rule: str
    labels: Labels
    state: Literal["pending", "firing", "resolved"]
    since: int
    value: float | None
    fired: int | None = None
    clear: int | None = None
    """Since when the condition is false although the alert still fires."""
    ended: int | None = None

    @property
    def key(self) -> Key:
        """What tells it from others."""
        return self.rule, self.labels

    @property
    def site(self) -> str:
        """The site that it is about, empty for none."""
        return dict(self.labels).get("site", "")


Alerts = dict[Key, Alert]


def step(
    alerts: Alerts, rule: Rule, values: Mapping[Labels, float], now: int, *, keep: float
) -> None:
    """Bring the alerts of one rule up to `now`; `keep` seconds of calm resolve one."""
    wrong: dict[Labels, float | None] = {
        labels: value for labels, value in values.items() if rule.fires(value)
    }
    if not values and not rule.quiet:
        wrong[()] = None
    for labels, value in wrong.items():
        _raise(alerts, rule, labels, value, now)
    for key in [key for key in alerts if key[0] == rule.name and key[1] not in wrong]:
        _calm(alerts, key, now, round(keep * 1000))


def forget(alerts: Alerts, names: set[str], now: int) -> None:
    """Drop what was resolved long ago, and what no rule of these names speaks for any more."""
    for key, alert in list(alerts.items()):
        old = alert.ended is not None and now - alert.ended > REMEMBER
        if old or alert.rule not in names:
            del alerts[key]


def _raise(alerts: Alerts, rule: Rule, labels: Labels, value: float | None, now: int) -> None:
    alert = alerts.get((rule.name, labels))
    if alert is None or alert.state == "resolved":
        alert = Alert(rule.name, labels, "pending", now, value)
        alerts[alert.key] = alert
    alert.value, alert.clear = value, None
    # A clock that was set back must not hold an alert off for longer than its rule says.
    alert.since = min(alert.since, now)
    if alert.state == "pending" and now - alert.since >= rule.hold * 1000:
        alert.state, alert.fired = "firing", now


def _calm(alerts: Alerts, key: Key, now: int, keep: int) -> None:
    alert = alerts[key]
    if alert.state == "pending":
        del alerts[key]
    elif alert.state == "firing":
        alert.clear = min(now if alert.clear is None else alert.clear, now)
        if now - alert.clear >= keep:
            alert.state, alert.ended = "resolved", now
