"""Real stores for the scorer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muster_collector.store.base import Store
from muster_collector.store.embedded import EmbeddedStore
from muster_collector.store.influx import InfluxStore
from muster_collector.store.influx_http import InfluxSettings
from servers import Influx1


@pytest.fixture
async def embedded(tmp_path: Path) -> AsyncIterator[Store]:
    store = EmbeddedStore(tmp_path / "store.duckdb")
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def influx(influx1: Influx1, request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    name = f"scorer_{abs(hash(request.node.nodeid))}"
    store = InfluxStore(InfluxSettings(url=influx1.url, database=name))
    await store.open()
    yield store
    await store.close()
