"""Services against their objective: worst first, burning their budget, over time."""

from __future__ import annotations

from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import BUCKET, Query, Rows, Series
from muster_collector.boards.kit.panels import Face, Panel, trend
from muster_collector.boards.kit.tables import Column, listing
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.shared.probes import (
    NAME,
    SERVICE,
    answered,
    named,
    seen,
)


def burning(t: Tongue) -> Panel:
    """Services that fail faster than allowed."""
    last_hour = answered(f"{seen()} AND time > now() - 1h")
    each = (
        f'SELECT (1 - mean("ok")) / {style.ERRORS_ALLOWED} AS "burn" '
        f"FROM ({last_hour}) GROUP BY {SERVICE}"
    )
    query = f'SELECT "burn" FROM ({each}) WHERE "burn" > 1 GROUP BY {SERVICE}'
    server, port, _ = named(t)
    burn = Column(
        "burn",
        t("Burn rate", "消耗速度"),
        width=110,
        decimals=1,
        limits=style.steps("burn_rate", calm=style.QUIET),
    )
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


def over_time(t: Tongue) -> Panel:
    """Availability by service."""
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
            limits=style.steps("availability"),
        ),
        low=None,
        high=1,
        filled=False,
        many=True,
    )


def delay(t: Tongue) -> Panel:
    """Response times by service."""

    def times(value: str, sources: str) -> Query:
        query = (
            f'SELECT {value} AS "v" FROM {sources} WHERE {seen()} {BUCKET}, {SERVICE} fill(none)'
        )
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
        many=True,
    )
