"""The agent and its machine: reports, what waits, its cost, its budget, the inventory."""

from __future__ import annotations

from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import BUCKET, Rows, Series, latest
from muster_collector.boards.kit.panels import Face, Panel, number
from muster_collector.boards.kit.tables import Column, listing
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.node.plots import HOST, fields, plot

SOME = ((None, style.QUIET), (1.0, style.WARN))


def reports(t: Tongue) -> Panel:
    """What became of this node's reports, a minute."""
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
    return plot(
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


def now(t: Tongue) -> Panel:
    """Memory, waiting reports, failed readings, refused configurations."""
    memory, waiting = t("memory", "内存"), t("waiting", "待发")
    failed, refused = t("readings failed", "读取失败"), t("settings refused", "配置被拒")
    reads = {
        "memory_rss": memory,
        "spool_depth": waiting,
        "errors": failed,
        "configs_refused": refused,
    }
    named = ", ".join(f'last("{field}") AS "{name}"' for field, name in reads.items())
    return number(
        Face(
            id=50,
            title=t("Agent now", "代理当前状态"),
            means=t(
                "Memory of the agent, reports that wait on the node, and what failed since it "
                "started: readings of sensors, and settings that it could not take.",
                "代理内存、节点上等待发送的上报，以及自启动以来的失败：传感器读取与未能采用的配置。",
            ),
            do=t(
                "Readings that fail: `muster-agent doctor` there. Waiting grows: the uplink.",
                "读取失败：在节点上运行 `muster-agent doctor`。待发增长：检查上行链路。",
            ),
            empty=t("Not reported", "未上报"),
            width=9,
            queries=[Series(f'SELECT {named} FROM "internal_agent" WHERE {HOST} AND $timeFilter')],
            unit="none",
            decimals=0,
            now=True,
        ),
        named=True,
        size=24,
        units={memory: "bytes"},
        limits={failed: SOME, refused: SOME},
    )


def metered(t: Tongue) -> Panel:
    """What a link that costs money makes the agent leave out, and what it has used."""
    left_out, used = t("left out", "已省略"), t("used this month", "本月用量")
    levels = (
        t("nothing", "无"),
        t("details", "细节"),
        t("all but vital", "仅留关键"),
        t("most samples", "多数采样"),
    )
    return number(
        Face(
            id=51,
            title=t("Metered link", "计费链路"),
            means=t(
                "What the agent leaves out to keep to its budget for the month, and what the link "
                "has carried so far. May be empty: the link is not metered.",
                "代理为不超出当月流量预算而省略的内容，以及链路本月已用流量。"
                "可为空 (may be empty)：链路不计费。",
            ),
            do=t(
                "Anything left out: scores stand on less. Raise the budget, or report more rarely.",
                "有省略：评分依据减少。提高预算或降低上报频率。",
            ),
            empty=t("Not metered", "不计费"),
            width=6,
            queries=[
                Series(
                    f'SELECT last("shed_level") AS "{left_out}", last("budget_used") AS "{used}" '
                    f'FROM "internal_agent" WHERE {HOST} AND $timeFilter'
                )
            ],
            decimals=0,
            now=True,
        ),
        named=True,
        size=24,
        units={used: "decbytes"},
        limits={left_out: ((None, style.GOOD), (1.0, style.WARN), (2.0, style.POOR))},
        words={left_out: levels},
    )


def waiting(t: Tongue) -> Panel:
    """Reports that wait on the node, over time."""
    name = t("waiting", "待发")
    return plot(
        t,
        52,
        (
            t("Reports waiting on the node", "节点上待发的上报"),
            t(
                "Reports in the spool: made, and not yet said to be stored.",
                "缓冲区中的上报：已产生，尚未确认入库。",
            ),
            t(
                "It falls after an outage. If it keeps growing, the uplink or the centre is away.",
                "中断恢复后应下降。持续增长：上行链路或中心不可用。",
            ),
        ),
        [fields("internal_agent", {"spool_depth": name})],
        "short",
        width=9,
        colors={name: style.WARN},
    )


def machine(t: Tongue) -> Panel:
    """What the node is."""
    texts = {
        "os": (t("System", "操作系统"), None),
        "kernel": (t("Kernel", "内核"), 210),
        "model": (t("Model", "型号"), 210),
        "arch": (t("Architecture", "架构"), 120),
        "agent": (t("Agent", "代理版本"), 110),
    }
    query = latest("inventory", (*texts, "memory"), HOST, '"host"', by="cpus")
    columns = [
        *(Column(name, title, width=width) for name, (title, width) in texts.items()),
        Column("cpus", t("CPUs", "处理器"), width=90, decimals=0),
        Column("memory", t("Memory", "内存"), unit="bytes", width=100, decimals=1),
    ]
    return listing(
        Face(
            id=53,
            title=t("Machine", "设备信息"),
            means=t(
                "What the node said of itself, every hour and whenever its agent starts. May be "
                "empty: another agent measures it, or it has not said so in the time chosen.",
                "节点的自述信息，每小时及代理启动时更新。"
                "可为空 (may be empty)：由其他代理采集，或所选时段内没有上报。",
            ),
            do=t(
                "Choose two hours or more to see it.",
                "选择两小时或更长的时段即可看到。",
            ),
            empty=t("Not told in this time", "该时段内未上报"),
            width=24,
            queries=[Rows(query)],
        ),
        columns,
        sort_by="os",
        hidden=("host",),
    )
