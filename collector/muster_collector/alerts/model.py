"""What an alert rule is: what it looks at, when it fires, and what it says."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Labels = tuple[tuple[str, str], ...]
"""What an alert is about, ordered by name: `(("host", "n1"), ("site", "airport"))`."""
Severity = Literal["warning", "critical"]
Language = Literal["en", "zh"]
Measure = Literal["last", "least", "rise", "resets", "hours_to_full", "lacks"]
"""How the samples of a series since `Ask.since` become one number.

`last`, `least`: the newest, the smallest value. `rise`: the newest less the first; none where that
is below 0, so that it takes nothing off what others rose. `resets`: how often a counter began anew;
none for 0. `hours_to_full`: from the last values of the steps of `STEP_S` seconds that have any,
how long a straight line from the first to the last of them takes to 100; none for fewer than
`LEAST_STEPS`, for a growth below `NOISE`, and beyond ten times the limit. `lacks`, with `beside`: 1
where the newest row lacks the field, else 0.
"""
STEP_S = 600
LEAST_STEPS = 7
NOISE = 0.5
"""Percent that a disk must have grown before it is said to grow."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a rule looks at: one number for each group of series.

    Series are told apart by the tags in `series`; each gives a number by `measure`, and those whose
    tags in `by` agree become one by `combine` (`by` empty with no `combine`: each on its own).
    `scale` multiplies the number. With `beside` the newest row that has that field decides: a
    series without `field` in it has no number, unless that is what is asked (`lacks`). `site_from`
    names the tag that is the site.
    """

    measurements: tuple[str, ...]
    field: str
    series: tuple[str, ...]
    measure: Measure = "last"
    combine: Literal["min", "sum"] | None = None
    by: tuple[str, ...] = ()
    where: Mapping[str, str] = dataclasses.field(default_factory=dict)
    scale: float = 1.0
    beside: str = ""
    site_from: str = "site"

    @property
    def labels(self) -> tuple[str, ...]:
        """The tags that its numbers are told apart by."""
        return self.by if self.combine else self.series


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `since` is how many seconds back it looks, `hold` how many it must be true.

    `summary` names labels and the number in braces: "{host} is silent for {value} s". `quiet` says
    on purpose what no answer at all means: nothing, or (False) that something is dead. While it
    fires at a site, the rules in `inhibits` do not notify for that site. What is costly to ask is
    asked once in `every` seconds at most, all else at every look.
    """

    name: str
    title: Mapping[Language, str]
    summary: Mapping[Language, str]
    ask: Ask
    limit: float
    severity: Severity
    above: bool = True
    since: int = 900
    hold: int = 300
    every: int = 0
    quiet: bool = True
    inhibits: tuple[str, ...] = ()

    def fires(self, value: float) -> bool:
        """Whether a number is beyond the limit."""
        return value > self.limit if self.above else value < self.limit

    @property
    def runbook(self) -> str:
        """The page that says what to do, in the repository."""
        return f"docs/runbooks/{self.name}.md"
