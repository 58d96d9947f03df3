"""Completeness: what was expected, what is stored, what is missing or lost, and where."""

from __future__ import annotations

from muster_collector.boards.kit import style, words
from muster_collector.boards.kit.board import Board, Strip
from muster_collector.boards.kit.influxql import BUCKET, HOSTS, Rows, Series, latest
from muster_collector.boards.kit.panels import Face, Panel, number, trend
from muster_collector.boards.kit.tables import Column, listing
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.shared import links, pipeline, reports, states

COUNTED = ("stored", "duplicate", "refused", "late", "lost", "missing")
"""Numbers of the accounts that can be added up."""


def completeness(t: Tongue) -> Board:
    """The board."""
    return Board(
        name="completeness",
        about=t(
            "Every report is stored, on its way, refused or lost with a reason: how many of each, "
            "and where; and how broker, collectors and database keep up.",
            "每份上报或已入库、或在途、或带原因被拒或丢失：各有多少、位于何处；"
            "以及消息代理、采集器与数据库是否跟得上。",
        ),
        since="now-24h",
        strips=[
            Strip(4, [_share(t), _totals(t), states.now(t, width=8, size=26)]),
            Strip(9, [reports.flow(t, width=12), pipeline.missing(t, width=12)]),
            Strip(10, [_sites(t), states.unwell(t, width=9)]),
            Strip(10, [_nodes(t), _quiet(t)]),
            Strip(7, [pipeline.collectors(t, width=15), pipeline.broker(t, width=9)]),
            Strip(
                9,
                [
                    pipeline.rates(t, width=8),
                    pipeline.latency(t, width=8),
                    pipeline.errors(t, width=8),
                ],
            ),
        ],
    )


def _share(t: Tongue) -> Panel:
    made = 'sum("stored") + sum("missing") + sum("lost") + sum("refused")'
    query = f'SELECT sum("stored") / ({made}) AS "share" FROM {reports.ACCOUNTS}'
    return number(
        Face(
            id=1,
            title=t("Complete", "完整率"),
            means=t(
                "Reports stored as a share of all that were made in the hours that ended in this "
                "time: stored, missing, lost and refused.",
                "在该时段内结束的各小时中，已入库上报占全部上报（已入库、缺失、丢失、被拒）的比例。",
            ),
            do=t(
                "Below 99.9 %: the table by site shows where, the reasons stand in "
                "`muster completeness`.",
                "低于 99.9%：站点表显示位置，原因见 `muster completeness`。",
            ),
            empty=reports.no_hour(t),
            width=4,
            queries=[Series(query)],
            unit="percentunit",
            decimals=2,
            limits=style.steps("complete"),
        ),
        size=40,
    )


def _totals(t: Tongue) -> Panel:
    names = {
        "stored": t("stored", "已入库"),
        "late": t("late", "迟到"),
        "duplicate": t("duplicate", "重复"),
        "refused": t("refused", "被拒"),
        "lost": t("lost", "丢失"),
        "missing": t("missing", "缺失"),
    }
    reads = ", ".join(f'sum("{field}") AS "{name}"' for field, name in names.items())
    return number(
        Face(
            id=2,
            title=t("Reports in this time", "该时段的上报"),
            means=t(
                "What became of the reports of the chosen nodes. Late ones are stored too; a "
                "duplicate was stored once.",
                "所选节点上报的去向。迟到者亦已入库；重复者只存一次。",
            ),
            do=t(
                "Lost: `muster completeness` has the reasons. Refused: `muster quarantine list`.",
                "丢失：原因见 `muster completeness`。被拒：见 `muster quarantine list`。",
            ),
            empty=reports.no_hour(t),
            width=12,
            queries=[Series(f"SELECT {reads} FROM {reports.ACCOUNTS}")],
            unit="locale",
            decimals=0,
        ),
        named=True,
        size=26,
        accents={
            names["stored"]: style.GOOD,
            names["refused"]: style.WARN,
            names["lost"]: style.BAD,
        },
    )


def _columns(t: Tongue) -> list[Column]:
    some = ((None, style.QUIET), (1.0, style.WARN))
    none = ((None, style.QUIET), (1.0, style.BAD))
    return [
        Column("stored", t("Stored", "已入库"), unit="locale", width=100, decimals=0),
        Column("late", t("Late", "迟到"), unit="locale", width=80, decimals=0),
        Column("missing", t("Missing", "缺失"), unit="locale", width=85, decimals=0, limits=some),
        Column("refused", t("Refused", "被拒"), unit="locale", width=85, decimals=0, limits=some),
        Column("lost", t("Lost", "丢失"), unit="locale", width=80, decimals=0, limits=none),
    ]


def _sites(t: Tongue) -> Panel:
    reads = ", ".join(f'sum("{field}") AS "{field}"' for field in COUNTED)
    link = links.site_link(t, links.SITE_LINK)
    return listing(
        Face(
            id=20,
            title=t("By site", "按站点"),
            means=t(
                "What became of the reports of each site in this time.",
                "该时段内各站点上报的去向。",
            ),
            do=t(
                "Much missing at one site: its uplink. Lost: its spools ran over, or nodes died.",
                "单个站点缺失多：检查上行链路。丢失：缓冲区溢出或节点损坏。",
            ),
            empty=reports.no_hour(t),
            width=15,
            queries=[Rows(f'SELECT {reads} FROM {reports.ACCOUNTS} GROUP BY "site"')],
        ),
        [Column("site", t("Site", "站点"), link=link), *_columns(t)],
        sort_by="lost",
        descending=True,
        hidden=("duplicate",),
    )


def _nodes(t: Tongue) -> Panel:
    inner = latest("completeness", ("silent_s",), HOSTS, '"host", "site"', by="missing")
    query = (
        f'SELECT top("missing", 20) AS "missing", "silent_s", "host", "site" FROM ({inner}) '
        'WHERE "missing" > 0'
    )
    lasting = words.lasting(t)
    columns = [
        Column("host", t("Node", "节点"), link=links.node_link(t)),
        Column("site", t("Site", "站点"), width=150, link=links.site_link(t, links.SITE_LINK)),
        Column("missing", t("Missing", "缺失"), unit="locale", width=110, decimals=0),
        Column("silent_s", t("Last heard", "距上次上报"), unit=lasting, width=110, decimals=0),
    ]
    return listing(
        Face(
            id=21,
            title=t("Nodes with the most missing", "缺失最多的节点"),
            means=t(
                "The twenty chosen nodes from which most reports are on their way. May be empty: "
                "nothing is missing.",
                "在途上报最多的二十个所选节点。可为空 (may be empty)：没有缺失。",
            ),
            do=t(
                "Missing for long while the node reports: `journalctl -u muster-agent` there.",
                "节点正常上报而长期缺失：在节点上查看 `journalctl -u muster-agent`。",
            ),
            empty=t("Nothing is missing", "没有缺失"),
            width=15,
            queries=[Rows(query)],
            now=True,
        ),
        columns,
        sort_by="missing",
        descending=True,
    )


def _quiet(t: Tongue) -> Panel:
    reads = f'{reports.an_hour("silent")} AS "s"'
    query = f'SELECT {reads} FROM {reports.ACCOUNTS} {BUCKET}, "site" fill(none)'
    return trend(
        Face(
            id=33,
            title=t("Reports not heard of, by site", "各站点无消息的上报"),
            means=t(
                "Reports an hour that were due while their nodes were silent: nobody knows "
                "whether they were made.",
                "每小时内节点静默期间应有的上报：是否产生无人知晓。",
            ),
            do=t(
                "A whole site at once: its uplink or power. One node: look at it there.",
                "整个站点同时出现：上行链路或供电。单个节点：现场检查。",
            ),
            empty=reports.no_hour(t),
            width=9,
            queries=[Series(query, alias="[[tag_site]]")],
            unit="short",
            every="1h",
            points=reports.STEPS,
            limits=((None, style.QUIET), (1.0, style.WARN)),
        ),
        filled=False,
        many=True,
    )
