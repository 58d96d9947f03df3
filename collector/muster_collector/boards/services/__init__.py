"""Digital services: what the probes find, against an objective; certificates; hosts that answer."""

from __future__ import annotations

from muster_collector.boards.kit.board import Board, Strip
from muster_collector.boards.kit.tongue import Tongue
from muster_collector.boards.services import causes, now, objective
from muster_collector.boards.shared import probes


def services(t: Tongue) -> Board:
    """The board."""
    return Board(
        name="services",
        about=t(
            "Whether services answer, how much of their error budget is left and how fast it is "
            "spent, and which certificates run out.",
            "服务是否应答、错误预算余量与消耗速度，以及即将到期的证书。",
        ),
        since="now-24h",
        strips=[
            Strip(4, [now.unreached(t), now.availability(t), now.least(t), now.soonest(t)]),
            Strip(8, [probes.worst(t, width=15), objective.burning(t)]),
            Strip(9, [objective.over_time(t), objective.delay(t)]),
            Strip(9, [causes.reasons(t), causes.certificates(t), probes.hosts(t, width=6)]),
        ],
    )
