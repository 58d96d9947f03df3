"""CPU time of one call when nothing of it is in the processor's caches, as after 10 s of sleep."""

from __future__ import annotations

import ctypes
import statistics
import time
from collections.abc import Callable

SIZE = 48 << 20
"""Bytes that are written in between: more than caches hold."""
BLOCK = ctypes.create_string_buffer(SIZE)


def hot(what: Callable[[], object], rounds: int) -> float:
    """Median CPU microseconds of this thread, called again and again."""
    return statistics.median(timed(what) for _ in range(rounds))


def cold(what: Callable[[], object], rounds: int) -> float:
    """The same with the caches full of something else each time."""
    times = []
    for _ in range(rounds):
        ctypes.memset(BLOCK, 1, SIZE)
        times.append(timed(what))
    return statistics.median(times)


def timed(what: Callable[[], object]) -> float:
    """CPU microseconds of this thread for one call."""
    start = time.thread_time_ns()
    what()
    return (time.thread_time_ns() - start) / 1000
