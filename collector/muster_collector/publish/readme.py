"""The package's README, in English and Chinese: what it holds, how to check and rebuild it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from muster_collector.publish.calendar import Span
from muster_collector.publish.dictionary import RESOURCES, Resource
from muster_collector.publish.source import Source

DESCRIPTION = {
    "en": "How ready an edge fleet is, by unit and local day, with an interval and the share that"
    " was measured. Missing data is never a number: it widens the interval.",
    "zh": "边缘设施的就绪度，按单元和当地日期给出，附区间与已测占比。"
    "缺失数据不会被填补为数值，而会使区间变宽。",
}
SCORECARD = {
    "name": "scorecard",
    "profile": "data-resource",
    "title": "The method: pillars, indicators, weights, normalisation, grades",
    "title_zh": "方法：支柱、指标、权重、归一化与等级",
    "format": "json",
    "mediatype": "application/json",
    "encoding": "utf-8",
}
ABOUT = {
    "name": "readme",
    "profile": "data-resource",
    "title": "What this package holds",
    "title_zh": "本数据包说明",
    "format": "md",
    "mediatype": "text/markdown",
    "encoding": "utf-8",
}
LIMITS = {
    "en": (
        "Only what machines report is scored; everything else comes in as imported figures.",
        "A day without stored scores has no row. It is not zero.",
        "A text that looks like a formula begins with an apostrophe in CSV, not in Parquet.",
        "Parquet files have the same bytes with the same DuckDB (`datapackage.json` names it).",
    ),
    "zh": (
        "只对机器上报的内容评分，其余内容均为外部导入数据。",
        "没有得分的日期没有数据行，不等于零。",
        "CSV 中可能被电子表格当作公式的文本前加一个撇号；Parquet 保留原文。",
        "使用相同版本的 DuckDB 时，Parquet 文件逐字节一致（版本见 `datapackage.json`）。",
    ),
}


class Named(Protocol):
    """A licence."""

    @property
    def title(self) -> str:
        """Its name."""

    @property
    def path(self) -> str:
        """Its address."""


class Words(NamedTuple):
    """What the two halves say."""

    days: str
    method: str
    licence: str
    example: str
    check: str
    limits: str
    tables: str
    head: str


WORDS = {
    "en": Words(
        "Local days {first} to {last}, time zone {zone}.",
        "Method `{method}`, scorecard `{card}`: `scorecard.json` holds all of it.",
        "Licence: [{title}]({path}).",
        "**The estate is marked as an example: its sites are made up.**",
        "Check this folder, and rebuild it from the same store:",
        "Limits",
        "Tables",
        "| column | type | unit | meaning |",
    ),
    "zh": Words(
        "当地日期 {first} 至 {last}，时区 {zone}。",
        "方法 `{method}`，评分卡 `{card}`：全文见 `scorecard.json`。",
        "许可：[{title}]({path})。",
        "**该资产清单标明为示例：站点均为虚构。**",
        "校验本文件夹，并用同一数据库重新生成：",
        "限制",
        "数据表",
        "| 列 | 类型 | 单位 | 含义 |",
    ),
}


def page(source: Source, span: Span, command: str, licence: Named) -> str:
    """The whole page."""
    facts: dict[str, Any] = {
        "first": span.first,
        "last": span.last,
        "zone": span.zone.key,
        "method": source.card["method"],
        "card": source.card["id"],
        "title": licence.title,
        "path": licence.path,
    }
    lines: list[str] = []
    for lang in ("en", "zh"):
        lines += _half(source, lang, facts, command)
    return "\n".join(lines)


def _half(source: Source, lang: str, facts: dict[str, Any], command: str) -> Iterator[str]:
    words = WORDS[lang]
    name = source.estate.get("name" if lang == "en" else "name_zh") or "Muster"
    yield from (f"# {_plain(name)}", "", DESCRIPTION[lang], "")
    for line in (words.days, words.method, words.licence):
        yield f"- {line.format(**facts)}"
    if source.estate.get("example"):
        yield from ("", words.example)
    yield from ("", words.check, "", "```sh", "muster publish --check DIR", command, "```", "")
    yield from (f"## {words.limits}", "")
    yield from (f"- {limit}" for limit in LIMITS[lang])
    yield from ("", f"## {words.tables}", "")
    for resource in RESOURCES:
        yield from _table(resource, lang, words.head)


def _table(resource: Resource, lang: str, head: str) -> Iterator[str]:
    title = resource.en if lang == "en" else resource.zh
    yield from (f"### {resource.name}", "", title, "", head, "| --- | --- | --- | --- |")
    for column in resource.columns:
        meaning = column.en if lang == "en" else column.zh
        yield f"| {column.name} | {column.kind} | {column.unit} | {meaning} |"
    yield ""


def _plain(text: str) -> str:
    """A name on one line in which nothing is markup."""
    quiet = "".join(f"\\{c}" if c in "\\`*_{}[]<>#|!&" else c for c in text)
    return " ".join(quiet.split())
