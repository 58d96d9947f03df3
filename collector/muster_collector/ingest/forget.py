"""Forgets a node that will not be back: `muster nodes forget`.

What it sent stays in the database and in the ledger, so every range of the past says what it said.
From now on it is nobody: not silent, not scored, not listed; what was still missing of it is lost.
Its retained messages are taken from the broker. A report or a birth makes it a node again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from muster_collector.errors import AliveError, MusterError, UnknownNodeError
from muster_collector.ingest import events
from muster_collector.ingest.intake import Intake
from muster_collector.ledger import states
from muster_collector.ledger.nodes import Node
from muster_wire import topics
from muster_wire.codec import Encoded

RETAINED = ("birth", "status", "config/state")
"""What a node leaves at the broker; what `muster config` wanted of it is the operator's."""
NOTHING = Encoded(b"", "")


class Forgetting:
    """Does it; `retain` publishes retained, `leave` leaves an account for whoever takes over."""

    def __init__(
        self,
        intake: Intake,
        retain: Callable[[str, Encoded], bool],
        leave: Callable[[Node], bool],
    ) -> None:
        self._intake = intake
        self._retain = retain
        self._leave = leave

    async def forget(self, name: str, *, force: bool) -> dict[str, Any]:
        """Forget a node; what became of its reports in all.

        Raises `UnknownNodeError`, `AliveError` without `force`, `MusterError` when the broker does
        not take it; nothing is changed then. A ledger that cannot be written is waited for.
        """
        intake = self._intake
        async with intake.paper:
            node, now = intake.ledger.nodes.get(name), intake.clock()
            if node is None or node.forgotten is not None:
                raise UnknownNodeError(f"no node with the id {name[:80]!r}")
            if not force and node.online and states.state(node, now) != "silent":
                ago = (now - (states.heard(node) or now)) / 1000
                raise AliveError(
                    f"{name} is alive, it was heard {ago:.0f} s ago: stop its agent first, or"
                    " force it"
                )
            for kind in RETAINED:
                topic = topics.topic(node.site, name, kind, root=intake.root)
                if not self._retain(topic, NOTHING):
                    raise MusterError("the broker is not connected, so nothing was forgotten")
            heard = states.heard(node) or node.first_seen
            closed = node.forget(now)
            for account in closed:
                intake.desk.touch(node, account)
                intake.desk.timeline.changed(node, account)
            intake.desk.touch(node)
            intake.desk.timeline.touch(name, heard, now)
            await intake.commit(intake.desk.changes())
            self._leave(node)
            events.node_forgotten(name, forced=force)
        totals = node.totals
        return {
            "node": name,
            "site": node.site,
            "stored": totals.stored,
            "refused": totals.refused,
            "lost": totals.lost,
            "config": node.config.id if node.config else "",
        }
