"""What can happen to the collector: one function an event, each one log line and one counter.

Lines are `event key=value ...`; a state that lasts is said once when it begins and once when it
ends, and what every node can cause is counted always but said at most once in `QUIET` seconds.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from datetime import timedelta

from muster_collector import telemetry
from muster_wire.messages import ConfigState

log = logging.getLogger("muster_collector.ingest")
QUIET = 10.0

_states: dict[str, str] = {"backlog": "over"}
_said: dict[str, tuple[float, int]] = {}


def _state(name: str, value: str) -> bool:
    """Whether the state has changed."""
    changed = _states.get(name) != value
    _states[name] = value
    return changed


def broker_away(url: str, reason: str, role: str = "") -> None:
    """The broker cannot be reached, refuses, or went away; tried again for ever.

    `role` is what a connection is for, empty for the one that brings reports.
    """
    telemetry.BROKER_ERRORS.inc()
    if not role:
        telemetry.BROKER_CONNECTED.set(0)
    if _state(f"broker {role}", reason):
        log.warning("broker away url=%s%s reason=%r; trying again", url, _for(role), reason)


def broker_back(url: str, role: str = "") -> None:
    """The broker is connected."""
    if not role:
        telemetry.BROKER_CONNECTED.set(1)
    if _state(f"broker {role}", "connected"):
        log.info("broker connected url=%s%s", url, _for(role))


def _for(role: str) -> str:
    return f" for={role}" if role else ""


def subscription_refused(url: str, count: int, code: int) -> None:
    """The broker does not let this collector read."""
    telemetry.BROKER_ERRORS.inc()
    telemetry.BROKER_ERRORS.inc()
    if _state(f"{url} subscriptions", hex(code)):
        log.error(
            "broker refuses %d subscriptions url=%s code=%#x; check its ACL for this user",
            count,
            url,
            code,
        )


def qos_lowered(url: str) -> None:
    """The broker grants QoS 0 only, so it may drop what it could not deliver."""
    telemetry.BROKER_ERRORS.inc()
    if _state(f"{url} qos", "0"):
        log.warning(
            "broker grants QoS 0 only url=%s; what it drops is missed and asked for again,"
            " but other agents send nothing twice: raise its max_qos to 1",
            url,
        )


def ack_too_large(url: str, size: int) -> None:
    """An ack of this size is more than the broker says that it takes: it is left out."""
    telemetry.BROKER_ERRORS.inc()
    if _state(f"{url} packets", "small"):
        log.warning(
            "ack left out bytes=%d url=%s; the broker takes no packet as large: raise its limit",
            size,
            url,
        )


def standby(topic: str, holder: str, overlap: bool) -> None:
    """Another collector works on these partitions, or nobody has for too short a time."""
    if overlap:
        why = f"{holder} works on some of the same partitions under another client_id"
    else:
        why = f"{holder} is at work" if holder else "listening whether another one is at work"
    if _state(topic, why):
        log.info("standby lease=%s: %s", topic, why)


def lease_won(topic: str, term: int) -> None:
    """The lease is ours: this collector is at work from now on."""
    telemetry.LEASE_TERM.set(term)
    _state(topic, "won")
    log.info("lease won lease=%s term=%d", topic, term)


def taken_over(nodes: int, unknown: int) -> None:
    """The accounts of former owners are read; of some nodes none was left behind."""
    log.info("taken over accounts=%d nodes_without=%d", nodes, unknown)


def state_unreadable(fault: str) -> None:
    """What a former owner left of a node is of no use; its account begins at its oldest report."""
    log.warning("account left behind cannot be used: %s", fault)


def store_away(name: str, error: Exception) -> None:
    """A write failed; it is tried again for ever, and intake stops by itself meanwhile."""
    telemetry.STORE_ERRORS.inc()
    if _state(name, f"away: {str(error)[:100]}"):
        log.warning("store away: %s; the batch is kept and tried again", error)


def store_back(name: str) -> None:
    """A write succeeded."""
    if _states.get(name, "").startswith("away"):
        _states[name] = "here"
        log.info("store back: %s", name)


def backlog_begins(seconds: float) -> None:
    """Something was away for so long that the broker may have a backlog for us."""
    telemetry.CATCHING_UP.set(1)
    log.info(
        "behind away=%.0fs; the newest reports come first, what the broker kept follows", seconds
    )


def backlog_over() -> None:
    """The session that brings reports is at the present again."""
    telemetry.CATCHING_UP.set(0)
    log.info("caught up with the broker")


def backlog(missing: int, nodes: int, rate: float, seconds: float) -> None:
    """Many reports are missing: how many, and when that will be over (inf: not, as it goes)."""
    telemetry.BACKLOG_RATE.set(rate)
    telemetry.BACKLOG_SECONDS.set(seconds)
    if not missing:
        if _state("backlog", "over"):
            log.info("backlog over")
        return
    _states["backlog"] = "there"
    over = (
        "not getting less"
        if math.isinf(seconds)
        else f"over in {timedelta(seconds=round(seconds))}"
    )
    log.info("backlog missing=%d nodes=%d stored=%+.0f/s: %s", missing, nodes, rate, over)


def forgotten(name: str, count: int) -> None:
    """The embedded store deleted samples that were older than it keeps them."""
    telemetry.FORGOTTEN.inc(count)
    if count:
        log.info("forgotten store=%r samples=%d", name, count)


def ledger_failed(error: Exception) -> None:
    """A ledger transaction failed; nothing is acknowledged until it succeeds."""
    telemetry.LEDGER_ERRORS.inc()
    if _state("ledger", "failing"):
        log.error(
            "ledger failing reason=%s; nothing is acknowledged until it can be written", error
        )


def ledger_back() -> None:
    """A ledger transaction succeeded."""
    if _states.get("ledger") == "failing":
        _states["ledger"] = "here"
        log.info("ledger written again")


def refused(topic: str, reason: str, detail: str) -> None:
    """A message or a part of it was refused and is in quarantine (counted with its batch)."""
    if (hidden := _hidden(reason)) is not None:
        log.warning("refused reason=%s topic=%s: %s%s", reason, topic[:200], detail[:300], hidden)


def _hidden(about: str) -> str | None:
    """None when something was said lately; else the words for how often it was not said."""
    now = time.monotonic()
    last, hidden = _said.get(about, (-QUIET, 0))
    if now - last < QUIET:
        _said[about] = (last, hidden + 1)
        return None
    _said[about] = (now, 0)
    return f" (and {hidden} more since the last line)" if hidden else ""


def postponed(node: str) -> None:
    """A node sends more than is handled of one in a minute: not stored now, asked for later."""
    telemetry.MESSAGES.labels("postponed", "rate").inc()
    if (hidden := _hidden("postponed")) is not None:
        log.warning("postponed node=%s: more than [limits] reports_per_minute%s", node, hidden)


def elsewhere() -> None:
    """A message of a partition that another collector has by now; the node still holds it."""
    telemetry.MESSAGES.labels("elsewhere", "").inc()


def overflow(topic: str) -> None:
    """More came with QoS 0 than is in hand at most: dropped, the ledger will miss it."""
    telemetry.MESSAGES.labels("lost", "overflow").inc()
    refused(topic, "overflow", "sent with QoS 0 faster than it can be stored; use QoS 1")


def configured(state: ConfigState) -> None:
    """A node has applied or refused what the centre wanted of it."""
    telemetry.CONFIG_ANSWERS.labels(state.state).inc()
    if (hidden := _hidden("config")) is None:
        return
    level = logging.INFO if state.state == "applied" else logging.WARNING
    reason = f" reason={state.reason!r}" if state.reason else ""
    log.log(level, "config %s node=%s id=%r%s%s", state.state, state.node, state.id, reason, hidden)


def clock_wrong(node: str, shift: int) -> None:
    """A node's clock is wrong, or was: the reports that it dated are moved from now on."""
    telemetry.ERAS.inc()
    if (hidden := _hidden("clock")) is not None:
        log.warning("clock wrong node=%s reports_moved_by=%+.0fs%s", node, shift / 1000, hidden)


def our_clock(*, wrong: bool) -> None:
    """Most nodes say that this collector's clock is wrong, or no longer: nothing is moved then."""
    telemetry.OWN_CLOCK.set(wrong)
    if _state("clock", "wrong" if wrong else "right") and wrong:
        log.error(
            "this machine's clock is wrong, by most nodes' clocks; no report is moved: set it"
        )


def node_forgotten(node: str, *, forced: bool) -> None:
    """Somebody said that a node will not be back."""
    telemetry.NODES_FORGOTTEN.inc()
    log.info("node forgotten node=%s%s", node, " although it was alive" if forced else "")


def epoch_ended(node: str, epoch: int, lost: Mapping[str, int]) -> None:
    """An old epoch was closed; what it lost in all, by reason."""
    telemetry.EPOCHS_ENDED.inc()
    if (hidden := _hidden("epoch")) is not None:
        log.info("epoch ended node=%s epoch=%d lost=%s%s", node, epoch, dict(lost), hidden)
