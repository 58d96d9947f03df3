"""The fleet overview: how ready are we, what costs most, who is quiet, which machines are full."""

from __future__ import annotations

from muster_collector.boards import parts, states, words
from muster_collector.boards.board import Board, Strip
from muster_collector.boards.influxql import HOSTS, SITES, Rows, highest, latest
from muster_collector.boards.panels import Column, Face, Panel, listing
from muster_collector.boards.parts import FLEET
from muster_collector.boards.tongue import Tongue

NODE_SCORES = '"level" = \'node\' AND "site" =~ /^$site$/ AND "id" =~ /^$node$/'


def fleet(t: Tongue) -> Board:
    """The board."""
    return Board(
        name="fleet",
        about=t(
            "How ready the whole fleet is, what costs it most, and where to look first.",
            "整个机群的就绪度、失分最多之处，以及应首先查看的位置。",
        ),
        strips=[
            Strip(
                4,
                [
                    parts.score(t, FLEET),
                    parts.grade(t, FLEET),
                    parts.interval(t, FLEET),
                    parts.coverage(t, FLEET),
                    parts.members(t, FLEET),
                    states.now(t),
                ],
            ),
            Strip(9, [parts.history(t, FLEET), parts.pillars(t, FLEET), parts.lost(t, FLEET)]),
            Strip(9, [_worst_sites(t), lowest_nodes(t)]),
            Strip(9, [states.unwell(t), parts.flow(t), parts.missing(t)]),
            Strip(11, [busiest(t), fullest_memory(t), fullest_disk(t)]),
        ],
    )


def _worst_sites(t: Tongue) -> Panel:
    return parts.places(
        t,
        id=20,
        title=t("Sites, worst first", "站点（最差在前）"),
        level="site",
        where=f'"id" =~ /^$site$/ AND {SITES}',
        width=15,
        link=parts.site_link(t),
    )


def lowest_nodes(t: Tongue, *, width: int = 9, site: bool = True) -> Panel:
    """The twenty chosen nodes with the lowest score."""
    tags = '"id", "site"' if site else '"id"'
    inner = latest("readiness", ("score", "grade"), NODE_SCORES, tags)
    query = f'SELECT bottom("score", 20) AS "score", "grade", "coverage", {tags} FROM ({inner})'
    columns = [
        Column("id", t("Node", "节点"), width=150, link=parts.node_link(t, parts.UNIT_LINK)),
        *([Column("site", t("Site", "站点"), width=130)] if site else []),
        *parts.score_columns(t, interval=False),
    ]
    return listing(
        Face(
            id=21,
            title=t("Nodes with the lowest score", "评分最低的节点"),
            means=t(
                "The twenty chosen nodes with the lowest score. Silent nodes have no score and "
                "stand in a list of their own.",
                "所选节点中评分最低的二十个。静默节点没有评分，另有列表。",
            ),
            do=t(
                "Open one: its board names what costs the points.",
                "打开节点面板可查看失分原因。",
            ),
            empty=words.no_score(t),
            width=width,
            queries=[Rows(query)],
            now=True,
        ),
        columns,
        sort_by="score",
    )


def busiest(t: Tongue) -> Panel:
    """The ten nodes with the busiest processors."""
    return parts.top(
        t,
        id=40,
        title=t("Busiest processors", "处理器最忙的节点"),
        means=t(
            "Time not idle over 15 minutes, the ten highest.", "15 分钟内的非空闲比例，前十名。"
        ),
        do=t(
            "Above 85 %: look for one process or too many services on the node.",
            "高于 85%：查找占用过高的进程，或节点上服务过多。",
        ),
        query=highest(
            '100 - mean("usage_idle")', "cpu", f"\"cpu\" = 'cpu-total' AND {HOSTS}", ("host",)
        ),
    )


def fullest_memory(t: Tongue) -> Panel:
    """The ten nodes with the least memory to get."""
    return parts.top(
        t,
        id=41,
        title=t("Fullest memory", "内存占用最高的节点"),
        means=t(
            "Memory that programs cannot get any more, the ten highest.",
            "程序已无法再取得的内存比例，前十名。",
        ),
        do=t(
            "Above 95 %: the kernel will soon kill something; add memory or move a service.",
            "高于 95%：内核即将终止进程；请增加内存或迁移服务。",
        ),
        query=highest('100 - mean("available_percent")', "mem", HOSTS, ("host",)),
    )


def fullest_disk(t: Tongue) -> Panel:
    """The ten nodes with the fullest file system."""
    return parts.top(
        t,
        id=42,
        title=t("Fullest disks", "磁盘占用最高的节点"),
        means=t(
            "The fullest file system of each node, the ten highest.",
            "每个节点最满的文件系统，前十名。",
        ),
        do=t(
            "Above 95 %: free space now, services stop when a disk is full.",
            "高于 95%：请立即清理，磁盘写满后服务会停止。",
        ),
        query=highest('max("used_percent")', "disk", f"\"mode\" = 'rw' AND {HOSTS}", ("host",)),
    )
