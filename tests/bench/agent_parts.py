"""Where the agent's CPU goes in an interval, part by part: in a loop, and cold as at 10 s.

The whole, with TLS, MQTT and both answers, is in `agent`.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench._cold import cold, hot

from muster_agent import body
from muster_agent.compact import Full, copied
from muster_agent.host import Host
from muster_agent.sensors import PartlyError, Sensor, SensorAbsentError, load, storable
from muster_agent.sensors.program import Program
from muster_agent.spool import Spool
from muster_wire.messages import Metric

ROUNDS = 41
EPOCH = 1 << 50
EVERY = 10.0
BETWEEN = 3.0
"""Seconds from a report to that which is told against it."""


def main() -> None:
    """Print a line a part."""
    Program.latest = nothing  # type: ignore[method-assign] # other programs' CPU is not ours
    host = Host()
    sensors = load(host)
    often = [sensor for sensor in sensors if sensor.every is None]
    read(host, sensors)
    base = full(0, read(host, often))
    time.sleep(BETWEEN)
    newest = full(1, read(host, often))
    values = sum(len(metric.fields) for metric in newest.metrics)
    print(f"{values} values in most samples{'loop':>21}{'cold':>8}  us of CPU")
    show("sensors of each sample", lambda: read(host, often))
    show("and those of once a minute", lambda: anew(host, sensors))
    envelope = body.Envelope("bench", "lab", EPOCH, 1, 1, 1)
    show("message, told against a base", lambda: body.told(newest, base, envelope))
    made = body.make(ts=1, every=EVERY, metrics=newest.metrics)
    told = body.told(newest, base, envelope).payload
    former = body.make(ts=1, every=EVERY, metrics=base.metrics)
    show("once in 20: in full", lambda: body.make(ts=1, every=EVERY, metrics=newest.metrics))
    show("seldom: told, made whole again", lambda: body.whole(told, former))
    with tempfile.TemporaryDirectory() as temporary:
        spool = Spool(str(Path(temporary) / "spool.db"), max_bytes=10**8, max_age=1e9)
        spool.begin(EPOCH)
        show("spool: append, drop the last", lambda: append(spool, made))
        spool.db.execute("PRAGMA synchronous = OFF")
        show("the same without the disk", lambda: append(spool, made))
        spool.close()


def show(name: str, what: Callable[[], object]) -> None:
    """Measure and print one part."""
    print(f"{name:38}{hot(what, ROUNDS):8.0f}{cold(what, ROUNDS):8.0f}")


def nothing(self: Program) -> bytes | None:  # noqa: ARG001 - stands in for a method
    """The output of a program that has not run."""
    return None


def read(host: Host, sensors: list[Sensor]) -> list[Metric]:
    """One sample of these sensors."""
    found: list[Metric] = []
    with host.sharing():
        for sensor in sensors:
            try:
                found += storable(sensor.read())
            except (SensorAbsentError, PartlyError):
                continue
    return found


def anew(host: Host, sensors: list[Sensor]) -> list[Metric]:
    """The same, without processes that were read just before."""
    host._processes = (-EVERY, {})
    return read(host, sensors)


def full(seq: int, metrics: list[Metric]) -> Full:
    """A report as the agent remembers it."""
    return copied(Full((EPOCH, seq), 1, EVERY, metrics))


def append(spool: Spool, made: bytes) -> None:
    """One report in, the one before settled."""
    _, seq = spool.append(1, made)
    spool.settle(EPOCH, seq - 1)


if __name__ == "__main__":
    main()
