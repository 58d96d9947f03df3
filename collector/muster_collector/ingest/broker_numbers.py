"""The broker's own numbers, from `$SYS` as mosquitto publishes them, into the collector's registry.

With QoS 0 on the session that brings the reports: a broker that publishes none, or does not let
this collector read them, costs nothing. Clustered brokers have metrics of their own to scrape.
"""

from __future__ import annotations

import math

from muster_collector import telemetry

ROOT = "$SYS/broker/"
NUMBERS = (
    "clients/connected",
    "clients/disconnected",
    "messages/inflight",
    "messages/received",
    "messages/sent",
    "publish/messages/dropped",
    "retained messages/count",
    "store/messages/bytes",
    "store/messages/count",
    "heap/current",
    "uptime",
)
"""What is wanted, as in mosquitto(8) under "Broker status"."""
FILTER = f"{ROOT}#"
"""One for all, fifty small messages every ten seconds: a broker may bound the size of a packet."""


def is_one(topic: str) -> bool:
    """Whether a message is one of the broker's about itself."""
    return topic.startswith("$SYS/")


def take(topic: str, payload: bytes) -> None:
    """Keep a number; what is none is left out ("1043 seconds" of the uptime is one)."""
    name = topic.removeprefix(ROOT)
    if name not in NUMBERS:
        return
    try:
        value = float(payload[:40].split()[0])
    except (ValueError, IndexError):
        return
    if math.isfinite(value):
        telemetry.BROKER.labels(name).set(value)
