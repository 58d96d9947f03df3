"""Why there is no score, in one line, in English or Chinese."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from .scorecard import Node

Language = Literal["en", "zh"]


def indicator(language: Language, *, applies: bool) -> str:
    """An indicator that was not measured."""
    if language == "zh":
        return "无数据" if applies else "不适用"
    return "no data" if applies else "does not apply"


def level(language: Language, node: Node, coverage: float, short: Sequence[Node]) -> str:
    """A level whose `coverage` is below its rule; `short` are its parts without a score."""
    if language == "zh":
        names = "、".join(_zh(part) for part in short) or "无"
        return (
            f"覆盖率 {coverage:.0%}，低于“{_zh(node)}”所需的 {node.coverage:.0%}；"
            f"无评分的部分：{names}"
        )
    return (
        f"coverage {coverage:.0%} is below the {node.coverage:.0%} that {node.id} needs; "
        f"without a score: {', '.join(part.id for part in short) or 'none'}"
    )


def group(language: Language, rule: float, scored: int, planned: int) -> str:
    """A group of whose `planned` members too few have a score."""
    if language == "zh":
        if not planned:
            return "没有成员"
        return f"{planned} 个成员中有 {scored} 个有评分；有评分的成员须占规划权重的 {rule:.0%}"
    if not planned:
        return "no member"
    return (
        f"{scored} of {planned} members have a score; "
        f"those with {rule:.0%} of the planned weight must"
    )


def group_part(language: Language, rule: float, part: Node) -> str:
    """The same of one level of the card."""
    if language == "zh":
        return f"“{_zh(part)}”有评分的成员须占规划权重的 {rule:.0%}"
    return f"members with {rule:.0%} of the planned weight must have a score in {part.id}"


def _zh(node: Node) -> str:
    return node.title.zh or node.title.en
