"""Panels on the collector's alerts: what fires now, and what fired in a time."""

from __future__ import annotations

from muster_collector.boards.kit import style, words
from muster_collector.boards.kit.influxql import Rows, Series, latest
from muster_collector.boards.kit.panels import Face, Panel, number
from muster_collector.boards.kit.tables import TIME, Column, listing
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.shared import links

OF_SITE = '"site" =~ /^$site$/'
COLORS = {"critical": style.BAD, "warning": style.WARN}


def _severities(t: Tongue) -> dict[str, str]:
    return {"critical": t("critical", "严重"), "warning": t("warning", "警告")}


def _worded(t: Tongue) -> tuple[str, str]:
    """The fields of title and sentence in this language."""
    return t("title", "title_zh"), t("summary", "summary_zh")


def _severity(t: Tongue, width: int) -> Column:
    title = t("Severity", "级别")
    return Column("severity", title, width=width, texts=_severities(t), colors=COLORS)


def firing(t: Tongue, *, width: int, size: int) -> Panel:
    """How many alerts of each severity fire now."""
    names = _severities(t)

    def count(severity: str) -> Series:
        where = f"{OF_SITE} AND \"severity\" = '{severity}'"
        inner = latest("alert", (), where, '"site", "about"', by="firing")
        return Series(f'SELECT sum("firing") AS "{names[severity]}" FROM ({inner})')

    return number(
        Face(
            id=9,
            title=t("Alerts firing", "触发的告警"),
            means=t(
                "How many alerts fire now, by severity. May be empty: nothing has fired in 15 "
                "minutes, or no collector has the role alert.",
                "按级别统计的当前触发告警数。"
                "可为空 (may be empty)：15 分钟内没有告警，或没有采集端承担告警角色。",
            ),
            do=t("The list below says where, critical first.", "下方列表给出位置，严重者在前。"),
            empty=t("None known", "暂无"),
            width=width,
            queries=[count(severity) for severity in names],
            decimals=0,
            now=True,
        ),
        named=True,
        size=size,
        limits={
            name: ((None, style.QUIET), (1.0, COLORS[severity])) for severity, name in names.items()
        },
    )


def open_alerts(t: Tongue, *, width: int) -> Panel:
    """What fires now, critical first."""
    title, summary = _worded(t)
    tags = '"severity", "site", "about"'
    inner = latest("alert", (title, summary, "since_s"), OF_SITE, tags, by="firing")
    query = (
        f'SELECT "{title}" AS "title", "{summary}" AS "summary", "since_s" FROM ({inner}) '
        'WHERE "firing" = 1 GROUP BY "severity", "site"'
    )
    columns = [
        _severity(t, 95),
        Column("site", t("Site", "站点"), width=130, link=links.site_link(t, links.SITE_LINK)),
        Column("title", t("Alert", "告警"), width=190),
        Column("summary", t("What is wrong", "详情"), words=True),
        Column("since_s", t("For", "持续"), unit=words.lasting(t), width=100, decimals=0),
    ]
    return listing(
        Face(
            id=22,
            title=t("Open alerts", "未恢复的告警"),
            means=t(
                "What fires now by the collector's rules, critical first, silenced ones too. May "
                "be empty: nothing is wrong, or no collector has the role alert.",
                "采集端规则当前触发的告警，严重者在前，含已静音者。"
                "可为空 (may be empty)：没有异常，或没有采集端承担告警角色。",
            ),
            do=t(
                "Each has a runbook of its name in docs/runbooks; `muster alerts list` names it.",
                "每条告警在 docs/runbooks 中有同名处置手册；`muster alerts list` 给出名称。",
            ),
            empty=t("None is known", "没有已知的告警"),
            width=width,
            queries=[Rows(query)],
            now=True,
        ),
        columns,
        sort_by="severity",
        limit=100,
    )


def history(t: Tongue, *, width: int) -> Panel:
    """What fired in the chosen time at the chosen sites, the newest first."""
    title, summary = _worded(t)
    query = (
        f'SELECT last("since_s") AS "since_s", "{title}" AS "title", "{summary}" AS "summary" '
        f'FROM "alert" WHERE {OF_SITE} AND "firing" = 1 AND $timeFilter '
        'GROUP BY "severity", "about"'
    )
    columns = [
        Column(TIME, t("Last seen", "最近出现"), unit="dateTimeAsLocal", width=190),
        _severity(t, 85),
        Column("title", t("Alert", "告警"), width=170),
        Column("summary", t("What was wrong", "详情"), words=True),
        Column("since_s", t("Lasted", "持续"), unit=words.lasting(t), width=100, decimals=0),
    ]
    return listing(
        Face(
            id=23,
            title=t("Events: alerts in this time", "事件：该时段的告警"),
            means=t(
                "What fired in the chosen time by the collector's rules, the newest first. "
                "Reboots, silences and settings are marked in the plots. May be empty: nothing "
                "fired, or no collector has the role alert.",
                "所选时段内采集端规则触发过的告警，最新在前。重启、静默与配置变更标注在曲线图中。"
                "可为空 (may be empty)：没有告警，或没有采集端承担告警角色。",
            ),
            do=t(
                "The same again and again: mend the cause; its runbook is in docs/runbooks.",
                "反复出现：处理根因；处置手册见 docs/runbooks。",
            ),
            empty=t("Nothing fired", "没有告警"),
            width=width,
            queries=[Rows(query)],
        ),
        columns,
        sort_by=TIME,
        descending=True,
        hidden=("about",),
    )
