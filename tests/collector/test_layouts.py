"""What is matched instead of decoded: the same metrics, the same points, the same limits."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from collector.test_store_lines import parsed
from hypothesis import given, settings
from hypothesis import strategies as st

from muster_collector.config import Limits
from muster_collector.ingest import reading, sheets, shortcut
from muster_collector.ingest.bases import Bases
from muster_collector.ingest.layouts import Matched
from muster_collector.ingest.shapes import Shapes
from muster_collector.store.base import Line, Sample, whole
from muster_collector.store.lines import LineEncoder
from muster_wire.deltas import tell
from muster_wire.messages import Metric, Report, Value

NOW = 1_800_000_000_000
NAMES = st.sampled_from(["cpu", "m", "my own", "50%", "a=b", "größe", 'q"', "b\\c"])
KINDS: dict[type, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**63), 2**63 - 1),
    float: (
        st.floats(allow_nan=False, allow_infinity=False)
        | st.floats(-1e6, 1e6).map(lambda value: round(value, 3))
    ).map(lambda value: value + 0.0),  # deltas do not tell -0.0 from 0.0
    bool: st.booleans(),
    str: st.text(max_size=5),
}


@st.composite
def pairs(draw: st.DrawFn) -> tuple[list[Metric], list[Metric]]:
    """Metrics, and the same with other values, most of them of the same types."""
    first, second = [], []
    for name in draw(st.lists(NAMES, min_size=1, max_size=4)):
        tags = draw(st.dictionaries(NAMES | st.just("host"), NAMES | st.just(""), max_size=2))
        kinds = draw(st.dictionaries(NAMES, st.sampled_from(list(KINDS)), min_size=1, max_size=4))
        values = [
            {key: draw(KINDS[kind]) for key, kind in kinds.items()},
            {
                key: draw(KINDS[kind] if draw(st.integers(0, 9)) else KINDS[float])
                for key, kind in kinds.items()
            },
        ]
        first.append(Metric(name, tags, values[0]))
        second.append(Metric(name, tags, values[1]))
    return first, second


def report(metrics: list[Metric], seq: int = 0, **changes: Any) -> Report:
    made = Report("n1", "s1", 7, seq, 0, NOW + seq, NOW + seq, 10.0, metrics)
    return replace(made, **changes)


def text(made: Report) -> bytes:
    """As agents write it."""
    fields = {key: getattr(made, key) for key in Report.__slots__}
    fields["metrics"] = [{key: getattr(m, key) for key in Metric.__slots__} for m in made.metrics]
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()


def learnt(metrics: list[Metric]) -> Shapes:
    """Shapes that have seen a report."""
    shapes = Shapes(Limits())
    shapes.points(report([Metric(m.name, m.tags, dict(m.fields)) for m in metrics]), NOW)
    return shapes


def read(shapes: Shapes, payload: bytes) -> Report | None:
    return shortcut.read(payload, shapes.series("n1", "s1", NOW))


def plain(metrics: list[Metric]) -> list[tuple[str, dict[str, str], str]]:
    """Comparable, types and order included."""
    return [(m.name, m.tags, repr(list(m.fields.items()))) for m in sheets.plain(metrics)]


def written(points: list[Sample]) -> list[Any]:
    """What a store is told, read back from the lines, and which points have none."""
    lines, positions, refused = LineEncoder().encode(points)
    return [
        (parsed(line.decode()), position) for line, position in zip(lines, positions, strict=True)
    ] + [bad.position for bad in refused]


@given(pairs())
@settings(max_examples=60, deadline=None)
def test_what_is_matched_is_what_would_have_been_decoded(
    both: tuple[list[Metric], list[Metric]],
) -> None:
    first, second = both
    shapes, payload = learnt(first), text(report(second, 1))
    found, expected = read(shapes, payload), reading.REPORT.validate_json(payload)
    assert found is not None
    assert plain([Metric(m.name, m.tags, m.fields) for m in found.metrics]) == plain(
        expected.metrics
    )
    found = read(shapes, payload)
    assert found is not None
    points, faults = shapes.points(found, NOW)
    slow, slow_faults = Shapes(Limits()).points(expected, NOW)
    assert written(points) == written(slow)
    assert [repr(p) for p in whole(points)] == [repr(p) for p in slow]
    assert [fault[:2] for fault in faults] == [fault[:2] for fault in slow_faults]


@given(pairs(), st.integers(0, 400), st.binary(min_size=1, max_size=3))
@settings(max_examples=60, deadline=None)
def test_a_text_that_is_damaged_is_read_as_validation_reads_it(
    both: tuple[list[Metric], list[Metric]], at: int, damage: bytes
) -> None:
    first, second = both
    payload = text(report(second, 1))
    payload = payload[:at] + damage + payload[at + 1 :]
    found = read(learnt(first), payload)
    if found is not None:
        assert plain(found.metrics) == plain(reading.REPORT.validate_json(payload).metrics)


@given(pairs())
@settings(max_examples=60, deadline=None)
def test_what_is_told_against_a_matched_base_is_the_same(
    both: tuple[list[Metric], list[Metric]],
) -> None:
    first, second = both
    shapes = learnt(first)
    base = read(shapes, text(report(first)))
    assert base is not None
    bases = Bases(1 << 20)
    bases.keep(base, NOW)
    delta, fresh, expected = tell(second, first)
    told = report(fresh, 1, base=0, delta=delta)
    bases.open(told, NOW)
    assert plain(told.metrics) == plain(expected)
    points, _ = shapes.points(replace(told, metrics=list(told.metrics)), NOW)
    slow, _ = Shapes(Limits()).points(report(expected, 1), NOW)
    assert [repr(p) for p in written(points)] == [repr(p) for p in written(slow)]


def agents(value: Value = 1.5) -> list[Metric]:
    return [
        Metric("cpu", {"cpu": f"cpu{n}"}, {"usage_idle": value, "usage_user": 0.25})
        for n in range(3)
    ]


def test_what_agents_send_is_matched_from_the_second_report_on_whichever_node_sent_the_first() -> (
    None
):
    shapes = learnt(agents())
    for node in ("n1", "n2"):
        series = shapes.series(node, "s1", NOW)
        found = shortcut.read(text(report(agents(2.5), 1)), series)
        assert found is not None
        assert {type(metric) for metric in found.metrics} == {Matched}
        points, _ = shapes.points(replace(found, node=node), NOW)
        assert {type(point) for point in points} == {Line}
        assert whole(points)[0].tags == (("cpu", "cpu0"), ("host", node), ("site", "s1"))


def test_a_whole_number_where_the_catalogue_says_float_is_a_float_matched_or_not() -> None:
    shapes = learnt(agents(1))
    found = read(shapes, text(report(agents(2), 1)))
    assert found is not None
    assert type(found.metrics[0]) is Matched
    assert found.metrics[0].fields == {"usage_idle": 2, "usage_user": 0.25}
    points, _ = shapes.points(found, NOW)
    assert [parsed(line.decode()).fields for line in LineEncoder().encode(points)[0]] == [
        {"usage_idle": 2.0, "usage_user": 0.25}
    ] * 3
    assert {type(value) for value in whole(points)[0].fields.values()} == {float}


def test_a_node_may_begin_no_more_series_because_others_have_them() -> None:
    shapes = Shapes(Limits(new_series=4))
    shapes.points(report(agents()), NOW)
    more = [Metric("disk", {"path": f"/{n}"}, {"free": n}) for n in range(3)]
    for host, metrics in (("n1", agents()), ("n2", more)):
        shapes.points(report(metrics, node=host), NOW)
    found = read(shapes, text(report([*agents(), *more], 1)))
    assert found is not None
    points, faults = shapes.points(found, NOW)
    assert (len(points), {fault.reason for fault in faults}) == (4, {"new series"})
    hour = NOW + 3_600_000
    found = shortcut.read(text(report([*agents(), *more], 2)), shapes.series("n1", "s1", hour))
    assert found is not None
    points, faults = shapes.points(found, hour)
    assert (len(points), faults) == (6, [])


def test_a_field_that_changes_its_type_is_matched_again_once_it_is_known() -> None:
    shapes = Shapes(Limits())
    for seq, value in enumerate((1, 2.5, 3.5)):
        found = read(shapes, text(report([Metric("own", {}, {"a": value})], seq)))
        assert found is not None
        assert (type(found.metrics[0]) is Matched) == (seq == 2)
        (point,), _ = shapes.points(found, NOW)
        assert whole([point])[0].fields == {"a": value}
