"""InfluxDB in its three dialects: 1.x over /write, 2.x and 3 over /api/v2/write, all over InfluxQL.

A batch that the server refuses in part is taken apart until every point is either stored or
refused with a reason: by what the message names where it names something, by halves where it does
not. Writing a point twice overwrites it, so trying again never counts twice.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Final, Protocol

from muster_collector.errors import StoreError
from muster_collector.store import influx_arrays, influxql, tables
from muster_collector.store.base import (
    Lines,
    Query,
    RefusedPoint,
    Sample,
    Table,
    size,
    whole,
)
from muster_collector.store.influx_http import Answer, InfluxSettings, Server
from muster_collector.store.lines import LineEncoder
from muster_collector.store.refusals import Refusal, understand

BODY_BYTES: Final = 900_000
"""Larger batches go out in several requests: servers and proxies limit a body."""
STATEMENTS: Final = 50
"""Statements a request."""
_VERSION = re.compile(r"v?(([123])\.[\w.~+-]+)")


class Writer(Protocol):
    """One dialect's way to write lines."""

    async def write(self, body: bytes) -> Answer:
        """Send lines with times in ms; StoreError when no whole answer comes back."""

    async def close(self) -> None:
        """Let the connections go."""


class InfluxStore:
    """A store on an InfluxDB server, whichever its version; made outside, opened inside a loop."""

    def __init__(self, settings: InfluxSettings) -> None:
        self._settings = settings
        self._encoder = LineEncoder()
        self._kinds: dict[str, dict[str, tables.Kind]] = {}
        self._server: Server | None = None
        self._writer: Writer | None = None
        self._opening = asyncio.Lock()
        self.name = "InfluxDB"

    async def open(self) -> None:
        """Find out the version, and with 1.x create the database where it is missing."""
        async with self._opening:
            if self._writer is None:
                await self._connect()

    async def _connect(self) -> None:
        self._server = Server(self._settings)
        self.name = f"InfluxDB at {self._server.url}"
        try:
            self._writer = await self._prepare(self._server)
        finally:
            if self._writer is None:
                await self.close()

    async def _prepare(self, server: Server) -> Writer:
        version: str = self._settings.version
        if version == "auto":
            version = await _version_of(server)
        self.name = f"InfluxDB {version} at {server.url}"
        if version[0] == "1":
            await _create_database(server, self._settings.database)
            return WriteV1(server, self._settings.database)
        # The client library takes half a second to import, and 1.x does without.
        from muster_collector.store.influx_v2 import WriteV2  # noqa: PLC0415

        return WriteV2(server, self._settings)

    async def close(self) -> None:
        """Let the connections go."""
        writer, server = self._writer, self._server
        self._writer = self._server = None
        self._kinds.clear()
        if writer is not None:
            await writer.close()
        if server is not None:
            await server.close()

    async def write(self, points: Sequence[Sample]) -> list[RefusedPoint]:
        """Write a batch; what is not in the answer is stored."""
        await self.open()
        lines, positions, unwritable = self._encoder.encode(points)
        starts = [0, *accumulate(map(size, points))]
        refused = [RefusedPoint(starts[position], reason) for position, reason in unwritable]
        for first, last in _pieces(lines):
            some = positions[first:last]
            found = await self._piece([points[place] for place in some], lines[first:last])
            if found:
                where = [n for place in some for n in range(starts[place], starts[place + 1])]
                refused += [RefusedPoint(where[n], reason) for n, reason in found.items()]
        refused.sort()
        return refused

    async def _piece(self, samples: list[Sample], lines: list[bytes]) -> dict[int, str]:
        """Write until all is stored or refused; the refused of the points, and their reasons."""
        if Lines not in map(type, samples):
            return await self._settle(samples, lines)
        if await self._send(samples, lines) is None:
            return {}
        points = whole(samples)
        lines, positions, unwritable = self._encoder.encode(points)
        found = await self._settle([points[position] for position in positions], lines)
        return dict(unwritable) | {positions[n]: reason for n, reason in found.items()}

    async def _settle(self, points: list[Sample], lines: list[bytes]) -> dict[int, str]:
        """Write until all lines are stored or refused; the refused positions and their reasons."""
        refused: dict[int, str] = {}
        left = list(range(len(lines)))
        tried_again = False
        while left:
            refusal = await self._send([points[i] for i in left], [lines[i] for i in left])
            if refusal is None:
                break
            if refusal.named:
                # What is left is written again even when the count of dropped lines agrees: 1.x
                # keeps quiet about lines beyond retention when there is a conflict as well.
                refused |= {left[i]: reason for i, reason in refusal.named.items()}
                left = [i for n, i in enumerate(left) if n not in refusal.named]
            elif len(left) == 1 or refusal.dropped == len(left):
                refused |= dict.fromkeys(left, refusal.reason)
                break
            elif not tried_again and "type conflict" in refusal.reason:
                # A conflict over a field that is new drops the batch, but makes the field: the
                # second time the message names it.
                tried_again = True
            else:
                refused |= await self._halves(points, lines, left)
                break
        return refused

    async def _halves(
        self, points: list[Sample], lines: list[bytes], left: list[int]
    ) -> dict[int, str]:
        """Settle two halves; in order of time, because what is too old is the usual reason."""
        times = [point.time for point in whole(points)]
        ordered = sorted(left, key=times.__getitem__)
        middle = len(ordered) // 2
        refused: dict[int, str] = {}
        for half in (ordered[:middle], ordered[middle:]):
            found = await self._settle([points[i] for i in half], [lines[i] for i in half])
            refused |= {half[i]: reason for i, reason in found.items()}
        return refused

    async def _send(self, points: list[Sample], lines: list[bytes]) -> Refusal | None:
        """One request: None when all is stored, StoreError when the answer is not about lines."""
        server, writer = self._connected()
        answer = await writer.write(b"\n".join(lines))
        if answer.status == 204:
            return None
        refusal = understand(
            answer.status, answer.text, whole(points), [line.decode() for line in lines]
        )
        if refusal is None:
            if answer.status == 404:
                # The database went away: the next write begins with open() and makes it anew.
                await self.close()
            raise server.failure(answer)
        return refusal

    async def select(self, query: Query) -> Table:
        """Answer one query with InfluxQL."""
        tables.check(query)
        await self.open()
        if any(not values for values in query.where.values()) or query.start >= query.end:
            return tables.build(query, [])
        kinds = await self._kinds_of(query)
        asked = list(influxql.statements(query, tables.answerable(query, kinds)))
        answers: list[tuple[influxql.Statement, influxql.Result]] = []
        for first in range(0, len(asked), STATEMENTS):
            some = asked[first : first + STATEMENTS]
            results = await self._query([statement.text for statement in some])
            answers += zip(some, results, strict=True)
        # Ten thousand series take a while, in which the event loop must go on taking reports.
        return await asyncio.to_thread(
            lambda: tables.build(query, influxql.rows(query, kinds, answers))
        )

    async def arrays(self, query: Query) -> tables.Arrays | None:
        """The samples that a raw query wants, as arrays; None for none."""
        tables.check(query)
        await self.open()
        if any(not values for values in query.where.values()) or query.start >= query.end:
            return None
        kinds = await self._kinds_of(query)
        positions = tables.answerable(query, kinds)
        if not positions:
            return None
        (statement,) = influxql.statements(query, positions)
        server, _ = self._connected()
        (result,) = await server.query(self._settings.database, [statement.text])
        fields = [query.reads[position].field for position in positions]
        return await asyncio.to_thread(influx_arrays.arrays, query, kinds, fields, result)

    async def _kinds_of(self, query: Query) -> dict[str, tables.Kind]:
        """The types of the measurement's fields; asked again only for a field not seen before."""
        kinds = self._kinds.get(query.measurement, {})
        if any(read.field not in kinds for read in query.reads):
            (result,) = await self._query([influxql.field_keys(query.measurement)])
            for series in result.each():
                # A known type stays: shards may disagree, and the first one told is in use.
                told = {key: influxql.KINDS.get(kind, str) for key, kind in series.values}
                kinds = told | kinds
                self._kinds[query.measurement] = kinds
        return kinds

    async def _query(self, statements: list[str]) -> list[influxql.Result]:
        server, _ = self._connected()
        return await server.query(self._settings.database, statements)

    def _connected(self) -> tuple[Server, Writer]:
        if self._server is None or self._writer is None:
            raise StoreError(f"{self.name}: closed")
        return self._server, self._writer


class WriteV1:
    """InfluxDB 1.x: POST /write."""

    def __init__(self, server: Server, database: str) -> None:
        self._server = server
        self._params = {"db": database, "precision": "ms"}

    async def write(self, body: bytes) -> Answer:
        """Send lines."""
        return await self._server.ask("POST", "write", params=self._params, data=body)

    async def close(self) -> None:
        """Nothing of its own to close."""


async def _version_of(server: Server) -> str:
    """The server's version, such as "1.6.7".

    1.x and 2.x say it in a header of /ping; 3 does so too, but lets nobody ask without a token.
    Where a proxy drops headers, the bodies of /ping (3) and /health (2.x) say it as well.
    """
    for path in ("ping", "health"):
        answer = await server.ask("GET", path)
        content = answer.json()
        body = content.get("version", "") if isinstance(content, dict) else ""
        for said in (answer.headers.get("X-Influxdb-Version", ""), str(body)):
            if found := _VERSION.match(said):
                return found[1]
        if answer.status in (401, 403) or answer.status >= 500:
            raise server.failure(answer)
    raise StoreError(f"{server.url} does not say which InfluxDB it is: set version in [store]")


async def _create_database(server: Server, database: str) -> None:
    """Create a 1.x database where it is missing; how long it keeps data is the server's setting."""
    (result,) = await server.query(database, ["SHOW DATABASES"])
    names = [row[0] for series in result.each() for row in series.values]
    if database not in names:
        create = f"CREATE DATABASE {influxql.identifier(database)}"
        await server.query(database, [create], change=True)


def _pieces(lines: list[bytes]) -> list[tuple[int, int]]:
    """Ranges of lines that make a body of bounded size each."""
    ranges, first, size = [], 0, 0
    for position, line in enumerate(lines):
        size += len(line) + 1
        if size > BODY_BYTES and position > first:
            ranges.append((first, position))
            first, size = position, len(line) + 1
    return [*ranges, (first, len(lines))] if lines else []
