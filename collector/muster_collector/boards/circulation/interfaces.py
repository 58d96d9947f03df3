"""Interfaces one by one: the fullest, the busiest, the faulty."""

from __future__ import annotations

from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import HOSTS, LINKS, Rows
from muster_collector.boards.kit.panels import Face, Panel
from muster_collector.boards.kit.tables import Column, listing
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.shared import links


def fullest(t: Tongue) -> Panel:
    """The links with the highest use of their speed."""
    inner = (
        'SELECT max("use_in") AS "in", max("use_out") AS "out" FROM "ethtool" '
        f'WHERE {HOSTS} AND $timeFilter GROUP BY "host", "interface"'
    )
    query = f'SELECT top("in", 20) AS "in", "out", "host", "interface" FROM ({inner})'

    def use(name: str, title: str) -> Column:
        limits = style.steps("link_used")
        return Column(name, title, unit="percent", decimals=0, width=110, limits=limits, bar=True)

    columns = [
        Column("host", t("Node", "节点"), link=links.node_link(t)),
        Column("interface", t("Interface", "接口"), width=90),
        use("in", t("Received", "接收")),
        use("out", t("Sent", "发送")),
    ]
    return listing(
        Face(
            id=22,
            title=t("Fullest links", "利用率最高的链路"),
            means=t(
                "The highest use of each link's speed in the chosen time, the twenty fullest by "
                "what they receive. May be empty: no interface tells its speed.",
                "所选时段内各链路相对其速率的最高利用率，按接收方向前二十名。"
                "可为空 (may be empty)：没有接口提供速率。",
            ),
            do=t(
                "Above 70 % at times: packets wait and drop at the peaks; plan a faster link.",
                "时常高于 70%：高峰时排队与丢包；规划更快的链路。",
            ),
            empty=t("No interface tells its speed", "没有接口提供速率"),
            width=8,
            queries=[Rows(query)],
        ),
        columns,
        sort_by="in",
        descending=True,
    )


def busiest(t: Tongue) -> Panel:
    """The interfaces that carry most."""
    reads = {"bytes_recv": "received", "bytes_sent": "sent"}
    inner = ", ".join(
        f'8 * (last("{field}") - first("{field}")) / $__range_s AS "{name}"'
        for field, name in reads.items()
    )
    query = (
        'SELECT top("received", 20) AS "received", "sent", "host", "interface" '
        f'FROM (SELECT {inner} FROM "net" WHERE {LINKS} GROUP BY "host", "interface")'
    )
    columns = [
        Column("host", t("Node", "节点"), link=links.node_link(t)),
        Column("interface", t("Interface", "接口"), width=90),
        Column("received", t("Received", "接收"), unit="bps", width=95, decimals=1),
        Column("sent", t("Sent", "发送"), unit="bps", width=95, decimals=1),
    ]
    return listing(
        Face(
            id=20,
            title=t("Busiest interfaces", "最忙的接口"),
            means=t(
                "Mean bits a second over the chosen time, the twenty highest by what they receive.",
                "所选时段内每秒平均比特数，按接收量前二十名。",
            ),
            do=t(
                "Above half of the link's speed for long: plan an upgrade.",
                "长期超过链路速率一半：规划扩容。",
            ),
            empty=t("No data of the chosen nodes", "所选节点没有数据"),
            width=8,
            queries=[Rows(query)],
        ),
        columns,
        sort_by="received",
        descending=True,
    )


def faults(t: Tongue) -> Panel:
    """The interfaces with most errors."""
    reads = ", ".join(
        f'last("{kind}_in") - first("{kind}_in") + last("{kind}_out") - first("{kind}_out") '
        f'AS "{name}"'
        for kind, name in (("err", "errors"), ("drop", "drops"))
    )
    query = (
        'SELECT top("errors", 20) AS "errors", "drops", "host", "interface" '
        f'FROM (SELECT {reads} FROM "net" WHERE {LINKS} GROUP BY "host", "interface")'
    )
    bad, some = ((None, style.QUIET), (1.0, style.BAD)), ((None, style.QUIET), (1.0, style.WARN))
    columns = [
        Column("host", t("Node", "节点"), link=links.node_link(t)),
        Column("interface", t("Interface", "接口"), width=90),
        Column("errors", t("Errors", "错误"), unit="locale", width=85, decimals=0, limits=bad),
        Column("drops", t("Drops", "丢弃"), unit="locale", width=85, decimals=0, limits=some),
    ]
    return listing(
        Face(
            id=21,
            title=t("Interfaces with faults", "有故障的接口"),
            means=t(
                "Packets with errors or dropped in the chosen time, both ways, the twenty with the "
                "most errors.",
                "所选时段内双向出错或被丢弃的报文，按错误数前二十名。",
            ),
            do=t(
                "Errors: cable, connector, transceiver. Drops: full queues or unknown protocols.",
                "错误：线缆、接头、光模块。丢弃：队列已满或未知协议。",
            ),
            empty=t("No data of the chosen nodes", "所选节点没有数据"),
            width=8,
            queries=[Rows(query)],
        ),
        columns,
        sort_by="errors",
        descending=True,
    )
