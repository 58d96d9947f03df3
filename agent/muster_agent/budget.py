"""Keeps a node within the bytes that its link may cost in a calendar month (UTC).

Invariants: `used` is what the kernel counted on the broker's connection, both ways, with TLS, TCP
and IP; it is in the file, which is replaced as a whole, at most `SAVED` seconds behind; what is
left of the month is spread evenly over what remains of it, and the level goes up by one whenever
an hour has cost more than its share. Nothing makes a node fall silent: at the highest level the
vital measurements still go out, whatever they cost.
"""

from __future__ import annotations

import calendar
import json
import os
import time
from typing import Any

from muster_agent import logs
from muster_agent.clock import Clock
from muster_agent.config import Config
from muster_agent.settings import Metered
from muster_wire.messages import Metric, Value
from muster_wire.priorities import of, stays

LEVELS = (
    "nothing",
    "details",
    "all but what is vital",
    "all but what is vital, and most samples",
)
"""What is left out at each level."""
HIGHEST = len(LEVELS) - 1
PERIOD = 3600.0
"""Seconds after which a level is judged, at least."""
THIN = 10
"""Samples of which one stays at the highest level, at least."""
SAVED = 600.0
"""Seconds between two writings of the file."""
MEGABYTE = 1_000_000


def load(settings: Config, clock: Clock) -> Budget | None:
    """The budget of a configuration; None where there is no limit."""
    if not settings.metered.budget_mb_per_month:
        return None
    path = settings.spool.path + ".budget"
    return Budget(settings.metered, path, clock, every=settings.sample.every)


class Budget:
    """What may be spent, what was, and the level; times are seconds of the clock's two kinds."""

    def __init__(self, metered: Metered, path: str, clock: Clock, *, every: float) -> None:
        self.metered = metered
        self.limit = metered.budget_mb_per_month * MEGABYTE
        self.path = path
        self.clock = clock
        self._every = every
        self.level = 0
        self.used = 0
        self.month = month(clock.wall())
        self.rates: dict[int, float] = {}
        self._counted = 0
        self._period = max(PERIOD, 3 * metered.report_every)
        self._read()
        self._since = self._saved = clock.monotonic()
        self._before = self.used

    @property
    def every(self) -> float:
        """Seconds from one sample to the next at this level."""
        thin = max(self.metered.report_every, THIN * self._every)
        return thin if self.level == HIGHEST else self._every

    @property
    def fields(self) -> dict[str, Value]:
        """What the agent tells about itself."""
        return {"budget_used": self.used, "shed_level": self.level}

    @property
    def leaves_out(self) -> dict[str, Value]:
        """What a birth tells while something is left out."""
        return {"leaves_out": LEVELS[self.level]} if self.level else {}

    def kept(self, metrics: list[Metric]) -> list[Metric]:
        """What of a sample goes out at this level."""
        first, last = self.metered.shed_first, self.metered.shed_last
        return [m for m in metrics if stays(of(m.name, first, last), self.level)]

    def count(self, total: int) -> bool:
        """The link has carried so many bytes since the start; whether the level is another now."""
        self.used += max(0, total - self._counted)
        self._counted = max(total, self._counted)
        now = self.clock.monotonic()
        if month(self.clock.wall()) != self.month:
            self._begin(now)
        level = self.level
        if now - self._since >= self._period:
            self._judge(now)
        if now - self._saved >= SAVED or level != self.level:
            self.save()
        return level != self.level

    def save(self) -> None:
        """Write the file; a disk that does not take it costs only the count."""
        self._saved = self.clock.monotonic()
        state = {"month": self.month, "used": self.used, "level": self.level, "rates": self.rates}
        fresh = self.path + ".new"
        try:
            with open(fresh, "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs memory
                json.dump(state, file)
            os.replace(fresh, self.path)  # noqa: PTH105 - as above
        except OSError as error:
            logs.warning(f"{self.path}: {error.strerror}: a restart forgets what was used")

    def _begin(self, now: float) -> None:
        """A new month."""
        logs.info(f"metered: {self._so_far()}; a new month begins")
        self.month, self.used, self.level = month(self.clock.wall()), 0, 0
        self._since, self._before = now, 0
        self.save()

    def _judge(self, now: float) -> None:
        """Compare what the last period cost with what may be spent from here on."""
        rate = (self.used - self._before) / (now - self._since)
        self._since, self._before = now, self.used
        self.rates[self.level] = rate
        pace = (self.limit - self.used) / left_of_month(self.clock.wall())
        level = self.level
        if rate > pace:
            level = min(HIGHEST, level + 1)
        elif level and (self.rates.get(level - 1, rate) < 0.9 * pace or rate < 0.5 * pace):
            level -= 1
        if level != self.level:
            more = level > self.level
            self.level = level
            say = logs.warning if more else logs.info
            say(f"metered: {self._so_far()}, {_a_day(pace)} may follow: leaves out {LEVELS[level]}")
        elif rate > pace:
            logs.warning(f"metered: {self._so_far()}: even the least, {_a_day(rate)}, is too much")

    def _so_far(self) -> str:
        return f"{self.used / MEGABYTE:.1f} of {self.limit / MEGABYTE:g} MB used in {self.month}"

    def _read(self) -> None:
        try:
            with open(self.path, encoding="utf-8") as file:  # noqa: PTH123 - as above
                self._take(json.load(file))
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            logs.warning(f"{self.path}: {error!r:.100}: what was used this month is not known")

    def _take(self, raw: dict[str, Any]) -> None:
        used, level = int(raw["used"]), int(raw["level"])
        rates = {int(key): float(rate) for key, rate in raw["rates"].items()}
        if raw["month"] == self.month and used >= 0 and 0 <= level <= HIGHEST:
            self.used, self.level, self.rates = used, level, rates


def month(now: int) -> str:
    """The calendar month (UTC) of a time in ms."""
    return time.strftime("%Y-%m", time.gmtime(now / 1000))


def left_of_month(now: int) -> float:
    """Seconds from a time (ms) to the end of its month (UTC), at least one hour."""
    date = time.gmtime(now / 1000)
    days = calendar.monthrange(date.tm_year, date.tm_mon)[1]
    end = calendar.timegm((date.tm_year, date.tm_mon, days, 24, 0, 0))
    return max(3600.0, end - now / 1000)


def _a_day(rate: float) -> str:
    return f"{max(0.0, rate) * 86_400 / MEGABYTE:.2f} MB a day"
