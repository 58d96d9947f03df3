"""Lines of one node's own metrics."""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.builders import timeseries

from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import BUCKET, Query, Series
from muster_collector.boards.kit.panels import Face, trend
from muster_collector.boards.kit.tongue import Tongue

HOST = '"host" =~ /^$node$/'


def plot(
    t: Tongue,
    number: int,
    words: tuple[str, str, str],
    queries: list[Query],
    unit: str,
    *,
    width: int = 8,
    high: float | None = None,
    colors: Mapping[str, str] | None = None,
    stacked: bool = False,
    limits: style.Limits = style.PLAIN_STEPS,
) -> timeseries.Panel:
    """Lines of this node's own metrics; `words` are title, meaning and what to do."""
    title, means, do = words
    face = Face(
        id=number,
        title=title,
        means=means,
        do=do,
        empty=t("Not reported", "未上报"),
        width=width,
        queries=queries,
        unit=unit,
        # Half a minute holds three samples at the usual interval.
        every="30s",
        limits=limits,
    )
    return trend(face, high=high, colors=colors, stacked=stacked)


def fields(source: str, reads: Mapping[str, str], where: str = "") -> Query:
    """The mean of some fields, each under its name."""
    named = ", ".join(f'mean("{field}") AS "{name}"' for field, name in reads.items())
    return Series(
        f'SELECT {named} FROM "{source}" WHERE {HOST}{where} AND $timeFilter {BUCKET} fill(none)'
    )


def rates(
    source: str, reads: Mapping[str, str], tag: str, where: str = "", times: str = ""
) -> Query:
    """The growth of some counters a second, one line a field and value of the tag."""
    named = ", ".join(
        f'non_negative_derivative(last("{field}"), 1s){times} AS "{name}"'
        for field, name in reads.items()
    )
    return Series(
        f'SELECT {named} FROM "{source}" WHERE {HOST}{where} AND $timeFilter '
        f'{BUCKET}, "{tag}" fill(none)',
        alias=f"[[tag_{tag}]] $col",
    )
