"""Panels on the way of a report: broker, collectors, database."""

from __future__ import annotations

from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import BUCKET, Rows, Series, latest
from muster_collector.boards.kit.panels import Face, Panel, number, rename, trend
from muster_collector.boards.kit.tables import Column, listing
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.shared import reports

SOURCE = "internal_collector"
WAIT_STEPS = style.steps("wait_in_collector", calm=style.QUIET)
OUTCOMES = ("stored", "refused", "duplicate", "config", "asked again", "status", "birth")
"""What becomes of messages, in the order of their colours."""
ERROR_STEPS = ((None, style.QUIET), (1.0, style.WARN))


def collectors(t: Tongue, *, width: int) -> Panel:
    """Every collector, how it is."""
    fields = (
        "broker_connected", "nodes", "oldest_unstored_seconds", "stored_seconds_p99",
        "write_seconds_p99", "store_errors",
    )  # fmt: skip
    connected = {"0": t("no", "否"), "1": t("yes", "是")}
    columns = [
        Column("collector", t("Collector", "采集器")),
        Column(
            "broker_connected", t("Broker", "已连代理"), width=85, texts=connected,
            colors={"0": style.BAD, "1": style.GOOD},
        ),
        Column("nodes", t("Nodes", "节点"), width=80, decimals=0),
        Column("in_hand", t("In hand", "在手"), width=80, decimals=0),
        Column(
            "oldest_unstored_seconds", t("Oldest", "最久等待"), unit="s", width=95, decimals=1,
            limits=WAIT_STEPS,
        ),
        Column(
            "stored_seconds_p99", t("To stored, p99", "入库耗时 p99"), unit="s", width=125,
            decimals=0, limits=WAIT_STEPS,
        ),
        Column(
            "write_seconds_p99", t("Database, p99", "数据库 p99"), unit="s", width=125, decimals=0,
        ),
        Column(
            "store_errors", t("Errors", "写入错误"), width=90, decimals=0,
            limits=ERROR_STEPS,
        ),
    ]  # fmt: skip
    query = latest(SOURCE, fields, '"collector" =~ /.+/', '"collector"', by="in_hand")
    return listing(
        Face(
            id=50,
            title=t("Collectors", "采集器"),
            means=t(
                "What each collector has in hand, how long its oldest report has waited, and what "
                "writing takes. Write errors count since its start; each was tried again.",
                "各采集器在手的报告、最久等待时间与写入耗时。写入错误自启动起累计，均已重试。",
            ),
            do=t(
                "Waiting grows with the database's time: look at the database. One that is not at "
                "the broker: its log says why.",
                "等待随数据库耗时增长：检查数据库。未连接代理：其日志说明原因。",
            ),
            empty=t("No collector has written in 15 minutes", "15 分钟内没有采集器写入"),
            width=width,
            queries=[Rows(query)],
            now=True,
        ),
        columns,
        sort_by="collector",
    )


def broker(t: Tongue, *, width: int) -> Panel:
    """What the broker says of itself."""
    shown = {
        t("clients", "客户端"): "clients/connected",
        t("dropped", "丢弃"): "publish/messages/dropped",
        t("held", "暂存"): "store/messages/count",
        t("memory", "内存"): "heap/current",
    }
    queries = [
        Series(
            f'SELECT last("broker") AS "{name}" FROM "{SOURCE}" '
            f"WHERE \"number\" = '{number_}' AND $timeFilter"
        )
        for name, number_ in shown.items()
    ]
    return number(
        Face(
            id=51,
            title=t("Broker", "消息代理"),
            means=t(
                "From its own topics: clients connected, messages dropped since its start (agents "
                "send them again), messages held for clients, memory. May be empty: only mosquitto "
                "tells.",
                "来自代理自身的主题：已连接客户端、自启动起丢弃的消息（代理会重发）、为客户端暂存的消息、"
                "内存。"
                "可为空 (may be empty)：仅 mosquitto 提供。",
            ),
            do=t(
                "Dropped grows: a collector is too slow or away, or max_queued_messages too low.",
                "丢弃持续增长：采集器过慢或离线，或 max_queued_messages 过低。",
            ),
            empty=t("The broker does not say", "代理未提供"),
            width=width,
            queries=queries,
            unit="locale",
            decimals=0,
            now=True,
        ),
        named=True,
        size=26,
        units={t("memory", "内存"): "bytes"},
    )


def rates(t: Tongue, *, width: int) -> Panel:
    """Messages a second, by what became of them."""
    inner = (
        f'SELECT non_negative_derivative(last("messages"), 1s) AS "r" FROM "{SOURCE}" '
        f'WHERE $timeFilter {BUCKET}, "collector", "outcome", "reason" fill(none)'
    )
    query = (
        f'SELECT sum("r") AS "r" FROM ({inner}) WHERE "outcome" != \'\' AND $timeFilter {BUCKET}'
    )
    panel = trend(
        Face(
            id=52,
            title=t("Messages a second", "每秒消息数"),
            means=t(
                "What became of the messages of all collectors, births and states included.",
                "所有采集器收到的消息的去向，含上线与状态消息。",
            ),
            do=t(
                "Refused: `muster quarantine list`. Duplicates after an outage are normal.",
                "被拒：`muster quarantine list`。中断恢复后出现重复属正常。",
            ),
            empty=t("No collector has written", "没有采集器写入"),
            width=width,
            queries=[Series(f'{query}, "outcome" fill(none)', alias="[[tag_outcome]]")],
            unit="suffix:/s",
            every="2m",
        ),
        colors=dict(zip(OUTCOMES, style.PALETTE, strict=False)),
    )
    names = {
        "stored": t("stored", "已入库"),
        "duplicate": t("duplicate", "重复"),
        "refused": t("refused", "被拒"),
        "birth": t("births", "上线"),
        "status": t("states", "状态"),
        "config": t("settings", "配置"),
        "asked again": t("asked again", "重新索取"),
        "replayed": t("replayed", "重放"),
    }
    return rename(panel, names)


def missing(t: Tongue, *, width: int) -> Panel:
    """Reports that have not arrived yet, of the whole fleet."""
    means = t(
        "Reports of the whole fleet that the centre knows of and does not have yet: they wait in "
        "the spools of the nodes.",
        "中心已知但尚未收到的全机群上报：仍在节点的缓冲区中等待。",
    )
    empty = t("No collector has written", "没有采集器写入")
    return reports.on_their_way(t, width, (SOURCE, "", "collector"), means, empty)


def latency(t: Tongue, *, width: int) -> Panel:
    """From arrival to stored."""
    median, most, wait = t("median", "中位数"), t("99th", "99 分位"), t("oldest", "最久等待")
    query = (
        f'SELECT mean("stored_seconds_p50") AS "{median}", max("stored_seconds_p99") AS "{most}", '
        f'max("oldest_unstored_seconds") AS "{wait}" FROM "{SOURCE}" '
        f"WHERE $timeFilter {BUCKET} fill(none)"
    )
    return trend(
        Face(
            id=53,
            title=t("From arrival to stored", "从到达到入库"),
            means=t(
                "How long reports wait in the collectors until the database and the ledger have "
                "them, and the oldest that waits.",
                "报告在采集器中等待数据库与账本确认的时间，以及等待最久者。",
            ),
            do=t(
                "Seconds: the database is slow or away. Nothing is lost, the intake slows down.",
                "达到数秒：数据库过慢或离线。数据不会丢失，仅放慢接收。",
            ),
            empty=t("No collector has written", "没有采集器写入"),
            width=width,
            queries=[Series(query)],
            unit="s",
            every="2m",
        ),
        colors={median: style.GOOD, most: style.WARN, wait: style.POOR},
        filled=False,
    )


def errors(t: Tongue, *, width: int) -> Panel:
    """What failed and was tried again."""
    names = {
        "store_errors": t("database", "数据库"),
        "broker_errors": t("broker", "代理"),
        "ledger_errors": t("ledger", "账本"),
    }
    reads = ", ".join(f'non_negative_difference(last("{field}")) AS "{field}"' for field in names)
    inner = f'SELECT {reads} FROM "{SOURCE}" WHERE $timeFilter {BUCKET}, "collector" fill(none)'
    sums = ", ".join(f'sum("{field}") AS "{name}"' for field, name in names.items())
    return trend(
        Face(
            id=54,
            title=t("Failed and tried again", "失败并重试"),
            means=t(
                "Writes, connections and ledger transactions that failed in each interval; all "
                "are tried again until they succeed.",
                "各时段失败的写入、连接与账本事务；均会重试直至成功。",
            ),
            do=t(
                "The collector's log names the cause once when it begins.",
                "采集器日志在开始时说明一次原因。",
            ),
            empty=t("No collector has written", "没有采集器写入"),
            width=width,
            queries=[Series(f"SELECT {sums} FROM ({inner}) WHERE $timeFilter {BUCKET} fill(none)")],
            unit="short",
            every="2m",
            decimals=0,
        ),
        colors=dict(zip(names.values(), (style.BAD, style.WARN, style.POOR), strict=True)),
    )
