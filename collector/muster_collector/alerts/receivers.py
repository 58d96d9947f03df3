"""Who is told: a webhook in Alertmanager's format, and e-mail; what fails is tried again."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp

from muster_collector.alerts import events, wording
from muster_collector.alerts.grouping import Notification
from muster_collector.alerts.model import Language, Rule
from muster_collector.config import Alerts as Settings
from muster_collector.config import read_secret
from muster_collector.errors import MusterError

PATIENCE = 10.0
"""Seconds that a receiver may take."""
SMTP_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class NotTakenError(MusterError):
    """A receiver did not take a notification; it is tried again."""


@dataclass(frozen=True, slots=True)
class Style:
    """How notifications are worded: rules by name, language, and what stands before a runbook."""

    rules: Mapping[str, Rule]
    language: Language
    link: str


class Receiver(Protocol):
    """Somebody to tell."""

    name: str

    async def tell(self, notification: Notification, style: Style) -> None:
        """Deliver, or raise `NotTakenError`."""


class Webhook:
    """Posts JSON as Prometheus Alertmanager does (version 4), which much software takes."""

    def __init__(self, url: str, token: str | None) -> None:
        # Addresses of webhooks often hold a secret in their path or query.
        self.name = f"webhook {urlsplit(url).hostname}"
        self.url = url
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def tell(self, notification: Notification, style: Style) -> None:
        """One POST."""
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=self.headers) as session,
                session.post(
                    self.url, json=document(notification, style), allow_redirects=False
                ) as answer,
            ):
                if answer.status >= 300:
                    raise NotTakenError(f"{self.name} answers HTTP {answer.status}")
        except TimeoutError as error:
            raise NotTakenError(f"{self.name} did not answer in {PATIENCE:.0f} s") from error
        except aiohttp.ClientError as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise NotTakenError(f"{self.name} cannot be reached: {reason}") from error


def document(notification: Notification, style: Style) -> dict[str, Any]:
    """The webhook's JSON."""
    alerts = [*notification.firing, *notification.resolved]
    all_labels = [wording.labels(style.rules[alert.rule], alert) for alert in alerts]
    kind, name = notification.group
    common = set.intersection(*(set(labels.items()) for labels in all_labels))
    return {
        "version": "4",
        "groupKey": f"{kind}={name}",
        "truncatedAlerts": 0,
        "status": "firing" if notification.firing else "resolved",
        "receiver": "muster",
        "groupLabels": {"site" if kind == "site" else "alertname": name},
        "commonLabels": dict(sorted(common)),
        "commonAnnotations": {
            "summary": wording.subject(notification, style.rules, style.language)
        },
        "externalURL": "",
        "alerts": [
            wording.as_alertmanager(alert, style.rules[alert.rule], style.language, style.link)
            for alert in alerts
        ],
    }


class Mail:
    """Sends a plain text over SMTP, a message a group."""

    def __init__(self, settings: Settings, password: str | None) -> None:
        parts = urlsplit(settings.smtp_url)
        self.scheme, self.host = parts.scheme, parts.hostname or ""
        self.port = parts.port or SMTP_PORTS[self.scheme]
        self.username, self.password = settings.smtp_username, password
        self.sender, self.to = settings.mail_from, settings.mail_to
        self.name = f"mail server {self.host}"

    async def tell(self, notification: Notification, style: Style) -> None:
        """One message to all."""
        message = EmailMessage()
        message["Subject"] = wording.subject(notification, style.rules, style.language)
        message["From"], message["To"] = self.sender, ", ".join(self.to)
        message["Date"] = formatdate(localtime=False, usegmt=True)
        message["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2])
        # Answers of people who are away would go in circles.
        message["Auto-Submitted"] = "auto-generated"
        text = wording.lines(notification, style.rules, style.language, style.link)
        message.set_content("\n\n".join(text) + "\n")
        await asyncio.to_thread(self._send, message)

    def _send(self, message: EmailMessage) -> None:
        try:
            with self._connect() as smtp:
                if self.scheme == "smtp+starttls":
                    smtp.starttls(context=ssl.create_default_context())
                if self.username:
                    smtp.login(self.username, self.password or "")
                refused = smtp.send_message(message)
        except smtplib.SMTPException as error:
            raise NotTakenError(f"{self.name} refuses: {error}") from error
        except OSError as error:
            reason = getattr(error, "strerror", None) or error
            raise NotTakenError(f"{self.name} cannot be reached: {reason}") from error
        for address, (code, text) in refused.items():
            # The others have it: to send it again would be to send it to them again.
            said = f"refuses {address}: {code} {text.decode(errors='replace')}"
            events.left_out(self.name, f"{self.name} {said}")

    def _connect(self) -> smtplib.SMTP:
        if self.scheme == "smtps":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(self.host, self.port, timeout=PATIENCE, context=context)
        return smtplib.SMTP(self.host, self.port, timeout=PATIENCE)


def receivers(settings: Settings) -> list[Receiver]:
    """Those that the configuration names; `ConfigError` for a secret that cannot be read."""
    found: list[Receiver] = []
    if settings.webhook_url:
        token = read_secret(settings.webhook_token_file, "[alerts] webhook_token_file")
        found.append(Webhook(settings.webhook_url, token))
    if settings.mail_to:
        password = read_secret(settings.smtp_password_file, "[alerts] smtp_password_file")
        found.append(Mail(settings, password))
    return found
