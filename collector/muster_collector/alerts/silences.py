"""Silences and inhibitions: which alerts nobody is told of; pure, time is passed in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from muster_collector.alerts.model import Rule
from muster_collector.alerts.state import Alert, Alerts, Key


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that match all of `match` (label or `rule` -> text, `*` and `?` stand for any text).

    In force for `start <= now < end` (ms).
    """

    id: str
    match: Mapping[str, str]
    start: int
    end: int
    by: str = ""
    comment: str = ""

    def active(self, now: int) -> bool:
        """Whether it is in force."""
        return self.start <= now < self.end

    def covers(self, alert: Alert) -> bool:
        """Whether it is meant for an alert."""
        labels = {**dict(alert.labels), "rule": alert.rule}
        return all(fnmatchcase(labels.get(name, ""), text) for name, text in self.match.items())


def silenced(alert: Alert, silences: Iterable[Silence], now: int) -> str:
    """The id of a silence that covers the alert; empty for none."""
    return next((s.id for s in silences if s.active(now) and s.covers(alert)), "")


def inhibited(alerts: Alerts, rules: Iterable[Rule]) -> set[Key]:
    """The alerts that another one at the same site explains."""
    explained = {
        (name, alert.site)
        for rule in rules
        if rule.inhibits
        for alert in alerts.values()
        if alert.rule == rule.name and alert.state == "firing" and alert.site
        for name in rule.inhibits
    }
    return {key for key, alert in alerts.items() if (alert.rule, alert.site) in explained}
