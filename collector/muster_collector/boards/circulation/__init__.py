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
            "Throughput by site, the busiest links, errors and drops, loss and round trips between "
            "sites.",
            "各站点吞吐量、最忙的链路、错误与丢弃、站点间的丢包与时延。",
        ),
        strips=[
            Strip(4, [traffic.now(t), traffic.faults_now(t), traffic.moved(t)]),
            Strip(9, [traffic.by_site(t, 10, "bytes_recv"), traffic.by_site(t, 11, "bytes_sent")]),
            Strip(10, [interfaces.fullest(t), interfaces.busiest(t), interfaces.faults(t)]),
            Strip(9, [paths.loss(t), paths.delay(t)]),
            Strip(9, [paths.there(t), paths.back(t)]),
        ],
    )
