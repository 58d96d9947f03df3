"""What probes found: right answers, error budgets, the services and hosts that nodes ask."""

from __future__ import annotations

from muster_collector.alerts import rules
from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import HOSTS, Rows
from muster_collector.boards.kit.panels import Face, Panel
from muster_collector.boards.kit.tables import Column, listing
from muster_collector.boards.kit.tongue import Tongue

PROBES = ", ".join(f'"{name}"' for name in rules.PROBES)
SERVICE = ", ".join(f'"{tag}"' for tag in rules.SERVICE)
NAME = "[[tag_server]] [[tag_port]] [[tag_domain]]"


def seen(where: str = HOSTS) -> str:
    """What the nodes that `where` selects saw in the time chosen."""
    return f"{where} AND $timeFilter"


def answered(where: str = f"{HOSTS} AND $timeFilter", sources: str = PROBES) -> str:
    """One for each answer that was right and zero for each that was not, by service."""
    return (
        f'SELECT 1 - ceil("result_code" / 10) AS "ok" FROM {sources} '
        f"WHERE {where} GROUP BY {SERVICE}"
    )


def left() -> str:
    """The share of the failures allowed that is left; negative once the objective is missed."""
    return f'1 - (1 - mean("ok")) / {style.ERRORS_ALLOWED}'


def kinds(t: Tongue) -> dict[str, str]:
    """What each kind of probe is called, and its measurement."""
    return {
        t("web", "网页"): '"http_response"',
        t("ports", "端口"): '"net_response"',
        t("names", "域名"): '"dns_query"',
    }


def named(t: Tongue) -> list[Column]:
    """The columns that name a service."""
    return [
        Column("server", t("Service", "服务")),
        Column("port", t("Port", "端口"), width=65),
        Column("domain", t("Name asked", "查询域名"), width=150),
    ]


def worst(t: Tongue, *, width: int, where: str = HOSTS, id: int = 10) -> Panel:  # noqa: A002  Grafana's word
    """Every service with its availability and budget."""
    shares = f'mean("ok") AS "share", {left()} AS "left"'
    query = f"SELECT {shares} FROM ({answered(seen(where))}) GROUP BY {SERVICE}"
    columns = [
        *named(t),
        Column(
            "share",
            t("Availability", "可用性"),
            unit="percentunit",
            width=105,
            decimals=2,
            limits=style.steps("availability"),
        ),
        Column(
            "left",
            t("Budget left", "预算余量"),
            unit="percentunit",
            width=105,
            decimals=0,
            limits=style.steps("budget_left"),
        ),
    ]
    return listing(
        Face(
            id=id,
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
            width=width,
            queries=[Rows(query)],
        ),
        columns,
        sort_by="share",
    )


def hosts(t: Tongue, *, width: int, where: str = HOSTS, id: int = 32) -> Panel:  # noqa: A002  Grafana's word
    """Loss and round trip by pinged host."""
    query = (
        'SELECT mean("percent_packet_loss") AS "loss", mean("average_response_ms") AS "trip" '
        f'FROM "ping" WHERE {seen(where)} GROUP BY "url"'
    )
    columns = [
        Column("url", t("Host", "主机")),
        Column(
            "loss",
            t("Loss", "丢包"),
            unit="percent",
            width=80,
            decimals=2,
            limits=style.steps("path_loss"),
        ),
        Column("trip", t("Round trip", "往返时延"), unit="ms", width=95, decimals=1),
    ]
    return listing(
        Face(
            id=id,
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
            width=width,
            queries=[Rows(query)],
        ),
        columns,
        sort_by="loss",
        descending=True,
    )
