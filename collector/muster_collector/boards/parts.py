"""Panels that several boards show: the score of one unit, its history, its pillars, its nodes."""

from __future__ import annotations

from typing import NamedTuple

from muster_collector.alerts.rules import SILENT_S
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
from muster_collector.ledger.states import STATES, State


class Unit(NamedTuple):
    """What is scored: its selection in `readiness` and its name in both languages."""

    where: str
    en: str
    zh: str


FLEET = Unit("\"level\" = 'fleet'", "fleet", "机群")
SITE = Unit('"level" = \'site\' AND "id" =~ /^$site$/', "site", "站点")
NODE = Unit('"level" = \'node\' AND "id" =~ /^$node$/', "node", "节点")
STATE_COLORS = (style.GOOD, style.WARN, style.POOR, style.BAD)
"""Of the states of a node, in their order."""
CHANCE_STEPS = ((None, style.BAD), (0.25, style.POOR), (0.5, style.WARN), (0.8, style.GOOD))
"""Of the probability that a target is reached in time."""
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


def nodes_now(t: Tongue, *, width: int = 4, size: int = 28, id: int = 6) -> Panel:  # noqa: A002  Grafana's word
    """How many of the chosen nodes report, and how many are silent."""
    silent, heard = t("silent", "静默"), t("reporting", "上报中")
    return number(
        Face(
            id=id,
            title=t("Nodes now", "当前节点"),
            means=t(
                f"Nodes whose last report is older than {SILENT_S} s, and those that report. "
                "Silence is unknown, not healthy. May be empty: nothing is known of any node.",
                f"最近一次上报早于 {SILENT_S} 秒的节点数与正常上报的节点数。"
                "静默是未知，不等于健康。可为空 (may be empty)：没有任何节点的信息。",
            ),
            do=t(
                "Open the list of silent nodes; many of one site mean its uplink.",
                "查看静默节点列表；同一站点有多个时，多为其上行链路故障。",
            ),
            empty=t("No node has reported in 15 minutes", "15 分钟内没有节点上报"),
            width=width,
            queries=[_count("<=", heard), _count(">", silent)],
            decimals=0,
            now=True,
        ),
        named=True,
        size=size,
        accents={silent: style.BAD, heard: style.GOOD},
    )


def states_now(t: Tongue, *, width: int, size: int) -> Panel:
    """How many of the chosen nodes are in each state."""
    names = state_names(t)
    inner = latest("completeness", (), HOSTS, '"host"', by="state_code")
    queries = [
        Series(f'SELECT count("state_code") AS "{name}" FROM ({inner}) WHERE "state_code" = {code}')
        for code, name in enumerate(names)
    ]
    return number(
        Face(
            id=6,
            title=t("Nodes now", "当前节点"),
            means=t(
                "Nodes by their state: silent ones have sent nothing for three intervals, of "
                "refused ones everything is refused, late ones are behind. A state without nodes "
                "is not shown. May be empty: nothing is known of any node.",
                "按状态统计的节点：静默为三个采样间隔内没有上报；被拒为上报全部被拒绝；迟到为数据落后。"
                "没有节点的状态不显示。可为空 (may be empty)：没有任何节点的信息。",
            ),
            do=t(
                "Silence is unknown, not healthy. The list below names the nodes.",
                "静默是未知，不等于健康。下方列表给出具体节点。",
            ),
            empty=t("No node has reported in 15 minutes", "15 分钟内没有节点上报"),
            width=width,
            queries=queries,
            decimals=0,
            now=True,
        ),
        named=True,
        size=size,
        accents=dict(zip(names, STATE_COLORS, strict=True)),
    )


def state_names(t: Tongue) -> tuple[str, ...]:
    """What the states of a node are called, by their `state_code`."""
    names: dict[State, str] = {
        "healthy": t("healthy", "正常"),
        "late": t("late", "迟到"),
        "refused": t("refused", "被拒"),
        "silent": t("silent", "静默"),
    }
    return tuple(names[state] for state in STATES)


def unwell(t: Tongue, *, width: int) -> Panel:
    """The nodes that are silent, refused or late."""
    inner = latest(
        "completeness", ("silent_s", "missing"), HOSTS, '"host", "site"', by="state_code"
    )
    query = (
        f'SELECT "state_code", "silent_s", "missing" FROM ({inner}) '
        'WHERE "state_code" > 0 GROUP BY "host", "site"'
    )
    columns = [
        Column("host", t("Node", "节点"), link=node_link(t)),
        Column("site", t("Site", "站点"), width=105),
        Column(
            "state_code",
            t("State", "状态"),
            width=75,
            texts={str(code): name for code, name in enumerate(state_names(t))},
            colors={str(code): color for code, color in enumerate(STATE_COLORS)},
        ),
        Column("silent_s", t("Last heard", "距上次上报"), unit="s", width=95, decimals=1),
        Column("missing", t("Missing", "缺失"), width=72, decimals=0),
    ]
    return listing(
        Face(
            id=34,
            title=t("Nodes that are not well", "异常节点"),
            means=t(
                "Silent, refused and late nodes, silent ones first. May be empty: all are healthy.",
                "静默、被拒与迟到的节点，静默在前。可为空 (may be empty)：全部正常。",
            ),
            do=t(
                "Silent: `systemctl status muster-agent` there. Refused: `muster quarantine list`. "
                "Late: wait while it falls, else its uplink.",
                "静默：在节点上运行 `systemctl status muster-agent`。"
                "被拒：`muster quarantine list`。"
                "迟到：若持续下降则等待，否则检查上行链路。",
            ),
            empty=t("All known nodes are healthy", "所有已知节点均正常"),
            width=width,
            queries=[Rows(query)],
            now=True,
        ),
        columns,
        sort_by="state_code",
        descending=True,
    )


def _count(comparison: str, name: str) -> Series:
    """How many of the chosen nodes have been quiet for longer, or not so long."""
    inner = (
        f'SELECT last("silent_s") AS "quiet" FROM "completeness" '
        f'WHERE {HOSTS} AND $timeFilter GROUP BY "host"'
    )
    return Series(
        f'SELECT count("quiet") AS "{name}" FROM ({inner}) WHERE "quiet" {comparison} {SILENT_S}'
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


def silent_list(t: Tongue, *, width: int = 8, id: int = 30) -> Panel:  # noqa: A002  Grafana's word
    """The nodes that nobody hears."""
    inner = latest("completeness", ("missing",), HOSTS, '"host", "site"', by="silent_s")
    query = (
        f'SELECT "silent_s", "missing" FROM ({inner}) '
        f'WHERE "silent_s" > {SILENT_S} GROUP BY "host", "site"'
    )
    columns = [
        Column("host", t("Node", "节点"), link=node_link(t)),
        Column("site", t("Site", "站点"), width=130),
        Column("silent_s", t("Silent for", "静默时长"), unit="s", width=110, decimals=1),
        Column("missing", t("Missing", "缺失"), width=80, decimals=0),
    ]
    return listing(
        Face(
            id=id,
            title=t("Silent nodes", "静默节点"),
            means=t(
                f"No report for more than {SILENT_S} s. May be empty: all nodes report.",
                f"超过 {SILENT_S} 秒没有上报。可为空 (may be empty)：所有节点均在上报。",
            ),
            do=t(
                "One node: `systemctl status muster-agent` there. A site: its uplink or power.",
                "单个节点：运行 `systemctl status muster-agent`。整个站点：检查上行链路或供电。",
            ),
            empty=t("All known nodes report", "所有已知节点均在上报"),
            width=width,
            queries=[Rows(query)],
            now=True,
        ),
        columns,
        sort_by="silent_s",
        descending=True,
    )


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
        Column("unit", t("Unit", "单位"), width=125),
        Column("pace_seen", t("A month", "每月"), width=90, decimals=1),
        Column("pace_needed", t("Needed a month", "每月所需"), width=125, decimals=1),
        Column("days_left", t("Time left", "剩余"), unit="d", width=95, decimals=0),
        Column("likely_days", t("Likely in", "预计还需"), unit="d", width=95, decimals=0),
        Column(
            "probability", t("In time", "按期概率"), unit="percentunit", width=120, decimals=0,
            limits=CHANCE_STEPS, bar=True,
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
