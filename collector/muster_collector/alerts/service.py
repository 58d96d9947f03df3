"""The service around the rules: asks the store, moves the alerts on, tells the receivers.

Invariants: an alert changes only by an answer of the store, never by its absence; a notification is
forgotten only when its receiver took it; whatever changed is in the file before the next pass.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from muster_collector.alerts import book, evaluate, events, grouping, silences, state, wording
from muster_collector.alerts.grouping import Notification
from muster_collector.alerts.model import Rule
from muster_collector.alerts.receivers import NotTakenError, Receiver, Style
from muster_collector.alerts.rules import ALL, DATABASE_AWAY
from muster_collector.alerts.silences import Silence
from muster_collector.alerts.state import Alert, Key
from muster_collector.config import Alerts as Settings
from muster_collector.errors import StoreError
from muster_collector.store.base import Point, Store

MEASUREMENT = "alert"
MOST_SILENCES = 1000


def wall_clock() -> int:
    """Milliseconds of Unix time."""
    return time.time_ns() // 1_000_000


def in_force(settings: Settings) -> tuple[Rule, ...]:
    """The rules that are not turned off, with the limits of the configuration."""
    return tuple(
        replace(rule, limit=settings.limits.get(rule.name, rule.limit))
        for rule in ALL
        if rule.name not in settings.off
    )


class Alerting:
    """Evaluates the rules; `clock` gives ms, `sleep` takes seconds."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        receivers: Sequence[Receiver],
        directory: Path,
        *,
        clock: Callable[[], int] = wall_clock,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        gone: Callable[[], Collection[str]] = frozenset,
    ) -> None:
        self.store = store
        self.settings = settings
        self.receivers = receivers
        self.rules = {rule.name: rule for rule in in_force(settings)}
        self.style = Style(self.rules, settings.language, settings.link)
        self.path = directory / book.FILE_NAME
        self.book = book.load(self.path)
        self.clock = clock
        self.evaluated: int | None = None
        self._sleep = sleep
        self._gone = gone
        self._written = ""
        self._asked: dict[str, int] = {}

    async def run(self) -> None:
        """Evaluate every `every` seconds, until cancelled."""
        while True:
            await self.evaluate()
            await self._sleep(self.settings.every)

    async def evaluate(self) -> None:
        """One pass over all rules, and what follows from it."""
        now = self.clock()
        before = {key: alert.state for key, alert in self.book.alerts.items()}
        await self._ask(now)
        state.forget(self.book.alerts, set(self.rules), now)
        self._say_changes(before)
        await self._record(now)
        await self.notify(now)
        self.keep()
        self.evaluated = now

    def hidden(self, now: int) -> dict[Key, str]:
        """Alerts that nobody is told of, and by what: a silence's id, or "inhibited"."""
        alerts = self.book.alerts
        explained = silences.inhibited(alerts, self.rules.values())
        found = dict.fromkeys(explained, "inhibited")
        for alert in alerts.values():
            if name := silences.silenced(alert, self.book.silences.values(), now):
                found[alert.key] = name
        return found

    async def notify(self, now: int) -> None:
        """Tell every receiver what is due; one that fails delays no other."""
        hidden = self.hidden(now)
        await asyncio.gather(*(self._tell(receiver, hidden, now) for receiver in self.receivers))

    def silence(self, match: Mapping[str, str], end: int, by: str, comment: str) -> Silence:
        """A new silence from now on; `ValueError` when there are too many."""
        now = self.clock()
        self._drop_old_silences(now)
        if len(self.book.silences) >= MOST_SILENCES:
            raise ValueError(f"{MOST_SILENCES} silences are there already: end some first")
        made = Silence(secrets.token_hex(4), dict(match), now, end, by, comment)
        self.book.silences[made.id] = made
        self.keep()
        return made

    def unsilence(self, name: str) -> Silence | None:
        """End a silence; None when there is none of that id."""
        found = self.book.silences.pop(name, None)
        if found is not None:
            self.keep()
        return found

    def keep(self) -> None:
        """Write what changed."""
        content = json.dumps(self.book.document(), ensure_ascii=False, indent=1)
        if content == self._written:
            return
        try:
            book.save(self.path, content)
        except OSError as error:
            events.not_kept(f"{self.path}: {error.strerror}")
        else:
            self._written = content
            events.kept()

    async def _ask(self, now: int) -> None:
        away, gone = 0.0, self._gone()
        for rule in self.rules.values():
            if rule.name == DATABASE_AWAY.name or not self._is_due(rule, now):
                continue
            try:
                values = await evaluate.values(self.store, rule, now, gone)
            except StoreError:
                away = 1.0
                break
            self._asked[rule.name] = now
            state.step(self.book.alerts, rule, values, now, keep=self.settings.keep_firing)
        if DATABASE_AWAY.name in self.rules:
            rule = self.rules[DATABASE_AWAY.name]
            values = {(): away}
            state.step(self.book.alerts, rule, values, now, keep=self.settings.keep_firing)

    def _is_due(self, rule: Rule, now: int) -> bool:
        """Half a pass of grace: a jitter of milliseconds must not cost a whole pass."""
        since = now - self._asked.get(rule.name, -rule.every * 1000)
        return not 0 <= since < 1000 * (rule.every - self.settings.every / 2)

    def _say_changes(self, before: Mapping[Key, str]) -> None:
        counts = {"warning": 0, "critical": 0}
        for key, alert in self.book.alerts.items():
            rule = self.rules[alert.rule]
            counts[rule.severity] += alert.state == "firing"
            if alert.state != "pending" and before.get(key) != alert.state:
                text = wording.summary(rule, alert, self.settings.language)
                events.changed(rule.name, alert.state, text)
        events.firing(counts)

    async def _record(self, now: int) -> None:
        """Write what fires to the store, for boards; when it is away, that pass is left out."""
        points = [self._point(alert, now) for alert in self.book.alerts.values()]
        try:
            await self.store.write([point for point in points if point is not None])
        except StoreError:
            return

    def _point(self, alert: Alert, now: int) -> Point | None:
        over = alert.state == "resolved" and alert.ended != now
        if alert.state == "pending" or over:
            return None
        rule, labels = self.rules[alert.rule], dict(alert.labels)
        tags = {
            "rule": rule.name,
            "severity": rule.severity,
            "site": alert.site,
            "host": labels.get("host", ""),
            "about": wording.fingerprint(alert),
        }
        fields: dict[str, int | float | bool | str] = {
            "firing": int(alert.state == "firing"),
            "since_s": round((now - (alert.fired or alert.since)) / 1000),
            "summary": wording.summary(rule, alert, "en"),
            "summary_zh": wording.summary(rule, alert, "zh"),
            "title": rule.title["en"],
            "title_zh": rule.title["zh"],
        }
        return Point(MEASUREMENT, tuple(sorted((k, v) for k, v in tags.items() if v)), fields, now)

    async def _tell(self, receiver: Receiver, hidden: Mapping[Key, str], now: int) -> None:
        sent = self.book.sent.setdefault(receiver.name, {})
        alerts, settings = self.book.alerts, self.settings
        for group in [group for group, told in sent.items() if not told.firing & set(alerts)]:
            del sent[group]
        due = grouping.due(
            alerts, hidden, sent, now, interval=settings.group_interval, repeat=settings.repeat
        )
        for notification in due:
            try:
                await receiver.tell(notification, self.style)
            except NotTakenError as error:
                # The next one would only wait as long.
                events.not_told(receiver.name, str(error))
                return
            grouping.tell(sent, notification, now)
            events.told(receiver.name, notification)

    async def try_out(self) -> dict[str, str]:
        """Send each receiver a notification that says it is a test; what went wrong, by name."""
        now = self.clock()
        rule = next(iter(self.rules.values()))
        labels = (("host", "test"), ("site", "this-is-a-test"))
        alert = Alert(rule.name, labels, "firing", now, 0.0, fired=now)
        notification = Notification(("site", "this-is-a-test"), [alert], [])
        outcome = {}
        for receiver in self.receivers:
            try:
                await receiver.tell(notification, self.style)
            except NotTakenError as error:
                outcome[receiver.name] = str(error)
            else:
                outcome[receiver.name] = ""
        return outcome

    def _drop_old_silences(self, now: int) -> None:
        silences_ = self.book.silences
        for name in [name for name, found in silences_.items() if found.end <= now]:
            del silences_[name]
