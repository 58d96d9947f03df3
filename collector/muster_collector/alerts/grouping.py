"""Which notifications are due: alerts grouped by site, a group at a time; pure, time is passed in.

A group is told of when an alert in it begins or ends, at most every `interval`, and again every
`repeat` while anything in it fires.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from muster_collector.alerts.state import Alert, Alerts, Key

Group = tuple[str, str]
"""`("site", "airport")`, or `("rule", "collector-lag")` for what has no site."""


@dataclass(slots=True)
class Sent:
    """What a receiver was last told of a group, and when (ms)."""

    at: int
    firing: set[Key] = field(default_factory=set)


class Notification(NamedTuple):
    """What a receiver is to be told: what fires, and what it was told of and is resolved."""

    group: Group
    firing: list[Alert]
    resolved: list[Alert]


def group_of(alert: Alert) -> Group:
    """The group that an alert belongs to."""
    return ("site", alert.site) if alert.site else ("rule", alert.rule)


def due(
    alerts: Alerts,
    hidden: Collection[Key],
    sent: dict[Group, Sent],
    now: int,
    *,
    interval: float,
    repeat: float,
) -> list[Notification]:
    """The notifications due at `now`; `hidden` alerts are silenced or explained by another."""
    firing: dict[Group, list[Alert]] = {}
    for alert in alerts.values():
        if alert.state == "firing" and alert.key not in hidden:
            firing.setdefault(group_of(alert), []).append(alert)
    found = []
    for group in sorted({*firing, *sent}):
        told = sent.get(group)
        known = told.firing if told else set()
        on = firing.get(group, [])
        # What is hidden now still fires: it is not resolved, and not spoken of either.
        over = [a for k in sorted(known) if (a := alerts.get(k)) and a.state == "resolved"]
        changed = bool(over) or any(alert.key not in known for alert in on)
        since = None if told is None else now - told.at
        if (changed and (since is None or not 0 <= since < interval * 1000)) or (
            on and since is not None and since >= repeat * 1000
        ):
            found.append(Notification(group, sorted(on, key=lambda a: a.key), over))
    return found


def tell(sent: dict[Group, Sent], notification: Notification, now: int) -> None:
    """Remember that a receiver has it."""
    if notification.firing:
        keys = {alert.key for alert in notification.firing}
        sent[notification.group] = Sent(now, keys)
    else:
        sent.pop(notification.group, None)
