"""What NOC staff can tell of a node at a glance: one rule, for every door. Pure, times in ms.

With `limit` = three sampling intervals, at least two minutes, and what reports wait at the node:
- silent: nothing that is this node's has come for longer than `limit`;
- refused: it sends, but for longer than `limit` all of it was refused;
- late: what came last was sampled longer ago than `limit`, or a report that was made longer ago
  than that is still missing;
- healthy: everything else.
The first that is true counts, in this order.
"""

from __future__ import annotations

from typing import Literal

from muster_collector.ledger.nodes import Node

State = Literal["healthy", "late", "refused", "silent"]
STATES: tuple[State, ...] = ("healthy", "late", "refused", "silent")
"""The mildest first; in the store a state also stands as its position here (`state_code`)."""
INTERVALS, LEAST = 3, 120_000


def limit(every: float, wait: float = 0.0) -> int:
    """For how long (ms) a node may be quiet that samples every so many seconds.

    On a metered link its reports `wait` for each other for so many seconds.
    """
    return max(LEAST, int(INTERVALS * every * 1000)) + int(wait * 1000)


def heard(node: Node) -> int | None:
    """When something of it came last, whether it could be stored or not."""
    return max((t for t in (node.last_arrival, node.last_refused) if t), default=None)


def state(node: Node, now: int) -> State:
    """How it is with a node."""
    quiet, last = limit(node.every, node.wait), heard(node)
    if last is None or now - last > quiet:
        return "silent"
    stored = node.last_stored or 0
    if node.last_refused and now - stored > quiet and node.last_refused > stored:
        return "refused"
    sampled = node.last_report_ts or 0
    return "late" if now - sampled > quiet or _waits(node, now - quiet) else "healthy"


def _waits(node: Node, before: int) -> bool:
    """Whether a report that was sampled before that time is missing."""
    for account in list(node.accounts.values()):
        if spans := account.missing():
            ((_, stretch),) = account.place([("", spans[0])], node.every)
            if stretch.first < before:
                return True
    return False
