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


class Gathered:
    """What a sensor has cost: nanoseconds of its last reading, and readings that failed."""

    __slots__ = ("errors", "nanoseconds", "told")

    def __init__(self) -> None:
        self.nanoseconds = self.errors = self.told = 0


class Sampler:
    """The sensors and when they are due."""

    def __init__(self, sensors: Sequence[Readable], clock: Clock, every: float) -> None:
        self.sensors = sensors
        self.clock = clock
        self.every = every
        self.samples = 0
        self.errors = 0
        self.failing: dict[str, str] = {}
        self.gathered: dict[str, Gathered] = {}
        self._failed_since = False
        self._tell_all = clock.monotonic() + TELL_FIRST
        self._rationed: dict[str, float] = {}
        self._absent: dict[str, Callable[[], object]] = {}
        self._start = clock.monotonic() + min(FIRST, every)
        self.due = self._start

    def sample(self) -> list[Metric]:
        """One reading of all sensors that are due; plans the next sample."""
        now = self.clock.monotonic()
        self.due = self._start + (math.floor((now - self._start) / self.every) + 1) * self.every
        if self.due <= now:  # a moment of the grid is rounded, and may seem not to be reached yet
            self.due += self.every
        self.samples += 1
        rationed = self._rationed
        found: list[Metric] = []
        for sensor in self.sensors:
            if now >= rationed.get(sensor.name, now):
                found += self._guarded(sensor, now)
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
        for name, one in self.gathered.items():
            if everything or one.errors > one.told:
                one.told = one.errors
                fields: dict[str, Value] = {
                    "gather_time_ns": one.nanoseconds,
                    "errors": one.errors,
                }
                found.append(Metric("internal_gather", {"input": name}, fields))
        return found

    def _guarded(self, sensor: Readable, now: float) -> list[Metric]:
        """What one sensor that is due says; nothing when it is absent, or fails."""
        if sensor.every is not None:
            self._rationed[sensor.name] = now + sensor.every - self.every / 2
        started = time.perf_counter_ns()
        try:
            if self._absent and self._still_absent(sensor.name):
                return self._look_later(sensor, now)
            metrics = sensor.read()
        except SensorAbsentError as error:
            if error.back is not None:
                self._absent[sensor.name] = error.back
            return self._look_later(sensor, now)
        except PartlyError as error:
            self._gathered(sensor.name, started).errors += 1
            self._failed(sensor.name, str(error), "some of its readings are")
            return error.metrics
        except Exception as error:  # noqa: BLE001 - the one guard: a sensor costs only itself
            self._gathered(sensor.name, started).errors += 1
            self._failed(sensor.name, f"{type(error).__name__}: {error}")
            return []
        self._gathered(sensor.name, started)
        if self.failing and self.failing.pop(sensor.name, None) is not None:
            logs.info(f"sensor {sensor.name}: works again")
        return metrics

    def _still_absent(self, name: str) -> bool:
        """Whether a sensor had nothing to measure when it was read, and need not be read again."""
        back = self._absent.get(name)
        if back is None:
            return False
        if back():
            del self._absent[name]
            return False
        return True

    def _look_later(self, sensor: Readable, now: float) -> list[Metric]:
        """Nothing, and the next look when it is time for it."""
        self._rationed[sensor.name] = now + max(ABSENT, sensor.every or 0.0) - self.every / 2
        return []

    def _gathered(self, name: str, started: int) -> Gathered:
        one = self.gathered.get(name)
        if one is None:
            one = self.gathered[name] = Gathered()
        one.nanoseconds = time.perf_counter_ns() - started
        return one

    def _failed(self, name: str, reason: str, what: str = "its readings are") -> None:
        self.errors += 1
        self._failed_since = True
        if self.failing.get(name) != reason:
            self.failing[name] = reason
            logs.warning(f"sensor {name}: {reason}: {what} missing until it works again")
