"""From a payload to a message that can be believed, or the reason why it is refused.

What comes from a node is hostile until it has passed here: size, encoding, JSON, types, version,
identity (a payload must not contradict its topic), time and the edges of its spool.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Generic, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaValidator, from_json
from zlib_ng import zlib_ng

from muster_collector.ingest import sheets, shortcut
from muster_collector.ingest.layouts import Layouts
from muster_wire import VERSION, codec
from muster_wire.deltas import MOST_VALUES, DeltaError, restore, size
from muster_wire.messages import Birth, ConfigState, Lost, Metric, Report, Status
from muster_wire.topics import Topic
from muster_wire.wanted import LONGEST_ID

INT63 = 2**63
LATEST = 4_102_444_800_000
"""2100-01-01 in ms: no clock says more than that, however wrong it is."""
REASON_LENGTH = 60
CONFIG_REASON = 500
"""Characters that are kept of why a node refuses a configuration."""
MOST_LOST = 1000
"""Ranges of lost reports that one report may carry."""


MOST_INFLATED, ALWAYS_INFLATED = 100, 64 << 10
"""How many times its size a message may have once decompressed, and bytes that it always may:
deflate reaches 1,000 times, so that a kilobyte would cost what a megabyte does."""


PARSER_NESTING = 200
"""Levels of lists and objects that the parser takes; what nests deeper is no JSON to it."""
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"')
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class Limits(Protocol):
    """What this needs of the [limits] section."""

    @property
    def nesting(self) -> int:
        """Levels of lists and objects."""

    @property
    def payload_bytes(self) -> int:
        """Bytes of a message once decompressed."""

    @property
    def metrics(self) -> int:
        """Metrics in a report."""


class RefusedError(Exception):
    """A message that will never be stored: the reason (a word or two, counted), the detail.

    `key` is the epoch and seq of the report where they could still be read, so that the node can be
    told; without it the report stays missing. `report` is what could be read of it, `whole` the
    message once it had been opened.
    """

    def __init__(self, reason: str, detail: str, key: tuple[int, int] | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.key = key
        self.report: Report | None = None
        self.whole: codec.Encoded | None = None


class Message(Protocol):
    """What reports, births and states have in common."""

    node: str
    site: str
    v: int


M = TypeVar("M", bound=Message)


class Adapter(Generic[M]):
    """Validates JSON as pydantic's `TypeAdapter` does, but ends at the first mistake of a list.

    A message of 400 bytes, decompressed, can hold 100,000 mistakes; to list them all takes most
    of a second.
    """

    def __init__(self, message: type[M]) -> None:
        self._validator = SchemaValidator(_failing_fast(TypeAdapter(message).core_schema))

    def validate_json(self, text: bytes) -> M:
        """The message in a text; raises `ValidationError`."""
        found: M = self._validator.validate_json(text)
        return found


def _failing_fast(schema: Any) -> Any:
    """The same schema in which lists and objects stop at their first mistake."""
    if isinstance(schema, dict):
        changed = {key: _failing_fast(value) for key, value in schema.items()}
        return changed | ({"fail_fast": True} if schema.get("type") in ("list", "dict") else {})
    if isinstance(schema, list | tuple):
        return type(schema)(map(_failing_fast, schema))
    return schema


REPORT, BIRTH, STATUS = Adapter(Report), Adapter(Birth), Adapter(Status)
CONFIG_STATE = Adapter(ConfigState)


def report(
    topic: Topic,
    payload: bytes,
    content_type: str,
    limits: Limits,
    layouts: Layouts = shortcut.NONE,
) -> Report:
    """The report in a payload, with the times that its node gives; raises `RefusedError`.

    Where it is told against a base it has yet to be opened. Metrics of the `layouts` that its node
    has are only matched.
    """
    found = _read(
        REPORT,
        topic,
        payload,
        content_type,
        limits,
        quick=lambda text: shortcut.read(text, layouts),
    )
    try:
        _check(found)
    except RefusedError as error:
        error.report = found
        raise
    return found


def expand(first: Report, limits: Limits) -> list[Report]:
    """All reports of a message whose first one is complete; raises `RefusedError` for one of them.

    A message that is refused on account of one report comes again without that one.
    """
    _check_size(first, limits)
    if not first.later:
        return [first]
    made, values = [first], _values(first.metrics)
    for later in first.later:
        key = (first.epoch, later.seq)
        values += size(later.delta, made[-1].metrics) + _values(later.metrics)
        if values > MOST_VALUES:
            raise RefusedError("limit", f"more than {MOST_VALUES} values in a message", key)
        try:
            metrics = restore(later.delta, made[-1].metrics) + later.metrics
        except DeltaError as error:
            raise RefusedError("delta", str(error), key) from error
        report = replace(first, seq=later.seq, ts=later.ts, metrics=metrics, lost=[], later=[])
        report.keep = False
        if later.seq <= made[-1].seq:
            raise RefusedError("sequence", f"seq {later.seq} after {made[-1].seq}", key)
        _check(report)
        _check_size(report, limits)
        made.append(report)
    first.later = []
    return made


def _check(found: Report) -> None:
    """Edges, time and losses of a report."""
    key = (found.epoch, found.seq)
    if not 0 <= found.epoch < INT63 or not 0 <= found.oldest <= found.seq < INT63:
        raise RefusedError(
            "sequence", f"epoch {found.epoch}, oldest {found.oldest}, seq {found.seq}"
        )
    times = 0 <= found.ts < LATEST and 0 <= found.sent < LATEST
    if not (times and 0.0 <= found.every < 1e9 and 0.0 <= found.wait < 1e9):
        raise RefusedError(
            "time", f"ts {found.ts}, sent {found.sent} or every {found.every} is none", key
        )
    if found.lost:
        _check_lost(found.lost, key)


def _check_size(found: Report, limits: Limits) -> None:
    metrics = sheets.count(found.metrics)
    if metrics > limits.metrics:
        raise RefusedError(
            "limit",
            f"{metrics} metrics, more than {limits.metrics}",
            (found.epoch, found.seq),
        )


def _values(metrics: list[Metric]) -> int:
    return sum(len(metric.fields) for metric in metrics)


def birth(topic: Topic, payload: bytes, content_type: str, limits: Limits) -> Birth:
    """The birth in a payload; raises `RefusedError`."""
    found = _read(BIRTH, topic, payload, content_type, limits)
    if not 0 <= found.epoch < INT63 or not 0 <= found.oldest <= found.next < INT63:
        raise RefusedError(
            "sequence", f"epoch {found.epoch}, oldest {found.oldest}, next {found.next}"
        )
    if not 0.0 <= found.every < 1e9 or not 0.0 <= found.wait < 1e9:
        raise RefusedError("time", f"every {found.every} s, wait {found.wait} s")
    _check_lost(found.lost, None)
    return found


def status(topic: Topic, payload: bytes, content_type: str, limits: Limits) -> Status:
    """The status in a payload; raises `RefusedError`."""
    return _read(STATUS, topic, payload, content_type, limits)


def config_state(topic: Topic, payload: bytes, content_type: str, limits: Limits) -> ConfigState:
    """The answer to a wanted configuration in a payload; raises `RefusedError`."""
    found = _read(CONFIG_STATE, topic, payload, content_type, limits)
    if len(found.id) > LONGEST_ID:
        raise RefusedError("limit", f"an id of {len(found.id)} characters")
    found.id = _printable(found.id)
    found.reason = _printable(found.reason)[:CONFIG_REASON]
    return found


def _read(
    adapter: Adapter[M],
    topic: Topic,
    payload: bytes,
    content_type: str,
    limits: Limits,
    *,
    quick: Callable[[bytes], M | None] = lambda _: None,
) -> M:
    if not payload:
        raise RefusedError("empty", "no payload")
    most = min(limits.payload_bytes, max(ALWAYS_INFLATED, MOST_INFLATED * len(payload)))
    try:
        text = codec.open_payload(payload, content_type, limit=most, by=zlib_ng)
    except codec.CodecError as error:
        large = str(error).startswith("larger")
        raise RefusedError("too large" if large else "encoding", str(error)) from error
    try:
        message = quick(text) or adapter.validate_json(text)
    except ValidationError as error:
        raise _explain(topic, text, error) from error
    if message.v != VERSION:
        raise RefusedError("version", f"version {message.v}, this collector speaks {VERSION}")
    if message.node != topic.node or message.site != topic.site:
        raise RefusedError("identity", _identity(topic, message.node, message.site))
    if limits.nesting < PARSER_NESTING and _is_deeper(text, limits.nesting):
        key = (message.epoch, message.seq) if isinstance(message, Report) else None
        raise RefusedError("limit", f"nested more than {limits.nesting} levels deep", key)
    return message


def _is_deeper(text: bytes, most: int) -> bool:
    """Whether lists and objects are nested deeper than that in a text that is JSON."""
    if text.count(b"[") + text.count(b"{") <= most:
        return False
    depth = 0
    for byte in _STRING.sub(b"", text).translate(None, _NO_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        if depth > most:
            return True
    return False


def _check_lost(lost: list[Lost], key: tuple[int, int] | None) -> None:
    """Bound what a message says of lost reports, and make its reasons fit to be shown."""
    if len(lost) > MOST_LOST:
        raise RefusedError("limit", f"{len(lost)} lost ranges", key)
    for one in lost:
        one.reason = _printable(one.reason)[:REASON_LENGTH] or "unknown"


def _explain(topic: Topic, text: bytes, error: ValidationError) -> RefusedError:
    """Why JSON is no such message, and which report it was if that can be seen."""
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(step) for step in problem["loc"])
    detail = f"{place}: {problem['msg']}" if place else problem["msg"]
    try:
        raw: Any = from_json(text)
    except ValueError:
        return RefusedError("not json", detail)
    if not isinstance(raw, dict):
        return RefusedError("invalid", "not an object")
    version = raw.get("v", VERSION)
    if version != VERSION:
        shown = f"{version!r:.40}"
        return RefusedError("version", f"version {shown}, this collector speaks {VERSION}")
    if raw.get("node") != topic.node or raw.get("site") != topic.site:
        return RefusedError("identity", _identity(topic, raw.get("node"), raw.get("site")))
    key = (raw.get("epoch"), raw.get("seq"))
    known = all(type(number) is int and 0 <= number < INT63 for number in key)
    return RefusedError("invalid", detail, key if known else None)  # type: ignore[arg-type]


def _identity(topic: Topic, node: object, site: object) -> str:
    return (
        f"says that it is of node {node!r:.80}, site {site!r:.80}; its topic is of node "
        f"{topic.node!r}, site {topic.site!r}"
    )


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
