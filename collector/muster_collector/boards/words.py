"""Names that several boards show: pillars, the parts of a score, the fate of reports."""

from __future__ import annotations

from muster_collector.boards.tongue import Tongue


def pillars(t: Tongue) -> dict[str, str]:
    """The pillars of the default scorecard by their ids; others are shown by their ids."""
    return {
        "compute": t("Compute", "算力"),
        "storage": t("Storage", "存储"),
        "circulation": t("Data circulation", "数据流通"),
        "services": t("Digital services", "数字服务"),
        "resilience": t("Resilience", "韧性"),
        "security": t("Security", "安全"),
    }


def no_score(t: Tongue) -> str:
    """What stands where a score would stand."""
    return t("No score yet", "尚无评分")


def healthy(t: Tongue) -> str:
    """A list of faults that has no fault."""
    return t("None", "无")
