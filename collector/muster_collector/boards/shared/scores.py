"""Panels on the score of one unit: now, over time, by pillar, and why it is what it is."""

from __future__ import annotations

from typing import NamedTuple

from muster_collector.boards.kit import style, words
from muster_collector.boards.kit.influxql import Rows, Series, latest, newest
from muster_collector.boards.kit.panels import Face, Panel, bars, dots, number, rename, trend
from muster_collector.boards.kit.tables import Column, listing
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.shared import marks


class Unit(NamedTuple):
    """What is scored: its selection in `readiness` and its name in both languages."""

    where: str
    en: str
    zh: str


FLEET = Unit("\"level\" = 'fleet'", "fleet", "机群")
SITE = Unit('"level" = \'site\' AND "id" =~ /^$site$/', "site", "站点")
NODE = Unit('"level" = \'node\' AND "id" =~ /^$node$/', "node", "节点")


def score(t: Tongue, unit: Unit, *, width: int = 4) -> Panel:
    """The score now."""
    return number(
        Face(
            id=1,
            title=t(f"Readiness of the {unit.en}", f"{unit.zh}就绪度"),
            means=t(
                f"The {unit.en}'s score, 0 to 100, of the newest window (at most 15 minutes old).",
                f"{unit.zh}最近一个窗口的评分（0 至 100，最多 15 分钟前）。",
            ),
            do=t(
                "Below grade A: look at the pillar that costs most, then at what is worst in it.",
                "低于 A 级时：先看失分最多的支柱，再看其中最差的部分。",
            ),
            empty=words.no_score(t),
            width=width,
            queries=[Series(newest({"score": "score"}, unit.where))],
            decimals=1,
            now=True,
            limits=words.grades(),
        ),
        size=None,
    )


def grade(t: Tongue, unit: Unit, *, width: int = 4) -> Panel:
    """The grade now."""
    return number(
        Face(
            id=2,
            title=t("Grade", "等级"),
            means=t(
                f"The grade band of the {unit.en}'s score: {words.bands(t)}.",
                f"{unit.zh}评分所属的等级。{words.bands(t)}。",
            ),
            do=t(
                "A grade is given only when coverage allows a score; no grade means look at "
                "coverage first.",
                "仅当覆盖率足以评分时才有等级；没有等级时请先查看覆盖率。",
            ),
            empty=t("No grade yet", "尚无等级"),
            width=width,
            queries=[Series(newest({"grade": "grade"}, unit.where))],
            now=True,
        ),
        size=None,
        texts="/^grade$/",
        shades=words.grade_colors(),
    )


def interval(t: Tongue, unit: Unit, *, width: int = 5) -> Panel:
    """The range that the score certainly lies in."""
    low, high = t("worst case", "最差情形"), t("best case", "最好情形")
    return number(
        Face(
            id=3,
            title=t("Certain between", "确定范围"),
            means=t(
                "What the score would be if all that is missing were worst, or best. The wider, "
                "the less we know.",
                "若所有缺失数据均为最差或最好时的评分。范围越宽，所知越少。",
            ),
            do=t(
                "Wider than 10 points: find the silent nodes and the sensors that fail.",
                "宽于 10 分时：查找静默节点和失败的传感器。",
            ),
            empty=words.no_score(t),
            width=width,
            queries=[Series(newest({"low": low, "high": high}, unit.where))],
            decimals=1,
            now=True,
        ),
        named=True,
        size=28,
    )


def coverage(t: Tongue, unit: Unit, *, width: int = 3) -> Panel:
    """How much was measured."""
    return number(
        Face(
            id=4,
            title=t("Coverage", "覆盖率"),
            means=t(
                "How much of what the scorecard asks for was really measured, planned nodes "
                "included.",
                "评分卡所需数据中实际测得的比例，含已规划的节点。",
            ),
            do=t(
                "Below 95 %: planned nodes never reported, nodes are silent, or sensors fail.",
                "低于 95% 时：有规划节点从未上报、有节点静默或传感器失败。",
            ),
            empty=words.no_score(t),
            width=width,
            queries=[Series(newest({"coverage": "coverage"}, unit.where))],
            unit="percentunit",
            decimals=1,
            now=True,
            limits=style.steps("coverage"),
        ),
    )


def members(t: Tongue, unit: Unit, *, width: int = 4) -> Panel:
    """How many below the unit have a score, and how many are planned."""
    scored, planned = t("scored", "已评分"), t("planned", "已规划")
    return number(
        Face(
            id=5,
            title=t("Members", "成员"),
            means=t(
                f"Members of the {unit.en} that have a score, and how many are planned.",
                f"{unit.zh}成员中已有评分的数量与规划的数量。",
            ),
            do=t(
                "Fewer scored than planned: the tables below name those without a score.",
                "已评分少于规划时：下方表格列出没有评分者。",
            ),
            empty=words.no_score(t),
            width=width,
            queries=[Series(newest({"scored": scored, "planned": planned}, unit.where))],
            decimals=0,
            now=True,
        ),
        named=True,
        size=28,
    )


def history(t: Tongue, unit: Unit, *, width: int = 12, hosts: str = "") -> Panel:
    """The score over time, with its interval and marks; `hosts` selects nodes to be marked."""
    score, low, high = t("score", "评分"), t("worst case", "最差情形"), t("best case", "最好情形")
    query = (
        f'SELECT mean("high") AS "{high}", mean("low") AS "{low}", mean("score") AS "{score}" '
        f'FROM "readiness" WHERE {unit.where} AND $timeFilter '
        "GROUP BY time($__interval) fill(none)"
    )
    quiet = t(" The marks may be empty: nothing happened.", "标记可为空 (may be empty)：无事发生。")
    panel = trend(
        Face(
            id=10,
            title=t("Readiness over time", "就绪度走势"),
            means=t(
                f"The {unit.en}'s score; the band is the range that it certainly lies in. Each "
                "point stands at the end of its window. Dots at the top mark the first point of "
                "each scoring method, so a second one is a change; on sites and nodes also "
                "reboots, silences and new settings.",
                f"{unit.zh}评分；色带为其确定所在的范围。每个点位于其窗口的末尾。"
                "顶部圆点标记每种评分方法的首个点（第二个即方法变更），"
                "站点与节点上还标记重启、静默的开始与配置变更。",
            )
            + (quiet if hosts else ""),
            do=t(
                "The line falls: conditions got worse. Only the band widens: data went missing.",
                "曲线下降：状况变差。仅色带变宽：数据缺失。",
            ),
            empty=words.no_score(t),
            width=width,
            queries=[Series(query), *marks.series(t, unit, hosts)],
        ),
        high=100,
        low=None,
        colors={score: style.GOOD, **marks.colors(t, hosts)},
        band=(high, low),
    )
    return dots(panel, marks.colors(t, hosts))


def pillars(t: Tongue, unit: Unit, *, width: int = 6) -> Panel:
    """The score of each pillar."""
    query = latest("readiness_pillar", (), unit.where, '"pillar"', by="score")
    panel = bars(
        Face(
            id=11,
            title=t("Pillars", "支柱"),
            means=t(
                f"The {unit.en}'s score in each pillar, 0 to 100.",
                f"{unit.zh}各支柱的评分（0 至 100）。",
            ),
            do=t(
                "A low pillar with a small weight may cost little: compare with the points lost.",
                "权重小的支柱即使得分低也可能失分不多：请与失分对照。",
            ),
            empty=words.no_score(t),
            width=width,
            queries=[Series(query, alias="$tag_pillar")],
            decimals=1,
            now=True,
            limits=words.grades(),
        )
    )
    return rename(panel, words.pillars(t))


def lost(t: Tongue, unit: Unit, *, width: int = 6) -> Panel:
    """What each pillar costs."""
    query = latest("readiness_pillar", (), unit.where, '"pillar"', by="lost")
    panel = bars(
        Face(
            id=12,
            title=t("Points lost by pillar", "各支柱失分"),
            means=t(
                f"How many points of the {unit.en}'s score each pillar costs; together they are "
                "what is missing from 100.",
                f"各支柱使{unit.zh}评分失去的分数；合计即为与 100 分的差距。",
            ),
            do=t("Start with the longest bar.", "从最长的条开始处理。"),
            empty=words.no_score(t),
            width=width,
            queries=[Series(query, alias="$tag_pillar")],
            decimals=1,
            now=True,
            limits=((None, style.LOSS),),
        ),
        top=None,
    )
    return rename(panel, words.pillars(t))


def why(t: Tongue, unit: Unit, *, width: int = 12) -> Panel:
    """What each indicator costs: why the score is what it is."""
    own = unit is NODE
    value = t("the value measured, ", "测量值、") if own else ""
    reads = ("score", "value") if own else ("score",)
    query = latest("readiness_indicator", reads, unit.where, '"indicator", "pillar"', by="lost")
    columns = [
        Column("indicator", t("Indicator", "指标"), texts=words.indicators(t, units=own)),
        Column("pillar", t("Pillar", "支柱"), width=130, texts=words.pillars(t)),
        # Values of different nodes do not add up to one of their place.
        *([Column("value", t("Measured", "测量值"), width=90, decimals=1)] if own else []),
        Column("score", t("Score", "评分"), decimals=0, width=160, limits=words.grades(), bar=True),
        Column("lost", t("Points lost", "失分"), width=110, decimals=2),
    ]
    return listing(
        Face(
            id=13,
            title=t("Why the score is what it is", "评分的成因"),
            means=t(
                f"Every indicator of the {unit.en}: {value}its score, and the points it costs "
                "overall.",
                f"{unit.zh}的每个指标：{value}其评分以及它造成的总失分。",
            ),
            do=t(
                "Mend from the top: points lost add up to what is missing from 100.",
                "自上而下处理：失分合计即为与 100 分的差距。",
            ),
            empty=words.no_score(t),
            width=width,
            queries=[Rows(query)],
            now=True,
        ),
        columns,
        sort_by="lost",
        descending=True,
    )
