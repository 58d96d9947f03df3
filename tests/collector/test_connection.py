"""The connection to the broker: packets in pieces, texts that are none, brokers that misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import mqtt5
import pytest
from collector.centre import until
from hypothesis import given
from hypothesis import strategies as st

from muster_collector.config import Mqtt
from muster_collector.ingest.connection import Message, read
from muster_collector.ingest.mqtt import Link

CONTENT_TYPE = "application/json"


def publish(topic: str = "t", payload: bytes = b"p", **more: Any) -> bytes:
    return mqtt5.PublishPacket(topic, payload, **more).write()


@given(
    topic=st.text(
        st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="#+"), min_size=1
    ),
    payload=st.binary(max_size=300),
    content_type=st.none() | st.text(st.characters(codec="utf-8", exclude_categories=["C"])),
    users=st.lists(st.tuples(st.text("ab"), st.text("xy"))),
    expiry=st.none() | st.integers(1, 1000),
    retain=st.booleans(),
    packet_id=st.none() | st.integers(1, 65535),
)
def test_every_message_that_the_library_writes_is_read(
    *,
    topic: str,
    payload: bytes,
    content_type: str | None,
    users: list[tuple[str, str]],
    expiry: int | None,
    retain: bool,
    packet_id: int | None,
) -> None:
    qos = mqtt5.QoS.AT_LEAST_ONCE if packet_id else mqtt5.QoS.AT_MOST_ONCE
    data = publish(
        topic, payload, qos=qos, packet_id=packet_id, retain=retain, content_type=content_type,
        user_properties=users, message_expiry_interval=expiry, response_topic="r",
        correlation_data=b"\xff", subscription_ids=[300],
    )  # fmt: skip
    expected = Message(topic, payload, content_type or "", int(qos), retain, packet_id or 0)
    assert read(b"before" + data + b"behind", 6) == (expected, 6 + len(data))
    assert all(read(data[:cut], 0) is None for cut in range(len(data)))


def test_text_that_is_not_utf_8_comes_to_the_handler_all_the_same() -> None:
    data = publish("muster/t", content_type="text/x")
    data = data.replace(b"muster", b"m\xffster").replace(b"text", b"te\xfet")
    found = read(data, 0)
    assert found is not None
    message, _ = found
    assert isinstance(message, Message)
    assert message.topic == "m\ufffdster/t"
    assert message.content_type == "te\ufffdt/x"


class Broker:
    """A broker that says what it is told to, and keeps what it hears."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = answers
        self.heard = b""
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        for answer in self.answers:
            self.heard += await reader.read(10_000)
            writer.write(answer)
        while data := await reader.read(10_000):
            self.heard += data


@asynccontextmanager
async def linked(
    broker: Broker, handle: Any = lambda *_: None
) -> AsyncIterator[asyncio.Task[None]]:
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    link = Link(
        Mqtt.model_validate({"url": url, "keepalive": "1s"}), ["a/+"], handle, max_packet=1 << 20
    )
    task = asyncio.create_task(link.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
        await link.close()
        for writer in broker.writers:
            writer.close()
        server.close()


GREETING = mqtt5.ConnAckPacket().write()
GRANTED = mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode.GRANTED_QOS_AT_LEAST_ONCE]).write()


async def test_packets_in_pieces_are_taken_and_acknowledged_when_done() -> None:
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    taken: list[bytes] = []

    def handle(_: str, payload: bytes, *__: Any) -> asyncio.Future[None]:
        taken.append(payload)
        return done

    broker = Broker(GREETING, GRANTED)
    async with linked(broker, handle):
        await until(lambda: b"a/+" in broker.heard, "subscribed")
        data = b"".join(
            publish("a/b", b"%d" % n, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=n)
            for n in range(1, 301)
        )
        for at in range(0, len(data), 7):
            broker.writers[0].write(data[at : at + 7])
        await until(lambda: len(taken) == 300, "all taken")
        assert taken == [b"%d" % n for n in range(1, 301)]
        acks = b"".join(mqtt5.PubAckPacket(n).write() for n in range(1, 301))
        assert acks not in broker.heard
        done.set_result(None)
        await until(lambda: acks in broker.heard, "all acknowledged, in order")


async def test_an_acknowledgement_does_not_go_out_on_another_connection() -> None:
    done = asyncio.get_running_loop().create_future()
    message = publish("a/b", qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=7)
    broker = Broker(GREETING, GRANTED + message)
    async with linked(broker, lambda *_: done):
        await until(lambda: len(broker.writers) == 1, "connected")
        broker.writers[0].close()
        await until(lambda: len(broker.writers) == 2, "connected again")
        done.set_result(None)
        await until(lambda: mqtt5.PingReqPacket().write() in broker.heard, "it goes on")
        assert mqtt5.PubAckPacket(7).write() not in broker.heard


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"\x20\x02\x00\x01", "not MQTT 5"),
        (mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.SERVER_BUSY).write(), "busy"),
        (
            GREETING
            + mqtt5.DisconnectPacket(
                reason_code=mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER
            ).write(),
            "another client took over the session",
        ),
        (GREETING, "silent for 1 s"),
    ],
)
async def test_why_the_broker_is_away_is_said(
    answer: bytes, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with linked(Broker(answer)):
        await until(lambda: "broker away" in caplog.text, "it says so")
        assert words in caplog.text


async def test_a_message_that_cannot_be_handled_ends_it_and_is_not_acknowledged() -> None:
    def handle(*_: Any) -> None:
        raise ValueError("a fault of ours")

    message = publish("a/b", qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=7)
    broker = Broker(GREETING, GRANTED + message)
    async with linked(broker, handle) as task:
        await asyncio.wait([task], timeout=20)
        assert isinstance(task.exception(), ValueError)
    assert mqtt5.PubAckPacket(7).write() not in broker.heard
