"""What is taken from paho's hands is what paho would have made of it, or is left to paho."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import paho.mqtt.client as paho
import pytest
from hypothesis import given
from hypothesis import strategies as st

from muster_agent.packets import CONTENT_TYPE, PUBACK, PUBLISH, Client

MID = 0x1234
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)


class Ear:
    """A client and what it says, by the short way or by paho's."""

    def __init__(self, *, short: bool = True) -> None:
        self.said: list[tuple[Any, ...]] = []
        self.client = Client("ear", self.taken, self.told)
        self.short = short
        self.client.on_publish = lambda _c, _d, mid, code, _p: self.taken(mid, code.value)
        self.client.on_message = self.message
        message = paho.MQTTMessage(MID, b"t")
        message.qos = 1
        self.client._out_messages[MID] = message
        self.client._inflight_messages = 1

    def taken(self, mid: int, code: int) -> None:
        self.said.append(("taken", mid, code))

    def told(self, topic: str, payload: bytes, content_type: str | None) -> None:
        self.said.append(("told", topic, payload, content_type))

    def message(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        content_type = getattr(message.properties, "ContentType", None)
        self.told(message.topic, bytes(message.payload), content_type)

    def hears(self, command: int, packet: bytes) -> tuple[Any, ...]:
        """What comes of a packet: what is said, or how it fails; and what still waits."""
        inside: Any = self.client._in_packet
        inside.update(command=command, packet=bytearray(packet), remaining_length=len(packet))
        handle = Client._packet_handle if self.short else paho.Client._packet_handle
        try:
            end: object = handle(self.client)
        except Exception as error:  # noqa: BLE001 - whatever paho does is compared
            end = type(error)
        return end, self.said, list(self.client._out_messages), self.client._inflight_messages


def publish(topic: str, payload: bytes, properties: bytes = b"") -> bytes:
    name = topic.encode()
    return len(name).to_bytes(2, "big") + name + bytes([len(properties)]) + properties + payload


def content_type(text: str) -> bytes:
    value = text.encode()
    return bytes([CONTENT_TYPE]) + len(value).to_bytes(2, "big") + value


def never(*_: object) -> Any:
    raise AssertionError("taken apart by paho")


@given(WORDS.filter(bool), st.binary(max_size=20), st.none() | WORDS, st.booleans())
def test_an_ordinary_message_takes_the_short_way(
    topic: str, payload: bytes, kind: str | None, retained: bool
) -> None:
    ear, packet = Ear(), publish(topic, payload, b"" if kind is None else content_type(kind))
    with patch.object(Client, "_handle_publish", never):
        ear.hears(PUBLISH | retained, packet)
    assert ear.said == [("told", topic, payload, kind)]
    assert Ear(short=False).hears(PUBLISH | retained, packet)[1] == ear.said


@pytest.mark.parametrize("rest", [b"", b"\0", b"\x10", b"\x10\0"])
def test_an_ordinary_puback_takes_the_short_way(rest: bytes) -> None:
    ear, packet = Ear(), MID.to_bytes(2, "big") + rest
    with patch.object(Client, "_handle_pubackcomp", never):
        found = ear.hears(PUBACK, packet)
    assert found[1:] == ([("taken", MID, rest[0] if rest else 0)], [], 0)
    assert Ear(short=False).hears(PUBACK, packet) == found


@given(
    st.sampled_from([PUBACK, *range(PUBLISH, PUBLISH + 16), 0xE0, 0x90, 0xD0]),
    st.binary(max_size=12)
    | st.builds(publish, WORDS, st.binary(max_size=9), st.binary(max_size=9))
    | st.builds(lambda rest: MID.to_bytes(2, "big") + rest, st.binary(max_size=3)),
)
def test_whatever_comes_ends_as_with_paho_alone(command: int, packet: bytes) -> None:
    assert Ear().hears(command, packet) == Ear(short=False).hears(command, packet)


@pytest.mark.parametrize("gone", ["_in_packet", "_out_messages", "_out_message_mutex"])
def test_a_paho_of_another_make_gets_all_of_its_packets(gone: str) -> None:
    ear = Ear()
    calls: list[str] = []

    class Another(paho.Client):
        def _packet_handle(self) -> Any:
            calls.append(gone)

    made = type("Made", (Client, Another), {})
    ear.client.__class__ = made
    ear.client._in_packet["command"] = PUBACK  # type: ignore[typeddict-item,unused-ignore] # a test
    ear.client._in_packet["packet"] = bytearray(MID.to_bytes(2, "big"))
    delattr(ear.client, gone)
    ear.client._packet_handle()
    assert calls == [gone]
    assert ear.said == []
    ear.client.__class__ = Client
    setattr(ear.client, gone, {})
