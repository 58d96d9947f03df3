"""The collector's own counters, for Prometheus: declared here once, rendered for `/metrics`."""

from __future__ import annotations

from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Declared(NamedTuple):
    """A number, for the reference."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


DECLARED: list[Declared] = []


def counter(name: str, meaning: str, *labels: str) -> Counter:
    """Declare a number that only grows."""
    return Counter(_declare(name, "counter", labels, meaning), meaning, labels, registry=REGISTRY)


def gauge(name: str, meaning: str, *labels: str, of: str = "muster_collector_") -> Gauge:
    """Declare a number that is of now."""
    full = _declare(name, "gauge", labels, meaning, of=of)
    return Gauge(full, meaning, labels, registry=REGISTRY)


def histogram(name: str, meaning: str, buckets: tuple[float, ...]) -> Histogram:
    """Declare a distribution."""
    full = _declare(name, "histogram", (), meaning)
    return Histogram(full, meaning, buckets=buckets, registry=REGISTRY)


def _declare(
    name: str, kind: str, labels: tuple[str, ...], meaning: str, *, of: str = "muster_collector_"
) -> str:
    DECLARED.append(Declared(of + name, kind, labels, meaning))
    return of + name


MESSAGES = counter("messages", "Messages by what became of them and why", "outcome", "reason")
POINTS = counter("points", "Points written to the store, or refused", "outcome")
BASES = gauge("bases", "Nodes whose reports are told against one that is held here")
BASES_BYTES = gauge("bases_bytes", "Memory that these held reports take, about")
QUARANTINED = counter("quarantined", "Messages and points put into quarantine", "reason")
QUARANTINE_DROPPED = gauge("quarantine_dropped", "Oldest ones dropped from quarantine for space")
ACKS = counter("acks", "Acks sent to nodes")
STORE_ERRORS = counter("store_errors", "Writes that the store did not take and that were repeated")
FORGOTTEN = counter("forgotten_samples", "Samples that the embedded store keeps no longer")
LEDGER_ERRORS = counter("ledger_errors", "Ledger transactions that failed and were repeated")
BROKER_ERRORS = counter("broker_errors", "Connections to the broker that failed or were lost")
BROKER_CONNECTED = gauge("broker_connected", "1 while the broker is connected")
ACKS_DUE = gauge("acks_due", "Nodes that an ack is due to")
EPOCHS_ENDED = counter("epochs_ended", "Epochs closed because nothing came of them any more")
STATES = gauge("nodes_state", "Nodes by how it is with them, see Completeness", "state")
GAPS = gauge("nodes_with_gaps", "Nodes of which reports are missing now")
OLDEST_MISSING = gauge(
    "oldest_missing_seconds", "How long ago the oldest report that is missing now was sampled"
)
LEASE_TERM = gauge("lease_term", "The term that this collector holds the lease in, 0 without one")
BROKER = gauge("broker", "What the broker says of itself in $SYS", "number")
IN_HAND = gauge("in_hand", "Messages received that are not stored yet")
POINTS_IN_HAND = gauge("points_in_hand", "Points of those messages")
NODES = gauge("nodes", "Nodes known")
NODES_FORGOTTEN = counter("nodes_forgotten", "Nodes that were told to be forgotten")
ONLINE = gauge("nodes_online", "Nodes that are connected to the broker")
CONFIGS = gauge("nodes_config", "Nodes by what became of the configuration wanted last", "state")
CONFIG_ANSWERS = counter("config_answers", "Answers of nodes to what is wanted of them", "state")
CONFIG_REFUSED = gauge(
    "config_refused", "1 for each node that refused the configuration wanted last", "node", "id"
)
ERAS = counter("clock_eras", "Settings of wrong clocks found, whose reports are moved")
OWN_CLOCK = gauge("own_clock_wrong", "1 while most nodes' clocks say that ours is wrong")
OFFSETS = gauge("clock_offset_seconds", "Clocks furthest ahead (or behind: negative)", "node")
LOST = gauge("lost_reports", "Reports that are lost, by reason; late arrivals take away", "reason")
MISSING = gauge("missing", "Reports that are missing now")
CATCHING_UP = gauge(
    "catching_up", "1 while the broker has a backlog for us, beside which the present comes first"
)
ACKS_WAITING = gauge("acks_waiting", "Nodes that wait to be asked for what is missing")
BACKLOG_RATE = gauge("backlog_rate", "By how many reports a second `missing` falls")
BACKLOG_SECONDS = gauge(
    "backlog_seconds", "When nothing will be missing, as it falls now; +Inf when it does not"
)
OLDEST = gauge("oldest_unstored_seconds", "How long the oldest message in hand has waited")
ALERTS_FIRING = gauge("alerts_firing", "Alerts that fire now", "severity")
ALERT_CHANGES = counter("alert_changes", "Alerts that began to fire or ended", "rule", "state")
NOTIFICATIONS = counter("notifications", "Notifications by outcome", "receiver", "outcome")
ALERT_BOOK_ERRORS = counter("alert_book_errors", "Times that alerts.json could not be written")
BATCH_MESSAGES = histogram(
    "batch_messages", "Messages written together", (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)
)
WAIT_SECONDS = histogram(
    "wait_seconds", "From a batch's first message to the beginning of its writing", _SECONDS
)
WRITE_SECONDS = histogram("write_seconds", "From a batch to the store's confirmation", _SECONDS)
COMMIT_SECONDS = histogram("commit_seconds", "One ledger transaction", _SECONDS)
STORED_SECONDS = histogram("stored_seconds", "From arrival to stored and in the ledger", _SECONDS)


def render() -> bytes:
    """Prometheus text of all counters."""
    return generate_latest(REGISTRY)
