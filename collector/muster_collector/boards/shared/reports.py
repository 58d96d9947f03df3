"""Panels on what became of the reports."""

from __future__ import annotations

from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import BUCKET, HOSTS, Series
from muster_collector.boards.kit.panels import Face, Panel, trend
from muster_collector.boards.kit.tongue import Tongue

ACCOUNTS = (
    '"completeness_site_hourly", "completeness_hourly" WHERE "site" =~ /^$site$/ AND '
    '("level"::tag =~ /^$node^./ OR ("host" =~ /^$node$/ AND "host" !~ /^$node^/)) AND $timeFilter'
)
"""Accounts of the hours that ended in the time chosen: of sites, or of nodes if some are chosen.

A month of a thousand nodes is 720,000 points, of fifty sites 36,000. Only the pattern of all nodes
can match nothing, and so have the beginning of the text behind it: then the level of sites is
found, and no node.
"""
STEPS = 60
"""Of a plot by hours: InfluxDB's work grows with them times the sites."""


def flow(t: Tongue, *, width: int) -> Panel:
    """What became of the reports, an hour."""
    names = {
        "stored": (t("stored", "已入库"), style.GOOD),
        "duplicate": (t("duplicate", "重复"), style.QUIET),
        "refused": (t("refused", "被拒"), style.WARN),
        "lost": (t("lost", "丢失"), style.BAD),
    }
    reads = ", ".join(f'{an_hour(field)} AS "{name}"' for field, (name, _) in names.items())
    query = f"SELECT {reads} FROM {ACCOUNTS} {BUCKET} fill(none)"
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
    """Reports of the chosen nodes that have not arrived yet."""
    means = t(
        "Reports that the centre knows of and does not have yet: they wait in the spools of the "
        "nodes.",
        "中心已知但尚未收到的上报：仍在节点的缓冲区中等待。",
    )
    empty = t("No reports in this time", "该时段没有上报")
    return on_their_way(t, width, ("completeness", f"{HOSTS} AND ", "host"), means, empty)


def on_their_way(
    t: Tongue, width: int, source: tuple[str, str, str], means: str, empty: str
) -> Panel:
    """Reports that are missing now; `source` is a measurement, a condition, and who counts them."""
    measurement, where, teller = source
    inner = (
        f'SELECT last("missing") AS "missing" FROM "{measurement}" WHERE {where}$timeFilter '
        f'{BUCKET}, "{teller}" fill(none)'
    )
    name = t("missing", "缺失")
    query = (
        f'SELECT sum("missing") AS "{name}" FROM ({inner}) WHERE $timeFilter {BUCKET} fill(none)'
    )
    return trend(
        Face(
            id=32,
            title=t("Reports on their way", "在途上报"),
            means=means,
            do=t(
                "It should fall to zero after an outage. If it keeps growing, the database or the "
                "collector is too slow.",
                "中断后应回落至零。持续增长说明数据库或采集器过慢。",
            ),
            empty=empty,
            width=width,
            queries=[Series(query)],
            unit="short",
            every="2m",
            shift="2m",
            decimals=0,
        ),
        colors={name: style.WARN},
    )
