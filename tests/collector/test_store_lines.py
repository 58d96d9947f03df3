"""Line protocol: what the encoder writes, an independent reader and InfluxDB itself read back."""

from __future__ import annotations

import math
import tracemalloc
from typing import Any

import pytest
from collector.store_cases import T0, influx, point
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muster_collector.store.base import Point, Query, Read, Value
from muster_collector.store.faults import canonical
from muster_collector.store.lines import LineEncoder
from servers import Influx1

PRINTABLE = st.characters(exclude_categories=["Cs", "Cc"])
AWKWARD = st.sampled_from([" ", ",", "=", '"', "\\", "'", "%", "a", "北", "#"])
TEXT = st.text(AWKWARD | PRINTABLE, min_size=1, max_size=8)


def writable_value(text: str) -> bool:
    return not text.endswith("\\")


def writable_name(text: str) -> bool:
    return (
        writable_value(text)
        and not any("\\" + special in text for special in ", =")
        and not text.startswith("#")
        and text not in ("time", "_field", "_measurement")
    )


NAMES = TEXT.filter(writable_name)
TAGS = st.dictionaries(NAMES, TEXT.filter(writable_value), max_size=4)
STRINGS = st.text(AWKWARD | st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = (
    st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**63), 2**63 - 1)
    | st.booleans()
    | STRINGS
)
FIELDS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=5)
TIMES = st.integers(-(10**12), 4 * 10**12)


@st.composite
def points(draw: st.DrawFn) -> Point:
    return Point(draw(NAMES), tuple(sorted(draw(TAGS).items())), draw(FIELDS), draw(TIMES))


def split(text: str, mark: str, *, quotes: bool = False) -> list[str]:
    """Parts between marks that no backslash precedes, nor (with `quotes`) stand in a string."""
    parts: list[str] = []
    current, at, quoted = "", 0, False
    while at < len(text):
        character = text[at]
        if character == "\\" and at + 1 < len(text):
            current += text[at : at + 2] if quoted or text[at + 1] in ' ,="' else character
            at += 2 if quoted or text[at + 1] in ' ,="' else 1
            continue
        if quotes and character == '"' and (quoted or begins_value(mark, parts, current)):
            quoted = not quoted
        if character == mark and not quoted:
            parts.append(current)
            current = ""
        else:
            current += character
        at += 1
    return [*parts, current]


def begins_value(mark: str, parts: list[str], current: str) -> bool:
    """Whether a quote here opens a string, and is not part of a field's name."""
    if mark == "=":
        return bool(parts) and not current
    return current.endswith("=") and not current.endswith("\\=")


def plain(text: str, escaped: str) -> str:
    for character in escaped:
        text = text.replace("\\" + character, character)
    return text


def value_of(text: str) -> Value:
    if text.startswith('"'):
        inner, result, at = text[1:-1], "", 0
        while at < len(inner):
            at += inner[at] == "\\"
            result += inner[at]
            at += 1
        return result
    if text in ("True", "False", "true", "false"):
        return text in ("True", "true")
    return int(text[:-1]) if text.endswith("i") else float(text)


def parsed(line: str) -> Point:
    """A line read by the rules of InfluxDB's documentation, slowly."""
    head = split(line, " ")[0]
    fields, _, time = line[len(head) + 1 :].rpartition(" ")
    measurement, *tags = split(head, ",")
    pairs = [split(tag, "=") for tag in tags]
    values: dict[str, Value] = {}
    for part in split(fields, ",", quotes=True):
        key, value = split(part, "=", quotes=True)
        values[plain(key, ", =")] = value_of(value)
    return Point(
        plain(measurement, ", "),
        tuple((plain(key, ", ="), plain(value, ", =")) for key, value in pairs),
        values,
        int(time),
    )


def same(left: Value, right: Value) -> bool:
    return type(left) is type(right) and left == right


@given(points())
def test_an_independent_reader_reads_what_was_written(written: Point) -> None:
    (line,), positions, refused = LineEncoder().encode([written])
    assert (positions, refused) == ([0], [])
    read = parsed(line.decode())
    assert (read.measurement, read.tags, read.time) == (
        written.measurement, written.tags, written.time
    )  # fmt: skip
    assert read.fields.keys() == written.fields.keys()
    assert all(same(read.fields[key], value) for key, value in written.fields.items())


@given(
    st.lists(
        st.tuples(
            st.text(max_size=3), st.dictionaries(st.text(max_size=2), st.text(max_size=3)),
            st.dictionaries(st.text(max_size=3), st.floats() | st.integers() | st.text(max_size=3)),
            st.integers(),
        ),
        max_size=8,
    )
)  # fmt: skip
def test_every_point_is_either_a_line_or_refused(
    raw: list[tuple[str, dict[str, str], dict[str, Any], int]],
) -> None:
    batch = [Point(name, tuple(tags.items()), fields, time) for name, tags, fields, time in raw]
    lines, positions, refused = LineEncoder().encode(batch)
    assert sorted([*positions, *(bad.position for bad in refused)]) == list(range(len(batch)))
    for line, position in zip(lines, positions, strict=True):
        written = batch[position]
        read = parsed(line.decode())
        assert (read.measurement, read.time) == (written.measurement, written.time)
        assert read.tags == canonical(written.tags)
        assert read.fields == written.fields


@pytest.mark.parametrize(
    ("given_point", "line"),
    [
        (point(0, {"v": 1}), f"m v=1i {T0}"),
        (point(0, {"v": 1.0, "w": True}, b="2", a="1"), f"m,a=1,b=2 v=1.0,w=True {T0}"),
        (
            Point("a b,c=d", (("k k", "v,v=v"),), {"f f,=": 'q"\\\n'}, 5),
            'a\\ b\\,c=d,k\\ k=v\\,v\\=v f\\ f\\,\\=="q\\"\\\\\n" 5',
        ),
        (
            Point("m", (("b", ""), ("z", "1"), ("a", "2")), {"%d": 1e300}, -1),
            "m,a=2,z=1 %d=1e+300 -1",
        ),
    ],
)  # fmt: skip
def test_lines_look_like_this(given_point: Point, line: str) -> None:
    assert LineEncoder().encode([given_point]) == ([line.encode()], [0], [])


def test_the_second_point_of_a_shape_is_looked_at_as_the_first() -> None:
    encoder = LineEncoder()
    values: list[float] = [1.0, math.nan, 2.0, math.inf, -math.inf, 3.0]
    lines, positions, refused = encoder.encode([point(0, {"a": 1, "v": v}) for v in values])
    assert positions == [0, 2, 5]
    assert [bad.position for bad in refused] == [1, 3, 4]
    big = [2**62, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 10**400]
    lines, positions, _ = encoder.encode([point(0, {"a": v, "v": 1.0}) for v in big])
    assert [line.split()[1] for line in lines] == [b"a=%di,v=1.0" % v for v in big[:3]]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batch=st.lists(points(), min_size=1, max_size=12))
async def test_influxdb_reads_what_was_written(influx1: Influx1, batch: list[Point]) -> None:
    store = influx(influx1)
    await store.open()
    try:
        unique = {
            (f"{i}{p.measurement}", p.tags): p._replace(measurement=f"{i}{p.measurement}")
            for i, p in enumerate(batch)
        }
        assert await store.write(list(unique.values())) == []
        for written in unique.values():
            group = tuple(key for key, _ in written.tags)
            reads = tuple(Read(key, "raw") for key in written.fields if key not in group)
            if reads:
                query = Query(
                    written.measurement, reads, written.time, written.time + 1, group=group
                )
                table = await store.select(query)
                assert len(table) == 1
                assert tuple(table.columns[key][0] for key in group) == tuple(
                    value for _, value in written.tags
                )
                for read in reads:
                    assert same(table.columns[read.field][0], written.fields[read.field])
    finally:
        await store.close()


def test_what_is_kept_of_ever_new_tags_is_bounded() -> None:
    encoder = LineEncoder()
    tracemalloc.start()
    try:
        for number in range(3_000):
            value = f"{number}-" + "x" * 20_000
            lines, _, refused = encoder.encode([Point("m", (("t", value),), {"a": 1}, T0)])
            assert (lines, refused) == ([f"m,t={value} a=1i {T0}".encode()], [])
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 40 << 20  # of 120 MB
