"""A report told as what has changed since another: what of it goes over the wire, and the way back.

A delta is a list with an entry for each metric of the base, in its order:

    [d, d, ...]   it is there again: a difference for each of its fields, in their order; those that
                  are missing at the end have not changed
    n             the next n metrics of the base are not there any more

What follows the last entry is not there any more either. A difference is

    0      unchanged
    d      a whole number grew by d; a float by d thousandths, rounded to three places
    [v]    the value itself, of the same type as before

`restore` undoes `tell` exactly: values, types, and the order that `Told.whole` gives. The metrics
that the base has not are sent in full beside the delta and stand behind what it makes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress, count
from math import isfinite
from operator import ne, sub
from typing import Any, NamedTuple, Protocol, TypeVar

from muster_wire.messages import Metric, Value

LARGEST = 1 << 53
"""Thousandths beyond which a float is told as itself."""
MOST_VALUES = 5_000
MOST_HELD = 3_000
"""Values that all reports of a message, and a base, may have. A few bytes of delta make them, and a
message of a kilobyte must not cost the centre more than 10 ms."""


class Head(NamedTuple):
    """All of a metric but its values; `keys` are the names of its fields."""

    name: str
    tags: dict[str, str]
    keys: tuple[str, ...]


class Keyed(Protocol):
    """What a head must have to be counted on."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the fields."""


AnyHead = TypeVar("AnyHead", bound=Keyed)


class DeltaError(ValueError):
    """A delta that does not fit its base; the message says where."""


class Told(NamedTuple):
    """A report against its base: the delta, the metrics in full, and all as `restore` gives it."""

    delta: list[Any]
    fresh: list[Metric]
    whole: list[Metric]


class Known(NamedTuple):
    """A base, taken apart once for all that is told against it: a list of each, in its order.

    `whole` says whether all of a metric's values are whole numbers.
    """

    names: list[str]
    tags: list[dict[str, str]]
    orders: list[list[str]]
    keys: list[list[str]]
    kinds: list[list[type]]
    values: list[list[Any]]
    whole: list[bool]


def known(metrics: Sequence[Metric]) -> Known:
    """A base, ready for `tell_known`."""
    values: list[list[Any]] = [[*metric.fields.values()] for metric in metrics]
    kinds: list[list[type]] = [[*map(type, row)] for row in values]
    return Known(
        [metric.name for metric in metrics],
        [metric.tags for metric in metrics],
        [[*metric.tags] for metric in metrics],
        [[*metric.fields] for metric in metrics],
        kinds,
        values,
        [row.count(int) == len(row) for row in kinds],
    )


def tell(metrics: Sequence[Metric], base: Sequence[Metric]) -> Told:
    """What has changed since the base."""
    return tell_known(metrics, known(base))


def tell_known(metrics: Sequence[Metric], base: Known) -> Told:
    """What has changed since a base that is `known`."""
    delta: list[Any] = []
    fresh: list[Metric] = []
    again: list[Metric] = []
    names, tags, orders, keys, *_ = base
    most, after = len(names), 0
    for metric in metrics:
        place = after
        # As in `_alike`: mostly it is the next one, and calls count.
        if not (
            place < most
            and metric.name == names[place]
            and metric.tags == tags[place]
            and [*metric.fields] == keys[place]
            and [*metric.tags] == orders[place]
        ):
            place = _ahead(metric, base, after)
        row = _row(metric.fields, base, place) if place >= after else None
        if row is None:
            fresh.append(metric)
            continue
        if place > after:
            delta.append(place - after)
        after = place + 1
        delta.append(row)
        again.append(metric)
    return Told(delta, fresh, again + fresh)


def size(delta: Sequence[Any], base: Sequence[Metric]) -> int:
    """How many values a delta makes of its base, found without making them; 0 for a wrong one."""
    count = place = 0
    for row in delta:
        if type(row) is int and 0 < row <= len(base) - place:
            place += row
        elif type(row) is list and place < len(base):
            count += len(base[place].fields)
            place += 1
        else:
            return 0
    return count


def restore(delta: Sequence[Any], base: Sequence[Metric]) -> list[Metric]:
    """The metrics that a delta makes of its base; raises `DeltaError`."""
    heads = [Head(metric.name, metric.tags, tuple(metric.fields)) for metric in base]
    values = [value for metric in base for value in metric.fields.values()]
    return [
        Metric(head.name, head.tags, dict(zip(head.keys, part, strict=True)))
        for head, part in again(delta, heads, values)
    ]


def again(
    delta: Sequence[Any], heads: Sequence[AnyHead], values: list[Value]
) -> Iterator[tuple[AnyHead, list[Value]]]:
    """The same of a base whose values stand in one row, in the order of its heads."""
    place = at = 0
    most = len(heads)
    for row in delta:
        if type(row) is int and 0 < row <= most - place:
            at += sum(len(head.keys) for head in heads[place : place + row])
            place += row
            continue
        if type(row) is not list or place >= most:
            raise DeltaError(f"delta: {row!r:.40} for metric {place} of {most}")
        head = heads[place]
        end = at + len(head.keys)
        part = values[at:end]
        if row:
            _change(part, row, head.keys)
        yield head, part
        place += 1
        at = end


def changed(delta: Sequence[Any], sizes: Sequence[int], values: list[Value]) -> bool:
    """Put a delta that has all metrics of its base on all its values at once, which is usual.

    `sizes` are how many fields each has. False for any other delta, and for one that is wrong: then
    the values are spoilt, and `again` has to do it.
    """
    if len(delta) != len(sizes):
        return False
    begin = 0
    for row, number in zip(delta, sizes, strict=True):
        if type(row) is not list or len(row) > number:
            return False
        for place, change in enumerate(row, begin):
            kind, old = type(change), values[place]
            if kind is int:
                if type(old) is int:
                    values[place] = old + change
                elif change:
                    if type(old) is not float or not -LARGEST < change < LARGEST:
                        return False
                    values[place] = round(old + change / 1000, 3)
            elif kind is list and len(change) == 1 and type(change[0]) is type(old):
                values[place] = change[0]
            else:
                return False
        begin += number
    return True


def _alike(metric: Metric, base: Known, place: int) -> bool:
    return (
        metric.name == base.names[place]
        and metric.tags == base.tags[place]
        and [*metric.fields] == base.keys[place]
        and [*metric.tags] == base.orders[place]
    )


def _ahead(metric: Metric, base: Known, after: int) -> int:
    """The place of a metric in the base, from a place on; -1 for none."""
    name, names = metric.name, base.names
    while name in names[after:]:
        after = names.index(name, after)
        if _alike(metric, base, after):
            return after
        after += 1
    return -1


def _row(fields: dict[str, Value], base: Known, place: int) -> list[Any] | None:
    """The differences; None when a field has another type than before.

    Nothing here is done value by value if it can be done for all at once: this is what a node does
    most.
    """
    new: list[Any] = [*fields.values()]
    old = base.values[place]
    if [*map(type, new)] != base.kinds[place]:
        return None
    if new == old:
        return []
    if base.whole[place]:
        row = [*map(sub, new, old)]
    else:
        row = [0] * len(new)
        for at in compress(count(), map(ne, new, old)):
            row[at] = _difference(new[at], old[at])
    while not row[-1]:
        del row[-1]
    return row


def _difference(new: Any, old: Any) -> Any:
    """How two values of one type that differ are told."""
    if type(new) is int:
        return new - old
    if type(new) is float:
        thousandths = (new - old) * 1000
        if abs(thousandths) < LARGEST:
            whole = round(thousandths)
            if whole and round(old + whole / 1000, 3) == new:
                return whole
    return [new]


def _change(values: list[Value], row: list[Any], keys: tuple[str, ...]) -> None:
    """Put the differences of a metric's fields on their values."""
    if len(row) > len(values):
        raise DeltaError(f"delta: {len(row)} differences for {len(values)} fields")
    for place, change in enumerate(row):
        kind, old = type(change), values[place]
        if kind is int:
            if not change:
                continue
            if type(old) is int:
                values[place] = old + change
                continue
            if type(old) is float and -LARGEST < change < LARGEST:
                values[place] = round(old + change / 1000, 3)
                continue
        elif kind is list and len(change) == 1 and type(change[0]) is type(old):
            values[place] = change[0]
            if not isinstance(change[0], float) or isfinite(change[0]):
                continue
        what = f"{keys[place][:80]}, a {type(old).__name__}"
        raise DeltaError(f"delta: {change!r:.40} for {what}")
