"""The kinds of panel that boards are made of but tables, each with what every panel must have.

Every panel has a stable id, a description that says what it means and what to do, a unit, and a
text for "no data".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from grafana_foundation_sdk.builders import bargauge, stat, table, timeseries
from grafana_foundation_sdk.builders.common import (
    ReduceDataOptions,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.common import VizTextDisplayOptions as TextSize
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from muster_collector.boards.kit import style
from muster_collector.boards.kit.influxql import SOURCE, Query

NOW = "15m"
"""How far back "now" looks: older values are not shown as the present."""
HOUR_MS = 3_600_000
GAP_H = 3
"""Lines break where nothing came for so many hours.

Grafana has one number for all ranges, and points of 90 days are three hours apart.
"""
Panel = stat.Panel | bargauge.Panel | timeseries.Panel | table.Panel
P = TypeVar("P", stat.Panel, bargauge.Panel, timeseries.Panel, table.Panel)


@dataclass(frozen=True, slots=True)
class Face:
    """What every panel has: a stable id, its words, its queries, unit and width in 24ths.

    `means` and `do` become the description. `now` shows the last quarter of an hour, `back` the
    last "24h", whatever the board's range; `every` is the least interval of a query; `shift` leaves
    out the newest, still incomplete bucket; `points` are the most that a line may have.
    """

    id: int
    title: str
    means: str
    do: str
    empty: str
    width: int
    queries: Sequence[Query]
    unit: str = "none"
    decimals: int | None = None
    now: bool = False
    back: str = ""
    every: str = "1m"
    shift: str = ""
    points: int = 0
    limits: style.Limits = style.PLAIN_STEPS


def dress(panel: P, face: Face) -> P:
    """Put on what every panel has."""
    panel.id(face.id).title(face.title).span(face.width).datasource(SOURCE)
    panel.description(f"{face.means}\n\n{face.do}")
    panel.unit(face.unit).no_value(face.empty).interval(face.every)
    panel.thresholds(style.thresholds(face.limits))
    for query in face.queries:
        panel.with_target(query)
    if face.decimals is not None:
        panel.decimals(face.decimals)
    if face.now or face.back:
        panel.time_from(face.back or NOW).hide_time_override(True)
    if face.points:
        panel.max_data_points(face.points)
    if face.shift:
        panel.time_shift(face.shift).hide_time_override(True)
    return panel


def number(
    face: Face,
    *,
    named: bool = False,
    size: int | None = 36,
    texts: str = "",
    accents: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    limits: Mapping[str, style.Limits] | None = None,
    words: Mapping[str, Sequence[str]] | None = None,
    shades: Mapping[str, str] | None = None,
) -> stat.Panel:
    """A number to read from afar, of `size` pixels or, without, as large as it fits.

    `named` shows the names of the series, `texts` matches the fields that are words, `shades` are
    the colours of some. A series may have a colour (`accents`), a unit, limits, or words for 0, 1,
    2, ... of its own.
    """
    panel = dress(stat.Panel(), face).color_scheme(style.by_limits())
    reduce = ReduceDataOptions().calcs(["lastNotNull"]).values(False)
    panel.reduce_options(reduce.fields(texts))
    if size:
        panel.text(TextSize().value_size(size).title_size(min(24, max(14, size // 2))))
    panel.graph_mode(common.BigValueGraphMode.NONE).justify_mode(common.BigValueJustifyMode.CENTER)
    panel.color_mode(common.BigValueColorMode.VALUE).wide_layout(False)
    for name, color in (accents or {}).items():
        panel.override_by_name(name, [setting("color", style.fixed(color))])
    for name, unit in (units or {}).items():
        panel.override_by_name(name, [setting("unit", unit)])
    for name, steps in (limits or {}).items():
        panel.override_by_name(name, [setting("thresholds", style.steps_json(steps))])
    for name, texts_of in (words or {}).items():
        shown = {str(code): {"text": text} for code, text in enumerate(texts_of)}
        panel.override_by_name(name, [setting("mappings", [{"type": "value", "options": shown}])])
    if shades:
        seen = {word: {"color": color} for word, color in shades.items()}
        panel.override_by_regexp(texts, [setting("mappings", [{"type": "value", "options": seen}])])
    mode = common.BigValueTextMode.VALUE_AND_NAME if named else common.BigValueTextMode.VALUE
    return panel.text_mode(mode)


def bars(face: Face, *, top: float | None = 100) -> bargauge.Panel:
    """Horizontal bars, one for each series."""
    panel = dress(bargauge.Panel(), face).min(0).color_scheme(style.by_limits())
    if top is not None:
        panel.max(top)
    panel.reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).values(False))
    panel.orientation(common.VizOrientation.HORIZONTAL).show_unfilled(True)
    panel.display_mode(common.BarGaugeDisplayMode.BASIC)
    panel.value_mode(common.BarGaugeValueMode.TEXT)
    panel.text(TextSize().value_size(13).title_size(13))
    panel.name_placement(common.BarGaugeNamePlacement.LEFT)
    return panel.min_viz_height(14).max_viz_height(30).sizing(common.BarGaugeSizing.MANUAL)


def trend(
    face: Face,
    *,
    low: float | None = 0,
    high: float | None = None,
    colors: Mapping[str, str] | None = None,
    band: tuple[str, str] | None = None,
    stacked: bool = False,
    filled: bool = True,
    many: bool = False,
    gap_h: int = GAP_H,
) -> timeseries.Panel:
    """Lines over time, in `colors` by name or by /pattern/, the others by the limits of the face.

    `band` fills from one series down to another and hides their lines. `many` lines are named at
    the right with their last values, from the top down, so that nobody needs the colour to find
    one. Colours by limits change where a line passes one.
    """
    panel = dress(timeseries.Panel(), face).color_scheme(style.of_lines(face.limits))
    if low is not None:
        panel.min(low)
    if high is not None:
        panel.max(high)
    panel.line_width(2).fill_opacity(
        30 if stacked else 8 if filled and not band else 0
    ).insert_nulls(gap_h * HOUR_MS)
    panel.show_points(common.VisibilityMode.NEVER).axis_border_show(False)
    panel.legend(_legend(many=many, stacked=stacked))
    if face.limits is not style.PLAIN_STEPS:
        panel.gradient_mode(common.GraphGradientMode.SCHEME)
    elif many:
        for ending, hue in style.HUES.items():
            panel.override_by_regexp(ending, [setting("color", style.shaded(hue))])
    panel.tooltip(
        VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
    )
    if face.unit.startswith("suffix:"):
        # Grafana measures the axis without the suffix.
        panel.axis_width(72)
    if stacked:
        panel.override_by_regexp(
            ".*", [setting("custom.stacking", {"mode": "normal", "group": "A"})]
        )
    for name, color in (colors or {}).items():
        match = panel.override_by_regexp if name.startswith("/") else panel.override_by_name
        match(name, [setting("color", style.fixed(color))])
    if band:
        _draw_band(panel, *band)
    return panel


def _legend(*, many: bool, stacked: bool) -> VizLegendOptions:
    legend = VizLegendOptions().show_legend(True)
    if not many:
        place = common.LegendPlacement.BOTTOM
        return legend.display_mode(common.LegendDisplayMode.LIST).placement(place)
    legend.display_mode(common.LegendDisplayMode.TABLE).placement(common.LegendPlacement.RIGHT)
    # The database answers by name, and Grafana stacks from the ground up.
    return legend.calcs(["lastNotNull"]).sort_by("Name" if stacked else "Last *").sort_desc(True)


def rename(panel: P, names: Mapping[str, str]) -> P:
    """Show series under other names."""
    for name, shown in names.items():
        panel.override_by_name(name, [setting("displayName", shown)])
    return panel


def dots(panel: timeseries.Panel, names: Iterable[str]) -> timeseries.Panel:
    """Draw the series of these names as dots instead of lines."""
    for name in names:
        drawn = [("drawStyle", "points"), ("pointSize", 9), ("showPoints", "always")]
        panel.override_by_name(name, [setting(f"custom.{key}", value) for key, value in drawn])
    return panel


def setting(key: str, value: object) -> DynamicConfigValue:
    """One property of an override."""
    return DynamicConfigValue(id_val=key, value=value)


def _draw_band(panel: timeseries.Panel, upper: str, lower: str) -> None:
    edge: list[tuple[str, Any]] = [
        ("custom.lineWidth", 0),
        ("color", style.fixed(style.QUIET)),
        ("custom.hideFrom", {"legend": True, "tooltip": False, "viz": False}),
    ]
    panel.override_by_name(lower, [setting(*pair) for pair in [*edge, ("custom.fillOpacity", 0)]])
    fill = [*edge, ("custom.fillBelowTo", lower), ("custom.fillOpacity", 22)]
    panel.override_by_name(upper, [setting(*pair) for pair in fill])
