"""Panels on what became of the reports."""

from __future__ import annotations

from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import BUCKET, HOSTS, Series
from muster_collector.boards.kit.panels import Face, Panel, trend
from muster_collector.boards.kit.tongue import Tongue

BY_HOUR = f'"completeness_hourly" WHERE {HOSTS} AND $timeFilter'
"""The accounts of the hours that ended in the time chosen: a thirtieth of those by minutes."""
STEPS = 60
"""Of a plot by hours: InfluxDB's work grows with them times the nodes."""


def flow(t: Tongue, *, width: int) -> Panel:
    """What became of the reports, an hour."""
    names = {
        "stored": (t("stored", "已入库"), style.GOOD),
        "duplicate": (t("duplicate", "重复"), style.QUIET),
        "refused": (t("refused", "被拒"), style.WARN),
        "lost": (t("lost", "丢失"), style.BAD),
    }
    reads = ", ".join(f'{an_hour(field)} AS "{name}"' for field, (name, _) in names.items())
    query = f"SELECT {reads} FROM {BY_HOUR} {BUCKET} fill(none)"
    return trend(
        Face(
            id=31,
            title=t("Reports per hour", "每小时上报数"),
            means=t(
                "What became of the reports of each hour: stored, seen twice (stored once), "
                "refused with a reason, or lost with a reason.",
                "每小时上报的去向：已入库、重复（只存一次）、带原因拒绝或带原因丢失。",
            ),
            do=t(
                "Refused above zero: `muster quarantine list`. Lost: `muster completeness`.",
                "被拒大于零：`muster quarantine list`。丢失：`muster completeness`。",
            ),
            empty=no_hour(t),
            width=width,
            queries=[Series(query)],
            unit="short",
            every="1h",
            points=STEPS,
        ),
        colors=dict(names.values()),
    )


def an_hour(field: str) -> str:
    """A number of the hourly accounts, per hour whatever the step."""
    return f'sum("{field}") / $__interval_ms * 3600000'


def no_hour(t: Tongue) -> str:
    """What stands where accounts would stand."""
    return t("No full hour in this time", "该时段内没有完整的小时")


def missing(t: Tongue, *, width: int = 8) -> Panel:
    """Reports that have not arrived yet."""
    inner = (
        'SELECT last("missing") AS "missing" FROM "completeness" '
        f'WHERE {HOSTS} AND $timeFilter GROUP BY time($__interval), "host" fill(none)'
    )
    name = t("missing", "缺失")
    query = (
        f'SELECT sum("missing") AS "{name}" FROM ({inner}) '
        "WHERE $timeFilter GROUP BY time($__interval) fill(none)"
    )
    return trend(
        Face(
            id=32,
            title=t("Reports on their way", "在途上报"),
            means=t(
                "Reports that the centre knows of and does not have yet: they wait in the spools "
                "of the nodes.",
                "中心已知但尚未收到的上报：仍在节点的缓冲区中等待。",
            ),
            do=t(
                "It should fall to zero after an outage. If it keeps growing, the database or the "
                "collector is too slow.",
                "中断后应回落至零。持续增长说明数据库或采集器过慢。",
            ),
            empty=t("No reports in this time", "该时段没有上报"),
            width=width,
            queries=[Series(query)],
            unit="short",
            every="2m",
            shift="2m",
            decimals=0,
        ),
        colors={name: style.WARN},
    )
