"""Captures what an agent of this version sends: `cd tests && python -m wire.capture`.

It writes `captured/VERSION-WHAT-report.TYPE` for a report that asks to be kept, one that is told
against it, and several that go together, all of a machine of the tests.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

import aiomqtt
from agent.peer import Agent
from hosts.machine import HOSTS

from muster_agent.version import VERSION
from muster_wire import topics
from muster_wire.codec import WITH_DICTIONARY, open_payload
from servers import Mosquitto

FOLDER = Path(__file__).parent / "captured"
SENSORS = ["cpu", "mem", "swap", "system", "disk", "diskio", "net", "processes", "kernel"]


async def capture(what: str, broker: Mosquitto, directory: Path, **settings: str) -> None:
    """Run an agent until it has sent what is wanted; keep what else comes on the way, too."""
    options = {"sample__every": "500ms", "sample__sensors": SENSORS, **settings}
    agent = Agent(directory / "captured", broker.url, **options)
    async with aiomqtt.Client("127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5) as one:
        for kind in ("report", "birth"):
            await one.subscribe(topics.topic("lab", "captured", kind), qos=1)
        agent.start("--root", str(HOSTS / "vm"))
        try:
            async for message in one.messages:
                payload = message.payload
                content_type = str(getattr(message.properties, "ContentType", ""))
                assert isinstance(payload, bytes)
                found = json.loads(open_payload(payload, content_type))
                seq = found.get("seq", -1)
                through = found["later"][-1]["seq"] if "later" in found else seq
                base = seq if found.get("keep") else 0 if "base" in found else -1
                ack = {"epoch": found["epoch"], "through": through, "base": base}
                await one.publish(topics.topic("lab", "captured", "ack"), json.dumps(ack))
                kinds = {"kept": "keep", "told": "base", "together": "later"}
                name = next((name for name, key in kinds.items() if key in found), None)
                if name is not None:
                    dictionary = content_type.removeprefix(WITH_DICTIONARY)
                    (FOLDER / f"{VERSION}-{name}-report.{dictionary}").write_bytes(payload)
                if name == what:
                    return
        finally:
            agent.kill()


def main() -> int:
    """Capture live, then metered."""
    with tempfile.TemporaryDirectory() as temporary:
        broker = Mosquitto(Path(temporary) / "broker")
        broker.start()
        try:
            asyncio.run(capture("told", broker, Path(temporary) / "live"))
            metered = {"metered__report_every": "3s"}
            asyncio.run(capture("together", broker, Path(temporary) / "metered", **metered))
        finally:
            broker.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
