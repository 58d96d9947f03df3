"""Readiness from region to site: scores, pillars over time, and what changed and why."""

from __future__ import annotations

from muster_collector.boards.kit import style, words
from muster_collector.boards.kit.board import Board, Strip
from muster_collector.boards.kit.influxql import SITES, Rows, Series
from muster_collector.boards.kit.panels import Face, Panel, rename, trend
from muster_collector.boards.kit.tables import Column, listing
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.shared import links, places, scores
from muster_collector.boards.shared.scores import FLEET
from muster_collector.boards.shared.targets import targets

STEPS = 240
"""Of lines over time: half as many as pixels, at half the cost for a month of many sites."""


def readiness(t: Tongue) -> Board:
    """The board."""
    return Board(
        name="readiness",
        about=t(
            "Regions, districts and sites by score; how each pillar moved; what changed and why.",
            "各大区、区县与站点的评分；各支柱的变化；变化及其原因。",
        ),
        since="now-24h",
        strips=[
            Strip(
                4,
                [
                    scores.score(t, FLEET, width=5),
                    scores.grade(t, FLEET),
                    scores.interval(t, FLEET, width=7),
                    scores.coverage(t, FLEET, width=4),
                    scores.members(t, FLEET),
                ],
            ),
            Strip(8, [_regions(t), _districts(t)]),
            Strip(10, [_sites(t), places.lowest_nodes(t)]),
            Strip(9, [_by_place(t), _by_pillar(t)]),
            Strip(7, [targets(t, width=24)]),
            Strip(10, [scores.why(t, FLEET, width=13), _changes(t)]),
        ],
    )


def _regions(t: Tongue) -> Panel:
    link = (
        t("Show only this region", "仅显示此大区"),
        t.link("readiness", region=links.UNIT_LINK),
    )
    return places.places(
        t,
        id=20,
        title=t("Regions, worst first", "大区（最差在前）"),
        level="region",
        where='"id" =~ /^$region$/',
        width=12,
        link=link,
        empty=True,
        interval=False,
        reason=130,
    )


def _districts(t: Tongue) -> Panel:
    link = (
        t("Show only this district", "仅显示此区县"),
        t.link("readiness", district=links.UNIT_LINK),
    )
    return places.places(
        t,
        id=23,
        title=t("Districts, worst first", "区县（最差在前）"),
        level="district",
        where='"region" =~ /^$region$/ AND "id" =~ /^$district$/',
        width=12,
        link=link,
        empty=True,
        interval=False,
        reason=130,
    )


def _sites(t: Tongue) -> Panel:
    return places.places(
        t,
        id=22,
        title=t("Sites, worst first", "站点（最差在前）"),
        level="site",
        where=f'"id" =~ /^$site$/ AND {SITES}',
        width=15,
        link=links.site_link(t),
    )


def _by_place(t: Tongue) -> Panel:
    query = (
        'SELECT mean("score") AS "score" FROM "readiness" WHERE "level" = \'site\' '
        f'AND "id" =~ /^$site$/ AND {SITES} AND $timeFilter '
        'GROUP BY time($__interval), "id" fill(none)'
    )
    return trend(
        Face(
            id=30,
            title=t("Sites over time", "站点走势"),
            means=t(
                "The score of each chosen site. A line that ends has no score from there on.",
                "所选各站点的评分。曲线中断表示此后没有评分。",
            ),
            do=t(
                "Many fall at once: look for a common cause. One falls: open the site.",
                "多个同时下降：查找共同原因。单个下降：打开该站点。",
            ),
            empty=words.no_score(t),
            width=12,
            queries=[Series(query, alias="[[tag_id]]")],
            points=STEPS,
            limits=words.grades(),
        ),
        low=0,
        high=100,
        filled=False,
        many=True,
    )


def _by_pillar(t: Tongue) -> Panel:
    query = (
        f'SELECT mean("score") AS "score" FROM "readiness_pillar" WHERE {FLEET.where} '
        'AND $timeFilter GROUP BY time($__interval), "pillar" fill(none)'
    )
    panel = trend(
        Face(
            id=31,
            title=t("Pillars of the fleet over time", "机群各支柱走势"),
            means=t("The fleet's score in each pillar.", "机群在各支柱的评分。"),
            do=t(
                "The pillar that fell names the kind of cause.",
                "下降的支柱指明原因的类别。",
            ),
            empty=words.no_score(t),
            width=12,
            queries=[Series(query, alias="$tag_pillar")],
            points=STEPS,
        ),
        low=None,
        filled=False,
        colors=dict(zip(words.pillars(t), style.PALETTE, strict=False)),
    )
    return rename(panel, words.pillars(t))


def _changes(t: Tongue) -> Panel:
    query = (
        'SELECT first("lost") AS "before", last("lost") AS "after", '
        'last("lost") - first("lost") AS "change" '
        f'FROM "readiness_indicator" WHERE {FLEET.where} AND $timeFilter GROUP BY "indicator"'
    )
    columns = [
        Column("indicator", t("Indicator", "指标"), texts=words.indicators(t)),
        Column("before", t("Lost before", "先前失分"), width=100, decimals=2),
        Column("after", t("Lost now", "当前失分"), width=90, decimals=2),
        Column(
            "change",
            t("More lost", "失分增加"),
            width=100,
            decimals=2,
            limits=style.steps("points_lost_more", calm=style.QUIET),
        ),
    ]
    return listing(
        Face(
            id=32,
            title=t("What changed in this time", "该时段的变化"),
            means=t(
                "Points that each indicator cost the fleet at the start and at the end of the "
                "chosen time.",
                "在所选时段开始与结束时各指标造成的机群失分。",
            ),
            do=t(
                "The first rows say why the score fell; `muster explain` splits it exactly.",
                "前几行说明评分下降的原因；`muster explain` 给出精确分解。",
            ),
            empty=words.no_score(t),
            width=11,
            queries=[Rows(query)],
        ),
        columns,
        sort_by="change",
        descending=True,
    )
