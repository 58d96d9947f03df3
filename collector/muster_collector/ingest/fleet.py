"""What the collector knows of its nodes now: rebuilt from births and ledger, silent ones too."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from muster_collector import telemetry
from muster_collector.ingest import events
from muster_collector.ingest.other_ledgers import OtherLedgers
from muster_collector.ledger import states
from muster_collector.ledger.file import LedgerFile
from muster_collector.ledger.nodes import Ledger, Node
from muster_collector.ledger.periods import NodeAccount, Period
from muster_collector.ledger.slots import Sums

NodeInfo = Node
"""node, site, every, first_seen, last_report_ts, last_arrival, online, epoch, simulated, agent,
inventory, totals."""
Span = tuple[int, int]
BACKLOG = 1000
"""Missing reports from which on there is a line about them at each look."""
WORST = 10
"""Clocks that `/metrics` names."""


class Fleet:
    """A view of the ledger's nodes, which changes as messages come in."""

    def __init__(
        self, ledger: Ledger, file: LedgerFile, others: OtherLedgers | None = None
    ) -> None:
        self.others = others
        self._ledger = ledger
        self._file = file
        self._missing = (0, 0)

    def nodes(self) -> Collection[NodeInfo]:
        """All known nodes that nobody has told to forget."""
        return [node for node in self._ledger.nodes.values() if node.forgotten is None]

    def past(self, since: int) -> Collection[NodeInfo]:
        """Nodes that were forgotten after that time (ms)."""
        return [node for node in self._ledger.nodes.values() if (node.forgotten or 0) > since]

    def gone(self) -> Collection[str]:
        """The names of all that were forgotten."""
        return {node.node for node in self.past(0)}

    def node(self, name: str) -> NodeInfo | None:
        """One node."""
        return self._ledger.nodes.get(name)

    def periods(
        self,
        spans: Sequence[Span],
        now: int,
        node: str | None = None,
        others: Sequence[Mapping[str, Sums]] = (),
    ) -> Iterator[tuple[str, list[Period]]]:
        """Every node (or one) with its account of each range (ms); may be asked in any thread.

        Ranges must lie on the edges of rows, see `slots.widen`; `others` is what other ledgers
        booked in each of them. Raises `sqlite3.Error`.
        """
        sums = self._file.sums(spans, node)
        for booked, more in zip(sums, others, strict=False):
            for name, theirs in more.items():
                booked[name] = theirs.plus(booked.get(name))
        for info in list(self._ledger.nodes.values()):
            if node is None or info.node == node:
                about = NodeAccount(info, now)
                yield (
                    info.node,
                    [
                        about.period(start, end, booked.get(info.node))
                        for (start, end), booked in zip(spans, sums, strict=True)
                    ],
                )

    def state(self, info: NodeInfo, now: int) -> states.State:
        """How it is with a node: see `ledger.states`."""
        return states.state(info, now)

    @staticmethod
    def _clocks(nodes: Iterable[Node]) -> None:
        """Name the clocks that are furthest off."""
        telemetry.OFFSETS.clear()
        wrong = ((node.clock.wrong, node) for node in nodes)
        worst = heapq.nlargest(WORST, (pair for pair in wrong if pair[0]), key=lambda pair: pair[0])
        for _, node in worst:
            telemetry.OFFSETS.labels(node.node).set((node.clock.ms or 0.0) / 1000)

    def observe(self, now: int) -> None:
        """Bring the gauges up to date; `now` in ms."""
        nodes = self.nodes()
        telemetry.NODES.set(len(nodes))
        telemetry.ONLINE.set(sum(node.online for node in nodes))
        self._observe_configs(nodes)
        self._clocks(nodes)
        lost: Counter[str] = Counter()
        found: Counter[str] = Counter()
        missing, gaps, oldest = 0, 0, float(now)
        for node in nodes:
            totals = node.totals
            lost.update(totals.reasons)
            found[states.state(node, now)] += 1
            if totals.missing:
                missing += totals.missing
                gaps += 1
                oldest = min(oldest, NodeAccount(node, now).oldest_missing)
        telemetry.MISSING.set(missing)
        telemetry.GAPS.set(gaps)
        self._progress(missing, gaps, now)
        telemetry.OLDEST_MISSING.set((now - oldest) / 1000)
        for state in states.STATES:
            telemetry.STATES.labels(state).set(found[state])
        telemetry.LOST.clear()
        for reason, count in lost.items():
            telemetry.LOST.labels(reason).set(count)

    def _progress(self, missing: int, nodes: int, now: int) -> None:
        """How fast what is missing gets less since the last look."""
        before, self._missing = self._missing, (missing, now)
        rate = (before[0] - missing) * 1000 / max(1, now - before[1])
        seconds = missing / rate if rate > 0 else math.inf
        events.backlog(missing if missing >= BACKLOG else 0, nodes, rate, seconds if missing else 0)

    def _observe_configs(self, nodes: Collection[NodeInfo]) -> None:
        states = [node.config for node in nodes if node.config is not None]
        counts = Counter(state.state for state in states)
        for name in ("applied", "refused"):
            telemetry.CONFIGS.labels(name).set(counts[name])
        telemetry.CONFIG_REFUSED.clear()
        for state in states:
            if state.state == "refused":
                telemetry.CONFIG_REFUSED.labels(state.node, state.id).set(1)
