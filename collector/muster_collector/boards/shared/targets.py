"""The panel on dated targets."""

from __future__ import annotations

from muster_collector.boards.kit import style, words
from muster_collector.boards.kit.influxql import Rows, latest
from muster_collector.boards.kit.panels import Face, Panel
from muster_collector.boards.kit.tables import Column, listing
from muster_collector.boards.kit.tongue import Tongue


def targets(t: Tongue, *, width: int, id: int = 60) -> Panel:  # noqa: A002  Grafana's word
    """Where dated targets stand, the least likely first."""
    name = t("name", "name_zh")
    fields = (
        name, "score", "target", "unit", "gap", "pace_needed", "pace_seen", "likely_days",
        "probability", "days_left",
    )  # fmt: skip
    tags = '"level", "id", "part", "due", "goal"'
    inner = latest("target", fields, '"level" =~ /.*/', tags, by="status_code")
    shown = ", ".join(f'"{field}"' for field in fields if field != name)
    query = f'SELECT "{name}" AS "name", "status_code", {shown} FROM ({inner}) GROUP BY "due"'
    words_ = (
        t("reached", "已达成"), t("on course", "进展正常"), t("at risk", "有风险"),
        t("behind", "落后"), t("missed", "未达成"), t("unknown", "未知"),
    )  # fmt: skip
    shades = (style.GOOD, style.FAIR, style.WARN, style.POOR, style.BAD, style.QUIET)
    points = {"/^points$/": t("points", "分")}
    columns = [
        Column("name", t("Target", "目标")),
        Column("due", t("Due", "期限"), width=100),
        Column(
            "status_code",
            t("Status", "状态"),
            width=95,
            texts={str(code): word for code, word in enumerate(words_)},
            colors={str(code): color for code, color in enumerate(shades)},
        ),
        Column("score", t("Now", "当前"), width=85, decimals=1),
        Column("target", t("Wanted", "目标值"), width=85, decimals=1),
        Column("unit", t("Unit", "单位"), width=125, patterns=points),
        Column("pace_seen", t("Gained a month", "每月进展"), width=135, decimals=1),
        Column("pace_needed", t("Needed a month", "每月所需"), width=135, decimals=1),
        Column("days_left", t("Time left", "剩余"), unit=words.days(t), width=95, decimals=0),
        Column("likely_days", t("Likely in", "预计还需"), unit=words.days(t), width=95, decimals=0),
        Column(
            "probability", t("In time", "按期概率"), unit="percentunit", width=120, decimals=0,
            limits=style.steps("chance_in_time"), bar=True,
        ),
    ]  # fmt: skip
    return listing(
        Face(
            id=id,
            title=t("Targets", "目标进度"),
            means=t(
                "The estate's dated targets as of the last hour: the pace so far, the pace they "
                "need, and the probability of arriving in time. May be empty: no target is set.",
                "设施清单中带期限的目标（截至最近一小时）：已有进度、所需进度与按期达成的概率。"
                "可为空 (may be empty)：未设定目标。",
            ),
            do=t(
                "Below 50 %: what would help stands on the page under *What would help*.",
                "低于 50% 时：网页“哪些改进有效”中列出可行的改进。",
            ),
            empty=t("No target is set", "未设定目标"),
            width=width,
            queries=[Rows(query)],
        ),
        columns,
        sort_by="probability",
        hidden=("gap",),
    )
