"""The node now: since boot, last heard, where it stands."""

from __future__ import annotations

from muster_collector.boards.kit import style, words
from muster_collector.boards.kit.influxql import Rows, Series, latest
from muster_collector.boards.kit.panels import Face, Panel, number
from muster_collector.boards.kit.tables import Column, listing
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.node.plots import HOST
from muster_collector.boards.shared import links


def uptime(t: Tongue) -> Panel:
    """Time since boot."""
    return number(
        Face(
            id=5,
            title=t("Since boot", "运行时长"),
            means=t("Time since the node was started.", "自节点启动以来的时间。"),
            do=t(
                "Unexpectedly short: look at the power supply and at `journalctl --list-boots`.",
                "意外偏短时：检查供电并查看 `journalctl --list-boots`。",
            ),
            empty=t("Not reported", "未上报"),
            width=3,
            queries=[
                Series(
                    f'SELECT last("uptime"){t("", " / 86400")} AS "u" FROM "system" '
                    f"WHERE {HOST} AND $timeFilter"
                )
            ],
            unit=t("s", "suffix: 天"),
            decimals=1,
            now=True,
        ),
        size=28,
    )


def silence(t: Tongue) -> Panel:
    """Time since the last report."""
    return number(
        Face(
            id=6,
            title=t("Last heard", "距上次上报"),
            means=t(
                "Seconds since the last report, as the centre last noted it.",
                "距最近一次上报的秒数（中心最近一次记录）。",
            ),
            do=t(
                "More than two minutes: the node is off, cut off, or its agent has stopped.",
                "超过两分钟：节点关机、断网或代理已停止。",
            ),
            empty=t("Not known", "未知"),
            width=3,
            queries=[
                Series(
                    f'SELECT last("silent_s") AS "s" FROM "completeness" WHERE {HOST} '
                    "AND $timeFilter"
                )
            ],
            unit=words.lasting(t),
            decimals=0,
            now=True,
            limits=style.steps("silence"),
        ),
        size=28,
    )


def place(t: Tongue) -> Panel:
    """The site, with a link to it."""
    query = latest("completeness", (), HOST, '"site"', by="silent_s")
    columns = [Column("site", t("Site", "站点"), link=links.site_link(t, links.SITE_LINK))]
    return listing(
        Face(
            id=7,
            title=t("Where it stands", "所属站点"),
            means=t("The site that the node reports from.", "节点上报所属的站点。"),
            do=t("Open it to compare the node with its neighbours.", "打开可与同站点的节点比较。"),
            empty=t("Not known", "未知"),
            width=4,
            queries=[Rows(query)],
            now=True,
        ),
        columns,
        sort_by="site",
        hidden=("silent_s",),
    )
