"""Bytes on the wire: a value live, in full and told; a month of a metered link, all included.

BENCH_EVERY=60 in the environment samples this machine at that interval (seconds) instead of 1.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiomqtt
from agent.peer import Centre, until
from bench.agent import prepare
from hosts.machine import HOSTS, Machine

from muster_agent import body
from muster_agent.clock import SystemClock
from muster_agent.compact import RENEWED, Full
from muster_agent.host import Host
from muster_agent.sampler import Sampler
from muster_agent.sensors import SENSORS, Sensor, SensorAbsentError, load
from muster_wire.messages import Metric, Value

EVERY = float(os.environ.get("BENCH_EVERY", "1"))
LIVE = 2 * (RENEWED + 1)
"""Samples of this machine."""
FIXTURE = 10 * (RENEWED + 1)
TOGETHER = 10
MONTH = 30 * 24 * 60
"""Samples a month at one a minute."""
MESSAGES = 5
Samples = list[list[Metric]]


def main() -> None:
    """A line a machine, then what a message costs beside its payload, then a month."""
    columns = ("values", "zlib", "in full", "told", "x10", "MB/month")
    print(f"{'bytes a value':<22}" + "".join(f"{name:>10}" for name in columns))
    cost = overhead()
    line(f"this machine, {EVERY:g} s", live(), cost)
    for file in sorted(HOSTS.glob("*.golden.json")):
        line(file.name.removesuffix(".golden.json"), list(fixture(file.stem.split(".")[0])), cost)
    print(f"MB/month: one sample a minute, {TOGETHER} in a message, {cost} bytes a message on top")


def line(name: str, samples: Samples, cost: int) -> None:
    """The figures of one machine."""
    values = sum(len(metric.fields) for metrics in samples for metric in metrics)
    plain = sum(len(zlib.compress(body.text(made(m)), 6)) for m in samples)
    full = sum(len(body.payload(made(m), envelope(n))) for n, m in enumerate(samples))
    sizes = [len(message) for message in stream(samples)]
    packed = [
        len(body.together(list(enumerate(map(made, samples[n : n + TOGETHER]))), envelope(n))[0][0])
        for n in range(0, len(samples) - TOGETHER + 1, TOGETHER)
    ]
    share = len(packed) * TOGETHER / len(samples)
    month = MONTH / TOGETHER * (sum(packed) / len(packed) + cost) / 1e6
    figures = (plain, full, sum(sizes), sum(packed) / share)
    print(
        f"{name:<22}{values / len(samples):10.0f}"
        + "".join(f"{figure / values:10.2f}" for figure in figures)
        + f"{month:10.1f}"
    )


def stream(samples: Samples) -> Iterator[bytes]:
    """The messages of a live link, a new base now and then."""
    base: Full | None = None
    for number, metrics in enumerate(samples):
        report = Full((EPOCH, number), NOW, EVERY, metrics)
        if number % (RENEWED + 1) == 0 or base is None:
            base = report
            yield body.payload(made(metrics), envelope(number)._replace(keep=True))
        else:
            yield body.told(report, base, envelope(number)).payload


EPOCH, NOW = 1_790_000_000 << 20 | 12_345, 1_790_000_000_000


def made(metrics: list[Metric]) -> bytes:
    """A report as the spool has it."""
    return body.make(ts=NOW, every=EVERY, metrics=metrics)


def envelope(seq: int) -> body.Envelope:
    """What sending adds."""
    return body.Envelope("edge-0042", "harbour", EPOCH, 40_000 + seq, 40_000 + seq, NOW + 15)


def live() -> Samples:
    """Samples of this machine."""
    clock = SystemClock()
    sampler = Sampler(load(Host()), clock, EVERY)
    samples = []
    for _ in range(LIVE):
        time.sleep(max(0.0, sampler.due - clock.monotonic()))
        samples.append(sampler.sample())
    return samples


def fixture(name: str) -> Iterator[list[Metric]]:
    """A machine of the tests that goes on as between its two samples, more or less (seeded)."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / "root"
        shutil.copytree(HOSTS / name, root, symlinks=True)
        first, second = readings(Machine(root))
    chance = random.Random(name)
    for number in range(1, FIXTURE + 1):
        yield [
            Metric(
                m.name,
                m.tags,
                {k: moved(first.get(key(m, k), v), v, number, chance) for k, v in m.fields.items()},
            )
            for m in second
        ]


def key(metric: Metric, field: str) -> tuple[str, str, str]:
    """What tells a value of a sample from all others."""
    return metric.name, json.dumps(metric.tags), field


def readings(machine: Machine) -> tuple[dict[tuple[str, str, str], Value], list[Metric]]:
    """The values of the first sample, and the second one."""
    sensors = [machine.sensor(name) for name in SENSORS]
    first = {key(m, k): v for sensor in sensors for m in read(sensor) for k, v in m.fields.items()}
    machine.later()
    return first, [metric for sensor in sensors for metric in read(sensor)]


def read(sensor: Sensor) -> list[Metric]:
    """A reading; nothing where the machine has not got that."""
    try:
        return sensor.read()
    except SensorAbsentError:
        return []


def moved(was: Value, now: Value, steps: int, chance: random.Random) -> Value:
    """A value some samples on: one that grew goes on growing, unevenly; one that stood stands."""
    if type(was) is not type(now) or isinstance(now, (bool, str)) or now == was:
        return now
    step = (now - was) * chance.uniform(0.5, 1.5)  # type: ignore[operator] # numbers
    if isinstance(now, int):
        return now + round(step * steps)
    return round(now + step * chance.uniform(-1, 1), 3)


def overhead() -> int:
    """Bytes that a message of a metered agent costs beside its payload, measured over TLS."""
    with tempfile.TemporaryDirectory() as temporary:
        return asyncio.run(measured(Path(temporary)))


async def measured(directory: Path) -> int:
    """Run an agent that sends ten samples a message, acked as in life."""
    broker, config, _ = prepare(directory, every=0.1)
    config.write_text(config.read_text() + '[metered]\nreport_every = "1s"\n')
    agent = None
    try:
        async with aiomqtt.Client(
            "127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5
        ) as client:
            for kind in ("report", "birth"):
                await client.subscribe(f"muster/v1/+/lab/bench/{kind}", qos=1)
            one = Centre(client, "bench")
            one.auto = one.understands = True
            one.answer = lambda _: {"through": -1, "base": -1}
            listening = asyncio.create_task(one.listen())
            command = (sys.executable, "-m", "muster_agent", "run", "--config", str(config))
            agent = await asyncio.create_subprocess_exec(*command)
            await until(lambda: sum(map(whole, one.messages)) > MESSAGES, lambda: one.sizes)
            listening.cancel()
        return beside(one)
    finally:
        if agent is not None:
            agent.terminate()
            await agent.wait()
        broker.stop()


def beside(one: Centre) -> int:
    """What the link carried beside the payloads, by the agent's own count, a message."""
    full = [n for n, message in enumerate(one.messages) if whole(message)]
    counts = [carried(one.opened(one.messages[n])[-1]) for n in full]
    payloads = sum(one.sizes[n] for n in full[:-1])
    return round((counts[-1] - counts[0] - payloads) / (len(full) - 1))


def whole(message: dict[str, Any]) -> bool:
    """Whether a message has as many reports as go together."""
    return len(message.get("later", ())) == TOGETHER - 1


def carried(report: dict[str, Any]) -> int:
    """Bytes that the link had carried when a report was made."""
    (fields,) = [m["fields"] for m in report["metrics"] if m["name"] == "internal_agent"]
    return int(fields["link_bytes"])


if __name__ == "__main__":
    main()
