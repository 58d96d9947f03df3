"""Fixtures that every part shares: a real broker and real databases, one a test process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from muster_collector.store.base import Store
from muster_collector.store.embedded import EmbeddedStore
from muster_collector.store.influx import InfluxStore
from muster_collector.store.influx_http import InfluxSettings
from servers import Influx1, Mosquitto, VictoriaMetrics

# On a shared machine no verdict depends on how long an example, or making one up, takes.
settings.register_profile("muster", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("muster")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that have a slow test: nobody shall wait for one of them at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    """A broker for tests that do not stop it; use own roots or node names to stay apart."""
    server = Mosquitto(tmp_path_factory.mktemp("mosquitto")).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def influx1(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influx1]:
    """An InfluxDB 1.x for tests that do not stop it; use a database of your own."""
    server = Influx1(tmp_path_factory.mktemp("influx1")).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def victoria_metrics(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VictoriaMetrics]:
    """A victoria-metrics, for the v2 write path."""
    server = VictoriaMetrics(tmp_path_factory.mktemp("victoria")).start()
    yield server
    server.stop()


@pytest.fixture(params=["embedded", "influx"])
async def either(
    request: pytest.FixtureRequest, tmp_path: Path, influx1: Influx1
) -> AsyncIterator[Store]:
    """Each store in turn, for what the way of a store to overwrite could change."""
    name = f"either_{abs(hash(request.node.nodeid))}"
    store: Store = (
        EmbeddedStore(tmp_path / "either.duckdb")
        if request.param == "embedded"
        else InfluxStore(InfluxSettings(url=influx1.url, database=name))
    )
    await store.open()
    yield store
    await store.close()
