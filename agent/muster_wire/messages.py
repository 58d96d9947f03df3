"""The messages of the wire contract as plain dataclasses, in the order the flow uses them.

Times are milliseconds of Unix time, durations are seconds. `__pydantic_config__` lets the collector
validate the same classes without the agent ever importing pydantic: unknown fields are ignored,
numbers are finite, and nothing is converted from one type to another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from muster_wire import VERSION

Value = int | float | bool | str
"""What a metric field may hold; one field has one type for ever."""

STRICT: dict[str, Any] = {"strict": True, "allow_inf_nan": False, "extra": "ignore"}


@dataclass(slots=True)
class Metric:
    """One measurement of one thing: Telegraf's name, the tags that say which thing, the fields."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    name: str
    tags: dict[str, str]
    fields: dict[str, Value]


@dataclass(slots=True)
class Lost:
    """Reports `first` to `last` (inclusive) that the node itself gave up, and why."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    first: int
    last: int
    reason: str


@dataclass(slots=True)
class Later:
    """A report that comes in the message of an earlier one: `delta` is told against that before it.

    All else is as in the message.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    seq: int
    ts: int
    delta: list[Any]
    metrics: list[Metric] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """What a node measured at `ts`; `seq` grows by one for every report made in an `epoch`.

    `oldest` is the oldest `seq` of this epoch still in the spool (the report itself at the latest):
    everything before it is settled as far as the node is concerned. `every` is the sampling
    interval in seconds, so that the centre knows how many reports to expect; a report may wait at
    the node for up to `wait` seconds, because it goes out together with `later` ones.

    With a `base`, another report of the epoch that the centre said it holds, the metrics are those
    that `delta` makes of it (see `muster_wire.deltas`), and behind them `metrics`. `keep` asks the
    centre to hold this report as a base.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    SPARSE: ClassVar[dict[str, Any]] = {
        "base": None, "delta": [], "keep": False, "later": [], "wait": 0.0,
    }  # fmt: skip
    """What is left out of the JSON when it is so."""

    node: str
    site: str
    epoch: int
    seq: int
    oldest: int
    ts: int
    sent: int
    every: float
    metrics: list[Metric]
    lost: list[Lost] = field(default_factory=list)
    base: int | None = None
    delta: list[Any] = field(default_factory=list)
    keep: bool = False
    later: list[Later] = field(default_factory=list)
    wait: float = 0.0
    v: int = VERSION


@dataclass(slots=True)
class Birth:
    """What a node is, retained: inventory, sensors, configuration in force, and its spool's edges.

    `next` is the `seq` that the next report of `epoch` will have, so that a collector can name what
    it misses even when no later report uncovers it. `lost` is what a report says of it, since the
    ack to a birth settles what is before `oldest`. `wait` is what it is in reports.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    SPARSE: ClassVar[dict[str, Any]] = {"wait": 0.0}

    node: str
    site: str
    epoch: int
    oldest: int
    next: int
    ts: int
    every: float
    agent: str
    sensors: list[str] = field(default_factory=list)
    inventory: dict[str, Value] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    lost: list[Lost] = field(default_factory=list)
    wait: float = 0.0
    v: int = VERSION


@dataclass(slots=True)
class Status:
    """Whether a node is connected, retained; the will says offline with `reason` "lost"."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    node: str
    site: str
    state: Literal["online", "offline"]
    ts: int
    reason: str = ""
    v: int = VERSION


@dataclass(slots=True)
class Refused:
    """A report that will never be stored, and why; the node must not send it again."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    seq: int
    reason: str


@dataclass(slots=True)
class Ack:
    """What the centre has: all up to `through` is settled, the `missing` ranges are wanted again.

    A range is `[first, last]`, both included. `refused` is information: those are settled too.
    `base` is the report of the epoch that the centre holds for others to be told against, -1 for
    none. Only a centre that understands `base`, `delta` and `later` in reports says so at all.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    SPARSE: ClassVar[dict[str, Any]] = {"base": None}

    epoch: int
    through: int
    missing: list[tuple[int, int]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    base: int | None = None
    v: int = VERSION


@dataclass(slots=True)
class ConfigState:
    """Answer to a wanted configuration: applied, or refused with a reason."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    node: str
    site: str
    state: Literal["applied", "refused"]
    id: str
    ts: int
    reason: str = ""
    v: int = VERSION
