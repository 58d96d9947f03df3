"""What an MQTT client that is not Muster's sees between nodes and collector.

It goes straight to the broker, misses what happens while that is away, and so proves nothing by
what it has not seen; but no ack may ever name a report that was not made.
"""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Self

import aiomqtt
from chaos.judge import Made

from muster_wire import topics
from muster_wire.codec import open_payload


class Wire:
    """Listens in a thread of its own."""

    def __init__(self, port: int) -> None:
        self.reports = 0
        self.acks = 0
        self.through: dict[tuple[str, int], int] = {}
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(lambda: self._task and self._task.cancel())
        self._thread.join()
        self._loop.close()

    def check(self, journals: Path, faults: list[str]) -> None:
        """No ack may settle what was never made."""
        made = {file.stem: Made.read(file) for file in journals.glob("*.journal")}
        for (node, epoch), through in self.through.copy().items():
            seqs = [seq for of, seq in made[node].keys.values() if of == epoch]
            # A report that the node was killed with, and empty ones that speak for others.
            allowed = max(seqs, default=-1) + 1 + made[node].words
            if through > allowed:
                faults.append(f"{node}: acked through {through} of epoch {epoch}: {allowed} made")

    def _run(self) -> None:
        self._task = self._loop.create_task(self._listen())
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            return

    async def _listen(self) -> None:
        while True:
            try:
                async with aiomqtt.Client(
                    "127.0.0.1", self._port, protocol=aiomqtt.ProtocolVersion.V5
                ) as client:
                    await client.subscribe("muster/v1/+/+/+/report")
                    await client.subscribe("muster/v1/+/+/+/ack")
                    async for message in client.messages:
                        self._see(message)
            except aiomqtt.MqttError:
                await asyncio.sleep(0.2)

    def _see(self, message: aiomqtt.Message) -> None:
        place = topics.parse(str(message.topic))
        if place.kind == "report":
            self.reports += 1
            return
        self.acks += 1
        assert isinstance(message.payload, bytes)
        properties = getattr(message.properties, "ContentType", None)
        ack = json.loads(open_payload(message.payload, properties))
        key = (place.node, ack["epoch"])
        self.through[key] = max(self.through.get(key, -1), ack["through"])
