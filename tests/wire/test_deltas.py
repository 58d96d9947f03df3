"""Reports told against others: exactly undone, whatever they hold; garbage is only refused."""

from __future__ import annotations

import contextlib
import json
from math import isfinite
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster_wire.deltas import DeltaError, changed, restore, tell
from muster_wire.messages import Metric, Value

WHOLE = st.integers(-(2**63), 2**63 - 1)
REAL = st.floats(allow_nan=False, allow_infinity=False) | st.floats(0, 100).map(
    lambda value: round(value, 3)
)
VALUES: st.SearchStrategy[Value] = WHOLE | REAL | st.booleans() | st.text(max_size=5)
NAMES = st.sampled_from(["a", "b", "c", "d"])
FIELDS = st.dictionaries(NAMES, VALUES, max_size=4)
TAGS = st.dictionaries(NAMES, st.sampled_from(["", "x", "y"]), max_size=2)
METRICS = st.lists(st.builds(Metric, st.sampled_from(["m", "n"]), TAGS, FIELDS), max_size=8)


def exact(metrics: list[Metric]) -> list[Any]:
    """Names, tags, fields in their order, and every value with its type."""
    return [
        (m.name, list(m.tags.items()), [(k, type(v), v) for k, v in m.fields.items()])
        for m in metrics
    ]


def over_the_wire(value: Any) -> Any:
    return json.loads(json.dumps(value, allow_nan=False))


@given(METRICS, METRICS)
def test_what_is_told_is_restored_exactly(metrics: list[Metric], base: list[Metric]) -> None:
    before = exact(base)
    delta, fresh, whole = tell(metrics, base)
    assert exact(restore(over_the_wire(delta), base) + fresh) == exact(whole)
    assert sorted(map(repr, exact(whole))) == sorted(map(repr, exact(metrics)))
    assert exact(base) == before, "the base is as it was"


CHANGES = st.lists(
    st.integers(-3, 3) | st.just(2**60) | st.lists(VALUES | st.just(float("inf")), max_size=2),
    max_size=5,
)


@given(METRICS, st.data())
def test_all_values_at_once_are_changed_as_metric_by_metric(
    base: list[Metric], data: st.DataObject
) -> None:
    rows = [data.draw(CHANGES | st.integers(0, 2)) for _ in base]
    delta = rows[: data.draw(st.integers(len(rows) - 1, len(rows)))] if rows else [[]]
    values = [value for m in base for value in m.fields.values()]
    done = changed(delta, [len(m.fields) for m in base], values)
    expected: list[Any] | None = None
    with contextlib.suppress(DeltaError):
        expected = [v for m in restore(delta, base) for v in m.fields.values()]
    if done and all(isfinite(value) for value in values if isinstance(value, float)):
        assert [*map(repr, values)] == [*map(repr, expected or [])]
    if expected is None:
        assert not done or not all(isfinite(v) for v in values if isinstance(v, float))
    elif len(delta) == len(base) and all(type(row) is list for row in delta):
        assert done


@given(METRICS, st.data())
def test_the_same_metrics_with_other_values_need_no_names(
    base: list[Metric], data: st.DataObject
) -> None:
    heads = {(m.name, *m.tags.items(), *m.fields): m for m in base}
    base = list(heads.values())
    others = [
        Metric(m.name, m.tags, {k: data.draw(alike(v)) for k, v in m.fields.items()}) for m in base
    ]
    delta, fresh, whole = tell(others, base)
    assert not fresh
    assert exact(whole) == exact(others)
    assert exact(restore(over_the_wire(delta), base)) == exact(others)


def alike(value: Value) -> st.SearchStrategy[Value]:
    """Values of the same type."""
    kinds: dict[type, st.SearchStrategy[Any]] = {
        int: WHOLE,
        float: REAL,
        bool: st.booleans(),
        str: st.text(max_size=5),
    }
    return kinds[type(value)] | st.just(value)


JUNK: st.SearchStrategy[Any] = st.recursive(
    VALUES | st.none() | st.integers() | st.just(float("nan")),
    lambda children: st.lists(children, max_size=4),
    max_leaves=12,
)


@given(st.lists(JUNK, max_size=6), METRICS)
def test_whatever_comes_fits_or_is_refused(delta: list[Any], base: list[Metric]) -> None:
    with contextlib.suppress(DeltaError):
        made = restore(delta, base)
        assert len(made) <= len(base), "a delta makes nothing that the base has not"
        kinds = {(m.name, k): type(v) for m in base for k, v in m.fields.items()}
        if len({(m.name, k) for m in base for k in m.fields}) == sum(len(m.fields) for m in base):
            assert all(type(v) is kinds[m.name, k] for m in made for k, v in m.fields.items())


BASE = [Metric("cpu", {}, {"user": 1.25, "n": 5, "on": True, "text": "t"}), Metric("mem", {}, {})]
WRONG: dict[str, list[Any]] = {
    "no list": [{}],
    "no metric left": [[], [], []],
    "beyond the base": [3, []],
    "backwards": [-1, []],
    "nothing to leave out": [0],
    "more differences than fields": [[0, 0, 0, 0, 0]],
    "a float for a whole number": [[0, [1.5]]],
    "a whole number for a float": [[[1]]],
    "a difference of a text": [[0, 0, 0, 1]],
    "a difference of a truth": [[0, 0, 1]],
    "a truth for a difference": [[True]],
    "a float for a difference": [[0.5]],
    "not finite": [[[float("inf")]]],
    "too far for a float": [[10**400]],
    "two values": [[[1.0, 2.0]]],
    "no value": [[[]]],
    "null": [[None]],
    "a nested metric": [[[[1.0]]]],
}


@pytest.mark.parametrize("case", WRONG)
def test_what_does_not_fit_is_refused_in_one_line(case: str) -> None:
    with pytest.raises(DeltaError) as caught:
        restore(WRONG[case], BASE)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


def test_how_differences_are_told() -> None:
    base = [
        Metric("disk", {"path": "/"}, {"used": 4096, "free": 10, "used_percent": 28.337}),
        Metric("disk", {"path": "/mnt"}, {"used": 1}),
        Metric("temp", {}, {"temp": 41.0, "state": "ok", "alarm": False, "third": 1 / 3}),
    ]
    now = [
        Metric("disk", {"path": "/"}, {"used": 8192, "free": 10, "used_percent": 28.259}),
        Metric("temp", {}, {"temp": 41.0, "state": "hot", "alarm": True, "third": 2 / 3}),
        Metric("swap", {}, {"in": 1}),
    ]
    delta, fresh, _ = tell(now, base)
    assert delta == [[4096, 0, -78], 1, [0, ["hot"], [True], [2 / 3]]]
    assert fresh == now[2:]
    assert tell(base, base).delta == [[], [], []]
    assert tell([], base).delta == []
