"""What no store can take, found before anything is sent: one rule set for every store.

InfluxDB would drop some of these without a word (a comment line, a field called `time`) and refuse
the whole batch for others; the embedded store keeps to the same rules, so that data can move.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite

from muster_collector.store.base import Point, Value

Tags = tuple[tuple[str, str], ...]

INT64 = range(-(2**63), 2**63)
TIMES = range(-9_223_372_036_854, 9_223_372_036_855)
"""Milliseconds of Unix time that fit InfluxDB's 64-bit nanoseconds."""
KEY_BYTES = 65_535
"""InfluxDB's limit for measurement and tags together, in line protocol."""
STRING_BYTES = 65_535
"""For the value of a string field: what InfluxDB 2 and 3 document as their limit."""
_HALF_RANGE = 2.0**62
RESERVED = {"time", "_measurement", "_field"}
_UNWRITABLE = re.compile(r"\\[,= ]")
"""In names, not in tag values: InfluxDB 1.x takes the backslash for one that escapes."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def canonical(tags: Iterable[tuple[str, str]]) -> Tags:
    """The tags sorted by key, without empty values (which InfluxDB takes for absent)."""
    return tuple(sorted(tag for tag in tags if tag[1]))


def fault(point: Point) -> str | None:
    """Why no store can take the point; None when nothing is wrong."""
    if point.time not in TIMES:
        return f"time {point.time} ms is outside what 64-bit nanoseconds hold"
    return series_fault(point.measurement, point.tags) or fields_fault(point.fields)


def series_fault(measurement: str, tags: Tags) -> str | None:
    """Why no store can take this measurement with these tags; None when nothing is wrong."""
    if measurement.startswith("#"):
        return f"measurement {measurement!r} begins with '#', which makes a line a comment"
    if wrong := _name_fault("measurement", measurement):
        return wrong
    keys = [key for key, _ in tags]
    if len(set(keys)) < len(keys):
        return f"measurement {measurement!r} has the same tag twice"
    for key, value in tags:
        wrong = _key_fault("tag", key)
        if wrong or (value and (wrong := _text_fault(f"value of tag {key!r}", value))):
            return wrong
    return _length_fault(measurement, tags)


def fields_fault(fields: Mapping[str, Value]) -> str | None:
    """Why no store can take these fields; None when nothing is wrong."""
    if not fields:
        return "no fields"
    for key, value in fields.items():
        if wrong := _key_fault("field", key) or _value_fault(key, value):
            return wrong
    return None


def surely_in_range(values: Sequence[Value]) -> bool:
    """Whether every number is finite and far from the ends of 64 bits, told from three sums.

    A NaN or an infinity anywhere makes the sum non-finite, so the difference is not 0. What this
    turns down may still be writable: then the values are looked at one by one.
    """
    try:
        total = sum(values)  # type: ignore[arg-type]  # callers keep text out
        return (
            total - total == 0
            and max(values) < _HALF_RANGE  # type: ignore[operator]
            and min(values) > -_HALF_RANGE  # type: ignore[operator]
        )
    except OverflowError:
        return False


def _value_fault(key: str, value: Value) -> str | None:
    kind = type(value)
    if isinstance(value, float) and not isfinite(value):
        return f"field {key!r} is not finite: {value}"
    if kind is int and value not in INT64:
        return f"field {key!r} does not fit 64 bits: {value}"
    if kind is str:
        encoded = _utf8(str(value))
        if encoded is None:
            return f"field {key!r} is not valid Unicode"
        if len(encoded) > STRING_BYTES:
            return f"field {key!r} has {len(encoded)} bytes, more than {STRING_BYTES}"
    if kind not in (float, int, bool, str):
        return f"field {key!r} is a {kind.__name__}, not a number, a truth value or a text"
    return None


def _key_fault(what: str, key: str) -> str | None:
    if key in RESERVED:
        return f"{what} {key!r} has a name that InfluxDB keeps for itself"
    return _name_fault(what, key)


def _name_fault(what: str, name: str) -> str | None:
    if _UNWRITABLE.search(name):
        return f"{what} {name!r} has a backslash where line protocol cannot carry one"
    return _text_fault(what, name)


def _text_fault(what: str, text: str) -> str | None:
    if not text:
        return f"{what} is empty"
    if _CONTROL.search(text):
        return f"{what} {text!r} has a control character"
    if text.endswith("\\"):
        return f"{what} {text!r} ends with a backslash, which line protocol cannot carry"
    if _utf8(text) is None:
        return f"{what} {text!r} is not valid Unicode"
    return None


def _length_fault(measurement: str, tags: Tags) -> str | None:
    text = measurement + "".join(f",{key}={value}" for key, value in tags)
    length = len(text.encode()) + sum(map(text.count, ", ="))
    if length > KEY_BYTES:
        return f"measurement and tags have {length} bytes, more than {KEY_BYTES}"
    return None


def _utf8(text: str) -> bytes | None:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None
