"""Metrics that come again and again but for their values: matched as text, never decoded.

A layout is made once for a measurement with its tags and fields: a pattern of the JSON of its
fields, and its line with a place for each value. The text of a metric that matches goes into the
line as it came. What matches is what `shortcut` and `Shapes` would take with the same result; all
else goes to them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, final

import msgspec

from muster_collector.store.base import Point, Value
from muster_collector.store.faults import fields_fault, series_fault
from muster_collector.store.lines import template
from muster_wire.messages import Metric

IMPLIED = ("host", "site")
"""Tags that come from the topic, whatever a node says."""
MOST_FIELDS = 100
"""Fields of a layout; to compile the pattern of one takes 40 us."""
WEIGHT = 1500
"""Bytes that a layout costs beside its texts."""

Tags = tuple[tuple[str, str], ...]
Place = tuple[str, Tags]
"""A measurement and its tags, as they are sent."""
Key = tuple[str, bytes]
"""A measurement and the JSON of its tags."""
Kinds = tuple[type, ...]

_FORMS: Mapping[type, str] = {
    int: r"(-?[0-9]{1,18})",
    float: r"(-?[0-9]{1,15}\.[0-9]{1,17})",
    bool: r"(true|false)",
    str: r'"([ !#-\[\]-~\x80-\xff]{0,%d})"',
}
"""JSON of values that any store can hold, of texts without anything to escape."""
_TOLD: Mapping[type, str] = {int: "%bi", float: "%b", bool: "%b", str: '"%b"'}
_TYPED: Mapping[type, str] = {int: "%di", float: "%r", bool: "%r"}
_READ: Mapping[type, Callable[[bytes], Value]] = {
    int: int,
    float: float,
    bool: b"true".__eq__,
    str: bytes.decode,
}


@final
class Layout:
    """All of a line but host, site, values and time; shared by all nodes that have it."""

    __slots__ = (
        "floats", "form", "key", "keys", "kinds", "name", "place", "told", "typed"
    )  # fmt: skip

    def __init__(
        self,
        key: Key,
        place: Place,
        fields: Mapping[str, type],
        *,
        floats: Collection[str],
        form: re.Pattern[bytes],
    ) -> None:
        self.key, self.place = key, place
        self.name = place[0]
        self.keys, self.kinds = tuple(fields), tuple(fields.values())
        self.floats = floats
        """Whole numbers that the store has as floats; the line of one has no i behind it."""
        self.form = form
        """What the JSON of the fields matches."""
        self.told = self._line(_TOLD)
        self.typed: bytes | None = None
        """The line for values that are no texts yet; none where a field is a text."""
        if str not in self.kinds:
            self.typed = self._line(_TYPED)

    def _line(self, places: Mapping[type, str]) -> bytes:
        found = [
            places[kind].removesuffix("i") if key in self.floats else places[kind]
            for key, kind in zip(self.keys, self.kinds, strict=True)
        ]
        return template(*self.place, self.keys, found)

    @property
    def tags(self) -> dict[str, str]:
        """The tags of its metrics."""
        return dict(self.place[1])

    @property
    def weight(self) -> int:
        """Bytes that it costs, about."""
        return WEIGHT + 3 * len(self.told) + 60 * len(self.keys)

    def values(self, found: Sequence[Any]) -> list[Value]:
        """The values of a metric, which may be texts."""
        return [
            _READ[kind](value) if type(value) is bytes else value
            for kind, value in zip(self.kinds, found, strict=True)
        ]

    def point(self, values: Sequence[Any]) -> Point:
        """The point of a line's values: host, site, those of the fields, time."""
        host, site, *found, time = values
        return self.made(host, site, self.values(found), time)

    def made(self, host: bytes, site: bytes, values: Sequence[Value], time: int) -> Point:
        """The point of values that are no texts any more."""
        fields = dict(zip(self.keys, values, strict=True))
        for key in self.floats:
            fields[key] = float(fields[key])
        return Point(self.name, _tags(self.place[1], host, site), fields, time)


class Layouts(dict[Key, Layout | None]):
    """Layouts by what they are of; asked for with brackets."""

    def __missing__(self, key: Key) -> Layout | None:
        return None

    def take(self, text: bytes | msgspec.Raw, read: Callable[[], list[Metric]]) -> list[Metric]:
        """The metrics in JSON, which `read` reads one by one."""
        del text
        return read()


class Matched(Metric):
    """A metric that has a layout; its name, tags and fields are made when somebody asks."""

    __slots__ = ("layout", "line", "values")

    def __init__(self, layout: Layout, line: bytes, values: tuple[Any, ...]) -> None:
        self.layout = layout
        self.line = line
        """The layout's line that has places for such values."""
        self.values = values

    def __getattr__(self, name: str) -> Any:
        if name not in Metric.__slots__:
            raise AttributeError(name)
        plain = self.plain()
        self.name, self.tags, self.fields = plain.name, plain.tags, plain.fields
        return getattr(plain, name)

    def plain(self) -> Metric:
        """The same as it would have been decoded."""
        layout = self.layout
        fields = dict(zip(layout.keys, layout.values(self.values), strict=True))
        return Metric(layout.name, layout.tags, fields)


def form(fields: Mapping[str, type], longest: int) -> re.Pattern[bytes] | None:
    """The JSON of such fields as agents write it, its texts of `longest` characters at most.

    None where a name would have to be escaped.
    """
    if len(fields) > MOST_FIELDS or not all(map(_plain, fields)):
        return None
    forms = [
        f'"{re.escape(key)}":' + (_FORMS[kind] % longest if kind is str else _FORMS[kind])
        for key, kind in fields.items()
    ]
    return re.compile(("\\{" + ",".join(forms) + "\\}").encode())


def writable(place: Place, keys: Iterable[str]) -> bool:
    """Whether any store can take such points, whatever the host, the site and the values."""
    own = tuple(tag for tag in place[1] if tag[0] not in IMPLIED)
    return not (series_fault(place[0], own) or fields_fault(dict.fromkeys(keys, 0)))


@lru_cache(maxsize=20_000)
def _tags(tags: Tags, host: bytes, site: bytes) -> Tags:
    """The tags of a series, for the store that has to have them."""
    own = [tag for tag in tags if tag[1] and tag[0] not in IMPLIED]
    return tuple(sorted([*own, ("host", host.decode()), ("site", site.decode())]))


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and '"' not in text and "\\" not in text
