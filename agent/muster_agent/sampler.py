"""Asks every sensor in turn, on a grid of monotonic time; one sensor's failure is its own.

Suspending the machine or setting its clock neither bursts nor stalls: moments of the grid that have
passed are skipped, and wall time is only written down.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from muster_agent import logs
from muster_agent.clock import Clock
from muster_agent.sensors import PartlyError, SensorAbsentError, storable
from muster_wire.messages import Metric, Value

ABSENT = 60.0
"""Seconds after which it is looked again for what a machine has not got: it may be plugged in."""
TELL_FIRST, TELL = 60.0, 600.0
"""Seconds after the start and between times that what every sensor costs is sent."""
FIRST = 0.3
"""Seconds before the first sample, so that differences have something to differ from."""


class Readable(Protocol):
    """What the sampler needs of a sensor."""

    @property
    def name(self) -> str:
        """The sensor's name."""

    @property
    def every(self) -> float | None:
        """Seconds between readings of a costly sensor; None = each sample."""

    def read(self) -> list[Metric]:
        """Measure now."""


class Watched:
    """A sensor, when it is to be read next, and how it has been.

    Nanoseconds of its last reading (None before the first that found something to measure),
    readings that failed, those of them that were told, and the quick look whether what is absent
    may have come.
    """

    __slots__ = ("back", "due", "errors", "every", "nanoseconds", "read", "sensor", "told")

    def __init__(self, sensor: Readable) -> None:
        self.sensor = sensor
        self.read = sensor.read
        self.every = sensor.every
        self.due = -math.inf
        self.nanoseconds: int | None = None
        self.errors = self.told = 0
        self.back: Callable[[], object] | None = None


class Sampler:
    """The sensors and when they are due."""

    def __init__(self, sensors: Sequence[Readable], clock: Clock, every: float) -> None:
        self.watched = [Watched(sensor) for sensor in sensors]
        self.clock = clock
        self.every = every
        self.samples = 0
        self.errors = 0
        self.failing: dict[str, str] = {}
        self._failed_since = False
        self._tell_all = clock.monotonic() + TELL_FIRST
        self._start = clock.monotonic() + min(FIRST, every)
        self.due = self._start

    def sample(self) -> list[Metric]:
        """One reading of all sensors that are due; plans the next sample."""
        now = self.clock.monotonic()
        self.due = self._start + (math.floor((now - self._start) / self.every) + 1) * self.every
        if self.due <= now:  # a moment of the grid is rounded, and may seem not to be reached yet
            self.due += self.every
        self.samples += 1
        found: list[Metric] = []
        for one in self.watched:
            if now >= one.due:
                found += self._guarded(one, now)
        return storable(found)

    def account(self) -> list[Metric]:
        """What each sensor costs, now and then; at once where a reading has failed since."""
        now = self.clock.monotonic()
        everything = now >= self._tell_all
        if everything:
            self._tell_all = now + TELL
        elif not self._failed_since:
            return []
        self._failed_since = False
        found: list[Metric] = []
        for one in self.watched:
            if one.nanoseconds is not None and (everything or one.errors > one.told):
                one.told = one.errors
                fields: dict[str, Value] = {
                    "gather_time_ns": one.nanoseconds,
                    "errors": one.errors,
                }
                found.append(Metric("internal_gather", {"input": one.sensor.name}, fields))
        return found

    def _guarded(self, one: Watched, now: float) -> list[Metric]:
        """What one sensor that is due says; nothing when it is absent, or fails."""
        if one.every is not None:
            one.due = now + one.every - self.every / 2
        started = time.perf_counter_ns()
        try:
            if one.back is not None and not one.back():
                return self._look_later(one, now)
            metrics = one.read()
        except SensorAbsentError as error:
            one.back = error.back
            return self._look_later(one, now)
        except PartlyError as error:
            metrics = error.metrics
            self._failed(one, str(error), "some of its readings are")
        except Exception as error:  # noqa: BLE001 - the one guard: a sensor costs only itself
            metrics = []
            self._failed(one, f"{type(error).__name__}: {error}")
        else:
            one.back = None
            if self.failing and self.failing.pop(one.sensor.name, None) is not None:
                logs.info(f"sensor {one.sensor.name}: works again")
        one.nanoseconds = time.perf_counter_ns() - started
        return metrics

    def _look_later(self, one: Watched, now: float) -> list[Metric]:
        """Nothing, and the next look when it is time for it."""
        one.due = now + max(ABSENT, one.every or 0.0) - self.every / 2
        return []

    def _failed(self, one: Watched, reason: str, what: str = "its readings are") -> None:
        name = one.sensor.name
        self.errors += 1
        one.errors += 1
        self._failed_since = True
        if self.failing.get(name) != reason:
            self.failing[name] = reason
            logs.warning(f"sensor {name}: {reason}: {what} missing until it works again")
