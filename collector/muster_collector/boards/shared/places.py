"""Tables of scored units, worst first: regions, districts, sites, nodes."""

from __future__ import annotations

from muster_collector.boards.kit import style, words
from muster_collector.boards.kit.influxql import Rows, latest
from muster_collector.boards.kit.panels import Face, Panel
from muster_collector.boards.kit.tables import Column, listing
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.shared import links

LOWEST = 20
NODE_SCORES = '"level" = \'node\' AND "site" =~ /^$site$/ AND "id" =~ /^$node$/'


def score_columns(t: Tongue, *, interval: bool) -> list[Column]:
    """Score, grade, interval and coverage, as every table of units shows them.

    Their widths are set: what is left is for the names.
    """
    limits = words.grades()
    return [
        Column("score", t("Score", "评分"), width=140, decimals=1, limits=limits, bar=True),
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
            limits=style.steps("coverage"),
        ),
    ]


def why(t: Tongue, width: int) -> Column:
    """The column that says why a place has no score."""
    title, known = t("Why no score", "无评分原因"), words.reasons(t)
    return Column("why", title, width=width, empty="", words=True, patterns=known)


def places(
    t: Tongue,
    *,
    id: int,  # noqa: A002  Grafana's word
    title: str,
    level: str,
    where: str,
    width: int,
    link: tuple[str, str],
    reason: int = 250,
    empty: bool = False,
    interval: bool = True,
) -> Panel:
    """The units of one level, worst first; those without a score say why.

    `reason` is the width of the column that does, in pixels; `empty` where there may be no such
    level.
    """
    may = t(" May be empty: no estate file.", "可为空 (may be empty)：未提供资产文件。")
    bounds = ("low", "high") if interval else ()
    fields = ("score", "grade", *bounds, "coverage", "scored", "planned", "why")
    columns = [
        Column("id", t("Name", "名称"), link=link),
        *score_columns(t, interval=interval),
        Column("scored", t("Scored", "已评分"), width=70, decimals=0),
        Column("planned", t("Planned", "规划"), width=75, decimals=0),
        why(t, reason),
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


def lowest_nodes(t: Tongue, *, width: int = 9, site: bool = True) -> Panel:
    """The twenty chosen nodes with the lowest score."""
    tags = '"id", "site"' if site else '"id"'
    # Grafana takes the twenty: InfluxDB's bottom() over a subquery costs seven times the subquery.
    query = latest("readiness", ("score", "grade"), NODE_SCORES, tags)
    columns = [
        Column(
            "id",
            t("Node", "节点"),
            link=links.node_link(t, links.UNIT_LINK),
        ),
        *([Column("site", t("Site", "站点"), width=105)] if site else []),
        *score_columns(t, interval=False),
    ]
    return listing(
        Face(
            id=21,
            title=t("Nodes with the lowest score", "评分最低的节点"),
            means=t(
                "The twenty chosen nodes with the lowest score. Silent nodes have no score and "
                "stand in a list of their own.",
                "所选节点中评分最低的二十个。静默节点没有评分，另有列表。",
            ),
            do=t(
                "Open one: its board names what costs the points.",
                "打开节点面板可查看失分原因。",
            ),
            empty=words.no_score(t),
            width=width,
            queries=[Rows(query)],
            now=True,
        ),
        columns,
        sort_by="score",
        limit=LOWEST,
        known="score",
    )
