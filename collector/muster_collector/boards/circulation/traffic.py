"""What the interfaces carry, all together and by site."""

from __future__ import annotations

from typing import Literal

from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import BUCKET, LINKS, SITES, Series
from muster_collector.boards.kit.panels import Face, Panel, number, trend
from muster_collector.boards.kit.tongue import Tongue

Way = Literal["received", "sent"]
OF_SITES = f'"level" = \'site\' AND "id" =~ /^$site$/ AND {SITES}'
OF_DISTRICTS = '"level" = \'district\' AND "region" =~ /^$region$/ AND "id" =~ /^$district$/'
"""The sums that the scorer writes each window, of the chosen places."""


def now(t: Tongue) -> Panel:
    """Bits a second now."""
    received, sent = t("received", "接收"), t("sent", "发送")
    inner = (
        'SELECT last("received") AS "r", last("sent") AS "s" FROM "traffic" '
        f'WHERE {OF_SITES} AND $timeFilter GROUP BY "id"'
    )
    query = f'SELECT sum("r") AS "{received}", sum("s") AS "{sent}" FROM ({inner})'
    return number(
        Face(
            id=1,
            title=t("Throughput now", "当前吞吐量"),
            means=t(
                "Bits a second of all chosen sites in the newest window, all interfaces together, "
                "loopback left out.",
                "所选站点在最近窗口内全部接口（不含回环）每秒的比特数。",
            ),
            do=t(
                "A sudden fall while nodes report: look at the services, then at the uplinks.",
                "节点正常上报而骤降时：先检查服务，再检查上行链路。",
            ),
            empty=t("Not scored in 15 minutes", "15 分钟内没有评分"),
            width=9,
            queries=[Series(query)],
            unit="bps",
            decimals=1,
            now=True,
        ),
        named=True,
        size=30,
        accents={received: style.GOOD, sent: style.FAIR},
    )


def faults_now(t: Tongue) -> Panel:
    """Errors and drops in the time chosen."""
    errors, drops = t("errors", "错误"), t("drops", "丢弃")
    return number(
        Face(
            id=2,
            title=t("Faults in this time", "该时段的故障"),
            means=t(
                "Packets with errors and packets dropped, both ways, on all chosen nodes.",
                "所选节点双向出错与被丢弃的报文数。",
            ),
            do=t(
                "A sound link makes no errors: the table below names the interface.",
                "良好的链路没有错误：下表给出对应接口。",
            ),
            empty=t("No data of the chosen nodes", "所选节点没有数据"),
            width=7,
            queries=[_counted(errors, "err_in", "err_out"), _counted(drops, "drop_in", "drop_out")],
            unit="locale",
            decimals=0,
        ),
        named=True,
        size=30,
        accents={errors: style.BAD, drops: style.WARN},
    )


def moved(t: Tongue) -> Panel:
    """Bytes received and sent in the time chosen."""
    received, sent = t("received", "接收"), t("sent", "发送")
    return number(
        Face(
            id=3,
            title=t("Data moved in this time", "该时段的数据量"),
            means=t(
                "Bytes that the chosen nodes received and sent. A node that restarted in this "
                "time counts too little.",
                "所选节点接收与发送的字节数。该时段内重启过的节点会少计。",
            ),
            do=t("For planning: compare days and weeks.", "用于规划：按日、按周比较。"),
            empty=t("No data of the chosen nodes", "所选节点没有数据"),
            width=8,
            queries=[_counted(received, "bytes_recv"), _counted(sent, "bytes_sent")],
            unit="decbytes",
            decimals=1,
        ),
        named=True,
        size=30,
    )


def _counted(name: str, *counters: str) -> Series:
    """By how much counters of all links grew in the time chosen, together.

    A query sums one thing only: for each further sum InfluxDB makes the rows of all links anew.
    """
    grown = " + ".join(f'last("{counter}") - first("{counter}")' for counter in counters)
    inner = f'SELECT {grown} AS "n" FROM "net" WHERE {LINKS} GROUP BY "host", "interface"'
    return Series(f'SELECT sum("n") AS "{name}" FROM ({inner})')


def by_site(t: Tongue, number_: int, way: Way) -> Panel:
    """Bits a second one way, by site."""
    titles = {
        "received": t("Throughput by site, received", "各站点吞吐量（接收）"),
        "sent": t("Throughput by site, sent", "各站点吞吐量（发送）"),
    }
    means = t(
        "Bits a second of the nodes of each site, stacked: the top edge is the sum.",
        "各站点节点每秒的比特数（堆叠）：上沿为合计。",
    )
    do = t(
        "A site that becomes thin has lost services or its uplink.",
        "变窄的站点可能失去了服务或上行链路。",
    )
    return _stacked(t, number_, (titles[way], means, do), way, OF_SITES)


def by_district(t: Tongue, number_: int, way: Way) -> Panel:
    """Bits a second one way, by district."""
    titles = {
        "received": t("Throughput by district, received", "各区县吞吐量（接收）"),
        "sent": t("Throughput by district, sent", "各区县吞吐量（发送）"),
    }
    means = t(
        "Bits a second of the nodes of each district, stacked: the top edge is the sum.",
        "各区县节点每秒的比特数（堆叠）：上沿为合计。",
    )
    do = t(
        "Growth over weeks: plan the links between districts. Choose a district to see its sites.",
        "数周持续增长：规划区县间链路。选择区县可查看其站点。",
    )
    return _stacked(t, number_, (titles[way], means, do), way, OF_DISTRICTS)


def _stacked(t: Tongue, number_: int, words: tuple[str, str, str], way: Way, where: str) -> Panel:
    title, means, do = words
    query = f'SELECT mean("{way}") AS "bits" FROM "traffic" WHERE {where} AND $timeFilter '
    return trend(
        Face(
            id=number_,
            title=title,
            means=means,
            do=do,
            empty=t("No data of the chosen places", "所选地点没有数据"),
            width=12,
            queries=[Series(f'{query}{BUCKET}, "id" fill(none)', alias="[[tag_id]]")],
            unit="bps",
            every="5m",
            points=240,
        ),
        stacked=True,
        many=True,
    )
