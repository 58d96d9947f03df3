"""Keeps the node in touch with the centre: connects, announces itself, sends what is due."""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable
from typing import Protocol

from muster_agent import acks, logs
from muster_agent.delivery import Delivery
from muster_agent.mqtt import Event, Will
from muster_agent.spool import Edges
from muster_agent.together import Key
from muster_agent.writer import Writer
from muster_wire import topics
from muster_wire.codec import Encoded, encode
from muster_wire.echo import ECHO
from muster_wire.messages import Birth, ConfigState, Status

FIRST_DELAY, LAST_DELAY = 1.0, 60.0
"""Seconds between attempts to connect: doubled each time, and jittered."""
REFUSAL = 0x80
"""Reason codes from here on are errors."""
STEADY = 60.0
"""Seconds that a connection must last for the next attempt to be soon again."""
BESIDE = 3
"""Messages beside reports that may be on their way: birth, status, answer."""
FRAME = 512
"""Bytes of a packet around the payload, at most: topic and properties."""
TOO_LARGE = "too large for the broker"


class Connection(Protocol):
    """What the uplink needs of `muster_agent.mqtt.Link`."""

    @property
    def events(self) -> deque[Event]:
        """What happened, oldest first."""

    @property
    def idle(self) -> bool:
        """Whether there is neither a connection nor an attempt at one."""

    def connect(self, will: Will) -> None:
        """Begin an attempt."""

    def publish(self, topic: str, message: Encoded, *, retain: bool = False) -> int | None:
        """Publish with QoS 1; the message's id, or None when the connection is gone."""

    def subscribe(self, topic: str) -> None:
        """Subscribe with QoS 0."""


class Uplink:
    """The node's conversation with broker and collector."""

    def __init__(
        self,
        link: Connection,
        delivery: Delivery,
        writer: Writer,
        *,
        root: str,
        gather: float,
        birth: Callable[[int, Edges], Birth],
        wanted: Callable[[Event], None],
    ) -> None:
        self.link = link
        self.keeper = writer.keeper
        self.delivery = delivery
        self.compact = writer.compact
        self.writer = writer
        self.clock = writer.clock
        self.root = root
        self.gather = gather
        self.birth = birth
        self.wanted = wanted
        self.up = False
        self.answer: ConfigState | None = None
        self.state = ""
        self.born: int | None = None
        self.status_mid: int | None = None
        self._retry_at = self.clock.monotonic()
        self._delay = FIRST_DELAY
        self._acl = ""
        self._up_at = 0.0
        self._sent_at = -math.inf
        self._largest = 0

    def step(self) -> float:
        """Do what is due now; returns the seconds until something else may be."""
        self.receive()
        now = self.clock.monotonic()
        if self.link.idle and now >= self._retry_at:
            self.link.connect(Will(self._topic("status"), self._status("offline", "lost")))
        if self.up:
            if self.delivery.stale(now) or self.born != self.keeper.epoch:
                self._announce(now)
            self._send(now)
            return self.delivery.wake(now)
        return max(0.0, self._retry_at - now) if self.link.idle else LAST_DELAY

    def receive(self) -> None:
        """Take in what has happened."""
        now = self.clock.monotonic()
        while self.link.events:
            self._handle(self.link.events.popleft(), now)

    def deaf(self, now: float) -> float:
        """Seconds for which nobody need listen to the broker.

        The broker's and the collector's answers to a report come at two times; reading both in one
        go saves waking up twice. None while more waits to be sent.
        """
        if not self.up or self.delivery.pending:
            return 0.0
        return max(0.0, self._sent_at + self.gather - now)

    def say_goodbye(self) -> bool:
        """Publish that the node stops; False when there is nobody to tell."""
        if not self.up:
            return False
        stopped = self._status("offline", "stopped")
        self.status_mid = self.link.publish(self._topic("status"), stopped, retain=True)
        return self.status_mid is not None

    def say_config(self, answer: ConfigState) -> None:
        """Publish what became of a wanted configuration, now and at each new connection."""
        self.answer = answer
        if self.up:
            self.link.publish(self._topic("config/state"), encode(answer), retain=True)

    def _handle(self, event: Event, now: float) -> None:
        if event.kind == "puback":
            self._taken(event, now)
        elif event.kind == "message":
            self._message(event, now)
        elif event.kind == "up":
            self._connected(event, now)
        else:
            self._disconnected(event.text, now)

    def _connected(self, event: Event, now: float) -> None:
        self.up = True
        self._up_at = now
        self._largest = event.code - FRAME
        self.delivery.window = max(1, min(self.delivery.limits.window, event.number - BESIDE))
        self._note("connected to the broker", logs.info)
        self.link.subscribe(self._topic("ack"))
        self.link.subscribe(self._topic("config"))
        self._announce(now)
        self.link.publish(self._topic("status"), self._status("online"), retain=True)
        if self.answer is not None:
            self.say_config(self.answer)

    def _disconnected(self, why: str, now: float) -> None:
        if self.up and now - self._up_at >= STEADY:
            self._delay = FIRST_DELAY
        self.up = False
        self.status_mid = None
        self.delivery.disconnected()
        self.compact.disconnected()
        self._retry_at = now + self._delay * random.uniform(0.5, 1.0)
        self._delay = min(LAST_DELAY, self._delay * 2)
        self._note(f"broker: {why}; sampling goes on", logs.warning)

    def _note(self, state: str, log: Callable[[str], None]) -> None:
        """One line for each change of state."""
        if state != self.state:
            self.state = state
            log(state)

    def _announce(self, now: float) -> None:
        """Publish the birth, which the collector answers with an ack."""
        epoch = self.keeper.epoch
        birth = self.birth(epoch, self.delivery.edges(epoch))
        self.link.publish(self._topic("birth"), encode(birth), retain=True)
        self.born = epoch
        self.delivery.asked(now)

    def _send(self, now: float) -> None:
        while (key := self.delivery.pick(now)) is not None:
            if (message := self._told(key)) is not None:
                given = self._give([key], message, now, told=True)
            elif bodies := self._bodies(key):
                given = self._publish(bodies, now)
            else:
                continue
            if not given:
                return

    def _told(self, key: Key) -> Encoded | None:
        """The message of a report that was told when it was made, if it still can go out so."""
        if key != self.delivery.newest or not self.delivery.never_sent(key):
            return None
        message = self.compact.message if self.compact.against(key) else None
        return message if message and len(message.payload) <= self._largest else None

    def _bodies(self, key: Key) -> dict[Key, bytes]:
        """A picked report and those that go with it, as far as the spool still has them."""
        bodies: dict[Key, bytes] = {}
        for one in self.delivery.with_others(key) if self.compact.understood else [key]:
            found = self.keeper.body(*one)
            if found is None:
                self.delivery.gone(one)
            else:
                bodies[one] = found
        return bodies

    def _publish(self, bodies: dict[Key, bytes], now: float) -> bool:
        """Send reports in one message, fewer when it would be too large; False without a link."""
        keys = list(bodies)
        last = keys[-1]
        kept = False
        if len(keys) > 1:
            message = self.writer.together(bodies, self._largest)
            if message is None:
                half = len(keys) // 2
                fewer = keys[half:] if last == self.delivery.newest else keys[:half]
                return self._publish({key: bodies[key] for key in fewer}, now)
        else:
            first = last == self.delivery.newest and self.delivery.never_sent(last)
            kept = first and self.compact.keeps(last)
            message = self.writer.alone(last, bodies[last], keep=kept)
            if len(message.payload) > self._largest:
                self._give_up(last, len(message.payload))
                return True
        return self._give(keys, message, now, kept=kept, body=bodies[last])

    def _give(
        self,
        keys: list[Key],
        message: Encoded,
        now: float,
        *,
        told: bool = False,
        kept: bool = False,
        body: bytes = b"",
    ) -> bool:
        """Give a message of reports to the connection; False without one."""
        mid = self.link.publish(self._topic("report"), message)
        if mid is None:
            return False
        self.delivery.sent(keys, mid, now)
        self._sent_at = now
        if keys[-1] == self.delivery.newest:
            self.compact.sent(keys[-1], told=told, kept=kept, body=body)
        return True

    def _give_up(self, key: Key, size: int) -> None:
        epoch, seq = key
        logs.warning(f"report {epoch}/{seq} is given up: {size} bytes, {TOO_LARGE}")
        self.keeper.give_up(epoch, seq, seq, TOO_LARGE)
        self.keeper.drop(epoch, seq)
        self.delivery.gone(key)

    def _taken(self, event: Event, now: float) -> None:
        if event.number == self.status_mid:
            self.status_mid = None
        if event.code < REFUSAL:
            self.delivery.taken(event.number)
            self._acl = ""
            return
        if event.text != self._acl:
            self._acl = event.text
            logs.warning(
                f"broker: refuses what is published below {self._topic('')}: {event.text}: "
                "check the broker's ACL; sampling goes on"
            )
        self.delivery.refused(event.number, now)

    def _message(self, event: Event, now: float) -> None:
        if event.text.endswith("/config"):
            self.wanted(event)
            return
        if event.content_type == ECHO:
            return  # the answer to a doctor
        try:
            ack = acks.parse(event.payload, event.content_type)
        except ValueError as error:
            self.delivery.ignored += 1
            logs.warning(f"ack ignored: {error}")
            return
        self.delivery.acked(ack, now)
        self.delivery.repeat(self.compact.acked(ack))

    def _status(self, state: str, why: str = "") -> Encoded:
        online = state == "online"
        return encode(
            Status(
                node=self.writer.node,
                site=self.writer.site,
                state="online" if online else "offline",
                ts=self.clock.wall(),
                reason=why,
            )
        )

    def _topic(self, kind: str) -> str:
        return topics.topic(self.writer.site, self.writer.node, kind, root=self.root)
