"""InfluxDB's line protocol: points to lines, fast, because every report passes through here.

A series' head (measurement and tags, escaped) and a shape's template (field keys, escaped, with a
place for each value) are made once and kept, so that a usual point costs one string formatting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from muster_collector.store.base import Line, Lines, RefusedPoint, Sample, Value
from muster_collector.store.faults import (
    TIMES,
    Tags,
    canonical,
    fields_fault,
    series_fault,
    surely_in_range,
)

KEPT: Final = 200_000
"""Heads and shapes kept; beyond, the cache begins anew (a fleet of 10,000 has about as many)."""
_PLACES: Final[Mapping[type, str]] = {float: "%r", int: "%di", bool: "%s"}

_NAME = str.maketrans({",": r"\,", " ": r"\ "})
_KEY = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\="})
_TEXT = str.maketrans({'"': r"\"", "\\": r"\\"})

Shape = tuple[tuple[str, ...], tuple[type, ...]]


class Head(str):
    """A line up to its fields; or, `refused`, why no line of this series can be written."""

    __slots__ = ("refused",)
    refused: str | None


class LineEncoder:
    """Encodes points; holds nothing but caches, so one encoder serves all batches of a store."""

    def __init__(self) -> None:
        self._heads: dict[tuple[str, Tags], Head] = {}
        self._templates: dict[Shape, str | None] = {}

    def encode(self, points: Sequence[Sample]) -> tuple[list[bytes], list[int], list[RefusedPoint]]:
        """Lines (no newline at the end), their positions in `points`, and what cannot be written.

        What is `Lines` stays together: one text with newlines in it.
        Times are written as they are, in milliseconds: send with `precision=ms`.
        """
        lines: list[bytes] = []
        positions: list[int] = []
        refused: list[RefusedPoint] = []
        heads = self._heads
        for position, point in enumerate(points):
            if type(point) is Lines or type(point) is Line:
                text = point.text if type(point) is Lines else point.template % point.values
                lines.append(text)
                positions.append(position)
                continue
            measurement, tags, fields, time = point
            head = heads.get((measurement, tags)) or self._head(measurement, tags)
            body = self._body(fields)
            reason = head.refused
            if reason is None and (body is None or time not in TIMES):
                reason = fields_fault(fields) or f"time {time} ms is outside 64-bit nanoseconds"
            if reason is None:
                lines.append(f"{head}{body} {time}".encode())
                positions.append(position)
            else:
                refused.append(RefusedPoint(position, reason))
        return lines, positions, refused

    def _head(self, measurement: str, tags: Tags) -> Head:
        if len(self._heads) >= KEPT:
            self._heads.clear()
        escaped = "".join(
            f",{key.translate(_KEY)}={value.translate(_KEY)}" for key, value in canonical(tags)
        )
        head = Head(f"{measurement.translate(_NAME)}{escaped} ")
        head.refused = series_fault(measurement, tags)
        self._heads[measurement, tags] = head
        return head

    def _body(self, fields: Mapping[str, Value]) -> str | None:
        """The fields of a line; None when they cannot be written."""
        values = tuple(fields.values())
        shape = (tuple(fields), tuple(map(type, values)))
        try:
            template = self._templates[shape]
        except KeyError:
            template = self._template(shape)
        if template is not None and surely_in_range(values):
            return template % values
        if fields_fault(fields) is not None:
            return None
        return ",".join(f"{key.translate(_KEY)}={_written(value)}" for key, value in fields.items())

    def _template(self, shape: Shape) -> str | None:
        """A format with a place for each value; None where values must be looked at one by one."""
        if len(self._templates) >= KEPT:
            self._templates.clear()
        keys, types = shape
        template = None
        if all(kind in _PLACES for kind in types) and not fields_fault(dict.fromkeys(keys, 0)):
            escaped = [key.translate(_KEY).replace("%", "%%") for key in keys]
            template = ",".join(
                f"{key}={_PLACES[kind]}" for key, kind in zip(escaped, types, strict=True)
            )
        self._templates[shape] = template
        return template


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
