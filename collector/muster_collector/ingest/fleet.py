"""What the collector knows of its nodes now: rebuilt from births and ledger, silent ones too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from muster_collector import telemetry
from muster_collector.ledger.nodes import Ledger, Node

NodeInfo = Node
"""node, site, every, first_seen, last_report_ts, last_arrival, online, epoch, simulated, agent,
inventory, totals."""


class Fleet:
    """A view of the ledger's nodes, which changes as messages come in."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def nodes(self) -> Collection[NodeInfo]:
        """All known nodes."""
        return self._ledger.nodes.values()

    def observe(self) -> None:
        """Bring the gauges up to date."""
        nodes = self.nodes()
        telemetry.NODES.set(len(nodes))
        telemetry.ONLINE.set(sum(node.online for node in nodes))
        self._observe_configs(nodes)
        lost: Counter[str] = Counter()
        missing = 0
        for node in nodes:
            totals = node.totals
            missing += totals.missing
            lost.update(totals.reasons)
        telemetry.MISSING.set(missing)
        for reason, count in lost.items():
            telemetry.LOST.labels(reason).set(count)

    def _observe_configs(self, nodes: Collection[NodeInfo]) -> None:
        states = [node.config for node in nodes if node.config is not None]
        counts = Counter(state.state for state in states)
        for name in ("applied", "refused"):
            telemetry.CONFIGS.labels(name).set(counts[name])
        telemetry.CONFIG_REFUSED.clear()
        for state in states:
            if state.state == "refused":
                telemetry.CONFIG_REFUSED.labels(state.node, state.id).set(1)
