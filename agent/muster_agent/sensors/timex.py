"""How well the clock is kept, by Telegraf's `timex`: the kernel's own account, whoever keeps it."""

from __future__ import annotations

import json
import os
import struct
from functools import cache
from typing import Any, NamedTuple

from muster_agent.host import Host
from muster_agent.sensors import Sensor, SensorAbsentError
from muster_wire.messages import Metric, Value

FIXTURE = "timex.json"
"""In a fixture: the fields of `ClockState`."""
HEAD = struct.Struct("@Illlli")
"""The head of struct timex: modes, offset, freq, maxerror, esterror, status."""
SIZE = 256
"""More bytes than any architecture's struct timex has."""
TIME_ERROR = 5
STA_NANO = 0x2000
PPM = 1 << 16
STATUS = ("ok", "insert", "delete", "progress", "wait", "error")


class ClockState(NamedTuple):
    """What adjtimex(2) says: its return value and fields of struct timex."""

    state: int
    offset: int
    freq: int
    maxerror: int
    esterror: int
    status: int


class Timex(Sensor):
    """Offsets and errors in ns; not synchronized means that nobody keeps the clock."""

    name = "timex"
    every = 60.0

    def read(self) -> list[Metric]:
        """One metric."""
        state = clock_state(self.host)
        known = 0 <= state.state < len(STATUS)
        status = STATUS[state.state] if known else f"unknown-{state.state}"
        return [Metric("timex", {"status": status}, fields(state))]


def clock_state(host: Host) -> ClockState:
    """How the kernel keeps the clock; asking changes nothing and takes no rights."""
    if not host.live:
        return _from_fixture(host)
    # Loaded here, because it costs memory that an agent without this sensor need not spend.
    import ctypes

    buffer = bytearray(SIZE)
    state = adjtimex()(ctypes.byref(ctypes.c_char.from_buffer(buffer)))
    if state < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "adjtimex")
    return ClockState(state, *HEAD.unpack_from(buffer)[1:])


@cache
def adjtimex() -> Any:
    """The C library's function, looked up once: each look makes a class, which only `gc` frees."""
    import ctypes

    return ctypes.CDLL(None, use_errno=True).adjtimex


def _from_fixture(host: Host) -> ClockState:
    try:
        return ClockState(**json.loads(host.read(FIXTURE)))
    except FileNotFoundError as error:
        raise SensorAbsentError("a mounted machine has no clock of its own") from error
    except TypeError as error:
        raise ValueError(f"{FIXTURE}: {error}") from error


def fields(state: ClockState) -> dict[str, Value]:
    """Telegraf's essentials of adjtimex(2): its offset is in us unless a flag says ns."""
    return {
        "offset_ns": state.offset * (1 if state.status & STA_NANO else 1000),
        "frequency_offset_ppm": round(state.freq / PPM, 3),
        "maxerror_ns": state.maxerror * 1000,
        "estimated_error_ns": state.esterror * 1000,
        "status": state.status,
        "synchronized": state.state != TIME_ERROR,
    }
