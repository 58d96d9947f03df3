"""What probes found, as queries: right answers, error budgets, names."""

from __future__ import annotations

from muster_collector.alerts import rules
from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import HOSTS
from muster_collector.boards.kit.panels import Column
from muster_collector.boards.kit.tongue import Tongue

PROBES = ", ".join(f'"{name}"' for name in rules.PROBES)
SERVICE = ", ".join(f'"{tag}"' for tag in rules.SERVICE)
NAME = "[[tag_server]] [[tag_port]] [[tag_domain]]"
BUCKET = "GROUP BY time($__interval)"
SEEN = f"{HOSTS} AND $timeFilter"
DAY = 86_400
BUDGET_STEPS = ((None, style.BAD), (0.0, style.POOR), (0.25, style.WARN), (0.5, style.GOOD))
BURN_STEPS = ((None, style.QUIET), (1.0, style.WARN), (6.0, style.POOR), (14.4, style.BAD))
"""As in the Site Reliability Workbook, chapter 5: 14.4 spends a month's budget in two days."""


def answered(where: str = SEEN, sources: str = PROBES) -> str:
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
