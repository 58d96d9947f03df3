"""The figures at the top: who is not reached, availability, budget, certificates."""

from __future__ import annotations

from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import Query, Series
from muster_collector.boards.kit.panels import Face, Panel, number
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.shared.probes import (
    SERVICE,
    answered,
    kinds,
    left,
    seen,
)


def unreached(t: Tongue) -> Panel:
    """How many services no observer reaches."""

    def count(name: str, source: str) -> Query:
        last = f'SELECT last("result_code") AS "c" FROM {source} WHERE {seen()}'
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
            queries=[count(name, source) for name, source in kinds(t).items()],
            decimals=0,
            now=True,
            limits=((None, style.GOOD), (1.0, style.BAD)),
        ),
        named=True,
        size=24,
    )


def availability(t: Tongue) -> Panel:
    """The share of right answers."""
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
                for name, source in kinds(t).items()
            ],
            unit="percentunit",
            decimals=2,
            limits=style.steps("availability"),
        ),
        named=True,
        size=24,
    )


def least(t: Tongue) -> Panel:
    """What the worst service has left of its error budget."""

    def least(name: str, source: str) -> Query:
        each = f'SELECT {left()} AS "left" FROM ({answered(sources=source)}) GROUP BY {SERVICE}'
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
            queries=[least(name, source) for name, source in kinds(t).items()],
            unit="percentunit",
            decimals=0,
            limits=style.steps("budget_left"),
        ),
        named=True,
        size=24,
    )


def soonest(t: Tongue) -> Panel:
    """Time until the first certificate expires."""
    last = f'SELECT last("expiry") AS "e" FROM "x509_cert" WHERE {seen()} GROUP BY "source", "host"'
    return number(
        Face(
            id=4,
            title=t("Next certificate expires in", "最近到期的证书"),
            means=t(
                "Time until the first of all certificates runs out, in files and of probed "
                "services. May be empty: no certificates are looked at.",
                "所有受检证书（文件及受探测的服务）中最先到期者的剩余时间。"
                "可为空 (may be empty)：未检查证书。",
            ),
            do=t("Under 14 days: renew it now.", "不足 14 天：立即续期。"),
            empty=t("No certificates", "没有证书"),
            width=6,
            queries=[Series(f'SELECT min("e") / 86400 AS "e" FROM ({last})')],
            unit=t("suffix: days", "suffix: 天"),
            decimals=1,
            limits=style.steps("certificate_days"),
        )
    )
