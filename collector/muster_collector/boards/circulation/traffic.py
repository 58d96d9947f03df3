"""What the interfaces carry, all together and by site."""

from __future__ import annotations

from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import BUCKET, LINKS, Series
from muster_collector.boards.kit.panels import Face, Panel, number, trend
from muster_collector.boards.kit.tongue import Tongue


def rates(reads: dict[str, str], *, group: str, times: str = "") -> str:
    """The growth of counters a second for each interface and bucket."""
    named = ", ".join(
        f'non_negative_derivative(last("{field}"), 1s){times} AS "{name}"'
        for field, name in reads.items()
    )
    return f'SELECT {named} FROM "net" WHERE {LINKS} {BUCKET}, {group} fill(none)'


def now(t: Tongue) -> Panel:
    """Bits a second now."""
    received, sent = t("received", "接收"), t("sent", "发送")
    inner = rates({"bytes_recv": "r", "bytes_sent": "s"}, group='"host", "interface"', times=" * 8")
    query = (
        f'SELECT sum("r") AS "{received}", sum("s") AS "{sent}" FROM ({inner}) '
        f"WHERE $timeFilter {BUCKET} fill(none)"
    )
    return number(
        Face(
            id=1,
            title=t("Throughput now", "当前吞吐量"),
            means=t(
                "Bits a second of all chosen nodes, all interfaces together, loopback left out.",
                "所选节点全部接口（不含回环）每秒的比特数。",
            ),
            do=t(
                "A sudden fall while nodes report: look at the services, then at the uplinks.",
                "节点正常上报而骤降时：先检查服务，再检查上行链路。",
            ),
            empty=t("No data of the chosen nodes", "所选节点没有数据"),
            width=9,
            queries=[Series(query)],
            unit="bps",
            decimals=1,
            now=True,
            every="2m",
        ),
        named=True,
        size=30,
        accents={received: style.GOOD, sent: style.FAIR},
    )


def faults_now(t: Tongue) -> Panel:
    """Errors and drops in the time chosen."""
    errors, drops = t("errors", "错误"), t("drops", "丢弃")
    inner = (
        'SELECT last("err_in") - first("err_in") + last("err_out") - first("err_out") AS "e", '
        'last("drop_in") - first("drop_in") + last("drop_out") - first("drop_out") AS "d" '
        f'FROM "net" WHERE {LINKS} GROUP BY "host", "interface"'
    )
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
            queries=[
                Series(f'SELECT sum("e") AS "{errors}", sum("d") AS "{drops}" FROM ({inner})')
            ],
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
    inner = (
        'SELECT last("bytes_recv") - first("bytes_recv") AS "r", '
        'last("bytes_sent") - first("bytes_sent") AS "s" '
        f'FROM "net" WHERE {LINKS} GROUP BY "host", "interface"'
    )
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
            queries=[
                Series(f'SELECT sum("r") AS "{received}", sum("s") AS "{sent}" FROM ({inner})')
            ],
            unit="decbytes",
            decimals=1,
        ),
        named=True,
        size=30,
    )


def by_site(t: Tongue, number_: int, field: str) -> Panel:
    """Bits a second one way, by site."""
    way = t("received", "接收") if field == "bytes_recv" else t("sent", "发送")
    inner = rates({field: "bits"}, group='"host", "site", "interface"', times=" * 8")
    query = (
        f'SELECT sum("bits") AS "bits" FROM ({inner}) WHERE $timeFilter {BUCKET}, "site" fill(none)'
    )
    return trend(
        Face(
            id=number_,
            title=t(f"Throughput by site, {way}", f"各站点吞吐量（{way}）"),
            means=t(
                "Bits a second of the nodes of each site, stacked: the top edge is the sum.",
                "各站点节点每秒的比特数（堆叠）：上沿为合计。",
            ),
            do=t(
                "A site that becomes thin has lost services or its uplink.",
                "变窄的站点可能失去了服务或上行链路。",
            ),
            empty=t("No data of the chosen nodes", "所选节点没有数据"),
            width=12,
            queries=[Series(query, alias="[[tag_site]]")],
            unit="bps",
            every="2m",
            shift="2m",
        ),
        stacked=True,
        many=True,
    )
