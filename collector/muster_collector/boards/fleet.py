"""The fleet overview: how ready are we, what costs most, who is quiet, which machines are full."""

from __future__ import annotations

from muster_collector.boards.kit.board import Board, Strip
from muster_collector.boards.kit.influxql import SITES
from muster_collector.boards.kit.panels import Panel
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.shared import fullest, links, pipeline, places, scores, states
from muster_collector.boards.shared.scores import FLEET


def fleet(t: Tongue) -> Board:
    """The board."""
    return Board(
        name="fleet",
        about=t(
            "How ready the whole fleet is, what costs it most, and where to look first.",
            "整个机群的就绪度、失分最多之处，以及应首先查看的位置。",
        ),
        strips=[
            Strip(
                4,
                [
                    scores.score(t, FLEET),
                    scores.grade(t, FLEET, width=3),
                    scores.interval(t, FLEET),
                    scores.coverage(t, FLEET),
                    scores.members(t, FLEET, width=3),
                    states.now(t, width=6),
                ],
            ),
            Strip(9, [scores.history(t, FLEET), scores.pillars(t, FLEET), scores.lost(t, FLEET)]),
            Strip(10, [_worst_sites(t), places.lowest_nodes(t)]),
            Strip(9, [states.unwell(t), pipeline.rates(t, width=8), pipeline.missing(t, width=8)]),
            Strip(12, [fullest.busiest(t), fullest.fullest_memory(t), fullest.fullest_disk(t)]),
        ],
    )


def _worst_sites(t: Tongue) -> Panel:
    return places.places(
        t,
        id=20,
        title=t("Sites, worst first", "站点（最差在前）"),
        level="site",
        where=f'"id" =~ /^$site$/ AND {SITES}',
        width=15,
        link=links.site_link(t),
    )
