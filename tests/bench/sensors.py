"""CPU that each sensor costs here, a reading and an interval, beside psutil for the same facts."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import psutil

from muster_agent.host import Host
from muster_agent.sensors import Sensor, SensorAbsentError, load
from muster_agent.sensors.program import Program

ROUNDS = 200
INTERVAL = 10.0
"""Seconds; a rationed sensor costs its share of it."""
SAME = ("cpu", "mem", "swap", "system", "disk", "diskio", "net", "kernel")
"""Sensors for which psutil has the same."""


def main() -> None:
    """Print one line a sensor that this machine has something for, and the sums."""
    Program.latest = nothing  # type: ignore[method-assign] # other programs' CPU is not ours
    host = Host()
    total = 0.0
    values = 0
    for sensor in load(host):
        try:
            count = sum(len(metric.fields) for metric in sensor.read())
        except SensorAbsentError:
            continue
        cost = median(lambda sensor=sensor: alone(host, sensor))  # type: ignore[misc] # a default
        share = cost * min(1.0, INTERVAL / (sensor.every or INTERVAL))
        total, values = total + share, values + count
        every = f"every {sensor.every:g} s" if sensor.every else "each sample"
        print(f"{sensor.name:16} {cost:6.0f} us {count:4} values, {every}")
    print(f"{'together':16} {total:6.0f} us {values:4} values, an interval of {INTERVAL:g} s")
    same = load(host, SAME)
    print(f"{len(SAME)} sensors at once: {median(lambda: [s.read() for s in same]):.0f} us")
    print(f"the same by psutil:  {median(by_psutil):.0f} us")
    processes = len(psutil.pids())
    print(f"{processes} processes' states by psutil: {median(states_by_psutil):.0f} us")


def nothing(self: Program) -> bytes | None:  # noqa: ARG001 - stands in for a method
    """The output of a program that has not run."""
    return None


def alone(host: Host, sensor: Sensor) -> None:
    """Read one sensor without what another has read just before."""
    host._processes = (-INTERVAL, {})
    sensor.read()


def median(what: Callable[[], object]) -> float:
    """CPU microseconds of this thread."""
    times = []
    for _ in range(ROUNDS):
        start = time.thread_time_ns()
        what()
        times.append(time.thread_time_ns() - start)
    return statistics.median(times) / 1000


def by_psutil() -> None:
    """What the sensors of `SAME` read."""
    psutil.cpu_times()
    psutil.virtual_memory()
    psutil.swap_memory()
    psutil.getloadavg()
    psutil.users()
    psutil.boot_time()
    for partition in psutil.disk_partitions():
        psutil.disk_usage(partition.mountpoint)
    psutil.disk_io_counters(perdisk=True)
    psutil.net_io_counters(pernic=True)
    psutil.cpu_stats()


def states_by_psutil() -> None:
    """What `processes` reads."""
    for _ in psutil.process_iter(["status", "num_threads"]):
        pass
