"""Takes a ledger over from the collector that was at work before, and leaves one behind.

    owner:     store -> ledger file -> account, retained at the broker -> ack to the node
    successor: session taken from the owner -> accounts read -> ledger -> messages

Invariants: a node forgets a report only for an ack, and the ack follows the account that says the
same on one connection, so whoever reads the accounts knows all that a node was told; they are read
when the session is ours, which is when the owner's connection has ended, so none is added to them
meanwhile. An account is replaced by one of a later term, never by one of an earlier one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from muster_collector.ledger.account import Account
from muster_collector.ledger.file import (
    VERSION,
    Changes,
    account_of,
    account_row,
    node_of,
    node_row,
)
from muster_collector.ledger.nodes import MOST_EPOCHS, Ledger, Node
from muster_collector.ledger.slots import Booked
from muster_wire.codec import JSON, Encoded

INVENTORY = 9
"""The column of a node's row that its retained birth tells."""


def state(node: Node, term: int) -> Encoded:
    """The account of a node as it is left behind."""
    row = list(node_row(node))
    row[INVENTORY] = "{}"
    accounts = [account_row(account) for account in node.accounts.values()]
    text = json.dumps([VERSION, term, row, accounts], separators=(",", ":"))
    return Encoded(text.encode(), JSON)


def take_over(ledger: Ledger, states: Mapping[str, bytes], term: int) -> tuple[Changes, list[str]]:
    """Bring a ledger of `term` up to what later owners left behind.

    Returns what has to go into the ledger's file, and why some states were of no use. Accounts of
    which nothing was found begin anew at the node's oldest report, see `Account.foreign`.
    """
    changes, faults = Changes([], [], [], [], [], [], Booked({}, {}, ())), []
    unknown = dict(ledger.nodes)
    for name, payload in states.items():
        try:
            node = _newer(name, payload, term)
        except ValueError as error:
            faults.append(f"{name}: {error}")
            continue
        old = unknown.pop(name, None)
        if node is None:
            continue
        if old is not None:
            node.inventory = old.inventory
            changes.gone.extend((name, epoch) for epoch in old.accounts.keys() - node.accounts)
        ledger.nodes[name] = node
        changes.nodes.append(node_row(node))
        changes.accounts.extend(account_row(account) for account in node.accounts.values())
    for node in unknown.values():
        for account in node.accounts.values():
            account.foreign = True
    return changes, faults


def _newer(name: str, payload: bytes, term: int) -> Node | None:
    """The node in a state, None when what we have is as new."""
    try:
        _, of, row, accounts = json.loads(payload)
        if of <= term:
            return None
        node = node_of(_padded(row, node_row(Node(name, "", 0))))
        found = [_account(entry) for entry in accounts[:MOST_EPOCHS]]
    except (TypeError, IndexError, AttributeError, KeyError) as error:
        raise ValueError(f"not an account: {error!r}") from error
    if node.node != name or any(account.node != name for account in found):
        raise ValueError("says that it is of another node")
    node.accounts = {account.epoch: account for account in found}
    return node


def _account(row: list[Any]) -> Account:
    account = account_of(_padded(row, account_row(Account("", 0, 0))))
    if not -1 <= account.through <= account.highest:
        raise ValueError(f"through {account.through}, highest {account.highest}")
    return account


def _padded(row: list[Any], empty: tuple[Any, ...]) -> list[Any]:
    """A row as this version has it: an older one lacks columns at the end, as in the file."""
    return [*row, *empty[len(row) :]]
