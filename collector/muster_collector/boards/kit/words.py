"""Names and limits that boards take from the shipped scorecard, so that there is one source."""

from __future__ import annotations

from muster_collector.boards.kit import style
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.shipped import card

BAND_COLORS = (style.BAD, style.POOR, style.WARN, style.FAIR, style.GOOD)
"""From the worst grade to the best."""
SIGNS = {"1": "", "percent": "%", "Cel": "°C"}
"""How units of the scorecard are written where not as they stand."""


def grades() -> style.Limits:
    """A colour for each grade band."""
    lowest_first = sorted(card()["band"], key=lambda band: float(band["at_least"]))
    limits = zip(lowest_first, BAND_COLORS, strict=True)
    return tuple((band["at_least"] or None, color) for band, color in limits)


def grade_colors() -> dict[str, str]:
    """The colour of each grade by its letter."""
    lowest_first = sorted(card()["band"], key=lambda band: float(band["at_least"]))
    return {band["grade"]: color for band, color in zip(lowest_first, BAND_COLORS, strict=True)}


def bands(t: Tongue) -> str:
    """The grades in words: "A from 90 (ready), ..."."""
    texts = [
        t(
            f"{band['grade']} from {band['at_least']} ({band['title']['en']})",
            f"{band['grade']}：{band['at_least']} 分起（{band['title']['zh']}）",
        )
        for band in card()["band"]
    ]
    return t(", ", "，").join(texts)


def pillars(t: Tongue) -> dict[str, str]:
    """The pillars' titles by their ids; those of other scorecards are shown by their ids."""
    return _titles("level", t)


def indicators(t: Tongue, *, units: bool = False) -> dict[str, str]:
    """The indicators' titles by their ids, with `units` followed by what they are measured in."""
    found = _titles("indicator", t)
    for key, entry in card()["indicator"].items() if units else ():
        unit = SIGNS.get(entry["unit"], entry["unit"])
        found[key] += f" ({unit})" if unit else ""
    return found


def boards(t: Tongue) -> dict[str, str]:
    """What the boards are called, by their names."""
    return {
        "noc": t("NOC wall", "值班大屏"),
        "fleet": t("Fleet overview", "机群总览"),
        "readiness": t("Readiness", "就绪度"),
        "site": t("Site", "站点"),
        "node": t("Node", "节点"),
        "completeness": t("Completeness", "完整性"),
        "circulation": t("Data circulation", "数据流通"),
        "services": t("Digital services", "数字服务"),
        "capacity": t("Capacity", "容量规划"),
    }


def lasting(t: Tongue) -> str:
    """The unit of seconds that may be weeks: Grafana writes "mins" and "weeks" in English only."""
    return t("s", "dtdhms")


def days(t: Tongue) -> str:
    """The unit of days that may be years, for the same reason."""
    return t("d", "suffix: 天")


def no_score(t: Tongue) -> str:
    """What stands where a score would stand."""
    return t("No score yet", "尚无评分")


def reasons(t: Tongue) -> dict[str, str]:
    """Why a place has no score, in Chinese: patterns of what the scorer says, and what is shown."""
    few = r"/^(\d+) of (\d+) members have a score; those with (\d+%) of the planned weight must$/"
    found = {few: "$2 个成员中 $1 个有评分；需达规划权重的 $3", "/^no member$/": "没有成员"}
    return found if t.code == "zh" else {}


def _titles(kind: str, t: Tongue) -> dict[str, str]:
    return {
        key: t(entry["title"]["en"], entry["title"]["zh"]) for key, entry in card()[kind].items()
    }
