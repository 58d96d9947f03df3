"""The collector's own counters, for Prometheus: declared here once, rendered for `/metrics`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry()
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(f"muster_collector_{name}", meaning, labels, registry=REGISTRY)


def _gauge(name: str, meaning: str, *labels: str) -> Gauge:
    return Gauge(f"muster_collector_{name}", meaning, labels, registry=REGISTRY)


def _histogram(name: str, meaning: str, buckets: tuple[float, ...]) -> Histogram:
    return Histogram(f"muster_collector_{name}", meaning, buckets=buckets, registry=REGISTRY)


MESSAGES = _counter("messages", "Messages by what became of them and why", "outcome", "reason")
POINTS = _counter("points", "Points written to the store, or refused", "outcome")
BASES = _gauge("bases", "Nodes whose reports are told against one that is held here")
BASES_BYTES = _gauge("bases_bytes", "Memory that these held reports take, about")
QUARANTINED = _counter("quarantined", "Messages and points put into quarantine", "reason")
QUARANTINE_DROPPED = _gauge("quarantine_dropped", "Oldest ones dropped from quarantine for space")
ACKS = _counter("acks", "Acks sent to nodes")
STORE_ERRORS = _counter("store_errors", "Writes that the store did not take and that were repeated")
FORGOTTEN = _counter("forgotten_samples", "Samples that the embedded store keeps no longer")
LEDGER_ERRORS = _counter("ledger_errors", "Ledger transactions that failed and were repeated")
BROKER_ERRORS = _counter("broker_errors", "Connections to the broker that failed or were lost")
BROKER_CONNECTED = _gauge("broker_connected", "1 while the broker is connected")
IN_HAND = _gauge("in_hand", "Messages received that are not stored yet")
NODES = _gauge("nodes", "Nodes known")
ONLINE = _gauge("nodes_online", "Nodes that are connected to the broker")
CONFIGS = _gauge("nodes_config", "Nodes by what became of the configuration wanted last", "state")
CONFIG_REFUSED = _gauge(
    "config_refused", "1 for each node that refused the configuration wanted last", "node", "id"
)
ERAS = _counter("clock_eras", "Settings of wrong clocks found, whose reports are moved")
OWN_CLOCK = _gauge("own_clock_wrong", "1 while most nodes' clocks say that ours is wrong")
OFFSETS = _gauge("clock_offset_seconds", "Clocks furthest ahead (or behind: negative)", "node")
LOST = _gauge("lost_reports", "Reports that are lost, by reason; late arrivals take away", "reason")
MISSING = _gauge("missing", "Reports that are missing now")
OLDEST = _gauge("oldest_unstored_seconds", "How long the oldest message in hand has waited")
ALERTS_FIRING = _gauge("alerts_firing", "Alerts that fire now", "severity")
ALERT_CHANGES = _counter("alert_changes", "Alerts that began to fire or ended", "rule", "state")
NOTIFICATIONS = _counter("notifications", "Notifications by outcome", "receiver", "outcome")
ALERT_BOOK_ERRORS = _counter("alert_book_errors", "Times that alerts.json could not be written")
BATCH_MESSAGES = _histogram(
    "batch_messages", "Messages written together", (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000)
)
WRITE_SECONDS = _histogram("write_seconds", "From a batch to the store's confirmation", _SECONDS)
COMMIT_SECONDS = _histogram("commit_seconds", "One ledger transaction", _SECONDS)
STORED_SECONDS = _histogram("stored_seconds", "From arrival to stored and in the ledger", _SECONDS)


def render() -> bytes:
    """Prometheus text of all counters."""
    return generate_latest(REGISTRY)
