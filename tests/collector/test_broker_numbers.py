"""What the broker says of itself reaches the collector's numbers, and nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest
from collector.centre import Centre, until

from muster_collector import telemetry
from muster_collector.ingest import broker_numbers
from servers import Mosquitto


def number(name: str) -> float | None:
    return telemetry.REGISTRY.get_sample_value("muster_collector_broker", {"number": name})


async def test_the_broker_is_heard(mosquitto: Mosquitto, tmp_path: Path) -> None:
    telemetry.BROKER.clear()
    centre = Centre(mosquitto, tmp_path)
    async with centre.running():
        # Retained, so it comes at once.
        await until(lambda: (number("uptime") or 0) >= 0 and number("heap/current") is not None, "")
    heap = number("heap/current")
    assert heap is not None
    assert heap > 1000
    assert centre.quarantined() == []


@pytest.mark.parametrize(
    ("topic", "payload", "value"),
    [
        ("$SYS/broker/uptime", b"1043 seconds", 1043.0),
        ("$SYS/broker/clients/connected", b"7", 7.0),
        ("$SYS/broker/clients/connected", b"", None),
        ("$SYS/broker/clients/connected", b"many", None),
        ("$SYS/broker/clients/connected", b"nan", None),
        ("$SYS/broker/clients/connected", b"1e999", None),
        ("$SYS/broker/clients/connected", b"\xff" * 100_000, None),
        ("$SYS/broker/load/other", b"7", None),
        ("$SYS/brokers", b"7", None),
    ],
)
def test_only_numbers_that_are_wanted_count(
    topic: str, payload: bytes, value: float | None
) -> None:
    telemetry.BROKER.clear()
    broker_numbers.take(topic, payload)
    assert number(topic.removeprefix("$SYS/broker/")) == value
