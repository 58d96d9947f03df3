"""One connection to the broker for one command: reads what is retained, publishes, listens."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from muster_collector.config import Mqtt, read_secret
from muster_collector.errors import MusterError
from muster_collector.ingest import tls
from muster_wire.codec import JSON

PATIENCE = 10.0
"""Seconds that the broker has for each answer."""
QUIET = 0.5
"""Seconds without a message after which all that is retained has come."""
REFUSAL = 0x80


class Message(NamedTuple):
    """A message as it came."""

    topic: str
    payload: bytes
    content_type: str


class Broker:
    """The connection, from `with` to its end; `MusterError` says in one line what went wrong."""

    def __init__(self, settings: Mqtt) -> None:
        self.url = settings.url
        self._messages: SimpleQueue[Message] = SimpleQueue()
        self._events: SimpleQueue[tuple[str, int, Any]] = SimpleQueue()
        self._client = client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"muster-config-{secrets.token_hex(4)}",
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        address = urlsplit(settings.url)
        secure = address.scheme == "mqtts"
        self._place = address.hostname or "127.0.0.1", address.port or (8883 if secure else 1883)
        if settings.username:
            secret = read_secret(settings.password_file, "[mqtt] password_file")
            client.username_pw_set(settings.username, secret)
        if secure:
            client.tls_set_context(tls.context(settings))
        client.on_connect = lambda _c, _d, _f, code, _p: self._events.put(("connected", 0, code))
        client.on_disconnect = lambda _c, _d, _f, code, _p: self._events.put(("gone", 0, code))
        client.on_subscribe = lambda _c, _d, mid, codes, _p: self._events.put(("sub", mid, codes))
        client.on_publish = lambda _c, _d, mid, code, _p: self._events.put(("pub", mid, code))
        client.on_message = self._message

    def __enter__(self) -> Self:
        try:
            self._client.connect(*self._place)
        except OSError as error:
            raise self._error(str(error.strerror or error)) from error
        self._client.loop_start()
        code = self._answer("connected", 0)
        if code.is_failure:
            raise self._error(f"refused: {code}: check user, password or certificate")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def retained(self, filters: Iterable[str]) -> list[Message]:
        """What the broker keeps below these filters; what comes later is for `listen`."""
        wanted = [(name, 1) for name in filters]
        _, mid = self._client.subscribe(wanted)
        codes = self._answer("sub", mid or 0)
        if any(code.is_failure for code in codes):
            raise self._error(f"may not read {', '.join(name for name, _ in wanted)}: see its ACL")
        found: list[Message] = []
        while (message := self._next(QUIET)) is not None:
            found.append(message)
        return found

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish, retained, with QoS 1."""
        properties: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call] # paho's
        properties.ContentType = JSON
        mid = self._client.publish(topic, payload, 1, retain=True, properties=properties).mid
        code = self._answer("pub", mid)
        if code.value >= REFUSAL:
            raise self._error(f"may not write {topic}: {code}: see its ACL")

    def listen(self, seconds: float, take: Callable[[Message], bool]) -> bool:
        """Give messages to `take` until it says that it has had enough; False when time is up."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            message = self._next(left)
            if message is not None and take(message):
                return True
        return False

    def _next(self, seconds: float) -> Message | None:
        try:
            return self._messages.get(timeout=seconds)
        except Empty:
            return None

    def _answer(self, kind: str, number: int) -> Any:
        """The broker's answer to something."""
        end = time.monotonic() + PATIENCE
        while (left := end - time.monotonic()) > 0:
            try:
                found, mid, code = self._events.get(timeout=left)
            except Empty:
                break
            if (found, mid) == (kind, number):
                return code
            if found == "gone":
                raise self._error(f"ended the connection: {code}")
        raise self._error(f"no answer within {PATIENCE:.0f} s; does it speak MQTT 5?")

    def _message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        content_type = getattr(message.properties, "ContentType", "")
        self._messages.put(Message(message.topic, bytes(message.payload), content_type))

    def _error(self, text: str) -> MusterError:
        return MusterError(f"{self.url}: {text}")
