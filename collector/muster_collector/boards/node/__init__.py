"""One node: use, waiting and errors of each resource, and why its score is what it is."""

from __future__ import annotations

from muster_collector.boards.kit.board import Board, Strip
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.node import agent, compute, network, now, storage
from muster_collector.boards.node.plots import HOST
from muster_collector.boards.shared import probes, scores
from muster_collector.boards.shared.scores import NODE


def node(t: Tongue) -> Board:
    """The board."""
    return Board(
        name="node",
        about=t(
            "One node: how ready it is and why, and each resource by use, waiting and errors.",
            "单个节点：就绪度及其原因，以及各资源的使用、等待与错误。",
        ),
        single="node",
        strips=[
            Strip(
                4,
                [
                    scores.score(t, NODE),
                    scores.grade(t, NODE, width=3),
                    scores.interval(t, NODE, width=4),
                    scores.coverage(t, NODE),
                    now.uptime(t),
                    now.silence(t),
                    now.place(t),
                ],
            ),
            Strip(
                9,
                [
                    scores.history(t, NODE, hosts=HOST),
                    scores.pillars(t, NODE),
                    scores.lost(t, NODE),
                ],
            ),
            Strip(9, [scores.why(t, NODE, width=14), agent.reports(t)]),
            Strip(8, [compute.cpu(t), compute.load(t), compute.pressure(t)], t("Compute", "算力")),
            Strip(
                8,
                [storage.memory(t), storage.disk(t), storage.disk_rate(t), storage.disk_busy(t)],
                t("Memory and storage", "内存与存储"),
            ),
            Strip(8, [network.network(t), network.network_errors(t)], t("Network", "网络")),
            Strip(
                7,
                [
                    probes.worst(t, width=15, where=HOST, id=60),
                    probes.hosts(t, width=9, where=HOST, id=61),
                ],
                t("Services and hosts that this node asks", "该节点探测的服务与主机"),
            ),
            Strip(
                6,
                [agent.now(t), agent.metered(t), agent.waiting(t)],
                t("Agent and machine", "代理与设备"),
            ),
            Strip(3, [agent.machine(t)]),
        ],
    )
