"""Tables: their columns, and how cells show what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.builders.common import TableSortByFieldState
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue

from muster_collector.boards.kit import style
from muster_collector.boards.kit.panels import Face, dress, setting

TIME = "Time"
"""The column that every answer begins with."""
NARROW = 90
"""Pixels that a column without a width has at least; Grafana's 150 push others out of sight."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table; `limits` colour cells in which something is wrong, or with `bar` bars.

    `empty` stands where a row has no value, `words` is for sentences, which wrap,
    `texts` are words for values, `colors` the colours of their cells; `link` is a title and an
    address; `patterns` are regular expressions and what stands for what matches them.
    """

    name: str
    title: str
    unit: str = "none"
    width: int | None = None
    decimals: int | None = None
    limits: style.Limits | None = None
    bar: bool = False
    link: tuple[str, str] | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    colors: Mapping[str, str] = field(default_factory=dict)
    empty: str = "–"
    words: bool = False
    patterns: Mapping[str, str] = field(default_factory=dict)


def listing(
    face: Face,
    columns: Sequence[Column],
    *,
    sort_by: str,
    descending: bool = False,
    limit: int = 0,
    hidden: Sequence[str] = (),
    known: str = "",
) -> table.Panel:
    """A table of these columns in this order.

    Left out are the time, if it is not named, `hidden` columns, and rows without the `known` one.
    """
    panel = dress(table.Panel(), face).color_scheme(style.by_limits())
    dated = any(column.name == TIME for column in columns)
    unwanted = hidden if dated else (TIME, *hidden)
    panel.with_transformation(
        DataTransformerConfig(
            id_val="organize",
            options={
                "excludeByName": dict.fromkeys(unwanted, True),
                "indexByName": {column.name: i for i, column in enumerate(columns)},
                "renameByName": {},
            },
        )
    )
    if known:
        panel.with_transformation(_only(known))
    panel.with_transformation(_sort(sort_by, descending=descending))
    if limit:
        panel.with_transformation(
            DataTransformerConfig(id_val="limit", options={"limitField": limit})
        )
    for column in columns:
        panel.override_by_name(column.name, list(_properties(column)))
    titles = {column.name: column.title for column in columns}
    shown = TableSortByFieldState().display_name(titles[sort_by]).desc(descending)
    return panel.sort_by([shown]).cell_height(common.TableCellHeight.SM)


def _sort(name: str, *, descending: bool = False) -> DataTransformerConfig:
    """Order rows by one field."""
    return DataTransformerConfig(
        id_val="sortBy", options={"fields": {}, "sort": [{"field": name, "desc": descending}]}
    )


def _only(name: str) -> DataTransformerConfig:
    """Leave out the rows in which one field is empty."""
    empty = {"fieldName": name, "config": {"id": "isNull", "options": {}}}
    return DataTransformerConfig(
        id_val="filterByValue", options={"type": "exclude", "match": "any", "filters": [empty]}
    )


def _properties(column: Column) -> list[DynamicConfigValue]:
    """The override of one column."""
    found: list[tuple[str, Any]] = [("displayName", column.title), ("unit", column.unit)]
    found.append(("noValue", column.empty))
    if column.words:
        found.append(("custom.align", "left"))
        found.append(("custom.wrapText", True))
    if column.width:
        found.append(("custom.width", column.width))
    else:
        found.append(("custom.minWidth", NARROW))
    if column.decimals is not None:
        found.append(("decimals", column.decimals))
    found += _look(column)
    if column.link:
        title, url = column.link
        found.append(("links", [{"title": title, "url": url, "targetBlank": False}]))
    if mappings := _mappings(column):
        found.append(("mappings", mappings))
    return [setting(*pair) for pair in found]


def _look(column: Column) -> Iterator[tuple[str, Any]]:
    """How its cells are drawn: as bars, on coloured ground, or plainly."""
    if column.texts:
        yield "custom.align", "left"
    if column.limits:
        grounds = tuple((value, style.ground(color)) for value, color in column.limits)
        yield "thresholds", style.steps_json(column.limits if column.bar else grounds)
    if column.bar:
        yield "custom.cellOptions", {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
        yield from (("min", 0), ("max", 1 if column.unit == "percentunit" else 100))
    elif column.limits or column.colors:
        yield "custom.cellOptions", {"type": "color-background", "mode": "basic"}


def _mappings(column: Column) -> list[dict[str, Any]]:
    """Words and colours that stand for values."""
    found: list[dict[str, Any]] = [
        {"type": "regex", "options": {"pattern": pattern, "result": {"text": text}}}
        for pattern, text in column.patterns.items()
    ]
    if column.bar:
        # No bar where there is no value: its end would stand at 0, in the colour of the worst.
        none = {"text": column.empty, "color": style.CLEAR}
        found.append({"type": "special", "options": {"match": "null", "result": none}})
    if column.texts:
        options = {value: {"text": text} for value, text in column.texts.items()}
        for value, color in column.colors.items():
            options[value]["color"] = style.ground(color)
        found.append({"type": "value", "options": options})
    return found
