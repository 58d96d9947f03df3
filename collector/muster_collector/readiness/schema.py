"""The form of a scorecard file: what may stand in it, and what each key means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, StringConstraints

Aggregation = Literal["arithmetic", "geometric", "harmonic", "minimum"]
Direction = Literal["up", "down"]
Statistic = Literal["mean", "max", "min", "last", "sum", "count", "p05", "p50", "p95", "rate"]

Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
Text = Annotated[str, StringConstraints(min_length=1)]
Score = Annotated[FiniteFloat, Field(ge=0, le=100)]
Share = Annotated[FiniteFloat, Field(ge=0, le=1)]
Weight = Annotated[FiniteFloat, Field(ge=0, le=1e9)]
Above0 = Annotated[FiniteFloat, Field(gt=0, le=1e9)]
Value = Annotated[FiniteFloat, Field(ge=-1e15, le=1e15)]
"""A figure in an indicator's unit; the limit keeps differences and sums finite."""

PROSE = frozenset({"title", "meaning", "reason", "reference", "note", "version"})
"""Keys that explain and change no number: they stay out of the method's hash."""


class Part(BaseModel):
    """Anything in a scorecard: immutable, no unknown keys, no silent conversions."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Title(Part):
    """A name in English and Chinese."""

    en: Text
    zh: Text


class Thresholds(Part):
    """Piecewise linear through [value, score] points, flat beyond the ends; `log` bends in ln x."""

    kind: Literal["thresholds"]
    points: tuple[tuple[Value, Score], ...] = Field(min_length=2)
    log: bool = False


class Goalposts(Part):
    """0 to 100 between two fixed values, in the value or in its logarithm, clipped outside."""

    kind: Literal["goalposts"]
    low: Value
    high: Value
    log: bool = False


class MinMax(Part):
    """0 to 100 between the least and the greatest unit."""

    kind: Literal["minmax"]
    log: bool = False


class ZScore(Part):
    """Mean and standard deviation (n - 1) of the units moved to `mean` and `sd`, then clipped."""

    kind: Literal["zscore"]
    mean: Score = 50.0
    sd: Above0 = 15.0
    log: bool = False


class Rank(Part):
    """The place among n units, equal values sharing the lower place.

    `rank` is 100 place / n, `percentile` 100 (place - 1) / (n - 1), with place 1 the worst.
    """

    kind: Literal["rank", "percentile"]


class Reference(Part):
    """Distance to a reference, in units of the span from the worst unit to the reference.

    The reference is one `value`, or with `own` each unit's own (its plan, its target): a column
    ID:reference beside the indicator's.
    """

    kind: Literal["reference"]
    value: Value | None = None
    own: bool = False


Normalise = Annotated[
    Thresholds | Goalposts | MinMax | ZScore | Rank | Reference, Field(discriminator="kind")
]


class Critical(Part):
    """Under the score `below` the level above is capped: at `cap` when the score is 0.

    Between them the cap falls in a straight line from 100 to `cap`, so that no score jumps.
    """

    below: Annotated[FiniteFloat, Field(gt=0, le=100)]
    cap: Score


class Impute(Part):
    """What stands in for a missing value; it adds no coverage and narrows no interval."""

    kind: Literal["value", "mean", "median"]
    value: Value | None = None


class Winsorise(Part):
    """While |skewness| and kurtosis both exceed their limits, draw the farthest value in.

    At most `points` values are drawn in, each to its nearest neighbour in value.
    """

    points: Annotated[int, Field(ge=1)] = 5
    skewness: Above0 = 2.0
    kurtosis: Above0 = 3.5


class Read(Part):
    """One number per series and window: the sum of `fields`, each read with `statistic`.

    `where` keeps series whose tag has one of the values, `without` drops them.
    """

    measurement: Text
    fields: tuple[Text, ...] = Field(min_length=1)
    statistic: Statistic
    where: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    without: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)


class Source(Read):
    """Where a live indicator comes from: one number per node and window.

    Per series (told apart by the tags `per`): the sum of `fields`, divided by `over` where it
    stands (same series when `over` has them, else the node's one value; a divisor that is not
    above 0, as the speed -1 of an interface without one, gives no value), times `scale`, plus
    `offset`. Then `combine` makes one number of a node's series; `worst` is the greatest where
    less is better and the least where more is.
    """

    per: tuple[Text, ...] = ()
    over: Read | None = None
    scale: Value = 1.0
    offset: Value = 0.0
    combine: Literal["max", "min", "mean", "sum", "worst"] = "worst"


class LiveScore(Part):
    """The newest score (0 to 100) that Muster gave a place: overall, a pillar's, an indicator's."""

    kind: Literal["readiness"]
    part: Id = "overall"


class LiveNodes(Part):
    """The percentage of a place's planned nodes that have a score now."""

    kind: Literal["nodes"]


class LiveSites(Part):
    """The percentage of a place's sites (in `sectors`, default all) that score `at_least`."""

    kind: Literal["sites"]
    sectors: tuple[Text, ...] = ()
    at_least: Score


class Figure(Part):
    """The newest imported figure of an indicator, from one `source` where it is named."""

    kind: Literal["figure"]
    indicator: Id
    unit: Text
    source: Text | None = None


Place = Annotated[LiveScore | LiveNodes | LiveSites | Figure, Field(discriminator="kind")]
"""Where an indicator of places comes from, beside a column of somebody's table."""


class Child(Part):
    """What levels and indicators share: a name, a place in the tree, a weight."""

    title: Title
    parent: Id | None = None
    weight: Weight = 1.0
    critical: Critical | None = None


class Level(Child):
    """A mean of what has it as `parent`; without a score below the share `coverage` of weight."""

    aggregation: Aggregation = "arithmetic"
    coverage: Share = 0.5
    note: str = ""


class Indicator(Child):
    """One measured thing, its way to 0..100, and why.

    `optional`: a unit without a value has no such thing (no array, no firewall), so nothing is
    missing: its weight goes to the others, coverage and interval do not suffer.
    """

    meaning: Text
    unit: Text
    direction: Direction
    normalise: Normalise
    reason: Text
    reference: Text
    optional: bool = False
    impute: Impute | None = None
    winsorise: Winsorise | None = None
    source: Source | None = None
    place: Place | None = None


class Band(Part):
    """A grade for scores from `at_least` upwards."""

    grade: Text
    at_least: Score
    title: Title


class Head(Part):
    """The card itself, and the rules of its top level."""

    id: Id
    title: Title
    version: Text
    note: str = ""
    aggregation: Aggregation = "arithmetic"
    coverage: Share = 0.5


class RollupRule(Part):
    """The share of a group's planned weight that must have a score for the group to have one."""

    coverage: Share = 0.5


class Document(Part):
    """A whole scorecard file."""

    scorecard: Head
    indicator: Mapping[Id, Indicator] = Field(min_length=1)
    level: Mapping[Id, Level] = Field(default_factory=dict)
    band: tuple[Band, ...] = ()
    rollup: RollupRule = RollupRule()
