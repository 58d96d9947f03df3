"""What InfluxDB says when it refuses lines, read: which points it means, and whether that is all.

The dialects differ. 1.x and 2.x store what they can, name one conflict (measurement, field, type)
or quote the lines they could not parse, and count what they dropped; 3 numbers the lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from muster_collector.store.base import Point, Value

TOO_LARGE: Final = 413
_KINDS: Final[dict[str, type[Value]]] = {
    "float": float,
    "integer": int,
    "boolean": bool,
    "string": str,
}
_ABOUT_LINES: Final = re.compile(
    r"partial write|unable to parse|type conflict|beyond retention|invalid column type|"
    r"line protocol|limit exceeded"
)
_CONFLICT: Final = re.compile(
    r'input field "(?P<field>.*)" on measurement "(?P<measurement>.*)" is type (?P<kind>\w+), '
    r"already exists as type \w+"
)
_DROPPED: Final = re.compile(r" dropped=(\d+)$")


class Refusal(NamedTuple):
    """A refused batch: positions with reasons that the message names, and how many were dropped.

    `dropped` is None where the server does not count.
    """

    reason: str
    named: dict[int, str]
    dropped: int | None


def understand(
    status: int, body: str, points: Sequence[Point], lines: Sequence[str]
) -> Refusal | None:
    """What the answer says about the lines; None when it is not about lines at all."""
    if status == TOO_LARGE:
        return Refusal("larger than the server takes", {}, None)
    if status not in (400, 422):
        return None
    message, details = _parts(body)
    if not details and not _ABOUT_LINES.search(message):
        return None
    dropped = _DROPPED.search(message)
    reason = _DROPPED.sub("", message).removeprefix("partial write: ")
    named = (
        _numbered(details, lines)
        or _conflicting(message, reason, points)
        or _unparsed(message, lines)
    )
    return Refusal(_short(reason), named, int(dropped[1]) if dropped else None)


def _parts(body: str) -> tuple[str, list[Any]]:
    """The message, and InfluxDB 3's list of refused lines."""
    try:
        content = json.loads(body)
    except ValueError:
        return body.strip(), []
    if not isinstance(content, dict):
        return str(content), []
    details = content.get("data")
    message = str(content.get("error") or content.get("message") or "").strip()
    return message, details if isinstance(details, list) else []


def _numbered(details: list[Any], lines: Sequence[str]) -> dict[int, str]:
    """InfluxDB 3 counts lines from 1; a newline within a text makes it unclear what it counts."""
    if not details or any("\n" in line for line in lines):
        return {}
    numbers = range(1, len(lines) + 1)
    return {
        detail["line_number"] - 1: _short(str(detail.get("error_message", "refused")))
        for detail in details
        if isinstance(detail, dict) and detail.get("line_number") in numbers
    }


def _conflicting(message: str, reason: str, points: Sequence[Point]) -> dict[int, str]:
    found = _CONFLICT.search(message)
    kind = _KINDS.get(found["kind"]) if found else None
    if not found or not kind:
        return {}
    name, measurement = found["field"], found["measurement"]
    return {
        position: _short(reason)
        for position, point in enumerate(points)
        if point.measurement == measurement and type(point.fields.get(name)) is kind
    }


def _unparsed(message: str, lines: Sequence[str]) -> dict[int, str]:
    if "unable to parse" not in message:
        return {}
    return {
        position: _short(message[message.index(quoted) :].split("\n", maxsplit=1)[0])
        for position, line in enumerate(lines)
        if (quoted := f"unable to parse '{line}'") in message
    }


def _short(reason: str) -> str:
    return re.sub(r"\s+", " ", reason).strip()[:300]
