"""Keeps a session with the broker, for ever: connects, subscribes, and connects again.

A message is acknowledged to the broker (PUBACK) when what the handler returned for it is done, so
the broker keeps what is not stored yet, and its Receive Maximum bounds what is in hand. An
acknowledgement that comes too late for its connection goes nowhere: on the next one, its number
may stand for another message.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

import mqtt5

from muster_collector.config import Mqtt, read_secret
from muster_collector.ingest import events, tls
from muster_collector.ingest.connection import Connection, Handler, words
from muster_wire.codec import Encoded

PATIENCE = 10.0
"""Seconds that a broker has to answer a connection attempt."""
GOODBYE = 1.0
"""Seconds that a broker has to take what we still had to say."""
FIRST_DELAY, LAST_DELAY = 0.2, 30.0
STEADY = 10.0
"""Seconds after which a connection counts as one that works."""
MOST_SHORT = 4
"""Short connections in a row from which the delay grows no more, and a cause is guessed."""
ENDS = {
    0x87: "not authorized; check the broker's ACL",
    0x8B: "the broker shuts down",
    0x8E: "another client took over the session: give each its own [mqtt] client_id",
    0x93: "the broker takes fewer messages at once than receive_maximum",
    0x95: "the broker takes no packet as large as ours",
    0x97: "quota exceeded",
    0x9B: "the broker takes no QoS as high as ours",
}
"""Reason codes of MQTT 5 with which a broker ends a connection."""
REFUSED = 0x80
"""Reason codes from here on mean no."""
NOT_OURS = "the lease is not ours"


class Link:
    """A session with the broker that outlives connections and restarts."""

    def __init__(
        self,
        settings: Mqtt,
        filters: Sequence[str],
        handle: Handler,
        *,
        max_packet: int,
        unwanted: Sequence[str] = (),
        on_connected: Callable[[bool], None] = lambda _: None,
        allowed: Callable[[], bool] = lambda: True,
        crowded: Callable[[], bool] = lambda: False,
        role: str = "",
    ) -> None:
        self.settings = settings
        self.filters = filters
        self.unwanted = unwanted
        """What a session of before may be subscribed to, and this one must not be."""
        self.connected = False
        self._handle = handle
        self._on_connected = on_connected
        self._role = role
        self._crowded = crowded
        self._allowed = allowed
        """Whether to connect and to speak: a session may belong to another process by now."""
        self._resumed = False
        self._max_packet = max_packet
        self._connection: Connection | None = None
        self._short = 0
        address = urlsplit(settings.url)
        self._host = address.hostname or "127.0.0.1"
        self._tls = address.scheme == "mqtts"
        self._port = address.port or (8883 if self._tls else 1883)

    async def run(self) -> None:
        """Stay connected until cancelled; what the handler raises ends it."""
        delay = FIRST_DELAY
        while True:
            reason = NOT_OURS
            if self._allowed():
                reason = await self._attempt()
            if self.connected and self._connection is not None:
                began = time.monotonic()
                events.broker_back(self.settings.url, self._role)
                self._on_connected(self._resumed)
                reason = await self._connection.lost
                self._short = 0 if time.monotonic() - began > STEADY else self._short + 1
                reason = self._why(self._connection, reason)
                delay = FIRST_DELAY * 2 ** min(self._short, MOST_SHORT)
            events.broker_away(self.settings.url, reason, self._role)
            await self.close()
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))
            delay = min(LAST_DELAY, delay * 2)

    def _why(self, connection: Connection, reason: str) -> str:
        """Why the connection ended, as far as the broker tells or it can be guessed."""
        if connection.end is not None:
            return ENDS.get(connection.end, reason)
        if self._short >= MOST_SHORT:
            name = self.settings.client_id
            return f"{reason} again and again: has another client the client_id {name!r}?"
        return reason

    async def close(self) -> None:
        """End the connection; the broker keeps the session and what is not acknowledged."""
        connection, self._connection, self.connected = self._connection, None, False
        if connection is not None:
            await connection.close(GOODBYE)

    def publish(self, topic: str, message: Encoded) -> None:
        """Publish with QoS 0; forgotten when there is no connection."""
        self._publish(topic, message.payload, content_type=message.content_type)

    def retain(self, topic: str, message: Encoded) -> bool:
        """Publish retained with QoS 0; whether it is on its way."""
        content_type = message.content_type
        return self._publish(topic, message.payload, content_type=content_type, retain=True)

    def keep(self, topic: str, payload: bytes, expiry: float) -> None:
        """Publish retained with QoS 0, for the broker to forget after so many seconds."""
        seconds = max(1, math.ceil(expiry))
        self._publish(topic, payload, retain=True, message_expiry_interval=seconds)

    def subscribe(self, filters: Iterable[str]) -> None:
        """Subscribe for this connection only, with QoS 0."""
        if self.connected and self._connection is not None:
            wanted = [mqtt5.TopicFilter(name, max_qos=mqtt5.QoS.AT_MOST_ONCE) for name in filters]
            self._connection.send(mqtt5.SubscribePacket(2, wanted))

    def stop_wanting(self, filters: Collection[str]) -> None:
        """Undo subscriptions, for later connections too."""
        self.filters = [name for name in self.filters if name not in filters]
        if self.connected and self._connection is not None:
            self._connection.send(mqtt5.UnsubscribePacket(3, list(filters)))

    def _publish(self, topic: str, payload: bytes, **properties: Any) -> bool:
        if not self.connected or self._connection is None or not self._allowed():
            return False
        packet = mqtt5.PublishPacket(topic, payload, **properties).write()
        if len(packet) > self._connection.largest:
            # An ack that gets lost costs nothing, a connection that ends with each one everything.
            events.ack_too_large(self.settings.url, len(packet))
            return False
        return self._connection.publish(packet)

    async def _attempt(self) -> str:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._connect()
        except TimeoutError:
            return f"no answer within {PATIENCE:.0f} s; does it speak MQTT 5?"
        except OSError as error:
            return str(error.strerror or error)

    async def _connect(self) -> str:
        """Connect and subscribe; why not, where `connected` is not set."""
        connection = self._connection = await self._open()
        greeting = await connection.answer(connection.greeting)
        if greeting is None:
            return connection.lost.result()
        if greeting.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
            return words(greeting.reason_code)
        self._resumed = greeting.session_present
        if self._resumed and self.unwanted:
            connection.send(mqtt5.UnsubscribePacket(3, list(self.unwanted)))
        connection.send(mqtt5.SubscribePacket(1, [_wanted(name) for name in self.filters]))
        granted = await connection.answer(connection.granted)
        if granted is None:
            return self._why(connection, connection.lost.result())
        codes = [int(code) for code in granted.reason_codes]
        refused = [code for code in codes if code >= REFUSED]
        if refused:
            events.subscription_refused(self.settings.url, len(refused), refused[0])
        if len(refused) == len(codes):
            # It is tried again, because an ACL may be mended; one that lets some through is used.
            return "it refuses all subscriptions"
        if 0 in codes:
            events.qos_lowered(self.settings.url)
        self.connected = True
        return ""

    async def _open(self) -> Connection:
        settings = self.settings
        secret = read_secret(settings.password_file, "[mqtt] password_file")
        connect = mqtt5.ConnectPacket(
            settings.client_id,
            username=settings.username or None,
            password=secret.encode() if settings.username and secret else None,
            keep_alive=min(max(1, int(settings.keepalive)), 2**16 - 1),
            session_expiry_interval=min(int(settings.session_expiry), 2**32 - 1),
            receive_max=settings.receive_maximum,
            max_packet_size=self._max_packet,
        )
        made: tuple[Any, Connection] = await asyncio.get_running_loop().create_connection(
            lambda: Connection(connect, self._handle, self._crowded),
            self._host,
            self._port,
            ssl=tls.context(settings) if self._tls else None,
        )
        return made[1]


def _wanted(name: str) -> mqtt5.TopicFilter:
    """A subscription that tells what the broker had kept from what comes just now."""
    return mqtt5.TopicFilter(name, max_qos=mqtt5.QoS.AT_LEAST_ONCE, retain_as_published=False)
