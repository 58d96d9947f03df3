"""What a rule sees in the store at a time: one number for each group of series."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from muster_collector.alerts.model import LEAST_STEPS, NOISE, STEP_S, Ask, Labels, Rule
from muster_collector.store.base import Query, Read, Statistic, Store, Table

COMBINE: Mapping[str, Callable[[list[float]], float]] = {"min": min, "sum": sum}
HOST = "host"
Values = dict[Labels, float]
Series = Iterator[tuple[tuple[str, ...], float]]
STATISTICS: Mapping[str, tuple[Statistic, ...]] = {
    "last": ("last",),
    "least": ("min",),
    "rise": ("first", "last"),
    "resets": ("resets",),
    "hours_to_full": ("last",),
}


async def values(store: Store, rule: Rule, now: int, gone: Collection[str] = frozenset()) -> Values:
    """The rule's numbers at `now` (ms) by their labels; `StoreError` when the store is away.

    Hosts in `gone` are of the fleet no more, whatever the store still has of them.
    """
    ask = rule.ask
    host = ask.series.index(HOST) if HOST in ask.series else None
    found: dict[tuple[str, ...], list[float]] = {}
    for measurement in ask.measurements:
        table = await store.select(_query(rule, measurement, now))
        for series, value in _numbers(rule, table):
            if host is not None and series[host] in gone:
                continue
            group = tuple(series[ask.series.index(tag)] for tag in ask.labels)
            found.setdefault(group, []).append(value * ask.scale)
    combine = COMBINE[ask.combine or "min"]
    return {_labels(ask, group): combine(numbers) for group, numbers in found.items()}


def _query(rule: Rule, measurement: str, now: int) -> Query:
    ask = rule.ask
    reads: tuple[Read, ...]
    if ask.beside:
        reads = (Read(ask.beside, "raw"), Read(ask.field, "raw"))
    else:
        reads = tuple(Read(ask.field, statistic) for statistic in STATISTICS[ask.measure])
    return Query(
        measurement=measurement,
        reads=reads,
        start=now - rule.since * 1000,
        end=now + 1,
        group=ask.series,
        where={tag: (value,) for tag, value in ask.where.items()},
        every=STEP_S * 1000 if ask.measure == "hours_to_full" else None,
    )


def _numbers(rule: Rule, table: Table) -> Series:
    ask = rule.ask
    keys = list(zip(*(table.columns[tag] for tag in ask.series), strict=True))
    if not ask.series:
        keys = [()] * len(table)
    if ask.beside:
        yield from _beside(ask, table, keys)
    elif ask.measure == "hours_to_full":
        yield from _hours_to_full(rule, table, keys)
    elif ask.measure == "rise":
        columns = (table.columns[f"{ask.field}_{which}"] for which in ("first", "last"))
        for key, first, last in zip(keys, *columns, strict=True):
            if first is not None and last is not None and last >= first:
                yield key, last - first
    else:
        (statistic,) = STATISTICS[ask.measure]
        for key, value in zip(keys, table.columns[f"{ask.field}_{statistic}"], strict=True):
            if value is not None:
                yield key, value


def _beside(ask: Ask, table: Table, keys: list[tuple[str, ...]]) -> Series:
    """Rows are ordered by time: of each series the last row that has the other field stays."""
    newest = {
        key: value
        for key, other, value in zip(
            keys, table.columns[ask.beside], table.columns[ask.field], strict=True
        )
        if other is not None
    }
    if ask.measure == "lacks":
        yield from ((key, float(value is None)) for key, value in newest.items())
    else:
        yield from ((key, value) for key, value in newest.items() if value is not None)


def _hours_to_full(rule: Rule, table: Table, keys: list[tuple[str, ...]]) -> Series:
    steps: dict[tuple[str, ...], list[float]] = {}
    for key, value in zip(keys, table.columns[f"{rule.ask.field}_last"], strict=True):
        if value is not None:
            steps.setdefault(key, []).append(value)
    for key, used in steps.items():
        growth = used[-1] - used[0]
        if len(used) < LEAST_STEPS or growth <= NOISE:
            continue
        hours = (100 - used[-1]) / growth * (len(used) - 1) * STEP_S / 3600
        if hours < rule.limit * 10:
            yield key, hours


def _labels(ask: Ask, group: tuple[str, ...]) -> Labels:
    """The group's tags, those that it lacks left out, and its site under that name."""
    labels = {tag: value for tag, value in zip(ask.labels, group, strict=True) if value}
    if ask.site_from in labels:
        labels["site"] = labels[ask.site_from]
    return tuple(sorted(labels.items()))
