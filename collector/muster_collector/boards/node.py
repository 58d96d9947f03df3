"""One node: use, waiting and errors of each resource, and why its score is what it is."""

from __future__ import annotations

from collections.abc import Mapping

from muster_collector.alerts.rules import SILENT_S
from muster_collector.boards import parts, style
from muster_collector.boards.board import Board, Strip
from muster_collector.boards.influxql import Query, Rows, Series, latest
from muster_collector.boards.panels import Column, Face, Panel, listing, number, trend
from muster_collector.boards.parts import NODE
from muster_collector.boards.tongue import Tongue

HOST = '"host" =~ /^$node$/'
BUCKET = "GROUP BY time($__interval)"
SITE_FIELD = "${__data.fields.site:percentencode}"


def node(t: Tongue) -> Board:
    """The board."""
    return Board(
        name="node",
        about=t(
            "One node: how ready it is and why, and each resource by use, waiting and errors.",
            "单个节点：就绪度及其原因，以及各资源的使用、等待与错误。",
        ),
        single="node",
        strips=[
            Strip(
                4,
                [
                    parts.score(t, NODE),
                    parts.grade(t, NODE, width=3),
                    parts.interval(t, NODE, width=4),
                    parts.coverage(t, NODE),
                    _uptime(t),
                    _silence(t),
                    _place(t),
                ],
            ),
            Strip(
                9, [parts.history(t, NODE, hosts=HOST), parts.pillars(t, NODE), parts.lost(t, NODE)]
            ),
            Strip(9, [parts.why(t, NODE, width=14), _reports(t)]),
            Strip(8, [_cpu(t), _load(t), _pressure(t)], t("Compute", "算力")),
            Strip(
                8,
                [_memory(t), _disk(t), _disk_rate(t), _disk_busy(t)],
                t("Memory and storage", "内存与存储"),
            ),
            Strip(8, [_network(t), _network_errors(t)], t("Network", "网络")),
        ],
    )


def _uptime(t: Tongue) -> Panel:
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
                Series(f'SELECT last("uptime") AS "u" FROM "system" WHERE {HOST} AND $timeFilter')
            ],
            unit="s",
            decimals=1,
            now=True,
        ),
        size=28,
    )


def _silence(t: Tongue) -> Panel:
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
            unit="s",
            decimals=0,
            now=True,
            limits=((None, style.GOOD), (60.0, style.WARN), (float(SILENT_S), style.BAD)),
        ),
        size=28,
    )


def _place(t: Tongue) -> Panel:
    query = latest("completeness", (), HOST, '"site"', by="silent_s")
    columns = [Column("site", t("Site", "站点"), link=parts.site_link(t, SITE_FIELD))]
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


def _plot(
    t: Tongue,
    number: int,
    words: tuple[str, str, str],
    queries: list[Query],
    unit: str,
    *,
    width: int = 8,
    high: float | None = None,
    colors: Mapping[str, str] | None = None,
    stacked: bool = False,
) -> Panel:
    """Lines of this node's own metrics; `words` are title, meaning and what to do."""
    title, means, do = words
    face = Face(
        id=number,
        title=title,
        means=means,
        do=do,
        empty=t("Not reported", "未上报"),
        width=width,
        queries=queries,
        unit=unit,
        # Half a minute holds three samples at the usual interval.
        every="30s",
    )
    return trend(face, high=high, colors=colors, stacked=stacked)


def _fields(source: str, reads: Mapping[str, str], where: str = "") -> Query:
    """The mean of some fields, each under its name."""
    named = ", ".join(f'mean("{field}") AS "{name}"' for field, name in reads.items())
    return Series(
        f'SELECT {named} FROM "{source}" WHERE {HOST}{where} AND $timeFilter {BUCKET} fill(none)'
    )


def _rates(
    source: str, reads: Mapping[str, str], tag: str, where: str = "", times: str = ""
) -> Query:
    """The growth of some counters a second, one line a field and value of the tag."""
    named = ", ".join(
        f'non_negative_derivative(last("{field}"), 1s){times} AS "{name}"'
        for field, name in reads.items()
    )
    return Series(
        f'SELECT {named} FROM "{source}" WHERE {HOST}{where} AND $timeFilter '
        f'{BUCKET}, "{tag}" fill(none)',
        alias=f"[[tag_{tag}]] $col",
    )


def _reports(t: Tongue) -> Panel:
    names = {
        "stored": (t("stored", "已入库"), style.GOOD),
        "late": (t("late", "迟到"), style.LOSS),
        "refused": (t("refused", "被拒"), style.WARN),
        "lost": (t("lost", "丢失"), style.BAD),
    }
    reads = ", ".join(
        f'non_negative_derivative(max("{field}"), 1m) AS "{name}"'
        for field, (name, _) in names.items()
    )
    query = f'SELECT {reads} FROM "completeness" WHERE {HOST} AND $timeFilter {BUCKET} fill(none)'
    return _plot(
        t,
        14,
        (
            t("Reports per minute", "每分钟上报数"),
            t(
                "What became of this node's reports. Late ones were stored after their time.",
                "该节点上报的去向。迟到的上报在其时间之后入库。",
            ),
            t(
                "Refused above zero: `muster quarantine list --node NODE` says why.",
                "被拒大于零：`muster quarantine list --node 节点` 说明原因。",
            ),
        ),
        [Series(query)],
        "suffix:/min",
        width=10,
        colors=dict(names.values()),
    )


def _cpu(t: Tongue) -> Panel:
    parts_of = {
        "usage_user": (t("programs", "程序"), style.GOOD),
        "usage_system": (t("kernel", "内核"), style.FAIR),
        "usage_iowait": (t("waiting for disks", "等待磁盘"), style.WARN),
        "usage_steal": (t("taken by the hypervisor", "被虚拟机管理器占用"), style.BAD),
    }
    return _plot(
        t,
        20,
        (
            t("Processor time", "处理器时间"),
            t("Where the time of all CPUs goes.", "全部处理器的时间去向。"),
            t(
                "Near 100 %: too much work. Much waiting: look at the disks, not at the CPU.",
                "接近 100%：工作过多。等待较多：应检查磁盘而非处理器。",
            ),
        ),
        [
            _fields(
                "cpu",
                {field: name for field, (name, _) in parts_of.items()},
                " AND \"cpu\" = 'cpu-total'",
            )
        ],
        "percent",
        high=100,
        colors=dict(parts_of.values()),
        stacked=True,
    )


def _load(t: Tongue) -> Panel:
    name = t("load per CPU", "单核负载")
    query = (
        f'SELECT mean("load1") / mean("n_cpus") AS "{name}" FROM "system" WHERE {HOST} '
        f"AND $timeFilter {BUCKET} fill(none)"
    )
    return _plot(
        t,
        21,
        (
            t("Load per CPU", "单核负载"),
            t(
                "Tasks that run or wait, per CPU; Linux counts those that wait for disks too.",
                "每个处理器上运行或等待的任务数；Linux 也计入等待磁盘的任务。",
            ),
            t("Above 1 for long: tasks wait.", "长期高于 1：任务在等待。"),
        ),
        [Series(query)],
        "none",
        colors={name: style.GOOD},
    )


def _pressure(t: Tongue) -> Panel:
    query = (
        f'SELECT mean("avg60") AS "p" FROM "pressure" WHERE {HOST} AND "type" = \'some\' '
        f'AND $timeFilter {BUCKET}, "resource" fill(none)'
    )
    return _plot(
        t,
        22,
        (
            t("Pressure", "压力"),
            t(
                "Share of time in which some task waited for CPU, disks or memory (PSI). May be "
                "empty: the kernel has no PSI.",
                "有任务等待处理器、磁盘或内存的时间比例（PSI）。"
                "可为空 (may be empty)：内核不支持 PSI。",
            ),
            t(
                "Memory above 5 %: add memory. Disks above 20 %: find who writes.",
                "内存高于 5%：增加内存。磁盘高于 20%：查找写入者。",
            ),
        ),
        [Series(query, alias="$tag_resource")],
        "percent",
        colors={"cpu": style.GOOD, "io": style.WARN, "memory": style.LOSS},
    )


def _memory(t: Tongue) -> Panel:
    used, swap = t("memory used", "内存占用"), t("swap used", "交换区占用")
    memory = (
        f'SELECT 100 - mean("available_percent") AS "{used}" FROM "mem" WHERE {HOST} '
        f"AND $timeFilter {BUCKET} fill(none)"
    )
    return _plot(
        t,
        30,
        (
            t("Memory", "内存"),
            t(
                "Memory that programs cannot get any more, and swap in use.",
                "程序已无法再取得的内存，以及已用的交换区。",
            ),
            t(
                "Above 95 %: the kernel will soon kill something.",
                "高于 95%：内核即将终止进程。",
            ),
        ),
        [Series(memory), _fields("swap", {"used_percent": swap})],
        "percent",
        high=100,
        colors={used: style.GOOD, swap: style.LOSS},
        width=6,
    )


def _disk(t: Tongue) -> Panel:
    query = (
        f'SELECT max("used_percent") AS "u" FROM "disk" WHERE {HOST} AND $timeFilter '
        f'{BUCKET}, "path" fill(none)'
    )
    return _plot(
        t,
        31,
        (
            t("Space used", "磁盘空间占用"),
            t("Space in use on each file system.", "各文件系统的空间占用。"),
            t(
                "Above 85 %: plan; above 95 %: free space now.",
                "高于 85%：制定计划；高于 95%：立即清理。",
            ),
        ),
        [Series(query, alias="[[tag_path]]")],
        "percent",
        high=100,
        width=6,
    )


def _disk_rate(t: Tongue) -> Panel:
    return _plot(
        t,
        32,
        (
            t("Disk throughput", "磁盘吞吐量"),
            t("Bytes a second read and written, by disk.", "各磁盘每秒读写的字节数。"),
            t(
                "Compare with pressure: much traffic alone is no fault.",
                "请与压力对照：流量大本身不是故障。",
            ),
        ),
        [
            _rates(
                "diskio", {"read_bytes": t("read", "读"), "write_bytes": t("write", "写")}, "name"
            )
        ],
        "Bps",
        width=6,
        colors={f"/ {t('read', '读')}$/": style.GOOD, f"/ {t('write', '写')}$/": style.WARN},
    )


def _network(t: Tongue) -> Panel:
    reads = {"bytes_recv": t("received", "接收"), "bytes_sent": t("sent", "发送")}
    return _plot(
        t,
        40,
        (
            t("Network throughput", "网络吞吐量"),
            t("Bits a second by interface.", "各接口每秒的比特数。"),
            t("Near the link's speed for long: upgrade it.", "长期接近链路速率：请扩容。"),
        ),
        [_rates("net", reads, "interface", ' AND "interface" !~ /^(lo|all)$/', " * 8")],
        "bps",
        width=12,
        colors={f"/ {reads['bytes_recv']}$/": style.GOOD, f"/ {reads['bytes_sent']}$/": style.FAIR},
    )


def _network_errors(t: Tongue) -> Panel:
    reads = {
        "err_in": t("errors in", "接收错误"),
        "err_out": t("errors out", "发送错误"),
        "drop_in": t("drops in", "接收丢弃"),
        "drop_out": t("drops out", "发送丢弃"),
    }
    return _plot(
        t,
        41,
        (
            t("Network errors", "网络错误"),
            t("Packets with errors or dropped, a second.", "每秒出错或被丢弃的报文数。"),
            t(
                "Errors mean a cable, connector or transceiver; drops mean full queues.",
                "错误多因线缆、接头或光模块；丢弃多因队列已满。",
            ),
        ),
        [_rates("net", reads, "interface", ' AND "interface" !~ /^(lo|all)$/')],
        "pps",
        width=12,
        colors={
            f"/ {reads['err_in']}$/": style.BAD,
            f"/ {reads['err_out']}$/": style.POOR,
            f"/ {reads['drop_in']}$/": style.WARN,
            f"/ {reads['drop_out']}$/": style.LOSS,
        },
    )


def _disk_busy(t: Tongue) -> Panel:
    busy = t("busy", "繁忙")
    return _plot(
        t,
        42,
        (
            t("Disks busy", "磁盘繁忙度"),
            t(
                "Share of time with a request in flight. Solid state disks serve many at once.",
                "有请求在途的时间比例。固态盘可同时处理多个请求。",
            ),
            t(
                "Near 100 % together with pressure: too slow a disk.",
                "接近 100% 且压力高：磁盘过慢。",
            ),
        ),
        [_rates("diskio", {"io_time": busy}, "name", times=" / 10")],
        "percent",
        high=100,
        width=6,
    )
