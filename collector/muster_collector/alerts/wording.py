"""What notifications and the API say of an alert, in English or Chinese."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from muster_collector.alerts.grouping import Notification
from muster_collector.alerts.model import Language, Rule
from muster_collector.alerts.state import Alert
from muster_collector.api import times

NO_DATA: Mapping[Language, str] = {
    "en": "no data at all: a part of the centre has died",
    "zh": "完全没有数据：中心的某个部分已停止工作",
}
STATES: Mapping[Language, Mapping[str, str]] = {
    "en": {"firing": "FIRING", "resolved": "RESOLVED"},
    "zh": {"firing": "告警", "resolved": "恢复"},
}


class Labels(dict[str, str]):
    """Labels for a summary: what an alert lacks is nothing."""

    def __missing__(self, name: str) -> str:
        """A web address has no port."""
        return ""


def number(value: float) -> str:
    """Four digits that count: 1523, 96.12, 0.4."""
    if not math.isfinite(value):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def plain(text: str) -> str:
    """A text of one line without anything that steers a terminal, a mail or a log."""
    return " ".join("".join(c if c.isprintable() or c.isspace() else "�" for c in text).split())


def summary(rule: Rule, alert: Alert, language: Language) -> str:
    """What is wrong, in one sentence."""
    if alert.value is None:
        return f"{rule.title[language]}: {NO_DATA[language]}"
    words = Labels(alert.labels) | {"value": number(alert.value)}
    return plain(rule.summary[language].format_map(Labels(words)))


def subject(notification: Notification, rules: Mapping[str, Rule], language: Language) -> str:
    """What a group is about, in one line: state, site, and the rules with their numbers."""
    state = "firing" if notification.firing else "resolved"
    alerts = notification.firing or notification.resolved
    counts: dict[str, int] = {}
    for alert in alerts:
        counts[alert.rule] = counts.get(alert.rule, 0) + 1
    titles = [
        f"{rules[name].title[language]}{f' ×{count}' if count > 1 else ''}"
        for name, count in counts.items()
    ]
    kind, name = notification.group
    place = f"{name}: " if kind == "site" else ""
    return plain(f"[{STATES[language][state]}] {place}{', '.join(titles)}")


def lines(
    notification: Notification, rules: Mapping[str, Rule], language: Language, link: str
) -> list[str]:
    """A notification as plain text, worst first, a line an alert."""
    found = []
    for state, alerts in (("firing", notification.firing), ("resolved", notification.resolved)):
        order = sorted(alerts, key=lambda alert: (rules[alert.rule].severity, alert.key))
        for alert in order:
            rule = rules[alert.rule]
            moment = times.iso(alert.ended or alert.fired or alert.since)
            found.append(
                f"{STATES[language][state]}  {rule.severity}  {moment}  "
                f"{summary(rule, alert, language)}  {link}{rule.runbook}"
            )
    return found


def labels(rule: Rule, alert: Alert) -> dict[str, str]:
    """An alert's labels as Alertmanager and Grafana have them."""
    return {"alertname": rule.name, "severity": rule.severity, "team": "noc", **dict(alert.labels)}


def as_alertmanager(alert: Alert, rule: Rule, language: Language, link: str) -> dict[str, Any]:
    """An alert within an Alertmanager webhook."""
    return {
        "status": "resolved" if alert.state == "resolved" else "firing",
        "labels": labels(rule, alert),
        "annotations": {
            "title": rule.title[language],
            "summary": summary(rule, alert, language),
            "runbook_url": link + rule.runbook,
        },
        "startsAt": times.iso(alert.fired or alert.since),
        "endsAt": times.iso(alert.ended) if alert.ended else "0001-01-01T00:00:00Z",
        "generatorURL": "",
        "fingerprint": fingerprint(alert),
    }


def fingerprint(alert: Alert) -> str:
    """A short name for an alert that stays the same."""
    import hashlib  # noqa: PLC0415 - only when something is wrong

    return hashlib.sha256(repr(alert.key).encode()).hexdigest()[:16]
