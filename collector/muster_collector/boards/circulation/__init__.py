"""Data circulation: what the network carries, between whom, how well."""

from __future__ import annotations

from muster_collector.boards.circulation import interfaces, paths, traffic
from muster_collector.boards.kit.board import Board, Strip
from muster_collector.boards.kit.tongue import Tongue


def circulation(t: Tongue) -> Board:
    """The board."""
    return Board(
        name="circulation",
        about=t(
            "Throughput by district and site, the fullest links, errors and drops, loss and round "
            "trips between sites.",
            "各区县与站点吞吐量、利用率最高的链路、错误与丢弃、站点间的丢包与时延。",
        ),
        strips=[
            Strip(4, [traffic.now(t), traffic.faults_now(t), traffic.moved(t)]),
            Strip(9, [traffic.by_district(t, 12, "received"), traffic.by_district(t, 13, "sent")]),
            Strip(9, [traffic.by_site(t, 10, "received"), traffic.by_site(t, 11, "sent")]),
            Strip(10, [interfaces.fullest(t), interfaces.busiest(t), interfaces.faults(t)]),
            Strip(9, [paths.loss(t), paths.delay(t)]),
            Strip(9, [paths.there(t), paths.back(t)]),
        ],
    )
