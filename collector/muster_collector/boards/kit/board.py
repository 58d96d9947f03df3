"""Puts panels into a board and writes its JSON, the same bytes for the same source."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType

from muster_collector.boards.kit import words
from muster_collector.boards.kit.panels import Panel
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.kit.variables import variables

NAVIGATION = (
    "noc",
    "fleet",
    "readiness",
    "completeness",
    "circulation",
    "services",
    "capacity",
)
"""Boards that every board links to, with the time and the variables kept."""


@dataclass(frozen=True, slots=True)
class Strip:
    """Panels side by side, all `height` rows high, under an optional heading."""

    height: int
    panels: Sequence[Panel]
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Board:
    """One board in one language; `single` is the variable of which one value is chosen."""

    name: str
    about: str
    strips: Sequence[Strip]
    since: str = "now-6h"
    refresh: str = "30s"
    single: str = ""


def render(board: Board, t: Tongue) -> str:
    """The JSON of a board, with two spaces and sorted keys."""
    page = (
        dashboard.Dashboard(f"Muster · {words.boards(t)[board.name]}")
        .uid(t.uid(board.name))
        .description(board.about)
    )
    page.tags(["muster", t.code]).readonly().timezone("browser").time(board.since, "now")
    page.tooltip(DashboardCursorSync.CROSSHAIR).refresh(board.refresh)
    page.timepicker(dashboard.TimePicker().refresh_intervals(["5s", "30s", "1m", "5m", "15m"]))
    page.variables(list(variables(t, single=board.single)))
    page.links([_link(name, t) for name in NAVIGATION if name != board.name])
    heading = 1000
    for strip in board.strips:
        if strip.heading:
            heading += 1
            page.with_row(dashboard.Row(strip.heading).id(heading))
        for panel in strip.panels:
            page.with_panel(panel.height(strip.height))
    built = JSONEncoder().default(page.build())
    plain = json.loads(json.dumps(built, cls=JSONEncoder))
    return json.dumps(_finish(plain), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def _link(board: str, t: Tongue) -> dashboard.DashboardLink:
    title = words.boards(t)[board]
    link = dashboard.DashboardLink(title).type(DashboardLinkType.LINK).url(f"/d/{t.uid(board)}")
    return link.keep_time(True).include_vars(True).icon("dashboard")


def _finish(page: dict[str, Any]) -> dict[str, Any]:
    """What the SDK leaves undone: target letters, and options that Grafana's schema lacks."""
    for panel in page["panels"]:
        if panel["type"] == "table":
            panel["options"].pop("footer", None)
        for position, target in enumerate(panel.get("targets", [])):
            target["refId"] = chr(ord("A") + position)
    return page
