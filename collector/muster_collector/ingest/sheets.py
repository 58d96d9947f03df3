"""Reports of which only the numbers are new: all their metrics taken at once, as one text.

A sheet is made once for what a report's metrics have between their numbers: the same of its lines.
One regular expression finds the numbers, one look-up says whether all else has been seen before,
and one join makes the lines. A sheet is learnt from metrics that have all been matched, from the
second report with the same text on; what it takes, `shortcut` would take with the same result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, final

import msgspec

from muster_collector.ingest.layouts import Layout, Matched
from muster_collector.store.base import Point, Value
from muster_wire.messages import Metric

Row = tuple[Any, ...] | None
KEPT = 8 << 20
"""Bytes of all sheets; beyond, the memory begins anew."""
NUMBER = re.compile(rb'":(-?[0-9.]{1,18})(?=[,}])')
"""A number that is the value of a key, in a text that is JSON: no longer than any store takes."""
DIGITS = b"-0123456789"
HOST, SITE, TIME, GAP = b"\x00", b"\x01", b"\x02", b"\x03"
"""Where a sheet's lines have what is each report's own. No series and no matched text has them."""
VALUES = msgspec.json.Decoder(list[int | float])
_GAP: Final = object()


@final
class Sheet:
    """The lines of a report but for host, site, time and numbers; shared by all that have it."""

    __slots__ = ("between", "layouts", "rows", "sizes")

    def __init__(self, layouts: Sequence[Layout], rows: Sequence[Row], lines: Sequence[bytes]):
        self.layouts = tuple(layouts)
        self.rows = rows
        """What the fields of each metric are, `_GAP` for a new value; None where all are new."""
        self.between = b"\n".join(lines).split(GAP)
        """The lines, cut where the values go."""
        self.sizes = [len(layout.keys) for layout in layouts]

    def lines(self, values: list[Any]) -> bytes:
        """The lines with values that are no texts."""
        parts = [b""] * (2 * len(values) + 1)
        parts[::2] = self.between
        parts[1::2] = repr(values)[1:-1].encode().split(b", ")
        return b"".join(parts)

    def filled(self, values: list[Any]) -> Iterator[tuple[Layout, list[Any]]]:
        """The layouts, and the values of their fields."""
        at = 0
        for layout, row in zip(self.layouts, self.rows, strict=True):
            if row is None:
                end = at + len(layout.keys)
                yield layout, values[at:end]
                at = end
                continue
            mixed: list[Any] = []
            for value in row:
                if value is _GAP:
                    mixed.append(values[at])
                    at += 1
                else:
                    mixed.append(value)
            yield layout, mixed


@final
class Filled(Metric):
    """All metrics of a report that has a sheet; looked at one by one only when somebody asks."""

    __slots__ = ("lines", "sheet", "values")

    def __init__(self, sheet: Sheet, values: bytes | list[Any], lines: bytes) -> None:
        self.sheet = sheet
        self.values = values
        """Those that are new; bytes are numbers as they came, with commas between them."""
        self.lines = lines

    @property
    def size(self) -> int:
        """How many metrics it stands for."""
        return len(self.sheet.layouts)

    def rows(self) -> Iterator[tuple[Layout, list[Value]]]:
        """The layout of each metric, and the values of its fields."""
        values = self.values
        if isinstance(values, bytes):
            return self.sheet.filled(VALUES.decode(b"[%b]" % values))
        return self.sheet.filled(values)

    def metrics(self) -> list[Metric]:
        """The same as they would have been decoded."""
        return [
            Metric(layout.name, layout.tags, dict(zip(layout.keys, values, strict=True)))
            for layout, values in self.rows()
        ]

    def points(self, host: bytes, site: bytes, time: int) -> list[Point]:
        """The points of its lines."""
        return [layout.made(host, site, values, time) for layout, values in self.rows()]


def plain(metrics: Sequence[Metric]) -> list[Metric]:
    """Metrics one by one, as they would have been decoded."""
    found: list[Metric] = []
    for metric in metrics:
        if type(metric) is Filled:
            found += metric.metrics()
        else:
            found.append(metric.plain() if type(metric) is Matched else metric)
    return found


def count(metrics: Sequence[Metric]) -> int:
    """How many metrics these are."""
    number = len(metrics)
    for metric in metrics:
        if type(metric) is Filled:
            number += metric.size - 1
    return number


class Sheets:
    """The sheets of all nodes, by what their reports have between the numbers."""

    def __init__(self) -> None:
        self._sheets: dict[bytes, Sheet] = {}
        self._weight = 0

    def get(self, key: bytes) -> Sheet | None:
        """A sheet that has been learnt."""
        return self._sheets.get(key)

    def learn(self, key: bytes, numbers: bytes, metrics: Sequence[Metric]) -> None:
        """Make the sheet of a report, if all its metrics are matched and nothing is in doubt."""
        matched = [metric for metric in metrics if type(metric) is Matched]
        found = [value for metric in matched for value in _numbers(metric)]
        if (
            len(matched) < len(metrics)
            # With an escape, what looks like a key's value may be part of a text.
            or b"\\" in key
            or b",".join(found) != numbers
        ):
            return
        layouts = [metric.layout for metric in matched]
        sheet = Sheet(layouts, tuple(map(_constants, matched)), [*map(_line, matched)])
        if len(sheet.between) != len(found) + 1:
            return
        more = len(key) + weight(layouts)
        self._weight += more
        if self._weight > KEPT:
            self._sheets.clear()
            self._weight = more
        self._sheets[key] = sheet


def cut(text: bytes | msgspec.Raw) -> tuple[list[bytes], bytes, bytes]:
    """JSON in turn between and in its numbers, the numbers, and a key of all but their digits."""
    parts: list[bytes] = NUMBER.split(text)
    numbers = b",".join(parts[1::2])
    # JSON has no 0 bytes, and what is behind the last of them ends with a bracket.
    return parts, numbers, b"\x00".join(parts[::2]) + numbers.translate(None, DIGITS)


def _numbers(metric: Matched) -> Iterator[bytes]:
    for kind, value in zip(metric.layout.kinds, metric.values, strict=True):
        if kind is int or kind is float:
            yield value


def blank(layouts: Sequence[Layout]) -> Sheet:
    """The sheet for values that are no texts yet, of layouts that have no field for a text."""
    marks = [[GAP] * len(layout.keys) for layout in layouts]
    lines = [_gaps(layout, values) for layout, values in zip(layouts, marks, strict=True)]
    return Sheet(layouts, [None] * len(layouts), lines)


def weight(layouts: Sequence[Layout]) -> int:
    """Bytes that a sheet costs, about."""
    return 500 + sum(100 + len(layout.told) + 60 * len(layout.keys) for layout in layouts)


def _constants(metric: Matched) -> tuple[Any, ...] | None:
    layout = metric.layout
    if all(kind is int or kind is float for kind in layout.kinds):
        return None
    return tuple(
        _GAP if kind is int or kind is float else value
        for kind, value in zip(layout.kinds, layout.values(metric.values), strict=True)
    )


def _line(metric: Matched) -> bytes:
    layout = metric.layout
    values = [
        GAP if kind is int or kind is float else value
        for kind, value in zip(layout.kinds, metric.values, strict=True)
    ]
    return _gaps(layout, values)


def _gaps(layout: Layout, values: Sequence[bytes]) -> bytes:
    return layout.told.removesuffix(b"%d") % (HOST, SITE, *values) + TIME
