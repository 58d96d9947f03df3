"""What the doctor finds on the machine itself: who it is, its sensors, its clock."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from muster_agent.config import Config
from muster_agent.doctor.finding import Finding
from muster_agent.host import Host
from muster_agent.sampler import FIRST
from muster_agent.sensors import PartlyError, Sensor, SensorAbsentError, load

SLOW = 0.1
"""Seconds from which a sensor that is read for each sample is worth a remark."""
EARLIEST = 1_577_836_800
"""2020-01-01: a clock that is before it has not been set, and the collector refuses its reports."""
PROGRAMS = 5.0
"""Seconds that sensors which ask a program get for their first values."""


def user(settings: Config) -> Iterator[Finding]:
    """Whether it is root who tries, while the agent is somebody else."""
    folder = os.path.dirname(settings.spool.path) or "."  # noqa: PTH120 - pathlib costs memory
    try:
        owner = os.stat(folder).st_uid  # noqa: PTH116 - as above
    except OSError:
        return
    if os.geteuid() == 0 and owner != 0:
        name = user_name(owner)
        yield Finding(
            "user",
            None,
            f"root, but {folder} is {name}'s, who may do less: sudo -u {name} muster-agent doctor",
        )


def user_name(number: int) -> str:
    """A user's name, or "#" and the number of one without a name, as sudo takes it."""
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"#{number}"


def sensors(settings: Config, host: Host) -> Iterator[Finding]:
    """Each sensor twice, because many need a difference."""
    loaded = load(host, settings.sample.sensors or None, settings.sensor)
    for sensor in loaded:
        reading(sensor)
    time.sleep(FIRST)
    patient_until = time.monotonic() + PROGRAMS
    for sensor in loaded:
        found = reading(sensor)
        while found is None and time.monotonic() < patient_until:
            time.sleep(0.05)
            found = reading(sensor)
        yield found or Finding(f"sensor {sensor.name}", True, "works, its first values come later")


def reading(sensor: Sensor) -> Finding | None:
    """One reading of one sensor; None when it has not got anything yet."""
    what = f"sensor {sensor.name}"
    started = time.perf_counter()
    try:
        metrics = sensor.read()
    except SensorAbsentError as error:
        return Finding(what, None, str(error) or "this machine has nothing for it")
    except PartlyError as error:
        return Finding(what, False, f"{error}: some of its readings will be missing")
    except PermissionError as error:
        return Finding(what, False, f"{error}: let the agent's user read it")
    except (OSError, ValueError) as error:
        return Finding(what, False, f"{error}: its readings will be missing")
    took = time.perf_counter() - started
    if not metrics:
        return None
    values = sum(len(metric.fields) for metric in metrics)
    often = sensor.every is None and took > SLOW
    slow = ", slow: consider leaving it out of [sample] sensors" if often else ""
    return Finding(what, True, f"{values} values in {took * 1000:.1f} ms{slow}")


def clock(host: Host) -> Finding:
    """Whether something keeps the clock; a report with a wrong time is as bad as none."""
    from muster_agent.sensors import timex

    now = host.clock()
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if now < EARLIEST:
        mend = "set it (timedatectl set-time), then install chrony"
        return Finding(
            "clock", False, f"{shown}: the collector refuses reports before 2020: {mend}"
        )
    try:
        state = timex.fields(timex.clock_state(host))
    except (OSError, ValueError, SensorAbsentError) as error:
        return Finding("clock", None, f"{shown}; whether it is kept cannot be told: {error}")
    if not state["synchronized"]:
        mend = "install chrony, or timedatectl set-ntp true"
        return Finding("clock", None, f"{shown}; the kernel knows of nobody who keeps it: {mend}")
    most = int(state["maxerror_ns"]) / 1e6
    return Finding("clock", True, f"{shown}, kept by the network, wrong by {most:.0f} ms at most")
