"""The process that is measured: the ingest role, which prints how many reports it has stored."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from muster_collector.cli.collector import loop_factory, tune_memory
from muster_collector.config import Collector, Config, Mqtt
from muster_collector.config import Store as StoreSettings
from muster_collector.ingest.service import Ingest
from muster_collector.store import open_store
from muster_collector.store.base import Query, RefusedPoint, Sample, Store, Table

EVERY = 0.1


class NullStore:
    """Takes everything at once."""

    name = "null"

    async def open(self) -> None:
        """Nothing to open."""

    async def write(self, points: Sequence[Sample]) -> list[RefusedPoint]:
        """Nothing is refused."""
        del points
        return []

    async def select(self, query: Query) -> Table:
        """Nothing is here."""
        del query
        return Table({})

    async def close(self) -> None:
        """Nothing to close."""


async def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--broker", required=True)
    parser.add_argument("--root", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--influx", default="")
    parser.add_argument("--store", choices=("null", "influxdb", "embedded"), required=True)
    options = parser.parse_args()
    settings = StoreSettings(
        kind="influxdb" if options.influx else "embedded",
        url=options.influx or "http://127.0.0.1",
        database="bench",
    )
    config = Config(
        mqtt=Mqtt(url=options.broker, root=options.root, client_id=options.root.replace("/", "-")),
        collector=Collector(data=options.data),
        store=settings,
    )
    store: Store = NullStore()
    if options.store != "null":
        store = open_store(settings, options.data)
    await store.open()
    stored = 0

    def count(_: int) -> None:
        nonlocal stored
        stored += 1

    ingest = Ingest(config, store, on_stored=count)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    task = asyncio.create_task(ingest.run(stop))
    while not stop.is_set():
        if ingest.connected:
            sys.stdout.write(f"{stored}\n")
            sys.stdout.flush()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY)
    await task
    await store.close()


if __name__ == "__main__":
    tune_memory()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main())
