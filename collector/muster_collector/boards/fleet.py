"""The fleet overview: how ready are we, what costs most, who is quiet, which machines are full."""

from __future__ import annotations

from muster_collector.boards import style, words
from muster_collector.boards.board import Board, Strip
from muster_collector.boards.influxql import HOSTS, SITES, Rows, Series, highest, latest, newest
from muster_collector.boards.panels import (
    Column,
    Face,
    Panel,
    bars,
    listing,
    number,
    rename,
    trend,
)
from muster_collector.boards.tongue import Tongue

FLEET = "\"level\" = 'fleet'"
SITE_SCORES = f'"level" = \'site\' AND "id" =~ /^$site$/ AND {SITES}'
NODE_SCORES = '"level" = \'node\' AND "site" =~ /^$site$/ AND "id" =~ /^$node$/'


def fleet(t: Tongue) -> Board:
    """The board."""
    return Board(
        name="fleet",
        title=t("Muster · Fleet overview", "Muster · 机群总览"),
        about=t(
            "How ready the whole fleet is, what costs it most, and where to look first.",
            "整个机群的就绪度、失分最多之处，以及应首先查看的位置。",
        ),
        strips=[
            Strip(4, _headline(t)),
            Strip(9, [_history(t), _pillars(t), _lost(t)]),
            Strip(9, [_worst_sites(t), _worst_nodes(t)]),
            Strip(9, [_silent_list(t), _flow(t), _missing(t)]),
            Strip(11, [_cpu(t), _memory(t), _disk(t)]),
        ],
    )


def _headline(t: Tongue) -> list[Panel]:
    return [_score(t), _grade(t), _interval(t), _coverage(t), _members(t), _silent(t)]


def _score(t: Tongue) -> Panel:
    return number(
        Face(
            id=1,
            title=t("Fleet readiness", "机群就绪度"),
            means=t(
                "The fleet's score, 0 to 100, of the newest window (at most 15 minutes old).",
                "机群最近一个窗口的评分（0 至 100，最多 15 分钟前）。",
            ),
            do=t(
                "Below grade A: look at the pillar that costs most, then at the worst sites.",
                "低于 A 级时：先看失分最多的支柱，再看最差的站点。",
            ),
            empty=words.no_score(t),
            width=4,
            queries=[Series(newest({"score": "score"}, FLEET))],
            decimals=1,
            now=True,
            limits=words.grades(),
        ),
        size=48,
    )


def _grade(t: Tongue) -> Panel:
    return number(
        Face(
            id=2,
            title=t("Grade", "等级"),
            means=t(
                f"The grade band of the fleet's score: {words.bands(t)}.",
                f"机群评分所属的等级。{words.bands(t)}。",
            ),
            do=t(
                "A grade is given only when coverage allows a score; no grade means look at "
                "coverage first.",
                "仅当覆盖率足以评分时才有等级；没有等级时请先查看覆盖率。",
            ),
            empty=t("No grade yet", "尚无等级"),
            width=4,
            queries=[Series(newest({"grade": "grade"}, FLEET))],
            now=True,
        ),
        size=40,
        texts="/^grade$/",
    )


def _interval(t: Tongue) -> Panel:
    low, high = t("worst case", "最差情形"), t("best case", "最好情形")
    query = newest({"low": low, "high": high}, FLEET)
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
            width=5,
            queries=[Series(query)],
            decimals=1,
            now=True,
        ),
        named=True,
        size=28,
    )


def _coverage(t: Tongue) -> Panel:
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
            width=3,
            queries=[Series(newest({"coverage": "coverage"}, FLEET))],
            unit="percentunit",
            decimals=1,
            now=True,
            limits=style.COVERAGE_STEPS,
        ),
    )


def _members(t: Tongue) -> Panel:
    scored, planned = t("scored", "已评分"), t("planned", "已规划")
    query = newest({"scored": scored, "planned": planned}, FLEET)
    return number(
        Face(
            id=5,
            title=t("Members of the fleet", "机群成员"),
            means=t(
                "Members directly below the fleet that have a score, and how many are planned.",
                "机群的直接下级中已有评分的数量与规划的数量。",
            ),
            do=t(
                "Fewer scored than planned: the tables below name those without a score.",
                "已评分少于规划时：下方表格列出没有评分者。",
            ),
            empty=words.no_score(t),
            width=4,
            queries=[Series(query)],
            decimals=0,
            now=True,
        ),
        named=True,
        size=28,
    )


def _count(comparison: str, name: str) -> Series:
    """How many of the chosen nodes have been quiet for longer, or not so long."""
    inner = (
        f'SELECT last("silent_s") AS "quiet" FROM "completeness" '
        f'WHERE {HOSTS} AND $timeFilter GROUP BY "host"'
    )
    return Series(
        f'SELECT count("quiet") AS "{name}" FROM ({inner}) '
        f'WHERE "quiet" {comparison} {style.SILENT_S}'
    )


def _silent(t: Tongue) -> Panel:
    silent, heard = t("silent", "静默"), t("reporting", "上报中")
    return number(
        Face(
            id=6,
            title=t("Nodes now", "当前节点"),
            means=t(
                f"Nodes whose last report is older than {style.SILENT_S} s, and those that report. "
                "Silence is unknown, not healthy. May be empty: nothing known of any node.",
                f"最近一次上报早于 {style.SILENT_S} 秒的节点数与正常上报的节点数。"
                "静默是未知，不等于健康。可为空 (may be empty)：没有任何节点的信息。",
            ),
            do=t(
                "Open the list of silent nodes; many of one site mean its uplink.",
                "查看静默节点列表；同一站点有多个时，多为其上行链路故障。",
            ),
            empty=t("No node has reported in 15 minutes", "15 分钟内没有节点上报"),
            width=4,
            queries=[_count("<=", heard), _count(">", silent)],
            decimals=0,
            now=True,
        ),
        named=True,
        size=28,
        accents={silent: style.BAD, heard: style.GOOD},
    )


def _history(t: Tongue) -> Panel:
    score, low, high = t("score", "评分"), t("worst case", "最差情形"), t("best case", "最好情形")
    query = (
        f'SELECT mean("high") AS "{high}", mean("low") AS "{low}", mean("score") AS "{score}" '
        f'FROM "readiness" WHERE {FLEET} AND $timeFilter GROUP BY time($__interval) fill(none)'
    )
    return trend(
        Face(
            id=10,
            title=t("Readiness over time", "就绪度走势"),
            means=t(
                "The fleet's score; the band is the range that it certainly lies in. Each point "
                "stands at the end of its window.",
                "机群评分；色带为其确定所在的范围。每个点位于其窗口的末尾。",
            ),
            do=t(
                "The line falls: conditions got worse. Only the band widens: data went missing.",
                "曲线下降：状况变差。仅色带变宽：数据缺失。",
            ),
            empty=words.no_score(t),
            width=12,
            queries=[Series(query)],
            decimals=1,
        ),
        high=100,
        low=None,
        colors={score: style.GOOD},
        band=(high, low),
    )


def _pillars(t: Tongue) -> Panel:
    query = latest("readiness_pillar", (), FLEET, '"pillar"', by="score")
    panel = bars(
        Face(
            id=11,
            title=t("Pillars", "支柱"),
            means=t("Each pillar's score, 0 to 100.", "各支柱的评分（0 至 100）。"),
            do=t(
                "A low pillar with a small weight may cost little: compare with the points lost.",
                "权重小的支柱即使得分低也可能失分不多：请与失分对照。",
            ),
            empty=words.no_score(t),
            width=6,
            queries=[Series(query, alias="$tag_pillar")],
            decimals=1,
            now=True,
            limits=words.grades(),
        )
    )
    return rename(panel, words.pillars(t))


def _lost(t: Tongue) -> Panel:
    query = latest("readiness_pillar", (), FLEET, '"pillar"', by="lost")
    panel = bars(
        Face(
            id=12,
            title=t("Points lost by pillar", "各支柱失分"),
            means=t(
                "How many points of the fleet's score each pillar costs; together they are what is "
                "missing from 100.",
                "各支柱使机群评分失去的分数；合计即为与 100 分的差距。",
            ),
            do=t("Start with the longest bar.", "从最长的条开始处理。"),
            empty=words.no_score(t),
            width=6,
            queries=[Series(query, alias="$tag_pillar")],
            decimals=1,
            now=True,
            limits=((None, style.LOSS),),
        ),
        top=None,
    )
    return rename(panel, words.pillars(t))


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


def _worst_sites(t: Tongue) -> Panel:
    fields = ("score", "grade", "low", "high", "coverage", "scored", "planned", "why")
    site = "${__data.fields.id:percentencode}"
    columns = [
        Column(
            "id",
            t("Site", "站点"),
            width=130,
            link=(t("Show only this site", "仅显示此站点"), t.link("fleet", site=site)),
        ),
        *score_columns(t, interval=True),
        Column("scored", t("Scored", "已评分"), width=70, decimals=0),
        Column("planned", t("Planned", "规划"), width=75, decimals=0),
        Column("why", t("Why no score", "无评分原因"), width=215, empty=""),
    ]
    return listing(
        Face(
            id=20,
            title=t("Sites, worst first", "站点（最差在前）"),
            means=t(
                "The sites chosen above by their newest score. A site without a score stands "
                "first and says why.",
                "上方所选站点的最新评分。没有评分的站点排在最前并说明原因。",
            ),
            do=t(
                "Open a site to see its nodes. Low coverage: bring back its silent nodes first.",
                "打开站点查看其节点。覆盖率低时请先恢复静默节点。",
            ),
            empty=words.no_score(t),
            width=15,
            queries=[Rows(latest("readiness", fields, SITE_SCORES, '"id"'))],
            now=True,
        ),
        columns,
        sort_by="score",
        limit=50,
    )


def _worst_nodes(t: Tongue) -> Panel:
    inner = latest("readiness", ("score", "grade"), NODE_SCORES, '"id", "site"')
    query = (
        f'SELECT bottom("score", 20) AS "score", "grade", "coverage", "id", "site" FROM ({inner})'
    )
    node = "${__data.fields.id:percentencode}"
    columns = [
        Column(
            "id",
            t("Node", "节点"),
            width=150,
            link=(t("Show only this node", "仅显示此节点"), t.link("fleet", node=node)),
        ),
        Column("site", t("Site", "站点"), width=130),
        *score_columns(t, interval=False),
    ]
    return listing(
        Face(
            id=21,
            title=t("Nodes with the lowest score", "评分最低的节点"),
            means=t(
                "The twenty chosen nodes with the lowest score. Silent nodes have no score and "
                "stand in the list below.",
                "所选节点中评分最低的二十个。静默节点没有评分，列于下方。",
            ),
            do=t(
                "`muster explain --level node --id NODE` names what costs the points.",
                "`muster explain --level node --id 节点` 给出失分原因。",
            ),
            empty=words.no_score(t),
            width=9,
            queries=[Rows(query)],
            now=True,
        ),
        columns,
        sort_by="score",
    )


def _silent_list(t: Tongue) -> Panel:
    inner = latest("completeness", ("missing",), HOSTS, '"host", "site"', by="silent_s")
    query = (
        f'SELECT "silent_s", "missing" FROM ({inner}) '
        f'WHERE "silent_s" > {style.SILENT_S} GROUP BY "host", "site"'
    )
    node = "${__data.fields.host:percentencode}"
    columns = [
        Column(
            "host",
            t("Node", "节点"),
            link=(t("Show only this node", "仅显示此节点"), t.link("fleet", node=node)),
        ),
        Column("site", t("Site", "站点"), width=130),
        Column("silent_s", t("Silent for", "静默时长"), unit="s", width=110, decimals=1),
        Column("missing", t("Missing", "缺失"), width=80, decimals=0),
    ]
    return listing(
        Face(
            id=30,
            title=t("Silent nodes", "静默节点"),
            means=t(
                f"No report for more than {style.SILENT_S} s. May be empty: all nodes report.",
                f"超过 {style.SILENT_S} 秒没有上报。可为空 (may be empty)：所有节点均在上报。",
            ),
            do=t(
                "One node: `muster-agent doctor` there. A whole site: its uplink or power.",
                "单个节点：在其上运行 `muster-agent doctor`。整个站点：检查上行链路或供电。",
            ),
            empty=t("All known nodes report", "所有已知节点均在上报"),
            width=8,
            queries=[Rows(query)],
            now=True,
        ),
        columns,
        sort_by="silent_s",
        descending=True,
    )


def _rate(field: str, name: str) -> Series:
    """Reports a minute of all chosen nodes, from a number that only grows."""
    inner = (
        f'SELECT non_negative_derivative(max("{field}"), 1m) AS "rate" FROM "completeness" '
        f'WHERE {HOSTS} AND $timeFilter GROUP BY time($__interval), "host" fill(none)'
    )
    return Series(
        f'SELECT sum("rate") AS "{name}" FROM ({inner}) '
        "WHERE $timeFilter GROUP BY time($__interval) fill(none)"
    )


def _flow(t: Tongue) -> Panel:
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
            width=8,
            queries=[_rate(field, name) for field, (name, _) in names.items()],
            unit="suffix:/min",
            every="2m",
            shift="2m",
            decimals=0,
        ),
        colors=dict(names.values()),
    )


def _missing(t: Tongue) -> Panel:
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
            width=8,
            queries=[Series(query)],
            unit="short",
            every="2m",
            shift="2m",
            decimals=0,
        ),
        colors={name: style.WARN},
    )


def _top(t: Tongue, *, id: int, title: str, means: str, do: str, query: str) -> Panel:  # noqa: A002  Grafana's word
    node = "${__data.fields.host:percentencode}"
    columns = [
        Column(
            "host",
            t("Node", "节点"),
            width=160,
            link=(t("Show only this node", "仅显示此节点"), t.link("fleet", node=node)),
        ),
        Column(
            "used",
            t("Used", "占用"),
            unit="percent",
            decimals=0,
            limits=style.USE_STEPS,
            bar=True,
        ),
    ]
    return listing(
        Face(
            id=id,
            title=title,
            means=means,
            do=do,
            empty=t("No data of the chosen nodes", "所选节点没有数据"),
            width=8,
            queries=[Rows(query)],
            now=True,
        ),
        columns,
        sort_by="used",
        descending=True,
    )


def _cpu(t: Tongue) -> Panel:
    where = f"\"cpu\" = 'cpu-total' AND {HOSTS}"
    return _top(
        t,
        id=40,
        title=t("Busiest processors", "处理器最忙的节点"),
        means=t(
            "Time not idle over 15 minutes, the ten highest.", "15 分钟内的非空闲比例，前十名。"
        ),
        do=t(
            "Above 85 %: look for one process or too many services on the node.",
            "高于 85%：查找占用过高的进程，或节点上服务过多。",
        ),
        query=highest('100 - mean("usage_idle")', "cpu", where, ("host",)),
    )


def _memory(t: Tongue) -> Panel:
    return _top(
        t,
        id=41,
        title=t("Fullest memory", "内存占用最高的节点"),
        means=t(
            "Memory that programs cannot get any more, the ten highest.",
            "程序已无法再取得的内存比例，前十名。",
        ),
        do=t(
            "Above 95 %: the kernel will soon kill something; add memory or move a service.",
            "高于 95%：内核即将终止进程；请增加内存或迁移服务。",
        ),
        query=highest('100 - mean("available_percent")', "mem", HOSTS, ("host",)),
    )


def _disk(t: Tongue) -> Panel:
    return _top(
        t,
        id=42,
        title=t("Fullest disks", "磁盘占用最高的节点"),
        means=t(
            "The fullest file system of each node, the ten highest.",
            "每个节点最满的文件系统，前十名。",
        ),
        do=t(
            "Above 95 %: free space now, services stop when a disk is full.",
            "高于 95%：请立即清理，磁盘写满后服务会停止。",
        ),
        query=highest('max("used_percent")', "disk", HOSTS, ("host",)),
    )
