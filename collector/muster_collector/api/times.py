"""Times as people and programs write them in a query: ISO 8601, or relative as "now-1h"."""

from __future__ import annotations

import datetime as dt
import re

from muster_collector import durations

RELATIVE = re.compile(r"now(?:([+-])(.+))?")
EARLIEST, LATEST = 0, 253_402_300_800_000
"""1970 and the year 10000, in ms: what every store and every calendar can hold."""
WRONG = "is not a time: write 2026-03-01T08:00:00Z, 2026-03-01 or now-1h"


def parse(text: str, now: int) -> int:
    """Milliseconds of Unix time; without an offset UTC is meant; `ValueError` says what is right.

    `now` is the present in ms, so that the same text and the same clock give the same answer.
    """
    if relative := RELATIVE.fullmatch(text):
        sign, amount = relative.groups()
        shift = _milliseconds(text, amount) if amount else 0
        return _within(text, now - shift if sign == "-" else now + shift)
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text[:80]!r} {WRONG}") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    return _within(text, round(moment.timestamp() * 1000))


def _milliseconds(text: str, amount: str) -> int:
    try:
        return round(durations.parse(amount) * 1000)
    except ValueError as error:
        raise ValueError(f"{text[:80]!r} {WRONG}") from error


def _within(text: str, time: int) -> int:
    if not EARLIEST <= time < LATEST:
        raise ValueError(f"{text[:80]!r} is outside 1970 to 9999")
    return time


def iso(time: int) -> str:
    """ISO 8601 in UTC, with milliseconds only where there are any."""
    moment = dt.datetime.fromtimestamp(time // 1000, dt.UTC).isoformat()[:19]
    return f"{moment}.{time % 1000:03d}Z" if time % 1000 else f"{moment}Z"
