"""The NOC wall: what is wrong now, worst first, readable from five metres."""

from __future__ import annotations

from muster_collector.boards.kit import style, words
from muster_collector.boards.kit.board import Board, Strip
from muster_collector.boards.kit.influxql import HOSTS, SITES, Rows, Series, latest
from muster_collector.boards.kit.panels import Face, Panel, number
from muster_collector.boards.kit.tables import Column, listing
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.shared import alerts, fullest, links, places, reports, scores, states
from muster_collector.boards.shared.scores import FLEET


def noc(t: Tongue) -> Board:
    """The board."""
    return Board(
        name="noc",
        about=t(
            "What is wrong now, worst first. Meant for a wall: few panels, large figures.",
            "当前异常，最差在前。用于大屏：面板少、字号大。",
        ),
        since="now-24h",
        strips=[
            Strip(
                7,
                [
                    scores.score(t, FLEET, width=5),
                    _change(t),
                    alerts.firing(t, width=4, size=56),
                    states.now(t, width=6, size=50),
                    _sum(
                        t,
                        7,
                        (
                            t("Reports missing", "缺失上报"),
                            t(
                                "Reports that were made and have not arrived.",
                                "已产生但尚未到达的上报。",
                            ),
                            t(
                                "Growing: look at the broker, the collector and the database.",
                                "持续增长：检查消息代理、采集器与数据库。",
                            ),
                        ),
                        "missing",
                    ),
                    _grown(t),
                ],
            ),
            Strip(10, [alerts.open_alerts(t, width=15), _worst(t)]),
            Strip(
                9,
                [
                    states.unwell(t, width=8, missing=False),
                    _disks(t),
                    scores.history(t, FLEET, width=8),
                ],
            ),
        ],
    )


def _change(t: Tongue) -> Panel:
    name = t("change", "变化")
    return number(
        Face(
            id=5,
            title=t("Change in 24 h", "24 小时变化"),
            means=t(
                "The newest score of the last 24 hours less the oldest.",
                "最近 24 小时内最新评分与最早评分之差。",
            ),
            do=t(
                "Down by more than 5 points: the readiness board shows which pillar fell.",
                "下降超过 5 分：在就绪度面板中查看下降的支柱。",
            ),
            empty=words.no_score(t),
            width=3,
            queries=[
                Series(
                    f'SELECT last("score") - first("score") AS "{name}" FROM "readiness" '
                    f"WHERE {FLEET.where} AND $timeFilter"
                )
            ],
            back="24h",
            unit=t("suffix: pt", "suffix: 分"),
            decimals=1,
            limits=style.steps("score_change", calm=style.QUIET),
        ),
        size=48,
    )


def _sum(t: Tongue, number_: int, texts: tuple[str, str, str], field: str) -> Panel:
    title, means, do = texts
    inner = latest("completeness", (), HOSTS, '"host"', by=field)
    return number(
        Face(
            id=number_,
            title=title,
            means=means,
            do=do,
            empty=t("No nodes", "无节点"),
            width=3,
            queries=[Series(f'SELECT sum("{field}") AS "n" FROM ({inner})')],
            unit="locale",
            decimals=0,
            now=True,
            limits=style.steps("missing_in_fleet"),
        ),
        size=64,
    )


def _grown(t: Tongue) -> Panel:
    refused, lost = t("refused", "被拒"), t("lost", "丢失")
    reads = f'sum("refused") AS "{refused}", sum("lost") AS "{lost}"'
    query = f"SELECT {reads} FROM {reports.ACCOUNTS}"
    return number(
        Face(
            id=8,
            title=t("Refused, lost", "被拒与丢失"),
            means=t(
                "Reports of the last 24 hours that were refused or given up, each with a reason.",
                "最近 24 小时内被拒绝或放弃的上报，均有原因。",
            ),
            do=t(
                "`muster quarantine list` and `muster completeness` name the reasons.",
                "`muster quarantine list` 与 `muster completeness` 给出原因。",
            ),
            empty=t("No nodes", "无节点"),
            width=3,
            queries=[Series(query)],
            back="24h",
            unit="locale",
            decimals=0,
            limits=style.steps("missing_in_fleet"),
        ),
        named=True,
        size=40,
    )


def _worst(t: Tongue) -> Panel:
    fields = ("score", "grade", "why")
    where = f'"level" = \'site\' AND "id" =~ /^$site$/ AND {SITES}'
    columns = [
        Column("id", t("Site", "站点"), link=links.site_link(t)),
        Column("score", t("Score", "评分"), width=80, decimals=0, limits=words.grades()),
        Column("grade", t("Grade", "等级"), width=65),
        places.why(t, 260),
    ]
    return listing(
        Face(
            id=20,
            title=t("Sites, worst first", "站点（最差在前）"),
            means=t(
                "The sites by their newest score; one without a score stands first and says why.",
                "按最新评分排列的站点；没有评分者排在最前并说明原因。",
            ),
            do=t("Take the first.", "从第一个开始处理。"),
            empty=words.no_score(t),
            width=9,
            queries=[Rows(latest("readiness", fields, where, '"id"'))],
            now=True,
        ),
        columns,
        sort_by="score",
        limit=12,
        hidden=("coverage",),
    )


def _disks(t: Tongue) -> Panel:
    inner = latest("disk", (), f"\"mode\" = 'rw' AND {HOSTS}", '"host", "path"', by="used_percent")
    query = f'SELECT top("used_percent", 7) AS "used", "host", "path" FROM ({inner})'
    columns = [
        Column("host", t("Node", "节点"), width=170, link=links.node_link(t)),
        Column("path", t("File system", "文件系统"), width=110),
        fullest.used(t, "disk_used"),
    ]
    return listing(
        Face(
            id=42,
            title=t("Fullest disks", "最满的磁盘"),
            means=t(
                "The seven fullest file systems of all nodes.", "所有节点中最满的七个文件系统。"
            ),
            do=t(
                "Above 95 %: free space now, services stop when a disk is full.",
                "高于 95%：请立即清理，磁盘写满后服务会停止。",
            ),
            empty=t("No data of the chosen nodes", "所选节点没有数据"),
            width=8,
            queries=[Rows(query)],
            now=True,
        ),
        columns,
        sort_by="used",
        descending=True,
    )
