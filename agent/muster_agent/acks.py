"""Payloads of acks to `Ack`; what comes from the centre is checked like what goes there."""

from __future__ import annotations

import json
from typing import Any

from muster_wire import VERSION
from muster_wire.codec import open_payload
from muster_wire.messages import Ack, Refused

LIMIT = 256 * 1024
"""Bytes that an ack may have; it can name thousands of ranges in that."""
BITS = 63


def parse(payload: bytes, content_type: str | None) -> Ack:
    """The ack in a payload; raises ValueError that says what is wrong with it."""
    try:
        raw = json.loads(open_payload(payload, content_type, limit=LIMIT))
    except (UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(raw, dict) or raw.get("v", VERSION) != VERSION:
        raise ValueError(f"not an ack of version {VERSION}")
    refused = [
        Refused(number(row.get("seq")), text(row.get("reason", "")))
        for row in rows(raw, "refused")
        if isinstance(row, dict)
    ]
    missing = [span(row) for row in rows(raw, "missing")]
    base = raw.get("base")
    return Ack(
        number(raw.get("epoch")),
        number(raw.get("through")),
        missing,
        refused,
        None if base is None else number(base),
    )


def rows(raw: dict[str, Any], name: str) -> list[Any]:
    """A list that may be left out."""
    found = raw.get(name, [])
    if not isinstance(found, list):
        raise ValueError(f"{name} is not a list")  # noqa: TRY004 - whoever calls expects one kind
    return found


def number(value: Any) -> int:
    """A whole number of 64 bits."""
    if type(value) is not int or value.bit_length() > BITS:
        raise ValueError(f"{value!r:.40} is not a whole number of 64 bits")
    return value


def text(value: Any, most: int = 200) -> str:
    """A text for the log, cut and without what could forge a second line."""
    return "".join(c if c.isprintable() else " " for c in str(value)[:most])


def span(row: Any) -> tuple[int, int]:
    """A range, both ends included."""
    if not isinstance(row, list) or len(row) != 2:
        raise ValueError(f"{row!r:.40} is not a range [first, last]")
    first, last = number(row[0]), number(row[1])
    if first > last:
        raise ValueError(f"range {row!r:.40} ends before it begins")
    return first, last
