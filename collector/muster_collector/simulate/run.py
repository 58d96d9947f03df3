"""Runs a made-up fleet against a broker: one connection, reports spread over the interval.

paho-mqtt, because it queues what the broker does not take yet; a thread of it does the network, and
acks come over in a queue, so that only one thread ever touches the nodes.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from muster_collector.errors import MusterError
from muster_collector.simulate.nodes import SpooledNode
from muster_collector.simulate.world import fleet
from muster_wire import topics
from muster_wire.codec import encode
from muster_wire.messages import Ack, Refused
from muster_wire.topics import TopicError

TICK = 0.02
"""Seconds between looks at who is due; reports due in one tick go out together."""
RESEND_PER_TICK = 20


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
        self.acks: SimpleQueue[tuple[str, Ack]] = SimpleQueue()
        self.connections: SimpleQueue[bool] = SimpleQueue()
        self.client = Client(
            CallbackAPIVersion.VERSION2,
            f"muster-simulate-{os.getpid()}",
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        self.client.on_connect = lambda *_: self.connections.put(True)
        self.client.on_message = self._on_message
        if plan.username:
            self.client.username_pw_set(plan.username, plan.password)

    def run(self, stop: threading.Event) -> Outcome:
        """Simulate until `stop` is set or the duration is over, then wait for the last acks."""
        try:
            self.client.connect(self.plan.host, self.plan.port)
        except OSError as error:
            address = f"{self.plan.host}:{self.plan.port}"
            raise MusterError(f"broker {address}: {error.strerror or error}") from error
        self.client.loop_start()
        try:
            self._publish_reports(stop)
            self._drain()
        finally:
            self._say_goodbye()
        return self.outcome()

    def outcome(self) -> Outcome:
        """The totals so far."""
        return Outcome(
            nodes=len(self.nodes),
            made=sum(node.made for node in self.nodes.values()),
            settled=sum(node.settled for node in self.nodes.values()),
        )

    def _publish_reports(self, stop: threading.Event) -> None:
        started = self.clock()
        step = self.plan.every / max(1, len(self.nodes))
        due = [(started + number * step, node) for number, node in enumerate(self.nodes.values())]
        position = 0
        while not stop.wait(TICK):
            now = self.clock()
            if self.plan.duration is not None and now - started >= self.plan.duration:
                return
            while due[position][0] <= now:
                at, node = due[position]
                due[position] = (at + self.plan.every, node)
                position = (position + 1) % len(due)
                if not node.node.silent(at):
                    self._send(node, "report", node.make(at))
            self._listen()

    def _drain(self) -> None:
        """Give the collector time to ack what is out; ask by birth where it stays silent."""
        deadline = self.clock() + self.plan.drain
        again = self.clock() + self.plan.drain / 3
        while self.clock() < deadline and any(node.spool for node in self.nodes.values()):
            self._listen()
            if self.clock() >= again:
                again = deadline
                self._announce(node for node in self.nodes.values() if node.spool)
            time.sleep(TICK)

    def _listen(self) -> None:
        """Greet after a connection, take the acks that came, send what they ask for."""
        while not self.connections.empty():
            self.connections.get()
            self._greet()
        try:
            while True:
                name, ack = self.acks.get_nowait()
                self.nodes[name].acknowledge(ack)
        except Empty:
            pass
        left = RESEND_PER_TICK
        for node in (node for node in self.nodes.values() if node.wanted):
            for report in node.take_wanted(left):
                left -= 1
                self._send(node, "report", report)

    def _greet(self) -> None:
        self.client.subscribe([(self._topic(node, "ack"), 0) for node in self.nodes.values()])
        for node in self.nodes.values():
            self._send(node, "status", node.status(online=True), retain=True)
        self._announce(self.nodes.values())

    def _announce(self, nodes: Iterable[SpooledNode]) -> None:
        for node in nodes:
            self._send(node, "birth", node.birth(), retain=True)

    def _say_goodbye(self) -> None:
        last = [
            self._send(node, "status", node.status(online=False), retain=True)
            for node in self.nodes.values()
        ]
        for message in last:
            message.wait_for_publish(1.0)
        self.client.disconnect()
        self.client.loop_stop()

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        try:
            name = topics.parse(message.topic, root=self.plan.root).node
            ack = decode_ack(bytes(message.payload))
        except (TopicError, ValueError, KeyError, TypeError):
            # Not from our collector; a thread that dies of it would end the simulation.
            return
        self.acks.put((name, ack))

    def _send(self, node: SpooledNode, kind: str, message: object, *, retain: bool = False) -> Any:
        encoded = encode(message)
        properties: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ContentType = encoded.content_type
        topic = self._topic(node, kind)
        return self.client.publish(
            topic, encoded.payload, qos=1, retain=retain, properties=properties
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
