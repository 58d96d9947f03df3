"""Data circulation: what the network carries, between whom, how well."""

from __future__ import annotations

from muster_collector.boards.kit import style
from muster_collector.boards.kit.board import Board, Strip
from muster_collector.boards.kit.influxql import HOSTS, Rows, Series
from muster_collector.boards.kit.panels import Column, Face, Panel, listing, number, trend
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.shared import links

LINKS = f'"interface" !~ /^(lo|all)$/ AND {HOSTS} AND $timeFilter'
BUCKET = "GROUP BY time($__interval)"


def circulation(t: Tongue) -> Board:
    """The board."""
    return Board(
        name="circulation",
        about=t(
            "Throughput by site, the busiest links, errors and drops, loss and round trips between "
            "sites.",
            "各站点吞吐量、最忙的链路、错误与丢弃、站点间的丢包与时延。",
        ),
        strips=[
            Strip(4, [_now(t), _faults_now(t), _moved(t)]),
            Strip(9, [_by_site(t, 10, "bytes_recv"), _by_site(t, 11, "bytes_sent")]),
            Strip(10, [_busiest(t), _faults(t)]),
            Strip(9, [_loss(t), _delay(t)]),
            Strip(9, [_there(t), _back(t)]),
        ],
    )


def _rates(reads: dict[str, str], *, group: str, times: str = "") -> str:
    """The growth of counters a second for each interface and bucket."""
    named = ", ".join(
        f'non_negative_derivative(last("{field}"), 1s){times} AS "{name}"'
        for field, name in reads.items()
    )
    return f'SELECT {named} FROM "net" WHERE {LINKS} {BUCKET}, {group} fill(none)'


def _now(t: Tongue) -> Panel:
    received, sent = t("received", "接收"), t("sent", "发送")
    inner = _rates(
        {"bytes_recv": "r", "bytes_sent": "s"}, group='"host", "interface"', times=" * 8"
    )
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


def _faults_now(t: Tongue) -> Panel:
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


def _moved(t: Tongue) -> Panel:
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


def _by_site(t: Tongue, number_: int, field: str) -> Panel:
    way = t("received", "接收") if field == "bytes_recv" else t("sent", "发送")
    inner = _rates({field: "bits"}, group='"host", "site", "interface"', times=" * 8")
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
    )


def _busiest(t: Tongue) -> Panel:
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
        Column("interface", t("Interface", "接口"), width=110),
        Column("received", t("Received", "接收"), unit="bps", width=130, decimals=1),
        Column("sent", t("Sent", "发送"), unit="bps", width=130, decimals=1),
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
            width=12,
            queries=[Rows(query)],
        ),
        columns,
        sort_by="received",
        descending=True,
    )


def _faults(t: Tongue) -> Panel:
    reads = ", ".join(
        f'last("{field}") - first("{field}") AS "{field}"'
        for field in ("err_in", "err_out", "drop_in", "drop_out")
    )
    query = (
        'SELECT top("err_in", 20) AS "err_in", "err_out", "drop_in", "drop_out", "host", '
        f'"interface" FROM (SELECT {reads} FROM "net" WHERE {LINKS} GROUP BY "host", "interface")'
    )
    bad, some = ((None, style.QUIET), (1.0, style.BAD)), ((None, style.QUIET), (1.0, style.WARN))
    columns = [
        Column("host", t("Node", "节点"), link=links.node_link(t)),
        Column("interface", t("Interface", "接口"), width=100),
        Column("err_in", t("Errors in", "接收错误"), width=90, decimals=0, limits=bad),
        Column("err_out", t("Errors out", "发送错误"), width=95, decimals=0, limits=bad),
        Column("drop_in", t("Drops in", "接收丢弃"), width=90, decimals=0, limits=some),
        Column("drop_out", t("Drops out", "发送丢弃"), width=95, decimals=0, limits=some),
    ]
    return listing(
        Face(
            id=21,
            title=t("Interfaces with faults", "有故障的接口"),
            means=t(
                "Packets with errors or dropped in the chosen time, the twenty with the most "
                "errors received.",
                "所选时段内出错或被丢弃的报文，按接收错误前二十名。",
            ),
            do=t(
                "Errors: cable, connector, transceiver. Drops: full queues or unknown protocols.",
                "错误：线缆、接头、光模块。丢弃：队列已满或未知协议。",
            ),
            empty=t("No data of the chosen nodes", "所选节点没有数据"),
            width=12,
            queries=[Rows(query)],
        ),
        columns,
        sort_by="err_in",
        descending=True,
    )


def _probe(t: Tongue, number_: int, words: tuple[str, str, str], field: str, unit: str) -> Panel:
    title, means, do = words
    query = (
        f'SELECT max("{field}") AS "v" FROM "ping" WHERE {HOSTS} AND $timeFilter '
        f'{BUCKET}, "site" fill(none)'
    )
    return trend(
        Face(
            id=number_,
            title=title,
            means=means,
            do=do,
            empty=t("No probes are set up", "尚未配置探测"),
            width=12,
            queries=[Series(query, alias="[[tag_site]]")],
            unit=unit,
            every="2m",
        ),
        filled=False,
    )


def _loss(t: Tongue) -> Panel:
    texts = (
        t("Loss on the worst path", "最差路径丢包"),
        t(
            "Echo requests without an answer on the worst path of each site. May be empty: no ping "
            "probes.",
            "各站点最差路径上无应答的回显请求比例。可为空 (may be empty)：没有 ping 探测。",
        ),
        t("Above 0.5 %: look at the path between the two.", "高于 0.5%：检查两者之间的路径。"),
    )
    return _probe(t, 30, texts, "percent_packet_loss", "percent")


def _delay(t: Tongue) -> Panel:
    texts = (
        t("Round trip on the slowest path", "最慢路径时延"),
        t(
            "Mean round trip on the slowest path of each site. May be empty: no ping probes.",
            "各站点最慢路径的平均往返时延。可为空 (may be empty)：没有 ping 探测。",
        ),
        t(
            "Above 50 ms within a city: a detour or a full link.",
            "城内高于 50 毫秒：绕路或链路已满。",
        ),
    )
    return _probe(t, 31, texts, "average_response_ms", "ms")


def _carried(t: Tongue, number_: int, title: str, way: str, field: str) -> Panel:
    query = (
        f'SELECT min("{field}") * 1000000 AS "v" FROM "throughput" WHERE {HOSTS} AND $timeFilter '
        f'{BUCKET}, "site", "peer_site" fill(none)'
    )
    return trend(
        Face(
            id=number_,
            title=title,
            means=t(
                "What throughput tests between agents found, the slowest of each pair of sites. A "
                "test keeps to a limit, so a line at its limit means that or more. May be empty: "
                "no tests are set up.",
                "代理之间吞吐量测试的结果，取每对站点中最慢者。测试有上限，达到上限即表示不低于该值。"
                "可为空 (may be empty)：未配置测试。",
            ),
            do=t(
                "A fall while the interfaces are not busy: look at the link between the two.",
                "接口不忙而数值下降：检查两地之间的链路。",
            ),
            empty=t("No throughput tests are set up", "尚未配置吞吐量测试"),
            width=12,
            queries=[Series(query, alias=f"[[tag_site]] {way} [[tag_peer_site]]")],
            unit="bps",
            every="2h",
        ),
        filled=False,
    )


def _there(t: Tongue) -> Panel:
    title = t("What paths carry to other sites", "到其他站点的路径吞吐量")
    return _carried(t, 40, title, "\N{RIGHTWARDS ARROW}", "upload")


def _back(t: Tongue) -> Panel:
    title = t("What paths carry from other sites", "来自其他站点的路径吞吐量")
    return _carried(t, 41, title, "\N{LEFTWARDS ARROW}", "download")
