"""The centre as the agent's tests play it, and agents as child processes."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Self

import aiomqtt

from muster_wire import topics
from muster_wire.codec import open_payload
from muster_wire.deltas import restore
from muster_wire.messages import Metric

LIMIT = 20.0
"""Seconds after which a test gives up waiting; none waits that long when things are right."""


class Agent:
    """A `muster-agent run` in a child process, with its log."""

    def __init__(self, directory: Path, url: str, **settings: Any) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.config = directory / "agent.toml"
        self.spool = directory / "spool.db"
        self.log = directory / "agent.log"
        self.configure(url, **settings)
        self.process: subprocess.Popen[bytes] | None = None

    def configure(self, url: str, **settings: Any) -> None:
        """Write agent.toml; keyword arguments are `section__key=value`."""
        values: dict[str, dict[str, Any]] = {
            "node": {"id": self.directory.name, "site": "lab"},
            "mqtt": {"url": url},
            "sample": {"every": "100ms", "sensors": ["mem"]},
            "spool": {"path": str(self.spool)},
        }
        for name, value in settings.items():
            section, key = name.split("__")
            values.setdefault(section, {})[key] = value
        lines: list[str] = []
        for section, pairs in values.items():
            lines += [f"[{section}]", *(f"{k} = {json.dumps(v)}" for k, v in pairs.items())]
        self.config.write_text("\n".join(lines) + "\n")

    def start(self, *arguments: str, **environment: str) -> Self:
        command = [sys.executable, "-m", "muster_agent", "run", "--config", str(self.config)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *arguments], stderr=log, env={**os.environ, **environment}
            )
        return self

    def wait(self) -> int:
        assert self.process is not None
        return self.process.wait(LIMIT)

    async def ended(self) -> int:
        """Wait for the end beside other tasks, such as a centre that acks."""
        return await asyncio.to_thread(self.wait)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    async def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return await self.ended()

    def made(self) -> int:
        """How many reports the spool has ever held, read beside the running agent."""
        if not self.spool.exists():
            return 0
        with closing(sqlite3.connect(f"file:{self.spool}?mode=ro", uri=True)) as db:
            try:
                row = db.execute("SELECT total(next) FROM epoch").fetchone()
            except sqlite3.OperationalError:  # the agent is just making it
                return 0
        return int(row[0])

    async def says(self, text: str) -> None:
        """Wait until the log holds `text`."""
        await until(lambda: text in self.log.read_text(), self.log.read_text)


async def until(condition: Callable[[], bool], explain: Callable[[], object] = lambda: "") -> None:
    """Poll a condition until it holds; fails with `explain()` after the limit."""
    try:
        async with asyncio.timeout(LIMIT):
            while not condition():  # noqa: ASYNC110 - files and processes send no events
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"waited in vain: {explain()}") from None


class Centre:
    """A collector that remembers what one node says, and acks when it is told to."""

    def __init__(self, client: aiomqtt.Client, node: str) -> None:
        self.client = client
        self.node = node
        self.reports: list[dict[str, Any]] = []
        self.messages: list[dict[str, Any]] = []
        self.sizes: list[int] = []
        self.base: dict[str, Any] | None = None
        self.understands = False
        self.births: list[dict[str, Any]] = []
        self.statuses: list[dict[str, Any]] = []
        self.states: list[dict[str, Any]] = []
        self.answer: Callable[[dict[str, Any]], dict[str, Any] | None] = lambda _birth: None
        self.auto = False

    @property
    def seqs(self) -> list[int]:
        return [report["seq"] for report in self.reports]

    async def ack(self, **fields: Any) -> None:
        await self.send(json.dumps({"v": 1, **fields}).encode())

    async def send(self, payload: bytes) -> None:
        await self.client.publish(topics.topic("lab", self.node, "ack"), payload)

    async def want(self, payload: bytes) -> None:
        """Publish a wanted configuration."""
        topic = topics.topic("lab", self.node, "config")
        await self.client.publish(topic, payload, qos=1, retain=True)

    async def listen(self) -> None:
        async for message in self.client.messages:
            properties = message.properties
            content_type = getattr(properties, "ContentType", None)
            assert isinstance(message.payload, bytes)
            found = json.loads(open_payload(message.payload, content_type))
            kind = topics.parse(str(message.topic)).kind
            heard = {
                "birth": self.births,
                "status": self.statuses,
                "config/state": self.states,
            }
            if kind == "report":
                self.messages.append(found)
                self.sizes.append(len(message.payload))
                self.reports += self.opened(found)
            else:
                heard[kind].append(found)
            if kind == "birth" and (answer := self.answer(found)):
                await self.ack(epoch=found["epoch"], **answer)
            if kind == "report" and self.auto:
                await self.ack(epoch=found["epoch"], **self.settled(found["epoch"]))

    def opened(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        """The reports of a message in full; none when its base has been forgotten."""
        first = {k: v for k, v in message.items() if k not in ("base", "delta", "later", "keep")}
        if "base" in message:
            if self.base is None or self.base["seq"] != message["base"]:
                return []
            first["metrics"] = made(message, self.base)
        if message.get("keep") and self.understands:
            self.base = first
        reports = [first]
        for later in message.get("later", []):
            reports.append(first | {**later, "metrics": made(later, reports[-1])})
        return reports

    def settled(self, epoch: int) -> dict[str, Any]:
        """`through` and `missing` from what has arrived of an epoch."""
        seen = {r["seq"] for r in self.reports if r["epoch"] == epoch}
        first = min(r["oldest"] for r in self.reports if r["epoch"] == epoch)
        through = first - 1
        while through + 1 in seen:
            through += 1
        gaps = sorted(set(range(through + 1, max(seen))) - seen)
        found = {"through": through, "missing": [[seq, seq] for seq in gaps]}
        return found | ({"base": self.base["seq"] if self.base else -1} if self.understands else {})

    async def got(self, count: int) -> None:
        await until(lambda: len(set(self.seqs)) >= count, lambda: self.seqs)


def made(told: dict[str, Any], base: dict[str, Any]) -> list[dict[str, Any]]:
    """The metrics of a report that is told against another."""
    former = [Metric(**row) for row in base["metrics"]]
    restored = [
        {"name": m.name, "tags": m.tags, "fields": m.fields} for m in restore(told["delta"], former)
    ]
    return restored + list(told.get("metrics", []))


@asynccontextmanager
async def centre(port: int, node: str) -> AsyncIterator[Centre]:
    """A collector for one node, listening."""
    async with aiomqtt.Client(
        "127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5, max_inflight_messages=1000
    ) as client:
        for kind in ("report", "birth", "status", "config/state"):
            await client.subscribe(topics.topic("lab", node, kind), qos=1)
        one = Centre(client, node)
        listening = asyncio.create_task(one.listen())
        try:
            yield one
        finally:
            listening.cancel()
