"""Ranges behave like the sets that they stand for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster_wire.ranges import Ranges

SPANS = st.tuples(st.integers(0, 60), st.integers(-3, 20)).map(lambda s: (s[0], s[0] + s[1]))
STEPS = st.lists(st.tuples(st.sampled_from(["add", "remove"]), SPANS), max_size=30)


@given(STEPS)
def test_it_is_the_set_of_what_was_put_in_and_not_taken_out(
    steps: list[tuple[str, tuple[int, int]]],
) -> None:
    ranges, model = Ranges(), set[int]()
    for action, (first, last) in steps:
        numbers = set(range(first, last + 1))
        if action == "add":
            ranges.add(first, last)
            model |= numbers
        else:
            ranges.remove(first, last)
            model -= numbers
    assert {n for first, last in ranges.spans for n in range(first, last + 1)} == model
    assert len(ranges) == len(model)
    assert bool(ranges) == bool(model)
    assert all((n in ranges) == (n in model) for n in range(-5, 90))
    assert not model or ranges.first == min(model)
    gaps = zip(ranges.spans, ranges.spans[1:], strict=False)
    assert all(left[1] + 1 < right[0] for left, right in gaps), "ranges that touch are one"


def test_an_hour_of_outage_is_one_range() -> None:
    ranges = Ranges()
    for seq in range(100_000):
        ranges.add(seq, seq)
    assert ranges.spans == [(0, 99_999)]


def test_the_first_of_nothing_is_an_error() -> None:
    with pytest.raises(IndexError):
        assert Ranges().first
