"""The doors that inputs go through: the intake itself, up to the lines that a store would write."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from collector.centre import NOW, MemoryStore

from fuzz.seeds import KINDS, Message, base
from muster_collector.config import Collector, Config, Source
from muster_collector.ingest.service import Ingest
from muster_collector.store.lines import LineEncoder
from muster_wire import topics

TYPES = "load shortterm:GAUGE:0:U, midterm:GAUGE:0:U, longterm:GAUGE:0:U\ncpu value:DERIVE:0:U\n"
TOPICS = {kind: topics.topic("s1", "n1", kind) for kind in KINDS} | {
    "influx": "telegraf/web01/all",
    "json": "telegraf-json/web01/all",
    "collectd": "collectd/web01/load/load",
}
EVERY = 500
"""Inputs until everything that was remembered is forgotten."""


class Doors:
    """An intake whose batches go nowhere; `put` raises what an input should not make it raise."""

    def __init__(self, folder: Path) -> None:
        types = folder / "types.db"
        types.write_text(TYPES)
        self.config = Config(
            collector=Collector(data=folder),
            source=(
                Source(topic="telegraf/#", format="influx", site="s1"),
                Source(topic="telegraf-json/#", format="json", site="s1"),
                Source(topic="collectd/#", format="collectd", site="s1", types_db=types),
            ),
        )
        self._count = 0
        self._encoder = LineEncoder()
        self._ingest = Ingest(self.config, MemoryStore(), clock=self._clock)

    def put(self, message: Message) -> float:
        """Take one message in, and write its lines; seconds of CPU until its points are ready."""
        if self._count % EVERY == 0:
            self.close()
            self._ingest = Ingest(self.config, MemoryStore(), clock=self._clock)
            self._take(base())
        return self._take(message)

    def forget(self) -> None:
        """Let the next input be new, whatever came before."""
        self._ingest._intake.ledger.nodes.clear()

    def _take(self, message: Message) -> float:
        self._count += 1
        intake = self._ingest._intake
        take = intake.take if message.door in KINDS else self._ingest.quarantine._sources.take
        began = time.thread_time()
        take(TOPICS[message.door], message.payload, message.content_type, 1, False)
        took = time.thread_time() - began
        batch, intake._batch, intake.in_hand = intake._batch, None, 0
        if batch is not None:
            self._encoder.encode(batch.points)
            for item in batch.items:
                item.apply(intake.desk)
            intake.desk.changes()
        return took

    def _clock(self) -> int:
        """A second an input, so that nobody floods."""
        return NOW + self._count % EVERY * 1000

    def close(self) -> None:
        """Let the ledger's file go."""
        self._ingest._file.close()


@contextmanager
def doors() -> Iterator[Doors]:
    """Doors in a folder of their own; a loop must run, because batches have futures."""
    with tempfile.TemporaryDirectory() as folder:
        found = Doors(Path(folder))
        try:
            yield found
        finally:
            found.close()
