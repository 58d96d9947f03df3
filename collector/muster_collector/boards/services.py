"""Digital services: what the probes find, against an objective; certificates; hosts that answer."""

from __future__ import annotations

from muster_collector.alerts import rules
from muster_collector.boards import style
from muster_collector.boards.board import Board, Strip
from muster_collector.boards.influxql import HOSTS, Query, Rows, Series
from muster_collector.boards.panels import Column, Face, Panel, listing, number, trend
from muster_collector.boards.tongue import Tongue

PROBES = ", ".join(f'"{name}"' for name in rules.PROBES)
SERVICE = ", ".join(f'"{tag}"' for tag in rules.SERVICE)
NAME = "[[tag_server]] [[tag_port]] [[tag_domain]]"
BUCKET = "GROUP BY time($__interval)"
SEEN = f"{HOSTS} AND $timeFilter"
DAY = 86_400
BUDGET_STEPS = ((None, style.BAD), (0.0, style.POOR), (0.25, style.WARN), (0.5, style.GOOD))
BURN_STEPS = ((None, style.QUIET), (1.0, style.WARN), (6.0, style.POOR), (14.4, style.BAD))
"""As in the Site Reliability Workbook, chapter 5: 14.4 spends a month's budget in two days."""


def services(t: Tongue) -> Board:
    """The board."""
    return Board(
        name="services",
        about=t(
            "Whether services answer, how much of their error budget is left and how fast it is "
            "spent, and which certificates run out.",
            "服务是否应答、错误预算余量与消耗速度，以及即将到期的证书。",
        ),
        since="now-24h",
        strips=[
            Strip(4, [_unreached(t), _availability(t), _least(t), _next(t)]),
            Strip(8, [_worst(t), _burning(t)]),
            Strip(9, [_over_time(t), _delay(t)]),
            Strip(9, [_reasons(t), _certificates(t), _hosts(t)]),
        ],
    )


def answered(where: str = SEEN, sources: str = PROBES) -> str:
    """One for each answer that was right and zero for each that was not, by service."""
    return (
        f'SELECT 1 - ceil("result_code" / 10) AS "ok" FROM {sources} '
        f"WHERE {where} GROUP BY {SERVICE}"
    )


def _left() -> str:
    return f'1 - (1 - mean("ok")) / {style.ERRORS_ALLOWED}'


def _kinds(t: Tongue) -> dict[str, str]:
    """What each kind of probe is called, and its measurement."""
    return {
        t("web", "网页"): '"http_response"',
        t("ports", "端口"): '"net_response"',
        t("names", "域名"): '"dns_query"',
    }


def _unreached(t: Tongue) -> Panel:
    def count(name: str, source: str) -> Query:
        last = f'SELECT last("result_code") AS "c" FROM {source} WHERE {SEEN}'
        best = f'SELECT min("c") AS "c" FROM ({last} GROUP BY {SERVICE}, "host") GROUP BY {SERVICE}'
        return Series(f'SELECT count("c") AS "{name}" FROM ({best}) WHERE "c" > 0')

    return number(
        Face(
            id=1,
            title=t("Services that nobody reaches", "无人可达的服务"),
            means=t(
                "Services whose last answer was a failure for every observer. May be empty: each "
                "service is reached by somebody.",
                "所有观测点最近一次均失败的服务。可为空 (may be empty)：每个服务至少一处可达。",
            ),
            do=t(
                "The service is down, not one observer's network: look at it first.",
                "服务本身中断，而非某个观测点的网络：优先处理。",
            ),
            empty=t("None", "无"),
            width=6,
            queries=[count(name, source) for name, source in _kinds(t).items()],
            decimals=0,
            now=True,
            limits=((None, style.GOOD), (1.0, style.BAD)),
        ),
        named=True,
        size=28,
    )


def _availability(t: Tongue) -> Panel:
    return number(
        Face(
            id=2,
            title=t("Availability of all services", "全部服务的可用性"),
            means=t(
                f"Share of probes that were answered rightly; the objective is "
                f"{style.OBJECTIVE:.1%}. May be empty: no probes.",
                f"得到正确应答的探测比例；目标为 {style.OBJECTIVE:.1%}。"
                "可为空 (may be empty)：没有探测。",
            ),
            do=t("Below the objective: the table below names who.", "低于目标：下表列出对象。"),
            empty=t("No probes", "没有探测"),
            width=6,
            queries=[
                Series(f'SELECT mean("ok") AS "{name}" FROM ({answered(sources=source)})')
                for name, source in _kinds(t).items()
            ],
            unit="percentunit",
            decimals=2,
            limits=style.AVAILABILITY_STEPS,
        ),
        named=True,
        size=28,
    )


def _least(t: Tongue) -> Panel:
    def least(name: str, source: str) -> Query:
        each = f'SELECT {_left()} AS "left" FROM ({answered(sources=source)}) GROUP BY {SERVICE}'
        return Series(f'SELECT min("left") AS "{name}" FROM ({each})')

    return number(
        Face(
            id=3,
            title=t("Least error budget left", "最少的错误预算余量"),
            means=t(
                "What is left of the failures that the objective allows in the chosen time, of "
                "the worst service. Below zero: the objective is missed. May be empty: no probes.",
                "所选时段内目标所允许失败的余量（最差的服务）。低于零即未达目标。"
                "可为空 (may be empty)：没有探测。",
            ),
            do=t("Below a quarter: no risky changes now.", "低于四分之一：暂停有风险的变更。"),
            empty=t("No probes", "没有探测"),
            width=6,
            queries=[least(name, source) for name, source in _kinds(t).items()],
            unit="percentunit",
            decimals=0,
            limits=BUDGET_STEPS,
        ),
        named=True,
        size=28,
    )


def _next(t: Tongue) -> Panel:
    last = f'SELECT last("expiry") AS "e" FROM "x509_cert" WHERE {SEEN} GROUP BY "source"'
    return number(
        Face(
            id=4,
            title=t("Next certificate expires in", "最近到期的证书"),
            means=t(
                "Time until the first of all probed certificates runs out. May be empty: no "
                "certificates are probed.",
                "所有受检证书中最先到期者的剩余时间。可为空 (may be empty)：未检查证书。",
            ),
            do=t("Under 14 days: renew it now.", "不足 14 天：立即续期。"),
            empty=t("No certificates", "没有证书"),
            width=6,
            queries=[Series(f'SELECT min("e") / {DAY} AS "e" FROM ({last})')],
            unit=t("suffix: days", "suffix: 天"),
            decimals=1,
            limits=style.EXPIRY_DAYS,
        )
    )


def _named(t: Tongue) -> list[Column]:
    return [
        Column("server", t("Service", "服务")),
        Column("port", t("Port", "端口"), width=65),
        Column("domain", t("Name asked", "查询域名"), width=150),
    ]


def _worst(t: Tongue) -> Panel:
    query = (
        f'SELECT mean("ok") AS "share", {_left()} AS "left" FROM ({answered()}) GROUP BY {SERVICE}'
    )
    columns = [
        *_named(t),
        Column(
            "share",
            t("Availability", "可用性"),
            unit="percentunit",
            width=105,
            decimals=2,
            limits=style.AVAILABILITY_STEPS,
        ),
        Column(
            "left",
            t("Budget left", "预算余量"),
            unit="percentunit",
            width=105,
            decimals=0,
            limits=BUDGET_STEPS,
        ),
    ]
    return listing(
        Face(
            id=10,
            title=t("Services, worst first", "服务（最差在前）"),
            means=t(
                "Availability as the chosen nodes saw it in the chosen time, and what is left of "
                f"the failures that {style.OBJECTIVE:.1%} allows. May be empty: no probes.",
                f"所选节点在所选时段观测到的可用性，以及 {style.OBJECTIVE:.1%} 目标所允许失败的"
                "余量。可为空 (may be empty)：没有探测。",
            ),
            do=t(
                "Budget below zero: find the reason below and mend it before anything new.",
                "预算低于零：先在下方查明原因并修复，再做新变更。",
            ),
            empty=t("No probes are set up", "尚未配置探测"),
            width=15,
            queries=[Rows(query)],
        ),
        columns,
        sort_by="share",
    )


def _burning(t: Tongue) -> Panel:
    last_hour = answered(f"{SEEN} AND time > now() - 1h")
    each = (
        f'SELECT (1 - mean("ok")) / {style.ERRORS_ALLOWED} AS "burn" '
        f"FROM ({last_hour}) GROUP BY {SERVICE}"
    )
    query = f'SELECT "burn" FROM ({each}) WHERE "burn" > 1 GROUP BY {SERVICE}'
    server, port, _ = _named(t)
    burn = Column("burn", t("Burn rate", "消耗速度"), width=110, decimals=1, limits=BURN_STEPS)
    return listing(
        Face(
            id=11,
            title=t("Burning their budget, last hour", "最近一小时正在消耗预算"),
            means=t(
                "How many times faster than allowed each service failed in the last hour: at 14.4 "
                "a month's budget is gone in two days. May be empty: none is too fast.",
                "最近一小时各服务失败速度为允许值的倍数：14.4 表示两天耗尽一个月的预算。"
                "可为空 (may be empty)：没有过快者。",
            ),
            do=t("Above 6: act now. Above 1: today.", "高于 6：立即处理。高于 1：当日处理。"),
            empty=t("Nothing burns", "没有异常消耗"),
            width=9,
            queries=[Rows(query)],
        ),
        [server, port, burn],
        sort_by="burn",
        descending=True,
        hidden=("domain",),
    )


def _over_time(t: Tongue) -> Panel:
    query = (
        f'SELECT mean("ok") AS "v" FROM ({answered()}) WHERE $timeFilter '
        f"{BUCKET}, {SERVICE} fill(none)"
    )
    return trend(
        Face(
            id=20,
            title=t("Availability over time", "可用性走势"),
            means=t(
                "Share of right answers of each service in each step of time. May be empty: no "
                "probes.",
                "各服务在每个时间步内正确应答的比例。可为空 (may be empty)：没有探测。",
            ),
            do=t(
                "Many fall at once: the network or DNS. One falls: that service.",
                "多个同时下降：网络或 DNS。单个下降：该服务。",
            ),
            empty=t("No probes are set up", "尚未配置探测"),
            width=12,
            queries=[Series(query, alias=NAME)],
            unit="percentunit",
            every="15m",
        ),
        low=None,
        high=1,
        filled=False,
    )


def _delay(t: Tongue) -> Panel:
    def times(value: str, sources: str) -> Query:
        query = f'SELECT {value} AS "v" FROM {sources} WHERE {SEEN} {BUCKET}, {SERVICE} fill(none)'
        return Series(query, alias=NAME)

    return trend(
        Face(
            id=21,
            title=t("Response time, 95th percentile", "响应时间（第 95 百分位）"),
            means=t(
                "Nineteen of twenty answers were faster. May be empty: no probes.",
                "二十次应答中有十九次快于此值。可为空 (may be empty)：没有探测。",
            ),
            do=t(
                "A rise before failures means overload: look at the node that serves it.",
                "失败前先升高多为过载：查看提供服务的节点。",
            ),
            empty=t("No probes are set up", "尚未配置探测"),
            width=12,
            queries=[
                times('percentile("response_time", 95)', '"http_response", "net_response"'),
                times('percentile("query_time_ms", 95) / 1000', '"dns_query"'),
            ],
            unit="s",
            every="15m",
        ),
        filled=False,
    )


def _reasons(t: Tongue) -> Panel:
    query = (
        f'SELECT count("result_code") AS "n" FROM {PROBES} '
        f'WHERE "result" <> \'success\' AND {SEEN} GROUP BY "server", "result"'
    )
    results = {
        "timeout": t("no answer in time", "超时"),
        "connection_failed": t("no connection", "无法连接"),
        "dns_error": t("name not found", "域名解析失败"),
        "body_read_error": t("answer broken off", "应答中断"),
        "response_string_mismatch": t("wrong text", "内容不符"),
        "response_status_code_mismatch": t("wrong status", "状态码不符"),
        "read_failed": t("nothing read", "读取失败"),
        "string_mismatch": t("wrong text", "内容不符"),
        "error": t("error", "错误"),
    }
    columns = [
        Column("server", t("Service", "服务")),
        Column("result", t("Why", "原因"), width=140, texts=results),
        Column("n", t("Times", "次数"), width=70, decimals=0),
    ]
    return listing(
        Face(
            id=30,
            title=t("Why probes failed", "探测失败的原因"),
            means=t(
                "Failures in the chosen time by service and kind. May be empty: none failed.",
                "所选时段内各服务各类失败的次数。可为空 (may be empty)：没有失败。",
            ),
            do=t(
                "No connection: it is not running. In time: too slow. Status: its own log.",
                "无法连接：服务未运行。超时：过慢。状态码：查看服务日志。",
            ),
            empty=t("No probe failed", "没有失败的探测"),
            width=9,
            queries=[Rows(query)],
        ),
        columns,
        sort_by="n",
        descending=True,
    )


def _certificates(t: Tongue) -> Panel:
    query = (
        f'SELECT last("expiry") / {DAY} AS "expiry" FROM "x509_cert" '
        f'WHERE {SEEN} GROUP BY "source", "verification"'
    )
    checked = {"valid": t("valid", "有效"), "invalid": t("invalid", "无效")}
    columns = [
        Column("source", t("Certificate of", "证书所属")),
        Column("verification", t("Checked", "校验"), width=75, texts=checked),
        Column(
            "expiry",
            t("Expires in", "剩余时间"),
            unit=t("suffix: d", "suffix: 天"),
            width=105,
            decimals=1,
            limits=style.EXPIRY_DAYS,
        ),
    ]
    return listing(
        Face(
            id=31,
            title=t("Certificates, the next to expire first", "证书（最先到期在前）"),
            means=t(
                "Time that each probed certificate has left; negative when it has run out. May be "
                "empty: no certificates are probed.",
                "各受检证书的剩余时间；负值表示已过期。可为空 (may be empty)：未检查证书。",
            ),
            do=t(
                "Under 14 days: automatic renewal has failed, renew by hand.",
                "不足 14 天：自动续期已失败，请手动续期。",
            ),
            empty=t("No certificates are probed", "未检查证书"),
            width=8,
            queries=[Rows(query)],
        ),
        columns,
        sort_by="expiry",
    )


def _hosts(t: Tongue) -> Panel:
    query = (
        'SELECT mean("percent_packet_loss") AS "loss", mean("average_response_ms") AS "trip" '
        f'FROM "ping" WHERE {SEEN} GROUP BY "url"'
    )
    columns = [
        Column("url", t("Host", "主机")),
        Column(
            "loss",
            t("Loss", "丢包"),
            unit="percent",
            width=80,
            decimals=2,
            limits=((None, style.GOOD), (0.5, style.WARN), (2.0, style.BAD)),
        ),
        Column("trip", t("Round trip", "往返时延"), unit="ms", width=95, decimals=1),
    ]
    return listing(
        Face(
            id=32,
            title=t("Hosts that are pinged", "Ping 的主机"),
            means=t(
                "Mean loss and round trip in the chosen time. May be empty: no ping probes.",
                "所选时段的平均丢包与往返时延。可为空 (may be empty)：没有 ping 探测。",
            ),
            do=t(
                "Loss here and failures above: the path, not the service.",
                "此处丢包且上方失败：路径问题而非服务问题。",
            ),
            empty=t("No ping probes", "没有 ping 探测"),
            width=7,
            queries=[Rows(query)],
        ),
        columns,
        sort_by="loss",
        descending=True,
    )
