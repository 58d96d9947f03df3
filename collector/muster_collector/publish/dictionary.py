"""The open-data package's resources: every column's name, type, unit and meaning, in en and zh."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["string", "integer", "number", "date"]


class Column(NamedTuple):
    """One column; `unit` is empty for texts and dates."""

    name: str
    kind: Kind
    unit: str
    en: str
    zh: str


class Resource(NamedTuple):
    """One table, ordered by `key`, which is unique and never empty."""

    name: str
    en: str
    zh: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    foreign: tuple[str, ...] = ()
    """Columns that name a row of `places`."""


DATE = Column("date", "date", "", "Local day of the estate's time zone", "资产时区的当地日期")
LEVEL = Column(
    "level",
    "string",
    "",
    "fleet, region, district, site or node",
    "层级：全网、区域、区、站点或节点",
)
ID = Column("id", "string", "", "Id of the unit within its level", "单元在该层级内的标识")
METHOD = Column(
    "method",
    "string",
    "",
    "Id (content hash) of the scorecard that made the number",
    "得出该数值的评分卡标识（内容哈希）",
)
SCORE = (
    Column(
        "score",
        "number",
        "points",
        "Mean score of the day's windows, 0 to 100; empty: no score",
        "当日各窗口得分的均值，0 至 100；空值表示没有得分",
    ),
    Column(
        "low",
        "number",
        "points",
        "Mean of the score if all that is missing were worst",
        "假设缺失数据均为最差时得分的均值",
    ),
    Column(
        "high",
        "number",
        "points",
        "Mean of the score if all that is missing were best",
        "假设缺失数据均为最好时得分的均值",
    ),
    Column(
        "coverage",
        "number",
        "share",
        "Mean share of the planned weight that was measured, 0 to 1",
        "计划权重中已测部分的平均占比，0 至 1",
    ),
)
WINDOWS = (
    Column("windows", "integer", "windows", "Windows that had a score", "有得分的窗口数"),
    Column("expected", "integer", "windows", "Windows that the day has", "当日应有的窗口数"),
)
NAMES = (
    Column("name", "string", "", "English name, free text", "英文名称（自由文本）"),
    Column("name_zh", "string", "", "Chinese name, free text", "中文名称（自由文本）"),
)

PLACES = Resource(
    "places",
    "The units that numbers are about, from the estate in force",
    "各数值所对应的单元，取自现行资产清单",
    ("level", "id"),
    (
        LEVEL,
        ID,
        *NAMES,
        Column("district", "string", "", "District that a site lies in", "站点所在的区"),
        Column("region", "string", "", "Region that a district lies in", "该区所属区域"),
        Column("sector", "string", "", "Sector that a site serves", "站点服务的行业"),
        Column("lat", "number", "degrees", "Latitude, WGS 84", "纬度（WGS 84）"),
        Column("lon", "number", "degrees", "Longitude, WGS 84", "经度（WGS 84）"),
        Column("planned", "integer", "nodes", "Nodes planned at a site", "站点计划节点数"),
    ),
)
READINESS = Resource(
    "readiness",
    "Readiness by level, unit and day",
    "按层级、单元和日期的就绪度",
    ("date", "level", "id", "method"),
    (
        DATE,
        LEVEL,
        ID,
        *SCORE,
        Column("grade", "string", "", "Grade by the scorecard in force", "现行评分卡给出的等级"),
        Column("least", "number", "points", "Lowest score of a window", "窗口最低得分"),
        Column("most", "number", "points", "Highest score of a window", "窗口最高得分"),
        Column(
            "scored",
            "integer",
            "members",
            "Members with a score at the day's end",
            "日终有得分的成员数",
        ),
        Column(
            "planned", "integer", "members", "Members planned at the day's end", "日终计划成员数"
        ),
        *WINDOWS,
        METHOD,
    ),
    ("level", "id"),
)
PILLARS = Resource(
    "pillars",
    "Pillars of readiness by level, unit and day",
    "按层级、单元和日期的就绪度支柱",
    ("date", "level", "id", "pillar", "method"),
    (
        DATE,
        LEVEL,
        ID,
        Column("pillar", "string", "", "Pillar's id in the scorecard", "评分卡中支柱的标识"),
        *SCORE,
        *WINDOWS,
        METHOD,
    ),
    ("level", "id"),
)
COMPLETENESS = Resource(
    "completeness",
    "What became of the reports of each site's nodes, by day",
    "各站点节点每日上报数据的去向",
    ("date", "site"),
    (
        DATE,
        Column("site", "string", "", "Id of the site", "站点标识"),
        Column("nodes", "integer", "nodes", "Nodes that the collector knew", "采集器已知的节点数"),
        Column(
            "expected",
            "integer",
            "reports",
            "Reports that there should be: stored, refused, lost, missing, down and silent",
            "应有的报告数：已入库、被拒绝、确认丢失、未到达、停机与静默之和",
        ),
        Column("stored", "integer", "reports", "Reports stored", "已入库的报告数"),
        Column("duplicate", "integer", "reports", "Reports that came again", "重复的报告数"),
        Column("refused", "integer", "reports", "Reports refused", "被拒绝的报告数"),
        Column("late", "integer", "reports", "Stored reports that came late", "迟到入库的报告数"),
        Column("lost", "integer", "reports", "Reports given up for good", "确认丢失的报告数"),
        Column(
            "missing",
            "integer",
            "reports",
            "Reports that were made and have not arrived",
            "已生成但尚未到达的报告数",
        ),
        Column(
            "down",
            "integer",
            "reports",
            "Reports never made, since the node was down",
            "节点停机期间未生成的报告数",
        ),
        Column(
            "silent",
            "integer",
            "reports",
            "Reports due since the node was last heard",
            "自节点最后一次上报以来应有的报告数",
        ),
    ),
)
TARGETS = Resource(
    "targets",
    "Dated targets as they stood at the end of the last day",
    "截至最后一日的目标进展",
    ("level", "id", "part", "due"),
    (
        Column(
            "level",
            "string",
            "",
            "Level of the unit, or imported",
            "单元层级，或 imported（外部数据）",
        ),
        Column(
            "id",
            "string",
            "",
            "Id of the unit or of the imported indicator",
            "单元或外部指标的标识",
        ),
        Column(
            "part",
            "string",
            "",
            "overall, a pillar, or value",
            "overall（总分）、支柱，或 value（数值）",
        ),
        *NAMES,
        Column("target", "number", "see unit", "What should be reached", "目标值"),
        Column("unit", "string", "", "Unit of target, value and gap", "目标值、现值和差距的单位"),
        Column("due", "date", "", "Day by which it should be reached", "目标日期"),
        Column(
            "status",
            "string",
            "",
            "reached, on course, at risk, behind, missed or unknown",
            "状态：已达成、按期、有风险、落后、未达成或未知",
        ),
        Column("value", "number", "see unit", "Newest daily score or figure", "最新的日得分或数值"),
        Column(
            "gap",
            "number",
            "see unit",
            "Still to go; below 0 when passed",
            "差距；小于 0 表示已超过",
        ),
        Column("pace_needed", "number", "unit per day", "Gap by the days left", "所需的日均进度"),
        Column("pace_seen", "number", "unit per day", "Pace of the days so far", "目前的日均进度"),
        Column(
            "earliest",
            "date",
            "",
            "Begin of the interval that holds the arrival (80 %)",
            "达成日期区间的开始（80 %）",
        ),
        Column(
            "likely", "date", "", "Day by which arrival is as likely as not", "达成概率过半的日期"
        ),
        Column(
            "latest",
            "date",
            "",
            "End of that interval; empty: never or unknown",
            "该区间的结束；空值表示无法达成或未知",
        ),
        Column(
            "probability", "number", "share", "Probability of arriving in time", "按期达成的概率"
        ),
        Column(
            "days",
            "integer",
            "figures",
            "Days or figures that it rests on",
            "所依据的天数或数据个数",
        ),
        Column("as_of", "date", "", "Day of the newest figure", "最新数据的日期"),
        Column("source", "string", "", "Where figures come from", "数据来源"),
    ),
)
FIGURES = Resource(
    "figures",
    "Figures imported from outside",
    "外部导入的数据",
    ("indicator", "source", "date"),
    (
        Column("indicator", "string", "", "Id of the indicator", "指标标识"),
        Column("source", "string", "", "Who published it", "发布者"),
        Column("date", "date", "", "Last day that it stands for", "数据所指时段的最后一日"),
        Column("value", "number", "see unit", "The figure", "数值"),
        Column("unit", "string", "", "Its unit", "单位"),
    ),
)
RESOURCES = (PLACES, READINESS, PILLARS, COMPLETENESS, TARGETS, FIGURES)
