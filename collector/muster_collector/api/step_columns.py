"""Steps of readiness as columns: stored periods as they are, others gathered from shorter ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muster_collector.api import times
from muster_collector.api.columns import Column, Columns, Numbers, Texts, column, nothing
from muster_collector.api.history import GROUP, PLACES, Row
from muster_collector.readiness.scorecard import Scorecard
from muster_collector.scoring.steps import COUNTS, MEANS, Step, begin_of, gathered
from muster_collector.store.tables import Arrays

FLOATS = (*MEANS, "least", "most")
WHOLE = (*COUNTS, "windows", "expected")
PERIOD = (*FLOATS, *WHOLE)
"""The fields of a stored period."""
NAMES = (
    "time", "level", "id", *PLACES, "score", "low", "high", "coverage", "grade", "scored",
    "planned", "method", "windows", "expected", "least", "most",
)  # fmt: skip
"""The columns of steps; those of whole days have their local date before them."""


@dataclass(frozen=True)
class Shape:
    """What makes columns of an answer; grades are those of `card`, dates those of `zone`.

    With `only`, these columns and what tells rows apart; no others are read or made.
    """

    card: Scorecard
    step: Step
    zone: dt.tzinfo
    only: Collection[str] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        names = ("date", *NAMES) if self.step.is_of_days else NAMES
        return tuple(name for name in names if self._has(name))

    @property
    def reads(self) -> tuple[str, ...]:
        """The fields of stored periods that these columns are made of.

        One that every period has is among them: what has no score is a row too.
        """
        needed = {"expected"} | ({"score"} if self._has("grade") else set())
        return tuple(name for name in PERIOD if name in needed or self._has(name))

    def _has(self, name: str) -> bool:
        keys = ("date" if self.step.is_of_days else "time", "id")
        return self.only is None or name in keys or name in self.only

    def of_rows(self, found: Sequence[Row]) -> Columns:
        """Rows of windows and periods gathered into steps, in the order of time and id."""
        begin = begin_of(self.step, self.zone)
        made = sorted(gathered(found, begin, GROUP), key=lambda row: (row["time"], row["id"]))
        tags = {name: column([row.get(name) for row in made]) for name in GROUP}
        numbers = {name: _numbers([row.get(name) for row in made], len(made)) for name in PERIOD}
        start = np.array([row["time"] for row in made], dtype=np.int64)
        return self._columns(start, {n: _texts(c, len(made)) for n, c in tags.items()}, numbers)

    def of_periods(self, found: Arrays | None) -> Columns:
        """Stored periods of the step's own kind, one row each; `time` was their end."""
        if found is None:
            return self.of_rows([])
        order = np.lexsort((found.group, found.time))
        group = found.group[order].astype(np.int64)
        tags = {
            name: Texts([one[place] or None for one in found.groups], group)
            for place, name in enumerate(GROUP)
        }
        numbers = {n: _numbers(found.values.get(n), len(order))[order] for n in self.reads}
        begin = begin_of(self.step, self.zone)
        ends, row = np.unique(found.time[order], return_inverse=True)
        # Thousands of units share a time, and a calendar is slow to ask.
        start = np.array([begin(end - 1) for end in ends.tolist()], dtype=np.int64)[row]
        return self._columns(start, tags, numbers)

    def _columns(
        self, start: NDArray[np.int64], tags: dict[str, Texts], numbers: dict[str, Numbers]
    ) -> Columns:
        if "windows" in numbers:
            numbers["windows"] = np.ma.MaskedArray(numbers["windows"].filled(0))
        made: dict[str, Column] = {**tags, **numbers}
        known, row = np.unique(start, return_inverse=True)
        if self._has("time"):
            made["time"] = Texts([times.iso(time) for time in known.tolist()], row)
        if self.step.is_of_days:
            dates = [dt.datetime.fromtimestamp(time / 1000, self.zone) for time in known.tolist()]
            made["date"] = Texts([date.date().isoformat() for date in dates], row)
        if self._has("grade"):
            made["grade"] = self._grade(numbers["score"], tags["method"])
        return Columns({name: made[name] for name in self.names}, len(start))

    def _grade(self, score: Numbers, method: Texts) -> Texts:
        """The band of each score that the card has made."""
        own = np.array([name == self.card.method for name in (*method.names, None)])[method.code]
        bands = self.card.document.band
        code = np.full(len(score), len(bands))
        for place in reversed(range(len(bands))):
            code[own & (score.filled(-1.0) >= bands[place].at_least)] = place
        return Texts([*(band.grade for band in bands), ""], code)


def _texts(made: Column, length: int) -> Texts:
    return made if isinstance(made, Texts) else Texts([None], np.zeros(length, dtype=np.int64))


def _numbers(values: Any, length: int) -> Numbers:
    """Values as they come from a store or from rows, masked where there is none."""
    if values is None:
        return nothing(length)
    if isinstance(values, np.ndarray) and values.dtype != object:
        return np.ma.MaskedArray(values)
    made = column(values.tolist() if isinstance(values, np.ndarray) else values)
    return nothing(length) if isinstance(made, Texts) else made
