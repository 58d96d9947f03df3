"""The account of a node whose agent numbers nothing: what can be known is where its time has gaps.

Time is cut into slots of `every`, centred on the first sample's phase, so that jitter of less than
half a slot does no harm. A slot is to such a node what a seq is to ours: settled when something of
it is stored, missing when later ones came, and lost as a "gap" when it is an hour old and did not
come out of the agent's own buffer. That a slot is there says nothing about how much of it is.

The epoch of such an account holds how its slots are cut: `every` above, the phase below, in ms.
"""

from __future__ import annotations

from muster_collector.ledger import states
from muster_collector.ledger.account import Account
from muster_collector.ledger.nodes import EPOCH_GRACE, Node

GAP = "gap"
_PHASE = 32


def slot(node: Node, time: int, every: float) -> tuple[Account, int]:
    """The account and the slot of a sample (ms); a new `every` (s) begins a new account."""
    length = round(every * 1000)
    if node.epoch is None or node.epoch >> _PHASE != length:
        node.epoch = (length << _PHASE) + time % length
    number = _slot(node.epoch, time)
    return node.account(node.epoch, number), number


def close_gaps(node: Node, now: int) -> Account | None:
    """Give up what is missing for an hour, and see who is gone; the account, if it changed."""
    if now - (node.last_arrival or 0) > states.limit(node.every):
        node.online = False
    account = node.accounts.get(node.epoch) if node.epoch is not None else None
    if account is None or account.through == account.highest:
        return None
    before = account.through
    last = min(_slot(account.epoch, now - EPOCH_GRACE), account.highest)
    account.declare([(before + 1, last, GAP)], last + 1)
    return account if account.through != before else None


def _slot(epoch: int, time: int) -> int:
    length, phase = epoch >> _PHASE, epoch & (1 << _PHASE) - 1
    return (time - phase + length // 2) // length
