"""What the monthly report says, in English and in Chinese; `{}` are filled by the page."""

from __future__ import annotations

import datetime as dt

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip

EN = {
    "title": "Readiness report",
    "example": "Example estate: the sites are made up.",
    "partial": "The month is not over: these are its days up to {last}.",
    "empty": "No score is stored for any day of this month.",
    "empty_more": "So this report shows no number. It does not mean that readiness was zero.",
    "summary": "Score of the fleet",
    "interval": "Interval if what is missing were worst or best",
    "coverage": "Measured share of the plan",
    "scored_days": "Days with a score",
    "of": "{n} of {all}",
    "since": "Since the month before",
    "no_former": "no score in the month before",
    "daily": "Score by day, with its interval",
    "change": "What moved the score",
    "change_lead": "From {before} in the window that ended {from_} to {after} in the one that ended"
    " {to}. The parts sum to the change, {sum} points.",
    "no_change": "No split can be made: {why}.",
    "no score at both times": "there is no score at both ends, or the measurements are older than"
    " the store keeps",
    "coverage_part": "Data that came or went",
    "members_part": "Nodes that joined, left or weigh differently",
    "others": "{n} other indicators",
    "points": "points",
    "pillars": "Pillars",
    "districts": "Districts",
    "name": "Name",
    "score": "Score",
    "range": "Score and interval, 0 to 100",
    "month": "Month",
    "sites_scored": "Sites",
    "measured": "Measured",
    "gained": "Gain",
    "worst": "Lowest sites",
    "improved": "Most improved sites",
    "none_worst": "No site has a score this month.",
    "none_improved": "No site gained since the month before, or none has a score in both months.",
    "targets": "Targets",
    "no_targets": "The estate sets no targets.",
    "target": "Target",
    "due": "Due",
    "now": "Now",
    "gap": "Gap",
    "pace": "Pace seen / needed, a month",
    "likely": "Likely date (80\u00a0%)",
    "chance": "In time",
    "status": "Status",
    "reached": "reached",
    "on course": "on course",
    "at risk": "at risk",
    "behind": "behind",
    "missed": "missed",
    "unknown": "unknown",
    "never": "not in sight",
    "completeness": "Completeness",
    "complete_lead": "Of {expected} reports that were due {stored} were stored, {late} of them"
    " late. {lost} were lost for good, {refused} refused, {missing} have not arrived; {absent} were"
    " never made or not heard of (node down or silent). {duplicate} came twice and count once.",
    "complete_plot": "Reports by day: stored, and on top those that were due and are not there",
    "no_reports": "The store holds no account of reports for this month.",
    "unmeasured": "What is not measured",
    "unmeasured_plan": "{share} of the planned weight was not measured. It is in the interval, not"
    " in the score.",
    "unmeasured_pillars": "Pillars without any score this month: {names}.",
    "unmeasured_sites": "Sites without any score this month: {n} ({names}).",
    "more": "and {n} more",
    "unmeasured_rest": "What no machine reports (people, revenue, policy) is not in the score; it"
    " enters as imported figures, each with its source.",
    "unmeasured_days": "Days of the month without a score: {n}. They are gaps, not zeros.",
    "method": "Method",
    "method_text": "Scorecard {card}, version {version}, method {id}. A month's score is the mean"
    " of its scored windows; days are local days of {zone}. Only numbers of this method are shown.",
    "rebuild": "The same numbers as open data",
    "sep": ", ",
}
ZH = {
    "title": "就绪度月报",
    "example": "示例资产清单：站点均为虚构。",
    "partial": "本月尚未结束：以下为截至{last}的数据。",
    "empty": "本月没有任何一天存有得分。",
    "empty_more": "因此本报告不给出任何数值。这并不表示就绪度为零。",
    "summary": "全网得分",
    "interval": "缺失数据按最差或最好计的区间",
    "coverage": "计划中已测占比",
    "scored_days": "有得分的天数",
    "of": "{n} / {all}",
    "since": "较上月",
    "no_former": "上月没有得分",
    "daily": "每日得分及其区间",
    "change": "得分变化的来源",
    "change_lead": "截至{from_}的窗口得分为 {before}，截至{to}的窗口得分为 {after}。"
    "各部分之和即为变化：{sum} 分。",
    "no_change": "无法分解：{why}。",
    "no score at both times": "两端并非都有得分，或测量数据已超出保存期限",
    "coverage_part": "数据的出现或缺失",
    "members_part": "节点的加入、退出或权重变化",
    "others": "其他 {n} 项指标",
    "points": "分",
    "pillars": "支柱",
    "districts": "各区",
    "name": "名称",
    "score": "得分",
    "range": "得分与区间（0 至 100）",
    "month": "本月走势",
    "sites_scored": "站点",
    "measured": "已测",
    "gained": "变化",
    "worst": "得分最低的站点",
    "improved": "进步最大的站点",
    "none_worst": "本月没有站点得分。",
    "none_improved": "没有站点较上月进步，或没有站点两个月均有得分。",
    "targets": "目标",
    "no_targets": "资产清单未设目标。",
    "target": "目标值",
    "due": "期限",
    "now": "现值",
    "gap": "差距",
    "pace": "每月进度 实际\u00a0/\u00a0所需",
    "likely": "可能达成日期 （80\u00a0%）",
    "chance": "按期概率",
    "status": "状态",
    "reached": "已达成",
    "on course": "按期",
    "at risk": "有风险",
    "behind": "落后",
    "missed": "未达成",
    "unknown": "未知",
    "never": "暂无预期",
    "completeness": "数据完整性",
    "complete_lead": "应有 {expected} 份报告，已入库 {stored} 份，其中 {late} 份迟到。"
    "确认丢失 {lost} 份，拒绝 {refused} 份，尚未到达 {missing} 份；"
    "另有 {absent} 份因节点停机或静默未收到。重复 {duplicate} 份（只计一次）。",
    "complete_plot": "每日报告数：已入库，顶部为应有而未入库",
    "no_reports": "数据库中没有本月的报告台账。",
    "unmeasured": "未测内容",
    "unmeasured_plan": "计划权重中有 {share} 未测。它体现在区间中，不计入得分。",
    "unmeasured_pillars": "本月没有得分的支柱：{names}。",
    "unmeasured_sites": "本月没有得分的站点共 {n} 个：{names}。",
    "more": "以及另外 {n} 个",
    "unmeasured_rest": "机器无法上报的内容（人员、营收、政策）不计入得分，"
    "而作为注明来源的外部数据导入。",
    "unmeasured_days": "本月有 {n} 天没有得分。这是空缺，不是零。",
    "method": "方法",
    "method_text": "评分卡 {card}，版本 {version}，方法 {id}。月得分为有得分窗口的均值；"
    "日期为 {zone} 的当地日期。只展示由该方法得出的数值。",
    "rebuild": "同一数值的开放数据",
    "sep": "、",
}
WORDS = {"en": EN, "zh": ZH}


def month(day: dt.date, lang: str) -> str:
    """A month's name with its year."""
    return f"{day.year}年{day.month}月" if lang == "zh" else f"{MONTHS[day.month - 1]} {day.year}"


def date(day: dt.date, lang: str) -> str:
    """A day, short."""
    if lang == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {MONTHS[day.month - 1][:3]} {day.year}"
