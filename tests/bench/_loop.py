"""What one would write instead: aiomqtt, influxdb-client's `Point`, and a POST for many reports.

InfluxDB 1.x has no /api/v2/write, so the points go to /write as line protocol.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import aiohttp
import aiomqtt
from influxdb_client.client.write.point import Point
from influxdb_client.domain.write_precision import WritePrecision

TOGETHER = 200
"""Reports a request."""


def points(report: dict[str, Any]) -> list[str]:
    """The lines of a report."""
    lines = []
    for metric in report["metrics"]:
        point: Any = Point(metric["name"])  # type: ignore[no-untyped-call]
        point = point.tag("host", report["node"]).tag("site", report["site"])
        for key, value in metric["tags"].items():
            point = point.tag(key, value)
        for key, value in metric["fields"].items():
            point = point.field(key, value)
        lines.append(point.time(report["ts"], WritePrecision.MS).to_line_protocol())
    return lines


async def main(port: str, topic: str, url: str) -> None:
    """Write what comes, for ever."""
    waiting: list[str] = []
    reports = 0
    more = asyncio.Event()

    async def write() -> None:
        nonlocal reports
        async with aiohttp.ClientSession() as session:
            while True:
                await more.wait()
                if reports < TOGETHER:
                    await asyncio.sleep(0.2)
                more.clear()
                body = "\n".join(waiting)
                waiting.clear()
                reports = 0
                where = f"{url}/write?db=bench&precision=ms"
                async with session.post(where, data=body.encode()) as answer:
                    if answer.status != 204:
                        raise RuntimeError(await answer.text())

    async with aiomqtt.Client(
        "127.0.0.1", int(port), identifier="loop", protocol=aiomqtt.ProtocolVersion.V5,
        clean_start=False, properties=_session(),
    ) as client:  # fmt: skip
        await client.subscribe(topic, qos=1)
        print("ready", flush=True)
        async with asyncio.TaskGroup() as tasks:  # when a write fails, all ends
            tasks.create_task(write())
            async for message in client.messages:
                waiting.extend(points(json.loads(message.payload)))
                reports += 1
                more.set()


def _session() -> Any:
    """That the broker keeps what comes while we are away."""
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    properties: Any = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 3600
    return properties


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
