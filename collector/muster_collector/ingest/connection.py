"""One connection to an MQTT 5 broker, and what an incoming message says; no session, no patience.

The packets of the session are `mqtt5`'s. The messages that come in are read here: they carry texts
of strangers, and one that is not UTF-8 must be refused like any other bad input, where `mqtt5` can
only give up the whole packet, and with it the connection, again at every delivery.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar, cast

import mqtt5

PUBLISH: Final = 3
PUBACK: Final = b"\x40\x02"
"""What a PUBACK without a reason has before its packet identifier. MQTT 5, 3.4."""
CONTENT_TYPE: Final = 3
_SIZES: Final = {1: 1, 2: 4, 35: 2}
_TEXTS: Final = {3: 1, 8: 1, 9: 1, 38: 2}
"""What a property of a PUBLISH takes by its identifier: bytes, or texts with their length before
them; a subscription identifier (11) is a number of variable length. MQTT 5, 2.2.2.2."""
MOST_BYTES: Final = 2**28
"""What a packet of MQTT can have at most."""
PAUSE: Final = 0.05
"""Seconds between looks whether there is room to read on."""
CHECKS: Final = 4
"""Looks at a silent connection within one keepalive; after that many in vain it is dead."""


T = TypeVar("T")


class Message(NamedTuple):
    """What somebody published."""

    topic: str
    payload: bytes
    content_type: str
    qos: int
    retained: bool
    packet_id: int


Handler = Callable[[str, bytes, str, int, bool], asyncio.Future[None] | None]
"""Topic, payload, content type ("" for none), QoS, retained -> done when it may be acknowledged."""


class Connection(asyncio.Protocol):
    """Speaks with the broker once the transport is there.

    `greeting` is the broker's answer to CONNECT, `granted` the one to SUBSCRIBE; `lost` says why it
    ended: words for people, or the error that the handler raised.
    """

    def __init__(
        self,
        connect: mqtt5.ConnectPacket,
        handle: Handler,
        crowded: Callable[[], bool] = lambda: False,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.greeting: asyncio.Future[mqtt5.ConnAckPacket] = loop.create_future()
        self.granted: asyncio.Future[mqtt5.SubAckPacket] = loop.create_future()
        self.lost: asyncio.Future[str] = loop.create_future()
        self.end: int | None = None
        """The reason code with which the broker ended it."""
        self.largest = MOST_BYTES
        """Bytes of the largest packet that the broker takes."""
        self._loop = loop
        self._connect = connect
        self._handle = handle
        self._crowded = crowded
        """Whether nothing more must be read now. mosquitto 2.0.11 sends its whole queue at once,
        whatever the Receive Maximum, when much is acknowledged together."""
        self._paused = False
        self._keepalive = connect.keep_alive
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._unacknowledged: dict[asyncio.Future[None], list[int]] = {}
        self._silent = 0
        self._congested = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Introduce ourselves."""
        self._transport = cast("asyncio.Transport", transport)
        self.send(self._connect)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing goes out any more: what is not acknowledged comes again."""
        self._transport = None
        self._unacknowledged.clear()
        if self.lost.done():
            return
        if exc is None or isinstance(exc, OSError):
            self.lost.set_result("connection lost")
        else:
            # A fault of ours, which carrying on would hide.
            self.lost.set_exception(exc)

    def pause_writing(self) -> None:
        """The broker reads slower than we write."""
        self._congested = True

    def resume_writing(self) -> None:
        """The broker has caught up."""
        self._congested = False

    def data_received(self, data: bytes) -> None:
        """Take whole packets; the rest of the last one comes with the next data."""
        self._silent = 0
        data = self._rest + data if self._rest else data
        at = 0
        while True:
            try:
                found = read(data, at)
            except (ValueError, IndexError) as error:
                self.abort(f"what it sends is not MQTT 5 ({error})")
                return
            if found is None:
                break
            packet, at = found
            if isinstance(packet, Message):
                self._message(packet)
            else:
                self._packet(packet)
        self._rest = data[at:]
        if self._crowded() and not self._paused:
            self._paused = True
            self._look()

    def _look(self) -> None:
        """Read on once there is room."""
        if self._transport is None:
            return
        if self._crowded():
            self._transport.pause_reading()
            self._loop.call_later(PAUSE, self._look)
        else:
            self._paused = False
            self._transport.resume_reading()

    async def answer(self, future: asyncio.Future[T]) -> T | None:
        """What the broker answers; None when the connection ends before."""
        waited: list[asyncio.Future[Any]] = [future, self.lost]
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        return future.result() if future.done() else None

    def send(self, packet: mqtt5.Packet) -> None:
        """Send a packet; forgotten when the connection is gone."""
        if self._transport is not None:
            self._transport.write(packet.write())

    def publish(self, packet: bytes) -> bool:
        """Send a message that may get lost; it does when the broker does not read what we send.

        Whether it is on its way. What follows one that is not may be, but not before a turn of the
        event loop.
        """
        if self._transport is None or self._congested:
            return False
        self._transport.write(packet)
        return True

    async def close(self, patience: float) -> None:
        """Say goodbye; a broker that does not listen is waited for as many seconds."""
        if self._transport is not None:
            self.send(mqtt5.DisconnectPacket())
            self._transport.close()
            await asyncio.wait([self.lost], timeout=patience)
            self.abort("closed")

    def abort(self, reason: str) -> None:
        """End it at once."""
        if not self.lost.done():
            self.lost.set_result(reason)
        if self._transport is not None:
            self._transport.abort()

    def _check(self) -> None:
        """Ask a silent broker whether it is there, and give it up in time."""
        if self._transport is None or not self._keepalive:
            return
        if self._silent >= CHECKS:
            self.abort(f"silent for {self._keepalive} s")
            return
        self.send(mqtt5.PingReqPacket())
        self._silent += not self._paused  # its answer is not read then
        self._loop.call_later(self._keepalive / CHECKS, self._check)

    def _packet(self, packet: mqtt5.Packet) -> None:
        match packet:
            case mqtt5.ConnAckPacket() if not self.greeting.done():
                if packet.server_keep_alive is not None:
                    self._keepalive = packet.server_keep_alive
                self.largest = packet.max_packet_size or MOST_BYTES
                self.greeting.set_result(packet)
                self._check()
            case mqtt5.SubAckPacket() if not self.granted.done():
                self.granted.set_result(packet)
            case mqtt5.DisconnectPacket():
                self.end = int(packet.reason_code)
                self.abort(f"it ends the connection: {words(packet.reason_code)}")

    def _message(self, message: Message) -> None:
        topic, payload, content_type, qos, retained, packet_id = message
        waiting = self._handle(topic, payload, content_type, qos, retained)
        if not qos:
            return
        if waiting is None or waiting.done():
            self._send_pubacks([packet_id])
            return
        packet_ids = self._unacknowledged.get(waiting)
        if packet_ids is None:
            packet_ids = self._unacknowledged[waiting] = []
            waiting.add_done_callback(self._acknowledge)
        packet_ids.append(packet_id)

    def _acknowledge(self, done: asyncio.Future[None]) -> None:
        packet_ids = self._unacknowledged.pop(done, [])
        if not done.cancelled():
            self._send_pubacks(packet_ids)

    def _send_pubacks(self, packet_ids: list[int]) -> None:
        if self._transport is not None:
            self._transport.write(b"".join([PUBACK + n.to_bytes(2, "big") for n in packet_ids]))


def words(code: enum.IntEnum) -> str:
    """A reason code for people."""
    return code.name.replace("_", " ").lower()


def read(data: bytes, at: int) -> tuple[Message | mqtt5.Packet, int] | None:
    """The packet that begins at `at` and where the next one does; None while it is not all there.

    ValueError or IndexError for what is no MQTT 5.
    """
    try:
        length, begin = _number(data, at + 1)
    except IndexError:
        return None
    end = begin + length
    if end > len(data):
        return None
    first = data[at]
    if first >> 4 == PUBLISH:
        return read_publish(first, data[begin:end]), end
    return mqtt5.read(memoryview(data)[at:end])[0], end


def read_publish(first: int, body: bytes) -> Message:
    """The message of a PUBLISH packet's first byte and body; ValueError or IndexError for none.

    Texts that are not UTF-8 come with U+FFFD in them, for the handler to refuse.
    """
    qos = first >> 1 & 3
    at = 2 + int.from_bytes(body[:2], "big")
    topic = str(body[2:at], "utf-8", "replace")
    packet_id = 0
    if qos:
        packet_id = body[at] << 8 | body[at + 1]
        at += 2
    length, at = _number(body, at)
    payload = at + length
    if payload > len(body):
        raise ValueError("properties longer than their packet")
    content_type = _content_type(body[at:payload]) if length else ""
    return Message(topic, body[payload:], content_type, qos, bool(first & 1), packet_id)


@lru_cache(maxsize=1024)
def _content_type(properties: bytes) -> str:
    """The content type among the properties of a PUBLISH; nearly all messages have the same."""
    at, found = 0, ""
    while at < len(properties):
        identifier = properties[at]
        at += 1
        if identifier in _SIZES:
            at += _SIZES[identifier]
        elif identifier in _TEXTS:
            for _ in range(_TEXTS[identifier]):
                begin = at + 2
                at = begin + int.from_bytes(properties[at:begin], "big")
                if identifier == CONTENT_TYPE:
                    found = str(properties[begin:at], "utf-8", "replace")
        elif identifier == 11:
            _, at = _number(properties, at)
        else:
            raise ValueError(f"a message with property {identifier}")
    return found


def _number(data: bytes, at: int) -> tuple[int, int]:
    """A variable byte integer, and where what follows it begins."""
    if (byte := data[at]) < 0x80:
        return byte, at + 1
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 21:
            raise ValueError("a length of more than four bytes")
