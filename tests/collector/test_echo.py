"""Echoes: a node's doctor asks whether the way is open; nothing of it is stored or quarantined."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiomqtt
from collector.centre import NOW, Centre, report, until

from muster_collector.ingest.acks import ECHOES
from muster_wire import echo, topics
from servers import Mosquitto

TOKEN = b"0123456789abcdef"


async def test_echoes_are_answered_rationed_and_leave_nothing(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    centre = Centre(mosquitto, tmp_path)
    answers: list[bytes] = []

    async def listen(client: aiomqtt.Client) -> None:
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            answers.append(message.payload)

    async with (
        centre.running() as ingest,
        centre.node() as node,
        aiomqtt.Client("127.0.0.1", mosquitto.port) as other,
    ):
        await other.subscribe(topics.topic("s1", "n2", "ack", root=centre.root))
        listening = asyncio.create_task(listen(other))
        node.node = "n2"
        for payload in (b"", b"{}", b"x" * 1000, TOKEN + b"\n"):
            await node.send(payload, content_type=echo.ECHO)
        for kind in ("birth", "status"):
            await node.send(TOKEN, kind, content_type=echo.ECHO)
        await node.send(TOKEN, retain=True, content_type=echo.ECHO)
        for _ in range(5 * ECHOES):
            await node.send(TOKEN, content_type=echo.ECHO)
        node.node = "n1"
        await node.send(report(0))
        await node.settled(0)
        await until(lambda: len(answers) >= ECHOES, "answers")
        listening.cancel()
        assert [known.node for known in ingest.fleet.nodes()] == ["n1"]
    assert {echo.clock(text, TOKEN) for text in answers} == {NOW + 1000}
    assert len(answers) < 4 * ECHOES, "no flood is answered in full"
    assert centre.quarantined() == []


def test_only_the_answer_to_its_own_token_counts() -> None:
    text = echo.answer(TOKEN, 1_700_000_000_000)
    assert text is not None
    assert echo.clock(text, TOKEN) == 1_700_000_000_000
    for other in (b"", TOKEN, TOKEN + b" ", TOKEN + b" -1", TOKEN + b" " + b"9" * 99):
        assert echo.clock(other, TOKEN) is None
    assert echo.clock(text, b"f" * 16) is None
