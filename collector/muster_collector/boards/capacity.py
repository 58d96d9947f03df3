"""Capacity for planners: how full, how fast it fills, when it is full, how readiness develops."""

from __future__ import annotations

from muster_collector.boards.kit import style
from muster_collector.boards.kit.board import Board, Strip
from muster_collector.boards.kit.influxql import BUCKET, HOSTS, Rows, Series, latest
from muster_collector.boards.kit.panels import Face, Panel, number, trend
from muster_collector.boards.kit.tables import Column, listing
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.shared import fullest, links
from muster_collector.boards.shared.scores import FLEET
from muster_collector.boards.shared.targets import targets

DISKS = f"\"mode\" = 'rw' AND {HOSTS} AND $timeFilter"
DAYS_APART = 50
"""Hours after which a line of days breaks: longer than two of them."""
STEPS = 120
"""Of a plot by hours: InfluxDB's work grows with them times the sites."""
NEWEST = "3h"
"""How far the newest hour of a site may lie back."""
SITE = '"site" =~ /^$site$/'
CPUS = f"\"cpu\" = 'cpu-total' AND {HOSTS} AND $timeFilter"


def capacity(t: Tongue) -> Board:
    """The board."""
    return Board(
        name="capacity",
        about=t(
            "For planners: how full disks, memory and processors are, and when disks are full.",
            "面向规划人员：磁盘、内存与处理器的占用，哪些磁盘何时写满。",
        ),
        since="now-30d",
        refresh="15m",
        strips=[
            Strip(4, [_disk_now(t), _memory_now(t), _cpu_now(t)]),
            Strip(11, [_full(t), _largest(t)]),
            Strip(7, [targets(t, width=24)]),
            Strip(9, [_use(t, 30), _by_day(t)]),
        ],
    )


def _newest(name: str, field: str, source: str) -> Series:
    """The sum of the newest values; a second sum in the query would cost three times as much."""
    return Series(f'SELECT sum("n") AS "{name}" FROM (SELECT last("{field}") AS "n" FROM {source})')


def _disk_now(t: Tongue) -> Panel:
    total, free = t("total", "总量"), t("free", "可用")
    return number(
        Face(
            id=1,
            title=t("Disk space of the chosen nodes", "所选节点的磁盘空间"),
            means=t(
                "All writable file systems together, and what is free of it.",
                "全部可写文件系统的总量与可用量。",
            ),
            do=t("Less than a fifth free: order disks.", "可用不足五分之一：采购磁盘。"),
            empty=t("No data of the chosen nodes", "所选节点没有数据"),
            width=8,
            queries=[
                _newest(total, "total", f'"disk" WHERE {DISKS} GROUP BY "host", "path"'),
                _newest(free, "free", f'"disk" WHERE {DISKS} GROUP BY "host", "path"'),
            ],
            unit="bytes",
            decimals=1,
            now=True,
        ),
        named=True,
        size=30,
    )


def _memory_now(t: Tongue) -> Panel:
    total, free = t("total", "总量"), t("available", "可用")
    memory = f'"mem" WHERE {HOSTS} AND $timeFilter GROUP BY "host"'
    return number(
        Face(
            id=2,
            title=t("Memory of the chosen nodes", "所选节点的内存"),
            means=t(
                "All memory together, and what programs can still get.",
                "全部内存总量，以及程序仍可取得的量。",
            ),
            do=t(
                "Much free in sum helps no full node: see the fleet overview.",
                "总量充足无助于已满的节点：请看机群总览。",
            ),
            empty=t("No data of the chosen nodes", "所选节点没有数据"),
            width=8,
            queries=[_newest(total, "total", memory), _newest(free, "available", memory)],
            unit="bytes",
            decimals=1,
            now=True,
        ),
        named=True,
        size=30,
    )


def _cpu_now(t: Tongue) -> Panel:
    total, busy = t("processors", "处理器数"), t("busy", "繁忙度")
    inner = (
        f'SELECT last("n_cpus") AS "n" FROM "system" WHERE {HOSTS} AND $timeFilter GROUP BY "host"'
    )
    return number(
        Face(
            id=3,
            title=t("Processors of the chosen nodes", "所选节点的处理器"),
            means=t(
                "Their number, and the mean share of time that is not idle.",
                "处理器数量及非空闲时间的平均比例。",
            ),
            do=t(
                "Above 60 % in the mean: no room for a site that fails over.",
                "平均高于 60%：没有余量承接故障切换。",
            ),
            empty=t("No data of the chosen nodes", "所选节点没有数据"),
            width=8,
            queries=[
                Series(f'SELECT sum("n") AS "{total}" FROM ({inner})'),
                Series(f'SELECT 100 - mean("usage_idle") AS "{busy}" FROM "cpu" WHERE {CPUS}'),
            ],
            unit="none",
            decimals=0,
            now=True,
        ),
        named=True,
        size=30,
        units={busy: "percent"},
    )


def _full(t: Tongue) -> Panel:
    inner = latest(
        "capacity_disk_hourly", ("grows", "days"), HOSTS, '"host", "path"', by="used_percent"
    )
    # Days that were said before it ceased to grow may still stand beside it.
    query = (
        'SELECT bottom("days", 20) AS "days", "used_percent" AS "used", "grows", "host", "path" '
        f'FROM ({inner}) WHERE "grows" > 0'
    )
    soon = style.steps("days_to_full")
    columns = [
        Column("host", t("Node", "节点"), width=200, link=links.node_link(t)),
        Column("path", t("File system", "文件系统"), width=110),
        fullest.used(t, "disk_used"),
        Column("grows", t("Grows a day", "每日增长"), unit="suffix: %/d", width=115, decimals=2),
        Column(
            "days",
            t("Days to full", "距写满天数"),
            width=120,
            decimals=0,
            limits=soon,
        ),
    ]
    return listing(
        Face(
            id=20,
            title=t("Disks that fill up, the first ones first", "将写满的磁盘（最早在前）"),
            means=t(
                "If each goes on as in the week before its newest hour: a straight line, blind to "
                "clean-ups, from six hours of data on. May be empty: nothing grows.",
                "假设各文件系统按最近一小时之前一周的速度直线增长，不考虑清理；至少需要六小时数据。"
                "可为空 (may be empty)：没有增长。",
            ),
            do=t(
                "Under 30 days: clean up, move or enlarge.",
                "不足 30 天：清理、迁移或扩容。",
            ),
            empty=t("No disk grows", "没有磁盘在增长"),
            width=14,
            queries=[Rows(query)],
            back="24h",
            decimals=1,
        ),
        columns,
        sort_by="days",
    )


def _largest(t: Tongue) -> Panel:
    inner = latest("capacity_site_hourly", ("disk_free",), SITE, '"site"', by="disk_total")
    query = (
        'SELECT "disk_total" AS "total", "disk_free" AS "free", "disk_free" / "disk_total" AS '
        f'"share" FROM ({inner}) GROUP BY "site"'
    )
    link = links.site_link(t, "${__data.fields.site:percentencode}")
    columns = [
        Column("site", t("Site", "站点"), link=link),
        Column("total", t("Total", "总量"), unit="bytes", width=100, decimals=1),
        Column("free", t("Free", "可用"), unit="bytes", width=100, decimals=1),
        Column(
            "share",
            t("Free share", "可用比例"),
            unit="percentunit",
            decimals=0,
            width=180,
            limits=style.steps("space_free"),
            bar=True,
        ),
    ]
    return listing(
        Face(
            id=21,
            title=t("Disk space by site, least free first", "各站点磁盘空间（可用少者在前）"),
            means=t(
                "All writable file systems of each chosen site, at the end of its newest hour.",
                "各所选站点全部可写文件系统，截至最近一个完整小时。",
            ),
            do=t("Order for the first sites first.", "优先为前列站点采购。"),
            empty=t("No hour has been scored", "尚无已评分的小时"),
            width=10,
            queries=[Rows(query)],
            back=NEWEST,
        ),
        columns,
        sort_by="share",
    )


def _use(t: Tongue, number_: int) -> Panel:
    cpu, memory, disk = t("processors", "处理器"), t("memory", "内存"), t("disks", "磁盘")
    reads = ", ".join(
        f'sum("{total}") / sum("{count}") AS "{name}"'
        for name, total, count in (
            (cpu, "cpu_busy", "cpu_nodes"),
            (memory, "memory_used", "memory_nodes"),
            (disk, "disk_used", "disks"),
        )
    )
    source = f'"capacity_site_hourly" WHERE {SITE} AND $timeFilter'
    return trend(
        Face(
            id=number_,
            title=t("Mean use of the chosen sites", "所选站点的平均占用"),
            means=t(
                "The mean over all nodes of the chosen sites by the hour; single nodes may be full "
                "while the mean is low.",
                "所选站点全部节点每小时的平均值；平均值低时个别节点仍可能已满。",
            ),
            do=t("Steady growth: plan before 70 %.", "持续增长：在 70% 之前规划。"),
            empty=t("No hour has been scored", "尚无已评分的小时"),
            width=12,
            queries=[Series(f"SELECT {reads} FROM {source} {BUCKET} fill(none)")],
            unit="percent",
            every="1h",
            points=STEPS,
            decimals=0,
        ),
        high=100,
        filled=False,
        gap_h=DAYS_APART,
        colors={cpu: style.GOOD, memory: style.LOSS, disk: style.WARN},
    )


def _by_day(t: Tongue) -> Panel:
    score, low, high = t("mean", "平均"), t("lowest", "最低"), t("highest", "最高")
    query = (
        f'SELECT mean("most") AS "{high}", mean("least") AS "{low}", mean("score") AS "{score}" '
        f'FROM "readiness_daily" WHERE {FLEET.where} AND $timeFilter {BUCKET} fill(none)'
    )
    return trend(
        Face(
            id=31,
            title=t("Readiness by day", "每日就绪度"),
            means=t(
                "The fleet's mean score of each local day, and the band from its lowest to its "
                "highest. Days last for ever: choose up to years. May be empty: no day has ended.",
                "机群每个当地日的平均评分及最低至最高的色带。日数据永久保存：可选择数年。"
                "可为空 (may be empty)：尚无完整的一天。",
            ),
            do=t(
                "Compare with the targets above; `muster targets status` reckons the pace.",
                "与上方目标对照；`muster targets status` 计算进度。",
            ),
            empty=t("No day has ended", "尚无完整的一天"),
            width=12,
            queries=[Series(query)],
            every="1d",
        ),
        high=100,
        low=None,
        colors={score: style.GOOD},
        band=(high, low),
        gap_h=DAYS_APART,
    )
