"""From metrics to points: one field has one type for ever, and limits on all that has a length.

Where the catalogue knows a field, a whole number becomes a float where it says float; nothing else
is converted, because 1.0 in a field of whole numbers would mean that some other node or time has
0.5 there: such a metric is refused, and the rest of its report stored. Fields that the catalogue
does not know are stored as they are sent.

Verdicts depend only on a metric's shape (its name, the names and types of its fields) and on its
tags, so both are looked at once and remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from muster_collector.store.base import Point, Value
from muster_wire.catalogue import types
from muster_wire.messages import Metric, Report

KEPT = 16 << 20
"""Characters of shapes remembered; beyond, the memory begins anew."""
TAGS_LENGTH = 4096
"""Characters of all tags of a metric together."""
MOST_PLACES = 50_000
"""Measurements with tags that are kept in one copy; beyond, a new round of copies begins."""
IMPLIED = ("host", "site")
"""Tags that come from the topic, whatever a node says."""
HOUR = 3_600_000
_NAMES: Mapping[type, str] = {int: "int", float: "float", bool: "bool", str: "str"}

Tags = tuple[tuple[str, str], ...]
Wrong = tuple[str, str]
"""Why a metric is refused: the reason (counted) and the detail."""


class Limits(Protocol):
    """What this needs of the [limits] section."""

    @property
    def tags(self) -> int:
        """Tags of a metric."""

    @property
    def fields(self) -> int:
        """Fields of a metric."""

    @property
    def text(self) -> int:
        """Characters of a name or text."""

    @property
    def new_series(self) -> int:
        """Series that a node may begin in an hour."""


class Fault(NamedTuple):
    """A metric that is refused: the reason (counted), the detail, what it was."""

    reason: str
    detail: str
    metric: Metric


class Shape(NamedTuple):
    """What is known of all metrics of one shape; `floats` are fields to convert."""

    fault: Wrong | None
    floats: tuple[str, ...]
    texts: tuple[str, ...]


PLAIN = Shape(None, (), ())
"""The usual one, with nothing to look at or to do."""


class NodeSeries:
    """The series of one node, with their tags ready for the store."""

    __slots__ = ("begun", "hour", "implied", "tags")

    def __init__(self, host: str, site: str) -> None:
        self.implied = (("host", host), ("site", site))
        self.tags: dict[tuple[str, Tags], Tags] = {}
        self.hour = 0
        self.begun = 0


class Shapes:
    """Turns reports into points; holds nothing but what it has seen already."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._types = types()
        self._shapes: dict[tuple[str, tuple[str, ...], tuple[type, ...]], Shape] = {}
        self._series: dict[tuple[str, str], NodeSeries] = {}
        self._places: dict[tuple[str, Tags], tuple[str, Tags]] = {}
        self._weight = 0

    def points(self, report: Report, now: int) -> tuple[list[Point], list[Fault]]:
        """The points of a report, and the metrics that are refused; `now` in ms."""
        points: list[Point] = []
        faults: list[Fault] = []
        who = (report.node, report.site)
        series = self._series.get(who)
        if series is None:
            series = self._series[who] = NodeSeries(*who)
        known, shapes, ts = series.tags, self._shapes, report.ts
        for metric in report.metrics:
            name, fields = metric.name, metric.fields
            key = (name, tuple(fields), tuple(map(type, fields.values())))
            shape = shapes.get(key) or self._shape(*key)
            place = (name, tuple(metric.tags.items()))
            tags = known.get(place)
            if shape is not PLAIN or tags is None:
                wrong = self._wrong(shape, fields)
                if wrong is None and tags is None:
                    tags, wrong = self._begin(series, place, now)
                if wrong is not None:
                    faults.append(Fault(*wrong, metric))
                    continue
                assert tags is not None  # noqa: S101 - `_begin` gives one of the two
            points.append(Point(name, tags, fields, ts))
        return points, faults

    def _shape(self, name: str, keys: tuple[str, ...], kinds: tuple[type, ...]) -> Shape:
        self._weight += 200 + len(name) + sum(map(len, keys))
        if self._weight > KEPT:
            self._shapes.clear()
            self._weight = 0
        fault = self._too_much(name, keys)
        wanted = self._types.get(name, {})
        floats = []
        for field, kind in zip(keys, kinds, strict=True):
            want, got = wanted.get(field), _NAMES[kind]
            if want == "float" and got == "int":
                floats.append(field)
            elif want is not None and want != got:
                fault = fault or ("type", f"{name} {field} is a {got}, the catalogue says {want}")
        texts = tuple(field for field, kind in zip(keys, kinds, strict=True) if kind is str)
        shape = Shape(fault, tuple(floats), texts) if fault or floats or texts else PLAIN
        self._shapes[name, keys, kinds] = shape
        return shape

    def _too_much(self, name: str, keys: tuple[str, ...]) -> Wrong | None:
        limits = self._limits
        if not keys:
            return "limit", f"{name[:80]} has no fields"
        if len(keys) > limits.fields:
            return "limit", f"{name[:80]} has {len(keys)} fields, more than {limits.fields}"
        if len(name) > limits.text or any(len(key) > limits.text for key in keys):
            return "limit", f"{name[:80]}: a name has more than {limits.text} characters"
        return None

    def _wrong(self, shape: Shape, fields: dict[str, Value]) -> Wrong | None:
        """What is wrong with the values of a metric of this shape; converts what has to be."""
        for key in shape.texts:
            if len(str(fields[key])) > self._limits.text:
                return "limit", f"{key[:80]} has more than {self._limits.text} characters"
        return shape.fault or _convert(fields, shape.floats)

    def _begin(
        self, series: NodeSeries, place: tuple[str, Tags], now: int
    ) -> tuple[Tags | None, Wrong | None]:
        """The tags of a series that is new here, or why it may not be.

        Only what may be is remembered: what a node can make up must not fill the memory.
        """
        tags, limits = place[1], self._limits
        if len(tags) > limits.tags:
            return None, ("limit", f"{place[0][:80]} has {len(tags)} tags, more than {limits.tags}")
        if any(len(key) > limits.text or len(value) > limits.text for key, value in tags):
            return None, ("limit", f"{place[0][:80]}: a tag has more than {limits.text} characters")
        if sum(len(key) + len(value) for key, value in tags) > TAGS_LENGTH:
            return None, (
                "limit",
                f"{place[0][:80]}: its tags have more than {TAGS_LENGTH} characters",
            )
        if now - series.hour >= HOUR:
            series.hour, series.begun = now, 0
            if len(series.tags) > 2 * limits.new_series:
                series.tags.clear()
        if series.begun >= limits.new_series:
            return None, ("new series", f"more than {limits.new_series} new series within an hour")
        series.begun += 1
        place = self._shared(place)
        own = [tag for tag in place[1] if tag[1] and tag[0] not in IMPLIED]
        made = tuple(sorted([*own, *series.implied]))
        series.tags[place] = made
        return made, None

    def _shared(self, place: tuple[str, Tags]) -> tuple[str, Tags]:
        """The same place, in one copy for all nodes: most have the same devices."""
        if len(self._places) >= MOST_PLACES:
            self._places.clear()
        return self._places.setdefault(place, place)


def _convert(fields: dict[str, Value], floats: tuple[str, ...]) -> Wrong | None:
    for key in floats:
        try:
            fields[key] = float(fields[key])
        except OverflowError:
            return "type", f"{key[:80]} is too large for a float"
    return None
