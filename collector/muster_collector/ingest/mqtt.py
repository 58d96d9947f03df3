"""The one place that knows the MQTT client library: keeps a session with the broker, for ever.

A message is acknowledged to the broker (PUBACK) when what the handler returned for it is done, so
the broker keeps what is not stored yet, and its Receive Maximum bounds what is in hand. Each
connection has a client of its own: an acknowledgement that comes too late for its connection must
not go out on the next one, where the number may stand for another message.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import gmqtt
from gmqtt.mqtt.handler import MQTTConnectError

from muster_collector.config import Mqtt, read_secret
from muster_collector.ingest import events, tls
from muster_wire.codec import Encoded

# What is worth a line is said in `events`, once for each change of state.
logging.getLogger("gmqtt").setLevel(logging.CRITICAL)

PATIENCE = 10.0
"""Seconds that a broker has to answer a connection attempt."""
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
TOO_LARGE = 0x95
NEVER = -2
"""Fewer reconnects than none (and -1 is for ever): this module connects anew by itself."""

Handler = Callable[[str, bytes, str, int, bool], asyncio.Future[None] | None]
"""Topic, payload, content type ("" for none), QoS, retained -> done when it may be acknowledged."""


class Link:
    """A session with the broker that outlives connections and restarts."""

    def __init__(
        self, settings: Mqtt, filters: Sequence[str], handle: Handler, *, max_packet: int
    ) -> None:
        self.settings = settings
        self.filters = filters
        self.connected = False
        self._handle = handle
        self._max_packet = max_packet
        self._client: gmqtt.Client | None = None
        self._down = asyncio.Event()
        self._broken = False
        self._end: int | None = None
        self._all_refused = False
        self._sent = self._short = 0
        self._most: int | None = None
        address = urlsplit(settings.url)
        self._host = address.hostname or "127.0.0.1"
        self._tls = address.scheme == "mqtts"
        self._port = address.port or (8883 if self._tls else 1883)

    async def run(self) -> None:
        """Stay connected until cancelled."""
        delay = FIRST_DELAY
        while True:
            reason = await self._connect()
            if reason is None:
                began = time.monotonic()
                await self._down.wait()
                self.connected = False
                if self._broken:
                    raise RuntimeError("a message could not be handled; see above")
                self._short = 0 if time.monotonic() - began > STEADY else self._short + 1
                reason = self._why()
                delay = FIRST_DELAY * 2 ** min(self._short, MOST_SHORT)
            events.broker_away(self.settings.url, reason)
            await self.close()
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))
            delay = min(LAST_DELAY, delay * 2)

    def _why(self) -> str:
        """Why the connection ended, as far as the broker tells or it can be guessed."""
        if self._end == TOO_LARGE:
            # An ack that gets lost costs nothing, a connection that ends with each one everything.
            self._most = self._sent - 1
        if self._all_refused:
            return "it refuses all subscriptions"
        if self._end is not None:
            return ENDS.get(self._end, f"it ends the connection with reason code {self._end:#x}")
        if self._short >= MOST_SHORT:
            name = self.settings.client_id
            return f"connection lost again and again: has another client the client_id {name!r}?"
        return "connection lost"

    async def close(self) -> None:
        """End the connection; the broker keeps the session and what is not acknowledged."""
        client, self._client, self.connected = self._client, None, False
        if client is not None:
            # No error matters any more, and a dead peer is not waited for.
            with contextlib.suppress(OSError, AttributeError, TimeoutError):
                await asyncio.wait_for(client.disconnect(), 1.0)

    def publish(self, topic: str, message: Encoded) -> None:
        """Publish with QoS 0; forgotten when there is no connection."""
        if not self.connected or self._client is None:
            return
        size = len(topic) + len(message.payload)
        if self._most is not None and size > self._most:
            events.ack_too_large(self.settings.url, size)
            return
        self._sent = size
        self._client.publish(topic, message.payload, content_type=message.content_type)

    async def _connect(self) -> str | None:
        """Connect and subscribe; what went wrong, or None."""
        settings = self.settings
        client = gmqtt.Client(
            settings.client_id,
            clean_session=False,
            optimistic_acknowledgement=False,
            session_expiry_interval=int(settings.session_expiry),
            receive_maximum=settings.receive_maximum,
            maximum_packet_size=self._max_packet,
        )
        client.set_config({"reconnect_retries": NEVER})
        if settings.username:
            secret = read_secret(settings.password_file, "[mqtt] password_file")
            client.set_auth_credentials(settings.username, secret)
        down = self._down = asyncio.Event()
        client.on_message = self._message
        self._end, self._all_refused = None, False
        client.on_disconnect = lambda _, packet, *__: self._ended(down, packet)
        client.on_subscribe = self._subscribed
        self._client = client
        try:
            await asyncio.wait_for(
                client.connect(
                    self._host,
                    self._port,
                    ssl=tls.context(settings) if self._tls else False,
                    keepalive=max(1, int(settings.keepalive)),
                ),
                PATIENCE,
            )
        except TimeoutError:
            return f"no answer within {PATIENCE:.0f} s; does it speak MQTT 5?"
        except MQTTConnectError as error:
            return str(error.message).removeprefix("Connection Refused: ").lower()
        except OSError as error:
            return str(error.strerror or error)
        if down.is_set():
            return "connection lost"
        self.connected = True
        client.subscribe([gmqtt.Subscription(name, qos=1) for name in self.filters])
        return None

    async def _message(
        self, _: Any, topic: str | bytes, payload: bytes, qos: int, properties: dict[str, Any]
    ) -> int:
        name = topic if isinstance(topic, str) else topic.decode(errors="replace")
        content_type = properties.get("content_type")
        handled = False
        try:
            waiting = self._handle(
                name,
                payload,
                content_type[0] if content_type else "",
                qos,
                bool(properties["retain"]),
            )
            handled = True
        finally:
            if not handled:
                # Not acknowledged, so nothing is lost; carrying on would hide the fault.
                self._broken = True
                self._down.set()
        if waiting is not None:
            await waiting
        return 0

    def _ended(self, down: asyncio.Event, packet: object) -> None:
        """The connection is over; a broker that ends it by itself may give a reason code."""
        if isinstance(packet, bytes) and packet and not down.is_set():
            self._end = packet[0]
        down.set()

    def _subscribed(self, _: Any, __: int, codes: Sequence[int], ___: Any) -> None:
        refused = [code for code in codes if code >= 0x80]
        if refused:
            events.subscription_refused(self.settings.url, len(refused), refused[0])
        if len(refused) == len(codes):
            # It is tried again, because an ACL may be mended; one that lets some through is used.
            self._all_refused = True
            self._down.set()
            return
        events.broker_back(self.settings.url)
        if 0 in codes:
            events.qos_lowered(self.settings.url)
