"""Runs a made-up fleet against a broker: one connection, reports spread over the interval."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gmqtt import Client
from gmqtt.mqtt.constants import MQTTv50

from muster_collector.errors import MusterError
from muster_collector.simulate.nodes import SpooledNode
from muster_collector.simulate.world import fleet
from muster_wire import topics
from muster_wire.codec import encode
from muster_wire.messages import Ack, Refused

TICK = 0.02
"""Seconds between looks at who is due; reports due in one tick go out together."""
RESEND_PER_TICK = 20
BIRTH_AGAIN = 15.0
"""Seconds without an empty spool after which a node asks by birth what is missing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate: `every`, `duration` and `drain` in seconds, no `duration` for endless."""

    host: str
    port: int
    nodes: int
    sites: int = 5
    every: float = 10.0
    duration: float | None = None
    drain: float = 15.0
    seed: int = 1
    root: str = topics.ROOT
    username: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a simulation made and what of it the collector settled."""

    nodes: int
    made: int
    settled: int


class Simulation:
    """A running simulation. Invariant: every node in `nodes` is subscribed to its own ack."""

    def __init__(self, plan: Plan, clock: Callable[[], float] = time.time) -> None:
        self.plan = plan
        self.clock = clock
        epoch = int(clock()) << 20 | secrets.randbits(20)
        members = fleet(plan.nodes, plan.sites, plan.seed)
        self.nodes = {node.name: SpooledNode(node, plan.every, epoch) for node in members}
        self.client = Client(f"muster-simulate-{os.getpid()}")
        self.client.on_connect = self._on_connect
        self.client.on_message = self._on_message
        if plan.username:
            self.client.set_auth_credentials(plan.username, plan.password)

    async def run(self, stop: asyncio.Event) -> Outcome:
        """Simulate until `stop` is set or the duration is over, then wait for the last acks."""
        try:
            await self.client.connect(self.plan.host, self.plan.port, version=MQTTv50)
        except OSError as error:
            address = f"{self.plan.host}:{self.plan.port}"
            raise MusterError(f"broker {address}: {error.strerror or error}") from error
        try:
            await self._publish_reports(stop)
            await self._drain()
        finally:
            for node in self.nodes.values():
                self._send(node, "status", node.status(online=False), retain=True)
            await self.client.disconnect()
        return self.outcome()

    def outcome(self) -> Outcome:
        """The totals so far."""
        return Outcome(
            nodes=len(self.nodes),
            made=sum(node.made for node in self.nodes.values()),
            settled=sum(node.settled for node in self.nodes.values()),
        )

    async def _publish_reports(self, stop: asyncio.Event) -> None:
        started = self.clock()
        step = self.plan.every / max(1, len(self.nodes))
        due = [(started + number * step, node) for number, node in enumerate(self.nodes.values())]
        position = 0
        while not stop.is_set():
            now = self.clock()
            if self.plan.duration is not None and now - started >= self.plan.duration:
                return
            while due and due[position][0] <= now:
                at, node = due[position]
                due[position] = (at + self.plan.every, node)
                position = (position + 1) % len(due)
                if not node.node.silent(at):
                    self._send(node, "report", node.make(at))
            self._resend()
            await self._pause(stop, TICK)

    async def _drain(self) -> None:
        """Give the collector time to ack what is out; ask by birth where it stays silent."""
        deadline = self.clock() + self.plan.drain
        again = self.clock() + self.plan.drain / 3
        while self.clock() < deadline and any(node.spool for node in self.nodes.values()):
            self._resend()
            if self.clock() >= again:
                again = deadline
                self._announce(node for node in self.nodes.values() if node.spool)
            await asyncio.sleep(TICK)

    def _resend(self) -> None:
        left = RESEND_PER_TICK
        for node in self.nodes.values():
            if left <= 0:
                return
            if node.wanted:
                for report in node.take_wanted(left):
                    left -= 1
                    self._send(node, "report", report)

    async def _pause(self, stop: asyncio.Event, seconds: float) -> None:
        try:
            await asyncio.wait_for(stop.wait(), seconds)
        except TimeoutError:
            return

    def _announce(self, nodes: Any) -> None:
        for node in nodes:
            self._send(node, "birth", node.birth(), retain=True)

    def _on_connect(self, client: Client, *_: Any) -> None:
        for node in self.nodes.values():
            client.subscribe(self._topic(node, "ack"), qos=0)
            self._send(node, "status", node.status(online=True), retain=True)
        self._announce(self.nodes.values())

    def _on_message(self, _client: Client, topic: str, payload: bytes, *_: Any) -> int:
        node = self.nodes.get(topics.parse(topic, root=self.plan.root).node)
        if node is not None:
            node.acknowledge(decode_ack(payload))
        return 0

    def _send(self, node: SpooledNode, kind: str, message: object, *, retain: bool = False) -> None:
        encoded = encode(message)
        self.client.publish(
            self._topic(node, kind),
            encoded.payload,
            qos=1,
            retain=retain,
            content_type=encoded.content_type,
        )

    def _topic(self, node: SpooledNode, kind: str) -> str:
        return topics.topic(node.node.site, node.node.name, kind, root=self.plan.root)


def decode_ack(payload: bytes) -> Ack:
    """An ack from our own collector: trusted, so plain JSON is enough."""
    fields = json.loads(payload)
    return Ack(
        epoch=fields["epoch"],
        through=fields["through"],
        missing=[(first, last) for first, last in fields.get("missing", [])],
        refused=[Refused(**refused) for refused in fields.get("refused", [])],
    )
