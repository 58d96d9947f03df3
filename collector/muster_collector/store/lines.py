"""InfluxDB's line protocol: points to lines, fast, because every report passes through here.

A tag (escaped, if it can be written at all) and a shape's template (field keys, escaped, with a
place for each value) are made once and kept, so that a usual point costs a join and a formatting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from muster_collector.store.base import Line, Lines, RefusedPoint, Sample, Value
from muster_collector.store.faults import (
    TIMES,
    Tags,
    canonical,
    fields_fault,
    series_fault,
    surely_in_range,
)

KEPT: Final = 32 << 20
"""Bytes of each kind kept, about; beyond, that begins anew. The tags of 10,000 nodes have 8 MB.

Of whole series, of which scores have forty a node, they would have ten times as much.
"""
EACH: Final = 300
"""Bytes that something kept takes beside its text."""
SURELY_SHORT: Final = 16_000
"""Characters that have fewer bytes than any database's limit."""
_PLACES: Final[Mapping[type, str]] = {float: "%r", int: "%di", bool: "%s"}

_NAME = str.maketrans({",": r"\,", " ": r"\ "})
_KEY = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\="})
_TEXT = str.maketrans({'"': r"\"", "\\": r"\\"})

Shape = tuple[tuple[str, ...], tuple[type, ...]]
Key = TypeVar("Key")


class _Kept(dict[Key, str | None]):
    """What has been made of keys, so that it need not be made again while there is room."""

    def __init__(self, make: Callable[[Key], str | None]) -> None:
        super().__init__()
        self._make = make
        self._weight = 0

    def __missing__(self, key: Key) -> str | None:
        if self._weight > KEPT:
            self.clear()
            self._weight = 0
        self._weight += EACH + 2 * len(str(key))
        self[key] = made = self._make(key)
        return made


class LineEncoder:
    """Encodes points; holds nothing but caches, so one encoder serves all batches of a store."""

    def __init__(self) -> None:
        self._names = _Kept(_name)
        self._tags = _Kept(_tag)
        self._templates = _Kept(_template)

    def encode(self, points: Sequence[Sample]) -> tuple[list[bytes], list[int], list[RefusedPoint]]:
        """Lines (no newline at the end), their positions in `points`, and what cannot be written.

        What is `Lines` stays together: one text with newlines in it.
        Times are written as they are, in milliseconds: send with `precision=ms`.
        """
        lines: list[bytes] = []
        positions: list[int] = []
        refused: list[RefusedPoint] = []
        for position, point in enumerate(points):
            if type(point) is Lines or type(point) is Line:
                text = point.text if type(point) is Lines else point.template % point.values
                lines.append(text)
                positions.append(position)
                continue
            measurement, tags, fields, time = point
            head, body = self._head(measurement, tags), self._body(fields)
            if head is not None and body is not None and time in TIMES:
                lines.append(f"{head} {body} {time}".encode())
                positions.append(position)
            else:
                reason = series_fault(measurement, canonical(tags)) or fields_fault(fields)
                reason = reason or f"time {time} ms is outside 64-bit nanoseconds"
                refused.append(RefusedPoint(position, reason))
        return lines, positions, refused

    def _head(self, measurement: str, tags: Tags) -> str | None:
        """A line up to its fields; None when no line of this series can be written."""
        parts = [self._names[measurement], *map(self._tags.__getitem__, sorted(tags))]
        try:
            head = "".join(parts)  # type: ignore[arg-type]  # a None makes it fail
        except TypeError:
            return None
        if len(dict(tags)) < len(tags) or len(head) > SURELY_SHORT:
            return None if series_fault(measurement, canonical(tags)) else head
        return head

    def _body(self, fields: Mapping[str, Value]) -> str | None:
        """The fields of a line; None when they cannot be written."""
        values = tuple(fields.values())
        shape = (tuple(fields), tuple(map(type, values)))
        template = self._templates[shape]
        if template is not None and surely_in_range(values):
            return template % values
        if fields_fault(fields) is not None:
            return None
        return ",".join(f"{key.translate(_KEY)}={_written(value)}" for key, value in fields.items())


def _name(measurement: str) -> str | None:
    """A measurement in a line; None when no line can have it."""
    return None if series_fault(measurement, ()) else measurement.translate(_NAME)


def _tag(tag: tuple[str, str]) -> str | None:
    """A tag in a line, "" for one without a value; None when no line can have it."""
    key, value = tag
    if not value:
        return ""
    if series_fault("any", (tag,)):
        return None
    return f",{key.translate(_KEY)}={value.translate(_KEY)}"


def _template(shape: Shape) -> str | None:
    """A format with a place for each value; None where values must be looked at one by one."""
    keys, types = shape
    if any(kind not in _PLACES for kind in types) or fields_fault(dict.fromkeys(keys, 0)):
        return None
    escaped = [key.translate(_KEY).replace("%", "%%") for key in keys]
    return ",".join(f"{key}={_PLACES[kind]}" for key, kind in zip(escaped, types, strict=True))


def template(measurement: str, tags: Tags, keys: Sequence[str], places: Sequence[str]) -> bytes:
    """The line of a series with places for host, site, values and time; no other tag is empty.

    What the tags say of host and site does not count.
    """
    own = {key: value.translate(_KEY).replace("%", "%%") for key, value in canonical(tags)}
    head = "".join(
        f",{key.translate(_KEY).replace('%', '%%')}={value}"
        for key, value in sorted((own | dict.fromkeys(("host", "site"), "%b")).items())
    )
    body = ",".join(
        f"{key.translate(_KEY).replace('%', '%%')}={place}"
        for key, place in zip(keys, places, strict=True)
    )
    return f"{measurement.translate(_NAME).replace('%', '%%')}{head} {body} %d".encode()


def _written(value: Value) -> str:
    if type(value) is str:
        return f'"{value.translate(_TEXT)}"'
    return _PLACES[type(value)] % value
