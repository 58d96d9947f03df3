"""Addresses in a configuration: their scheme, a host, and a port that there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def address(*schemes: str, whole: bool = False, needed: bool = True) -> Callable[[str], str]:
    """A check that a text is "SCHEME://HOST" or with ":PORT" behind; raises ValueError.

    A `whole` address may have a user before the host and a path behind it.
    """
    places = " or ".join(f"{scheme}://HOST" for scheme in schemes)
    right = f"use {places}, with :PORT (1 to 65535) behind if it is another one"

    def check(value: str) -> str:
        if (needed or value) and not _fits(value, schemes, whole=whole):
            raise ValueError(right)
        return value

    return check


def _fits(value: str, schemes: tuple[str, ...], *, whole: bool) -> bool:
    if not value.isprintable() or " " in value:
        return False
    try:
        parts = urlsplit(value)
        port, host = parts.port, parts.hostname
    except ValueError:
        return False  # a port that is none, or a bracket too many
    begins = value.startswith(tuple(f"{scheme}://" for scheme in schemes))
    rest = "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment
    return begins and bool(host) and port != 0 and parts.netloc[-1] != ":" and (whole or not rest)


MqttUrl = Annotated[str, AfterValidator(address("mqtt", "mqtts"))]
HttpUrl = Annotated[str, AfterValidator(address("http", "https", whole=True))]
WebhookUrl = Annotated[str, AfterValidator(address("http", "https", whole=True, needed=False))]
SmtpUrl = Annotated[str, AfterValidator(address("smtp", "smtp+starttls", "smtps"))]
