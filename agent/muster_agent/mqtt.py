"""One MQTT 5 connection at a time over paho-mqtt, driven by the agent's only loop.

Invariants:
- only `_attempt` runs in a thread of its own, because resolving, connecting and the TLS handshake
  block; it hands its outcome over and touches nothing else;
- every connection has a paho client of its own, so paho never sends anything again behind our back;
- what happens is put into `events`; nothing is decided here.
"""

from __future__ import annotations

import contextlib
import math
import select
import socket
import threading
import time
from collections import deque
from typing import Any, Literal, NamedTuple

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from muster_agent import settings, traffic
from muster_agent.errors import ConfigError
from muster_agent.packets import Client
from muster_wire.codec import Encoded

PATIENCE = 10.0
"""Seconds for connecting, and again for the broker's answer."""
LONGEST = 3600.0
"""Seconds that are slept at once."""
MOST_PACKETS = 100
"""Packets that are read before something else has its turn."""
MOST_AT_ONCE, LARGEST = 65_535, 268_435_455
"""MQTT's own limits, where the broker names none."""
UNANSWERED = "it ends the connection without an answer: does it want TLS, or a certificate?"
HINTS = {
    "Bad user name or password": "check [mqtt] username and password_file",
    "Not authorized": "check [mqtt] username, password_file or certificate, and the broker's ACL",
    "Client identifier not valid": "check [node] id",
    "Unsupported protocol version": "the broker must speak MQTT 5",
}


class Event(NamedTuple):
    """Something that happened.

    `text` says why down, or the topic; `number` is a message's id, or how many messages may be on
    their way; `code` is the reason code of a PUBACK, or the largest packet in bytes.
    """

    kind: Literal["up", "down", "puback", "message"]
    text: str = ""
    number: int = 0
    code: int = 0
    payload: bytes = b""
    content_type: str | None = None


class Will(NamedTuple):
    """What the broker says for us when we vanish (retained, QoS 1)."""

    topic: str
    message: Encoded


class Link:
    """The connection to the broker, or the attempts at one."""

    def __init__(self, mqtt: settings.Mqtt, client_id: str, password: str) -> None:
        self.mqtt = mqtt
        self.client_id = client_id
        self.password = password
        self.events: deque[Event] = deque()
        self._tls = tls_context(mqtt) if mqtt.url.tls else None
        self._properties: dict[str, Any] = {}
        self._client: Client | None = None
        self._thread: threading.Thread | None = None
        self._outcome: tuple[Client, Exception | None] | None = None
        self._answer_by = math.inf
        self._before = self._carried = 0
        self._spoke = self._heard = 0.0
        self._reader, self.waker = socket.socketpair()
        self._reader.setblocking(False)
        self.waker.setblocking(False)

    @property
    def idle(self) -> bool:
        """Whether there is neither a connection nor an attempt at one."""
        return self._client is None and self._thread is None

    def connect(self, will: Will) -> None:
        """Begin an attempt; it ends with the event "up" or "down"."""
        client = Client(self.client_id, self._taken, self._told)
        client.connect_timeout = PATIENCE
        client.max_inflight_messages_set(0)
        if self.mqtt.username:
            client.username_pw_set(self.mqtt.username, self.password or None)
        if self._tls is not None:
            client.tls_set_context(self._tls)
        client.will_set(
            will.topic, will.message.payload, 1, True, self._content_type(will.message, will=True)
        )
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        self._thread = threading.Thread(target=self._attempt, args=(client,), daemon=True)
        self._thread.start()

    def publish(self, topic: str, message: Encoded, *, retain: bool = False) -> int | None:
        """Publish with QoS 1; the message's id, or None when the connection is gone."""
        if self._client is None:
            return None
        self._spoke = time.monotonic()
        info = self._client.publish(topic, message.payload, 1, retain, self._content_type(message))
        return info.mid if info.rc == 0 else None

    @property
    def traffic(self) -> int:
        """Bytes that all connections have carried so far, both ways; see `muster_agent.traffic`."""
        sock = self._client.socket() if self._client is not None else None
        if sock is not None:
            self._carried = traffic.of(sock)
        return self._before + self._carried

    def subscribe(self, topic: str) -> None:
        """Subscribe with QoS 0."""
        if self._client is not None:
            self._client.subscribe(topic, qos=0)

    def disconnect(self) -> None:
        """End the connection in order: the broker forgets the will."""
        if self._client is not None:
            self._client.disconnect()
            self._client = None

    def wake(self) -> None:
        """End a `wait` from another thread."""
        with contextlib.suppress(BlockingIOError):  # full: it is awake already
            self.waker.send(b"\0")

    def wait(self, seconds: float, *, deaf: float = 0.0) -> None:
        """Work on the connection until something happened, or for `seconds`.

        For the first `deaf` seconds what the broker says is left waiting, to be read at once; that
        it has gone is noticed.
        """
        client, sock = self._client, self._client.socket() if self._client else None
        if client is None or sock is None:
            self._asleep(seconds)
        else:
            now = time.monotonic()
            limit = min(seconds, self._silent(client, now), self._answer_by - now)
            deaf = 0.0 if client.want_write() else min(deaf, limit)
            if not (deaf > 0 and self._asleep(deaf, sock)):
                self._serve(client, sock, limit - deaf)
        self._hand_over()

    def _silent(self, client: Client, now: float) -> float:
        """Seconds until either side has been silent for too long, or has to be asked again.

        paho (2.2) asks the broker at every interval of keeping alive, whatever it has sent
        meanwhile: a segment there, one back, and waking up for it. So it gets its turn only when
        nothing has been sent, or nothing has come.
        """
        keepalive = client.keepalive or math.inf  # the broker may want none
        left = min(self._spoke, self._heard) + keepalive - now
        return left if left > 0 else keepalive / 4

    def _asleep(self, seconds: float, sock: Any = None) -> bool:
        """Sleep for `seconds`, until woken or the other side ends `sock`; whether it was woken."""
        gone = {} if sock is None else {sock: select.POLLRDHUP}
        woken = self._reader.fileno() in polled({self._reader: select.POLLIN, **gone}, seconds)
        if woken:
            self._drain()
        return woken

    def _serve(self, client: Client, sock: Any, seconds: float) -> None:
        """Let paho read what comes within `seconds`, write and keep alive."""
        readable = True  # trying costs no more than asking
        if seconds > 0 and not waiting_inside(sock):
            interest = select.POLLIN | (select.POLLOUT if client.want_write() else 0)
            ready = polled({self._reader: select.POLLIN, sock: interest}, seconds)
            if self._reader.fileno() in ready:
                self._drain()
            readable = bool(ready.get(sock.fileno(), 0) & ~select.POLLOUT)
        heard = client.packets
        for _ in range(MOST_PACKETS if readable else 0):
            before = client.packets
            client.loop_read()
            if client.packets == before or client.socket() is not sock:
                break
        if client.packets > heard:
            self._heard = time.monotonic()
        if client.socket() is not None and client.want_write():
            client.loop_write()
        now = time.monotonic()
        if client.keepalive and now >= min(self._spoke, self._heard) + client.keepalive:
            client.loop_misc()  # asks the broker whether it is there, and ends what is not answered
        if now > self._answer_by:
            self._down("no answer: is it an MQTT broker, with TLS as in [mqtt] url?")

    def _attempt(self, client: Client) -> None:
        """Connect, in a thread of its own."""
        outcome: Exception | None = None
        broker = self.mqtt.url
        try:
            client.connect(broker.host, broker.port, math.ceil(self.mqtt.keepalive))
        except (OSError, ValueError) as error:
            outcome = error
        self._outcome = (client, outcome)
        self.wake()

    def _hand_over(self) -> None:
        """Take an attempt's outcome from its thread."""
        if self._outcome is None or self._thread is None:
            return
        client, error = self._outcome
        self._thread.join()
        self._thread, self._outcome = None, None
        if error is not None:
            self.events.append(Event("down", reason(error, self.mqtt.url)))
        elif client.socket() is None:
            self.events.append(Event("down", UNANSWERED))
        else:
            self._client = client
            self._spoke = self._heard = time.monotonic()
            self._answer_by = self._spoke + PATIENCE

    def _drain(self) -> None:
        try:
            while self._reader.recv(4096):
                pass
        except BlockingIOError:
            return

    def _down(self, why: str) -> None:
        """Forget the connection and say why, once."""
        self._before, self._carried = self.traffic, 0
        client, self._client = self._client, None
        self._answer_by = math.inf
        if client is None:
            return
        if (sock := client.socket()) is not None:
            sock.close()
        self.events.append(Event("down", why))

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, code: Any, more: Any) -> None:
        if code.is_failure:
            text = str(code)
            hint = f": {HINTS[text]}" if text in HINTS else ""
            self._down(f"refused by the broker: {text}{hint}")
        else:
            self._answer_by = math.inf
            at_once = getattr(more, "ReceiveMaximum", MOST_AT_ONCE)
            largest = getattr(more, "MaximumPacketSize", LARGEST)
            self.events.append(Event("up", number=at_once, code=largest))

    def _on_disconnect(self, client: Any, _data: Any, _flags: Any, code: Any, _more: Any) -> None:
        if client is self._client:
            early = self._answer_by < math.inf
            self._down(UNANSWERED if early else f"the connection ended: {code}")

    def _taken(self, mid: int, code: int) -> None:
        self.events.append(Event("puback", number=mid, code=code))

    def _told(self, topic: str, payload: bytes, content_type: str | None) -> None:
        self.events.append(Event("message", topic, payload=payload, content_type=content_type))

    def _on_publish(self, _client: Any, _data: Any, mid: int, code: Any, _more: Any) -> None:
        self.events.append(Event("puback", str(code), number=mid, code=code.value))

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        content_type = getattr(message.properties, "ContentType", None)
        self._told(message.topic, message.payload, content_type)

    def _content_type(self, message: Encoded, *, will: bool = False) -> Any:
        """The properties that name a message's encoding; made once each."""
        key = f"{message.content_type} {will}"
        if key not in self._properties:
            kind = PacketTypes.WILLMESSAGE if will else PacketTypes.PUBLISH
            properties: Any = Properties(kind)  # type: ignore[no-untyped-call] # paho's
            properties.ContentType = message.content_type
            packed = properties.pack()
            properties.__dict__["pack"] = lambda: packed  # paho packs them anew for each message
            self._properties[key] = properties
        return self._properties[key]


def polled(interests: dict[Any, int], seconds: float) -> dict[int, int]:
    """The descriptors that are ready within `seconds`, and what for; see poll(2)."""
    poll = select.poll()
    for what, interest in interests.items():
        poll.register(what, interest)
    return dict(poll.poll(max(0, math.ceil(min(seconds, LONGEST) * 1000))))


def waiting_inside(sock: Any) -> int:
    """Bytes that TLS has decrypted already, which no poll can see."""
    return int(sock.pending()) if hasattr(sock, "pending") else 0


def tls_context(mqtt: settings.Mqtt) -> Any:
    """TLS as configured; raises `ConfigError` for a file that cannot be used."""
    import ssl

    try:
        context = ssl.create_default_context(cafile=mqtt.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise unusable("ca_file", mqtt.ca_file, error) from error
    if mqtt.cert_file:
        try:
            context.load_cert_chain(mqtt.cert_file, mqtt.key_file)
        except (OSError, ssl.SSLError) as error:
            raise unusable("cert_file", mqtt.cert_file, error) from error
    return context


def unusable(key: str, path: str, error: OSError) -> ConfigError:
    """A file that TLS cannot work with."""
    return ConfigError(
        [f'[mqtt] {key} = "{path}": {error.strerror or error}: use a readable PEM file']
    )


def reason(error: Exception, broker: settings.Broker) -> str:
    """Why a connection failed, in words that say where to look."""
    why = getattr(error, "strerror", None) or str(error)
    if isinstance(error, TimeoutError):
        why = f"no answer within {PATIENCE:.0f} s: check the address and firewalls"
    elif isinstance(error, ConnectionRefusedError):
        why = "connection refused: is the broker running there?"
    elif isinstance(error, socket.gaierror):
        why = f"{why}: check the name in [mqtt] url, and DNS"
    elif hasattr(error, "verify_message"):
        why = f"TLS: {error.verify_message}: check [mqtt] url and ca_file"
    elif broker.tls:
        why = f"TLS: {getattr(error, 'reason', None) or why}: is this the TLS port?"
    return f"{broker.host}:{broker.port}: {why}"
