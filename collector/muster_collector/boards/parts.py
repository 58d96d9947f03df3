"""Panels that several boards show: the score of one unit, its history, its pillars, its nodes."""

from __future__ import annotations

from typing import NamedTuple

from muster_collector.boards import marks, style, words
from muster_collector.boards.influxql import HOSTS, Rows, Series, latest, newest
from muster_collector.boards.panels import (
    Column,
    Face,
    Panel,
    bars,
    dots,
    listing,
    number,
    rename,
    trend,
)
from muster_collector.boards.tongue import Tongue


class Unit(NamedTuple):
    """What is scored: its selection in `readiness` and its name in both languages."""

    where: str
    en: str
    zh: str


FLEET = Unit("\"level\" = 'fleet'", "fleet", "机群")
SITE = Unit('"level" = \'site\' AND "id" =~ /^$site$/', "site", "站点")
NODE = Unit('"level" = \'node\' AND "id" =~ /^$node$/', "node", "节点")
NODE_LINK = "${__data.fields.host:percentencode}"
UNIT_LINK = "${__data.fields.id:percentencode}"


def score(t: Tongue, unit: Unit, *, width: int = 4, size: int = 48) -> Panel:
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
        size=size,
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
        size=40,
        texts="/^grade$/",
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
            limits=style.COVERAGE_STEPS,
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
    panel = trend(
        Face(
            id=10,
            title=t("Readiness over time", "就绪度走势"),
            means=t(
                f"The {unit.en}'s score; the band is the range that it certainly lies in. Each "
                "point stands at the end of its window. Dots at the top mark where a method of "
                "scoring begins, and on sites and nodes reboots and beginning silences.",
                f"{unit.zh}评分；色带为其确定所在的范围。每个点位于其窗口的末尾。"
                "顶部圆点标记评分方法的起点，站点与节点上还标记重启与静默的开始。",
            ),
            do=t(
                "The line falls: conditions got worse. Only the band widens: data went missing.",
                "曲线下降：状况变差。仅色带变宽：数据缺失。",
            ),
            empty=words.no_score(t),
            width=width,
            queries=[Series(query), *marks.series(t, unit, hosts)],
            decimals=1,
        ),
        high=100,
        low=None,
        colors={score: style.GOOD, **marks.colors(t)},
        band=(high, low),
    )
    return dots(panel, marks.colors(t))


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
    query = latest(
        "readiness_indicator", ("score", "value"), unit.where, '"indicator", "pillar"', by="lost"
    )
    columns = [
        Column("indicator", t("Indicator", "指标"), texts=words.indicators(t)),
        Column("pillar", t("Pillar", "支柱"), width=130, texts=words.pillars(t)),
        Column("value", t("Measured", "测量值"), width=90, decimals=1),
        Column("score", t("Score", "评分"), decimals=0, width=160, limits=words.grades(), bar=True),
        Column("lost", t("Points lost", "失分"), width=95, decimals=2),
    ]
    return listing(
        Face(
            id=13,
            title=t("Why the score is what it is", "评分的成因"),
            means=t(
                f"Every indicator of the {unit.en}: what was measured (in the indicator's unit), "
                "its score, and the points it costs overall.",
                f"{unit.zh}的每个指标：测量值（以指标单位计）、其评分以及它造成的总失分。",
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


def score_columns(t: Tongue, *, interval: bool) -> list[Column]:
    """Score, grade, interval and coverage, as every table of units shows them."""
    limits = words.grades()
    return [
        Column("score", t("Score", "评分"), decimals=1, limits=limits, bar=True, empty="—"),
        Column("grade", t("Grade", "等级"), width=65),
        *(
            [
                Column("low", t("Worst", "最差"), width=70, decimals=1),
                Column("high", t("Best", "最好"), width=70, decimals=1),
            ]
            if interval
            else []
        ),
        Column(
            "coverage",
            t("Coverage", "覆盖率"),
            unit="percentunit",
            width=85,
            decimals=0,
            limits=style.COVERAGE_STEPS,
        ),
    ]


def places(
    t: Tongue,
    *,
    id: int,  # noqa: A002  Grafana's word
    title: str,
    level: str,
    where: str,
    width: int,
    link: tuple[str, str],
    why: int = 215,
    empty: bool = False,
    interval: bool = True,
) -> Panel:
    """The units of one level, worst first; those without a score say why.

    `why` is the width of that column in pixels; `empty` where there may be no such level.
    """
    may = t(" May be empty: no estate file.", "可为空 (may be empty)：未提供资产文件。")
    bounds = ("low", "high") if interval else ()
    fields = ("score", "grade", *bounds, "coverage", "scored", "planned", "why")
    columns = [
        Column("id", t("Name", "名称"), width=130 if interval else 170, link=link),
        *score_columns(t, interval=interval),
        Column("scored", t("Scored", "已评分"), width=70, decimals=0),
        Column("planned", t("Planned", "规划"), width=75, decimals=0),
        Column("why", t("Why no score", "无评分原因"), width=why, empty="", words=True),
    ]
    return listing(
        Face(
            id=id,
            title=title,
            means=t(
                "Those chosen above by their newest score. One without a score stands first and "
                "says why.",
                "上方所选对象的最新评分。没有评分者排在最前并说明原因。",
            )
            + (may if empty else ""),
            do=t(
                "Open one to see what it is made of. Low coverage: bring back silent nodes first.",
                "打开可查看其组成。覆盖率低时请先恢复静默节点。",
            ),
            empty=words.no_score(t),
            width=width,
            queries=[
                Rows(latest("readiness", fields, f"\"level\" = '{level}' AND {where}", '"id"'))
            ],
            now=True,
        ),
        columns,
        sort_by="score",
        limit=100,
    )


def node_link(t: Tongue, field: str = NODE_LINK) -> tuple[str, str]:
    """To the board of the row's node."""
    return t("Open this node", "打开此节点"), t.link("node", node=field)


def site_link(t: Tongue, field: str = UNIT_LINK) -> tuple[str, str]:
    """To the board of the row's site."""
    return t("Open this site", "打开此站点"), t.link("site", site=field)


def top(
    t: Tongue,
    *,
    id: int,  # noqa: A002  Grafana's word
    title: str,
    means: str,
    do: str,
    query: str,
    width: int = 8,
) -> Panel:
    """The ten nodes with the highest use of something, in percent."""
    columns = [
        Column("host", t("Node", "节点"), width=160, link=node_link(t)),
        Column(
            "used", t("Used", "占用"), unit="percent", decimals=0, limits=style.USE_STEPS, bar=True
        ),
    ]
    return listing(
        Face(
            id=id,
            title=title,
            means=means,
            do=do,
            empty=t("No data of the chosen nodes", "所选节点没有数据"),
            width=width,
            queries=[Rows(query)],
            now=True,
        ),
        columns,
        sort_by="used",
        descending=True,
    )


def rate(field: str, name: str) -> Series:
    """Reports a minute of all chosen nodes, from a number that only grows."""
    inner = (
        f'SELECT non_negative_derivative(max("{field}"), 1m) AS "rate" FROM "completeness" '
        f'WHERE {HOSTS} AND $timeFilter GROUP BY time($__interval), "host" fill(none)'
    )
    return Series(
        f'SELECT sum("rate") AS "{name}" FROM ({inner}) '
        "WHERE $timeFilter GROUP BY time($__interval) fill(none)"
    )


def flow(t: Tongue, *, width: int = 8) -> Panel:
    """What became of the reports, a minute."""
    names = {
        "stored": (t("stored", "已入库"), style.GOOD),
        "duplicate": (t("duplicate", "重复"), style.QUIET),
        "refused": (t("refused", "被拒"), style.WARN),
        "lost": (t("lost", "丢失"), style.BAD),
    }
    return trend(
        Face(
            id=31,
            title=t("Reports per minute", "每分钟上报数"),
            means=t(
                "What became of the reports: stored, seen twice (stored once), refused with a "
                "reason, or lost with a reason.",
                "上报的去向：已入库、重复（只存一次）、带原因拒绝或带原因丢失。",
            ),
            do=t(
                "Refused above zero: `muster quarantine list`. Lost: `muster completeness`.",
                "被拒大于零：`muster quarantine list`。丢失：`muster completeness`。",
            ),
            empty=t("No reports in this time", "该时段没有上报"),
            width=width,
            queries=[rate(field, name) for field, (name, _) in names.items()],
            unit="suffix:/min",
            every="2m",
            shift="2m",
            decimals=0,
        ),
        colors=dict(names.values()),
    )


def missing(t: Tongue, *, width: int = 8) -> Panel:
    """Reports that have not arrived yet."""
    inner = (
        'SELECT last("missing") AS "missing" FROM "completeness" '
        f'WHERE {HOSTS} AND $timeFilter GROUP BY time($__interval), "host" fill(none)'
    )
    name = t("missing", "缺失")
    query = (
        f'SELECT sum("missing") AS "{name}" FROM ({inner}) '
        "WHERE $timeFilter GROUP BY time($__interval) fill(none)"
    )
    return trend(
        Face(
            id=32,
            title=t("Reports on their way", "在途上报"),
            means=t(
                "Reports that the centre knows of and does not have yet: they wait in the spools "
                "of the nodes.",
                "中心已知但尚未收到的上报：仍在节点的缓冲区中等待。",
            ),
            do=t(
                "It should fall to zero after an outage. If it keeps growing, the database or the "
                "collector is too slow.",
                "中断后应回落至零。持续增长说明数据库或采集器过慢。",
            ),
            empty=t("No reports in this time", "该时段没有上报"),
            width=width,
            queries=[Series(query)],
            unit="short",
            every="2m",
            shift="2m",
            decimals=0,
        ),
        colors={name: style.WARN},
    )
