"""The collector of one node: acks every report, and counts what is in it."""

from __future__ import annotations

import json

import aiomqtt
from agent.peer import Centre

from muster_wire.codec import open_payload


def collector(peer: aiomqtt.Client, node: str) -> Centre:
    """One that understands all that an agent may say."""
    centre = Centre(peer, node)
    centre.understands = True
    return centre


async def ack(centre: Centre, message: aiomqtt.Message) -> tuple[int, int]:
    """Answer a message; how many values it has, and how many bytes it came in."""
    assert isinstance(message.payload, bytes)
    kind = getattr(message.properties, "ContentType", None)
    report = json.loads(open_payload(message.payload, kind))
    reports = centre.opened(report)
    base = centre.base["seq"] if centre.base else -1
    await centre.ack(epoch=report["epoch"], through=reports[-1]["seq"], base=base)
    values = sum(len(metric["fields"]) for one in reports for metric in one["metrics"])
    return values, len(message.payload)
