"""Reports taken as one text: the same metrics, the same points, the same limits."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from collector.centre import NOW
from collector.test_layouts import KINDS, NAMES, agents, plain, read, text
from collector.test_layouts import report as made
from collector.test_store_lines import parsed
from hypothesis import given, settings
from hypothesis import strategies as st

from muster_collector.config import Limits
from muster_collector.ingest import reading, sheets, shortcut
from muster_collector.ingest.bases import Bases, whole
from muster_collector.ingest.shapes import Shapes
from muster_collector.ingest.sheets import Filled
from muster_collector.store import base
from muster_collector.store.lines import LineEncoder
from muster_wire.deltas import tell
from muster_wire.messages import Later, Metric, Report, Value

NUMBERS = st.integers(-(10**16), 10**16) | st.floats(-1e6, 1e6).map(
    lambda value: round(value, 3) + 0.0  # deltas do not tell -0.0 from 0.0
)


@st.composite
def alike(draw: st.DrawFn) -> tuple[list[Metric], list[Metric]]:
    """Metrics, and the same with other numbers, most of them of the same types."""
    first, second = [], []
    for name in draw(st.lists(NAMES, min_size=1, max_size=4)):
        tags = draw(st.dictionaries(NAMES | st.just("host"), NAMES | st.just(""), max_size=2))
        fields: dict[str, Value] = draw(
            st.dictionaries(NAMES, st.one_of(NUMBERS, KINDS[bool], KINDS[str]), min_size=1)
        )
        others = {
            key: draw(KINDS[type(value)] if draw(st.integers(0, 20)) else NUMBERS)
            if type(value) in (int, float)
            else value
            for key, value in fields.items()
        }
        first.append(Metric(name, tags, fields))
        second.append(Metric(name, tags, others))
    return first, second


def learnt(metrics: list[Metric], node: str = "n1") -> Shapes:
    """Shapes that have seen a report so often that they have a sheet of it, if it can have one."""
    shapes = Shapes(Limits())
    for seq in range(3):
        found = shortcut.read(text(made(metrics, seq, node=node)), shapes.series(node, "s1", NOW))
        assert found is not None
        shapes.points(found, NOW)
    return shapes


def filled(shapes: Shapes, metrics: list[Metric], seq: int = 9) -> tuple[Report, bool]:
    found = read(shapes, text(made(metrics, seq)))
    assert found is not None
    return found, type(found.metrics[0]) is Filled


@given(alike())
@settings(max_examples=50, deadline=None)
def test_what_has_a_sheet_is_what_would_have_been_decoded(
    both: tuple[list[Metric], list[Metric]],
) -> None:
    first, second = both
    shapes, payload = learnt(first), text(made(second, 9))
    found, expected = read(shapes, payload), reading.REPORT.validate_json(payload)
    assert found is not None
    assert plain(found.metrics) == plain(expected.metrics)
    points, faults = shapes.points(found, NOW)
    slow, slow_faults = Shapes(Limits()).points(expected, NOW)
    assert [repr(p) for p in base.whole(points)] == [repr(p) for p in slow]
    assert sum(map(base.size, points)) == len(slow)
    assert [fault[:2] for fault in faults] == [fault[:2] for fault in slow_faults]
    if type(found.metrics[0]) is Filled:
        (lines,), _, _ = LineEncoder().encode(points)
        written, _, _ = LineEncoder().encode(slow)
        assert [parsed(line) for line in lines.decode().split("\n")] == [
            parsed(line.decode()) for line in written
        ]


@given(alike(), st.integers(0, 400), st.binary(min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_a_text_that_is_damaged_is_read_as_validation_reads_it(
    both: tuple[list[Metric], list[Metric]], at: int, damage: bytes
) -> None:
    first, second = both
    payload = text(made(second, 9))
    payload = payload[:at] + damage + payload[at + 1 :]
    found = read(learnt(first), payload)
    if found is not None:
        assert plain(found.metrics) == plain(reading.REPORT.validate_json(payload).metrics)


@given(alike())
@settings(max_examples=50, deadline=None)
def test_a_base_that_had_a_sheet_is_a_base_like_others(
    both: tuple[list[Metric], list[Metric]],
) -> None:
    first, second = both
    found, _ = filled(learnt(first), first, 0)
    bases = Bases(1 << 20)
    bases.keep(found, NOW)
    delta, fresh, expected = tell(second, first)
    told = made(fresh, 1, base=0, delta=delta)
    bases.open(told, NOW)
    assert plain(told.metrics) == plain(expected)
    points, _ = Shapes(Limits()).points(told, NOW)
    slow, _ = Shapes(Limits()).points(made(expected, 1), NOW)
    assert [repr(p) for p in base.whole(points)] == [repr(p) for p in slow]


def test_what_is_told_against_a_base_without_texts_is_taken_at_once() -> None:
    metrics = [*agents(), Metric("timex", {}, {"synchronized": True, "offset": -0.25})]
    others = [*agents(2.5), Metric("timex", {}, {"synchronized": False, "offset": 1.5})]
    found, _ = filled(learnt(metrics), metrics, 0)
    bases = Bases(1 << 20)
    bases.keep(found, NOW)
    weight = bases.weight
    delta, fresh, expected = tell(others, metrics)
    new = [*fresh, Metric("own", {}, {"a": "text"})]
    told = made(list(new), 1, base=0, delta=delta)
    bases.open(told, NOW)
    assert list(map(type, told.metrics)) == [Filled, Metric]
    assert plain(told.metrics) == plain([*expected, new[0]])
    points, _ = Shapes(Limits()).points(told, NOW)
    lines = b"\n".join(LineEncoder().encode(points)[0]).decode().split("\n")
    slow, _ = Shapes(Limits()).points(made([*expected, new[0]], 1), NOW)
    written = [line.decode() for line in LineEncoder().encode(slow)[0]]
    assert [parsed(line) for line in lines] == [parsed(line) for line in written]
    later = made([], 2, base=0, delta=delta, later=[Later(3, NOW, [[]])])
    bases.open(later, NOW)
    assert plain(reading.expand(later, Limits())[1].metrics) == plain(expected[:1])
    bases.keep(found, NOW)
    assert bases.weight == weight


def test_what_agents_send_has_a_sheet_from_the_fourth_report_on_and_other_nodes_share_it() -> None:
    shapes = learnt(agents())
    found, has = filled(shapes, agents(2.5))
    assert has
    points, _ = shapes.points(found, NOW)
    assert [base.size(point) for point in points] == [3]
    other = shortcut.read(text(made(agents(3.5), node="n2")), shapes.series("n2", "s1", NOW))
    assert other is not None
    assert type(other.metrics[0]) is Filled
    points, _ = shapes.points(other, NOW)
    assert base.whole(points)[0].tags == (("cpu", "cpu0"), ("host", "n2"), ("site", "s1"))


@pytest.mark.parametrize(
    "fields",
    [
        {"a": 1, "b": 0.25, "d": True, "e": "text"},
        {"a": 2.5, "b": 0.5, "d": True, "e": "text"},
        {"a": 1, "b": 0.5, "d": False, "e": "text"},
        {"a": 1, "b": 0.5, "d": True, "e": "other"},
        {"a": 1, "b": 0.5, "d": True},
        {"a": 10**18, "b": 0.5, "d": True, "e": "text"},
        {"a": 1, "b": 1e-7, "d": True, "e": "text"},
    ],
)
def test_only_what_differs_in_nothing_but_numbers_has_the_sheet(fields: dict[str, Value]) -> None:
    shapes = learnt([Metric("own", {}, {"a": 1, "b": 0.5, "d": True, "e": "text"})])
    found, has = filled(shapes, [Metric("own", {}, fields)])
    assert has == (fields["b"] == 0.25)
    assert plain(found.metrics) == plain([Metric("own", {}, fields)])


def test_what_looks_like_a_value_within_a_text_is_none() -> None:
    tags = {"t": 'x":5,'}
    shapes = learnt([Metric("own", tags, {"a": 1})])
    found, has = filled(shapes, [Metric("own", tags, {"a": 2})])
    assert not has
    assert plain(found.metrics) == plain([Metric("own", tags, {"a": 2})])


def test_a_node_may_begin_no_more_series_because_others_have_their_sheet() -> None:
    more = [Metric("disk", {"path": f"/{n}"}, {"free": n}) for n in range(3)]
    shapes = learnt([*agents(), *more], node="n2")
    shapes.limits = Limits(new_series=4)
    assert filled(shapes, [*agents(), *more])[1] is False
    found, _ = filled(shapes, [*agents(), *more])
    points, faults = shapes.points(found, NOW)
    assert (len(base.whole(points)), {fault.reason for fault in faults}) == (4, {"new series"})


def test_a_report_that_has_a_sheet_has_no_more_metrics_than_others() -> None:
    found, has = filled(learnt(agents()), agents())
    assert has
    assert reading.expand(found, Limits(metrics=3)) == [found]
    with pytest.raises(reading.RefusedError, match="3 metrics, more than 2"):
        reading.expand(found, Limits(metrics=2))


def test_a_report_that_has_a_sheet_can_be_kept_whole() -> None:
    found, has = filled(learnt(agents()), agents(2.5))
    assert has
    encoded = whole(found)
    assert encoded is not None
    fields = json.loads(encoded.payload)
    assert [row["fields"]["usage_idle"] for row in fields["metrics"]] == [2.5] * 3


def test_a_node_whose_texts_always_change_is_seldom_looked_at() -> None:
    shapes = learnt(agents())
    for number in range(200):
        filled(shapes, [*agents(), Metric("own", {}, {"t": f"text {number}"})])
    series = shapes.series("n1", "s1", NOW)
    assert series.misses == 200
    hits = [filled(shapes, agents(float(n)))[1] for n in range(20)]
    assert 0 < hits.index(True) < 17
    assert all(hits[hits.index(True) :])


def test_all_sheets_together_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "KEPT", 3000)
    shapes = Shapes(Limits())
    for number in range(10):
        for seq in range(3):
            found = read(shapes, text(made([Metric(f"m{number}", {}, {"a": seq})], seq)))
            assert found is not None
            shapes.points(replace(found), NOW)
        assert filled(shapes, [Metric(f"m{number}", {}, {"a": 5})])[1]
    assert len(shapes.sheets._sheets) < 5
