"""From metrics to points: one field has one type for ever, and limits on all that has a length.

Where the catalogue knows a field, a whole number becomes a float where it says float; nothing else
is converted, because 1.0 in a field of whole numbers would mean that some other node or time has
0.5 there: such a metric is refused, and the rest of its report stored. Fields that the catalogue
does not know are stored as they are sent.

Verdicts depend only on a metric's shape (its name, the names and types of its fields) and on its
tags, so both are looked at once and remembered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import msgspec

from muster_collector.ingest import layouts
from muster_collector.ingest.layouts import (
    IMPLIED,
    Key,
    Kinds,
    Layout,
    Layouts,
    Matched,
    Place,
    Tags,
)
from muster_collector.ingest.sheets import HOST, SITE, TIME, Filled, Sheet, Sheets, cut
from muster_collector.store.base import Line, Lines, Point, Sample, Value
from muster_wire.catalogue import types
from muster_wire.messages import Metric, Report

KEPT = 16 << 20
"""Characters of shapes remembered; beyond, the memory begins anew."""
TAGS_LENGTH = 4096
"""Characters of all tags of a metric together."""
MOST_PLACES = 50_000
"""Measurements with tags that are kept in one copy; beyond, a new round of copies begins."""
LEARNT = 60
"""Fields whose patterns are compiled for one report at most, because that takes 40 us each."""
HOUR = 3_600_000
MISSES, SELDOM = 16, 16
"""After so many reports of a node that no sheet takes, only each 16th one tries."""
_NAMES: Mapping[type, str] = {int: "int", float: "float", bool: "bool", str: "str"}

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


@dataclass(slots=True)
class Shape:
    """What is known of all metrics of one shape; `floats` are fields to convert."""

    fault: Wrong | None = None
    floats: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    form: re.Pattern[bytes] | None = None
    """What the JSON of their fields matches, once that is compiled."""

    @property
    def plain(self) -> bool:
        """Whether there is nothing to look at or to do."""
        return not (self.fault or self.floats or self.texts)


class NodeSeries(Layouts):
    """The series that a node has begun: their layouts, or their tags ready for the store."""

    __slots__ = (
        "begun", "hour", "implied", "misses", "now", "seen", "shapes", "sheet", "tags", "who"
    )  # fmt: skip

    def __init__(self, shapes: Shapes, host: str, site: str) -> None:
        self.shapes = shapes
        self.implied = (("host", host), ("site", site))
        self.who = (host.encode(), site.encode())
        self.tags: dict[Place, Tags] = {}
        self.hour = self.begun = self.now = 0
        self.sheet: Sheet | None = None
        """The one of its last report that had one: it has begun all series of that."""
        self.seen = self.misses = 0

    def __missing__(self, key: Key) -> Layout | None:
        layout = self.shapes.layouts.get(key)
        if layout is not None and (layout.place in self.tags or self.begins()):
            self[layout.key] = layout
            return layout
        return None

    def take(self, text: bytes | msgspec.Raw, read: Callable[[], list[Metric]]) -> list[Metric]:
        """The metrics in JSON: by their sheet, or as `read` says, of which one may be learnt."""
        if self.misses > MISSES and self.misses % SELDOM:
            self.misses += 1
            return read()
        sheets = self.shapes.sheets
        parts, numbers, key = cut(text)
        sheet = sheets.get(key)
        if sheet is not None and (sheet is self.sheet or self._has(sheet)):
            self.sheet, self.misses = sheet, 0
            parts[::2] = sheet.between
            return [Filled(sheet, numbers, b"".join(parts))]
        self.misses += 1
        metrics = read()
        seen = hash(key)
        if sheet is None and seen == self.seen:
            sheets.learn(key, numbers, metrics)
        self.seen = seen
        return metrics

    def _has(self, sheet: Sheet) -> bool:
        """Whether it has begun all series of a sheet, or may begin them."""
        return all(self[layout.key] is not None for layout in sheet.layouts)

    def begins(self) -> bool:
        """Whether it may begin one more series; counts it."""
        most = self.shapes.limits.new_series
        if self.now - self.hour >= HOUR:
            self.hour, self.begun = self.now, 0
            if len(self.tags) + len(self) > 2 * most:
                self.tags.clear()
                self.clear()
                self.sheet = None
        if self.begun >= most:
            return False
        self.begun += 1
        return True


class Shapes:
    """Turns reports into points; holds nothing but what it has seen already."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.layouts: dict[Key, Layout] = {}
        self.sheets = Sheets()
        self._types = types()
        self._shapes: dict[tuple[str, tuple[str, ...], Kinds], Shape] = {}
        self._series: dict[tuple[str, str], NodeSeries] = {}
        self._places: dict[Place, Place] = {}
        self._weight = self._layouts_weight = 0

    def series(self, node: str, site: str, now: int) -> NodeSeries:
        """The series of a node; `now` in ms."""
        who = (node, site)
        series = self._series.get(who)
        if series is None:
            series = self._series[who] = NodeSeries(self, *who)
        series.now = now
        return series

    def points(self, report: Report, now: int) -> tuple[list[Sample], list[Fault]]:
        """The points of a report, and the metrics that are refused; `now` in ms."""
        points: list[Sample] = []
        faults: list[Fault] = []
        series = self.series(report.node, report.site, now)
        host, site = series.who
        ts, left = report.ts, LEARNT
        for metric in report.metrics:
            if type(metric) is Filled:
                text = metric.lines.replace(HOST, host).replace(SITE, site)
                points.append(Lines(text.replace(TIME, b"%d" % ts), metric, host, site, ts))
                continue
            if type(metric) is Matched:
                values = (host, site, *metric.values, ts)
                points.append(Line(metric.line, values, metric.layout))
                continue
            name, fields = metric.name, metric.fields
            key = (name, tuple(fields), tuple(map(type, fields.values())))
            shape = self._shapes.get(key) or self._shape(*key)
            place = (name, tuple(metric.tags.items()))
            wrong = None if shape.plain else self._wrong(shape, fields)
            tags = series.tags.get(place)
            if wrong is None and tags is None:
                tags, wrong = self._begin(series, place)
            if wrong is not None:
                faults.append(Fault(*wrong, metric))
                continue
            assert tags is not None  # noqa: S101 - `_begin` gives one of the two
            points.append(Point(name, tags, fields, ts))
            if left > 0:
                kinds = dict(zip(key[1], key[2], strict=True))
                left -= self._learn(series, place, shape, kinds, left)
        return points, faults

    def _learn(
        self, series: NodeSeries, place: Place, shape: Shape, fields: Mapping[str, type], left: int
    ) -> int:
        """Make the layout of a metric that is right; what that cost in fields, 1 at least."""
        cost = 1
        if shape.form is None:
            cost = len(fields)
            if left < min(cost, LEARNT):
                return left  # the next report will do
            shape.form = layouts.form(fields, self.limits.text)
        if shape.form is None or not layouts.writable(place, fields):
            return cost
        key = (place[0], msgspec.json.encode(dict(place[1])))
        known = self.layouts.get(key)
        if known is not None and known.form is shape.form:
            series[key] = known
            return cost
        layout = Layout(key, place, fields, floats=shape.floats, form=shape.form)
        self._layouts_weight += layout.weight
        if self._layouts_weight > KEPT:
            self.layouts.clear()
            self._layouts_weight = layout.weight
        self.layouts[key] = series[key] = layout
        return cost

    def _shape(self, name: str, keys: tuple[str, ...], kinds: Kinds) -> Shape:
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
        shape = self._shapes[name, keys, kinds] = Shape(fault, tuple(floats), texts)
        return shape

    def _too_much(self, name: str, keys: tuple[str, ...]) -> Wrong | None:
        limits = self.limits
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
            if len(str(fields[key])) > self.limits.text:
                return "limit", f"{key[:80]} has more than {self.limits.text} characters"
        return shape.fault or _convert(fields, shape.floats)

    def _begin(self, series: NodeSeries, place: Place) -> tuple[Tags | None, Wrong | None]:
        """The tags of a series that is new here, or why it may not be.

        Only what may be is remembered: what a node can make up must not fill the memory.
        """
        name, tags, limits = place[0][:80], place[1], self.limits
        if len(tags) > limits.tags:
            return None, ("limit", f"{name} has {len(tags)} tags, more than {limits.tags}")
        if any(len(key) > limits.text or len(value) > limits.text for key, value in tags):
            return None, ("limit", f"{name}: a tag has more than {limits.text} characters")
        if sum(len(key) + len(value) for key, value in tags) > TAGS_LENGTH:
            return None, ("limit", f"{name}: its tags have more than {TAGS_LENGTH} characters")
        if not series.begins():
            return None, ("new series", f"more than {limits.new_series} new series within an hour")
        place = self._shared(place)
        own = [tag for tag in place[1] if tag[1] and tag[0] not in IMPLIED]
        made = tuple(sorted([*own, *series.implied]))
        series.tags[place] = made
        return made, None

    def _shared(self, place: Place) -> Place:
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
