"""InfluxDB's dialects and faults: real servers where there are any, else a player of answers."""

from __future__ import annotations

import asyncio
import json
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from collector.player import Player, playing
from collector.store_cases import T0, influx, point, query, rows
from collector.test_layouts import NOW, read, report, text
from collector.test_sheets import learnt

from muster_collector import config
from muster_collector.errors import ConfigError, StoreError
from muster_collector.store import open_store
from muster_collector.store.base import Lines, Point, Query, Read, Sample
from muster_collector.store.influx import InfluxStore
from muster_collector.store.influx_http import InfluxSettings, Version
from muster_wire.messages import Metric
from servers import Influx1, VictoriaMetrics, free_port

SECRET = "s3cret-token"  # noqa: S105  # made up here


@pytest.fixture
async def player() -> AsyncIterator[Player]:
    async with playing() as found:
        yield found


@asynccontextmanager
async def store_on(url: str, version: Version = "auto", **more: Any) -> AsyncIterator[InfluxStore]:
    store = InfluxStore(InfluxSettings(url, version=version, **more))
    try:
        yield store
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("answers", "name"),
    [
        ([("/ping", 204, "", "1.8.10")], "InfluxDB 1.8.10 at"),
        ([("/ping", 204, "", "v2.7.11")], "InfluxDB 2.7.11 at"),
        ([("/ping", 200, {"version": "3.9.1", "revision": "x"}, "3.9.1")], "InfluxDB 3.9.1 at"),
        ([("/ping", 200, {"version": "3.0.1"}, "")], "InfluxDB 3.0.1 at"),
        ([("/ping", 204, "", ""), ("/health", 200, {"version": "v2.7"}, "")], "InfluxDB 2.7 at"),
    ],
)  # fmt: skip
async def test_the_version_is_found_by_asking(
    player: Player, answers: list[tuple[str, int, Any, str]], name: str
) -> None:
    for path, status, body, version in answers:
        player.play(path, status, body, **({"X-Influxdb-Version": version} if version else {}))
    player.play("/query", 200, {"results": [{"series": [{"values": [["muster"]]}]}]})
    async with store_on(player.url, token=SECRET) as store:
        await store.open()
        assert store.name.startswith(name)
        assert SECRET not in store.name


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, {"error": "unauthorized"}, "access denied"),
        (204, "", "does not say which InfluxDB it is: set version in [store]"),
        (503, "starting", "cannot serve (HTTP 503: starting)"),
    ],
)
async def test_a_server_that_does_not_tell_its_version(
    player: Player, status: int, body: Any, words: str
) -> None:
    player.play("/ping", status, body)
    async with store_on(player.url) as store:
        with pytest.raises(StoreError) as caught:
            await store.open()
        assert words in str(caught.value)
        player.play("/ping", 204, "", **{"X-Influxdb-Version": "2.7.1"})
        await store.open()


@pytest.mark.parametrize("version", ["2", "3"])
async def test_writes_and_reads_of_2_and_3_carry_the_token_in_a_header(
    player: Player, version: Version
) -> None:
    player.play("/api/v2/write", 204)
    player.play("/query", 200, {"results": [{"series": [{"values": [["a", "float"]]}]}]})
    async with store_on(
        player.url, version, token=SECRET, org="city", database="bucket one"
    ) as store:
        assert await store.write([point(0, {"a": 1.5}, host="é")]) == []
        await store.select(query(("nope", "mean")))
    (write, read) = player.asked
    assert write[2] == f"m,host=é a=1.5 {T0}"
    assert write[3] == {"org": "city", "bucket": "bucket one", "precision": "ms"}
    assert read[3]["db"] == "bucket one"
    for _, headers, _, params in player.asked:
        assert headers["Authorization"] == f"Token {SECRET}"
        assert SECRET not in str(params)


async def test_user_and_password_of_1_go_in_a_header(player: Player) -> None:
    player.play("/query", 200, {"results": [{}]})
    player.play("/write", 204)
    async with store_on(player.url, "1", username="me", password=SECRET) as store:
        await store.write([point(0, {"a": 1.5})])
    assert [path for path, *_ in player.asked] == ["/query", "/query", "/write"]
    assert "CREATE DATABASE" in urllib.parse.unquote_plus(player.asked[1][2])
    for _, headers, _, params in player.asked:
        assert headers["Authorization"].startswith("Basic ")
        assert "me" not in params.values()


FAULTS = [
    (401, '{"code":"unauthorized","message":"unauthorized access"}', "access denied"),
    (403, '{"error":"token s3cret-token may not write"}', "token *** may not write"),
    (404, '{"code":"not found","message":"bucket not found"}', "not found: check url, database"),
    (429, '{"code":"too many requests","message":"slow down"}', "asks to slow down"),
    (500, "<html>\n<body>oops</body>", "cannot serve (HTTP 500: <html> <body>oops</body>)"),
    (503, '{"error":"timeout"}', "cannot serve (HTTP 503: timeout)"),
    (400, '{"code":"invalid","message":"org is missing"}', "org is missing"),
    (302, "", "HTTP 302"),
    (200, "<html>welcome</html>", "HTTP 200"),
]


@pytest.mark.parametrize(("status", "body", "words"), FAULTS)
@pytest.mark.parametrize("version", ["1", "2"])
async def test_what_is_not_about_lines_is_an_error_and_can_be_tried_again(
    player: Player, version: Version, status: int, body: str, words: str
) -> None:
    path = "/write" if version == "1" else "/api/v2/write"
    player.play("/query", 200, {"results": [{"series": [{"values": [["muster"]]}]}]})
    player.play(path, status, body, Location="/elsewhere")
    async with store_on(player.url, version, token=SECRET) as store:
        with pytest.raises(StoreError) as caught:
            await store.write([point(0, {"a": 1.5})])
        said = str(caught.value)
        if (version, status) != ("2", 200):
            assert words in said
        assert player.url in said
        assert SECRET not in said
        assert "\n" not in said
        player.play(path, 204)
        assert await store.write([point(0, {"a": 1.5})]) == []


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("fault", ["hangs", "half", "closes"])
async def test_no_answer_or_half_of_one(player: Player, version: Version, fault: str) -> None:
    path = "/write" if version == "1" else "/api/v2/write"
    player.play("/query", 200, {"results": [{"series": [{"values": [["muster"]]}]}]})
    over = asyncio.Event()

    async def broken(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        if fault == "hangs":
            await over.wait()
        response = web.StreamResponse(status=204 if fault == "closes" else 500)
        response.content_length = 1000
        if fault == "half":
            await response.prepare(request)
            await response.write(b'{"error":')
        request.transport.close()
        return response

    player.answers[path] = broken
    async with store_on(player.url, version, timeout_s=0.2) as store:
        with pytest.raises(StoreError) as caught:
            await store.write([point(0, {"a": 1.5})])
        over.set()
        assert str(caught.value).startswith(f"InfluxDB at {player.url}")
        player.play(path, 204)
        assert await store.write([point(0, {"a": 1.5})]) == []


@pytest.mark.parametrize("version", ["auto", "2"])
async def test_nobody_listens(version: Version) -> None:
    async with store_on(f"http://127.0.0.1:{free_port()}", version) as store:
        with pytest.raises(StoreError, match="Cannot connect"):
            await store.write([point(0, {"a": 1.5})])


async def test_a_password_in_the_url_is_used_and_never_shown(player: Player) -> None:
    player.play("/ping", 403, f"{SECRET} is wrong")
    async with store_on(player.url.replace("://", f"://me:{SECRET}@")) as store:
        with pytest.raises(StoreError) as caught:
            await store.open()
        assert SECRET not in str(caught.value) + store.name + repr(store._settings.password)
        assert player.asked[0][1]["Authorization"].startswith("Basic ")


async def test_too_large_a_batch_is_halved_until_it_fits(player: Player) -> None:
    stored: list[str] = []

    async def small_only(request: web.Request) -> web.StreamResponse:
        lines = (await request.text()).split("\n")
        if len(lines) > 3 or "huge" in lines[0]:
            return web.Response(status=413, text='{"code":"request too large"}')
        stored.extend(lines)
        return web.Response(status=204)

    player.answers["/api/v2/write"] = small_only
    batch = [point(i, {"a": "huge" if i == 7 else "x"}) for i in range(20)]
    async with store_on(player.url, "2") as store:
        assert [bad.position for bad in await store.write(batch)] == [7]
    assert len(set(stored)) == len(stored) == 19


async def test_bodies_are_bounded(player: Player) -> None:
    player.play("/api/v2/write", 204)
    batch = [point(i, {"a": "x" * 60_000}) for i in range(40)]
    async with store_on(player.url, "2") as store:
        assert await store.write(batch) == []
    sizes = [len(body) for body in player.bodies("/api/v2/write")]
    assert max(sizes) < 1_000_000
    assert sum(body.count("\n") + 1 for body in player.bodies("/api/v2/write")) == 40


@pytest.mark.parametrize("text", ["plain", "two\nlines"])
async def test_the_lines_that_influxdb_3_numbers_are_refused(player: Player, text: str) -> None:
    async def numbered(request: web.Request) -> web.StreamResponse:
        lines = (await request.text()).split("m s=")[1:]
        data = [
            {"line_number": number, "original_line": "m…", "error_message": "invalid column type"}
            for number, line in enumerate(lines, 1)
            if "v=1i" in line
        ]
        answer = {"error": "partial write of line protocol occurred", "data": data}
        return web.json_response(answer, status=400) if data else web.Response(status=204)

    player.answers["/api/v2/write"] = numbered
    batch = [point(i, {"s": text, "v": 1 if i in (2, 5) else 0.5}) for i in range(8)]
    async with store_on(player.url, "3") as store:
        refused = await store.write(batch)
    assert [bad.position for bad in refused] == [2, 5]
    assert ("invalid column type" in refused[0].reason) == (text == "plain")


async def test_a_conflict_as_2_tells_it(player: Player) -> None:
    message = (
        "failure writing points to database: partial write: field type conflict: input field "
        '"v" on measurement "m" is type integer, already exists as type float dropped=2'
    )

    async def conflict(request: web.Request) -> web.StreamResponse:
        if "v=1i" in await request.text():
            answer = {"code": "unprocessable entity", "message": message}
            return web.json_response(answer, status=422)
        return web.Response(status=204)

    player.answers["/api/v2/write"] = conflict
    batch = [point(i, {"v": 1 if i in (2, 5) else 0.5}) for i in range(8)]
    async with store_on(player.url, "2") as store:
        refused = await store.write(batch)
    assert [bad.position for bad in refused] == [2, 5]
    assert "already exists as type float" in refused[0].reason
    assert len(player.asked) == 2


async def test_a_refusal_that_names_nothing_is_found_by_halves(player: Player) -> None:
    stored: set[str] = set()

    async def vague(request: web.Request) -> web.StreamResponse:
        lines = (await request.text()).split("\n")
        if any("bad" in line for line in lines):
            return web.json_response({"message": "unable to parse line protocol"}, status=400)
        stored.update(lines)
        return web.Response(status=204)

    player.answers["/api/v2/write"] = vague
    batch = [point(i, {"v": "bad" if i in (3, 77, 78) else "x"}) for i in range(100)]
    async with store_on(player.url, "2") as store:
        assert [bad.position for bad in await store.write(batch)] == [3, 77, 78]
    assert len(stored) == 97


@pytest.mark.parametrize(
    "body",
    ['{"results":[', "[]", '{"results":[]}', '{"results":[{"error":"oh s3cret-token"}]}', "<html>"],
)
async def test_a_query_without_a_right_answer(player: Player, body: str) -> None:
    player.play("/query", 200, body)
    async with store_on(player.url, "2", token=SECRET) as store:
        with pytest.raises(StoreError) as caught:
            await store.select(query(("v", "mean")))
        assert SECRET not in str(caught.value)


def exported(server: VictoriaMetrics, name: str) -> list[dict[str, Any]]:
    match = urllib.parse.urlencode({"match[]": f'{{__name__="{name}"}}'})
    with urllib.request.urlopen(f"{server.url}/internal/force_flush"):
        pass
    with urllib.request.urlopen(f"{server.url}/api/v1/export?{match}") as answer:
        return [json.loads(line) for line in answer.read().splitlines()]


async def test_a_real_server_takes_what_goes_over_api_v2_write(
    victoria_metrics: VictoriaMetrics,
) -> None:
    batch = [point(i * 1000, {"load1": i / 4, "n": i}, "system_v2", host="a b") for i in range(50)]
    async with store_on(victoria_metrics.url, "2") as store:
        assert await store.write(batch) == []
        assert await store.write(batch[:3]) == []
    (load,) = await asyncio.to_thread(exported, victoria_metrics, "system_v2_load1")
    assert load["metric"] == {"__name__": "system_v2_load1", "host": "a b"}
    assert dict(zip(load["timestamps"], load["values"], strict=False)) == {
        T0 + i * 1000: i / 4 for i in range(50)
    }
    (n,) = await asyncio.to_thread(exported, victoria_metrics, "system_v2_n")
    assert set(n["values"]) == set(range(50))


def ask(server: Influx1, statement: str, **login: str) -> Any:
    form = urllib.parse.urlencode({"q": statement}).encode()
    url = f"{server.url}/query?{urllib.parse.urlencode(login)}"
    with urllib.request.urlopen(url, data=form) as answer:
        return json.loads(answer.read())


async def test_points_beyond_retention_are_refused_and_the_rest_stays(influx1: Influx1) -> None:
    store = influx(influx1)
    await store.open()
    try:
        name = store._settings.database
        policy = f'CREATE RETENTION POLICY "p" ON "{name}" DURATION 438000h REPLICATION 1 DEFAULT'
        await asyncio.to_thread(ask, influx1, policy)
        old = -(10**12) * 3
        batch = [point(old if i % 5 == 0 else i, {"v": i}) for i in range(40)]
        batch += [point(100 + i, {"v": float(i)}) for i in range(2)]
        refused = await store.write(batch)
        assert [bad.position for bad in refused] == [*range(0, 40, 5), 40, 41]
        assert "beyond retention" in refused[0].reason
        assert "type conflict" in refused[-1].reason
        assert rows(await store.select(query(("v", "count")))) == [(0, 32)]
    finally:
        await store.close()


def taken_apart(kind: str) -> tuple[list[Any], list[Any], set[int]]:
    """What is there before, a batch of 5,000 lines, and which three of them are bad."""
    batch = [point(i, {"v": i / 2, "w": i}, host=f"h{i % 50}") for i in range(5000)]
    bad: dict[int, dict[str, Any]] = {1234: {"v": 1}, 2345: {"v": 2}, 4999: {"v": 3}}
    before = [point(-1, {"v": 0.5, "w": 1}, host="h0")]
    if kind == "two known fields":
        bad |= {2345: {"v": 1.5, "w": 2.5}, 4999: {"v": "text"}}
    elif kind == "inside the batch":
        before = []
    elif kind == "two new fields":
        before = []
        bad |= {2345: {"w": 2.5}}
    for at, fields in bad.items():
        batch[at] = point(at, fields, host=batch[at].tags[0][1])
    return before, batch, set(bad)


@pytest.mark.parametrize(
    ("kind", "most"),
    [
        ("a known field", 2),
        ("two known fields", 4),
        ("inside the batch", 3),
        ("two new fields", 5),
    ],
)
async def test_of_5000_lines_three_are_refused_and_4997_stored(
    influx1: Influx1, kind: str, most: int
) -> None:
    """Each is one line of one request; `most` requests find the three."""
    before, batch, bad = taken_apart(kind)
    store = influx(influx1)
    await store.open()
    try:
        if before:
            await store.write(before)
        assert store._writer is not None
        asked = store._writer.write
        sizes: list[int] = []

        async def counted(body: bytes) -> Any:
            sizes.append(body.count(b"\n") + 1)
            return await asked(body)

        store._writer.write = counted  # type: ignore[method-assign]
        refused = await store.write(batch)
        assert {found.position for found in refused} == bad
        assert all("type" in found.reason for found in refused)
        (counts,) = rows(await store.select(query(("v", "count"), ("w", "count"))))
        others = [point for at, point in enumerate(batch) if at not in bad]
        assert counts[1:] == tuple(
            sum(name in point.fields for point in others) for name in ("v", "w")
        )
        assert len(others) == 4997
        assert len(sizes) <= most, sizes
    finally:
        await store.close()


async def test_a_database_that_vanishes_is_made_again(influx1: Influx1) -> None:
    store = influx(influx1)
    await store.open()
    try:
        await store.write([point(0, {"v": 1})])
        await asyncio.to_thread(ask, influx1, f'DROP DATABASE "{store._settings.database}"')
        with pytest.raises(StoreError, match="not found"):
            await store.write([point(0, {"v": 1})])
        assert await store.write([point(0, {"v": 1})]) == []
        assert rows(await store.select(query(("v", "sum")))) == [(0, 1)]
    finally:
        await store.close()


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Influx1]:
    """An InfluxDB 1.x that wants a password; `me` is its administrator, `you` may do nothing."""
    monkeypatch.setenv("INFLUXDB_HTTP_AUTH_ENABLED", "true")
    server = Influx1(tmp_path / "guarded").start()
    try:
        ask(server, f"CREATE USER me WITH PASSWORD '{SECRET}' WITH ALL PRIVILEGES")
        ask(server, f"CREATE USER you WITH PASSWORD '{SECRET}'", u="me", p=SECRET)
        yield server
    finally:
        server.stop()


async def test_a_real_server_that_wants_a_password(guarded: Influx1) -> None:
    async with store_on(guarded.url, username="me", password=SECRET) as store:
        assert await store.write([point(0, {"v": 1})]) == []
        assert rows(await store.select(query(("v", "sum")))) == [(0, 1)]
    for password in (SECRET + "x", ""):
        async with store_on(guarded.url, username="me", password=password) as store:
            with pytest.raises(StoreError, match="access denied"):
                await store.write([point(0, {"v": 1})])
    async with store_on(guarded.url, username="you", password=SECRET) as store:
        with pytest.raises(StoreError, match=r"CREATE DATABASE|access denied|authorized") as caught:
            await store.write([point(0, {"v": 1})])
        assert SECRET not in str(caught.value)


async def test_a_server_that_is_stopped_for_a_while(tmp_path: Path) -> None:
    server = Influx1(tmp_path / "stopped").start()
    try:
        async with store_on(server.url) as store:
            assert await store.write([point(0, {"v": 1})]) == []
            await asyncio.to_thread(server.kill)
            with pytest.raises(StoreError):
                await store.write([point(1000, {"v": 2})])
            with pytest.raises(StoreError):
                await store.select(query(("v", "sum")))
            await asyncio.to_thread(server.start)
            assert await store.write([point(1000, {"v": 2})]) == []
            assert rows(await store.select(query(("v", "raw")))) == [(0, 1), (1000, 2)]
    finally:
        server.stop()


def test_a_store_from_the_configuration(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(f"{SECRET}\n")
    section = config.Store(kind="influxdb", token_file=token, version="2")
    store = open_store(section, tmp_path)
    assert isinstance(store, InfluxStore)
    assert store._settings.token == SECRET
    assert SECRET not in repr(store._settings)
    with pytest.raises(ConfigError, match=r"\[store\] password_file = .*nope: cannot be read"):
        open_store(section.model_copy(update={"password_file": tmp_path / "nope"}), tmp_path)
    assert str(tmp_path / "muster.duckdb") in open_store(config.Store(), tmp_path).name
    assert str(tmp_path / "x.db") in open_store(config.Store(path=tmp_path / "x.db"), tmp_path).name


async def test_reports_that_are_lines_already_are_taken_apart_where_some_are_refused(
    influx1: Influx1,
) -> None:
    """Four of fourteen points have a whole number where the database has floats."""
    names = [Metric(name, {}, {"x": 1}) for name in ("one", "own", "two")]
    shapes = learnt(names)
    samples: list[Sample] = []
    for seq in range(3):
        metrics = [Metric(m.name, {}, {"x": 5 + seq}) for m in names]
        found = read(shapes, text(report(metrics, seq)))
        assert found is not None
        samples += shapes.points(found, NOW + seq)[0]
    assert list(map(type, samples)) == [Lines] * 3
    async with store_on(influx1.url, database="lines") as store:
        first = Point("own", (("host", "n1"), ("site", "s1")), {"x": 0.5}, NOW + 1)
        bad = first._replace(fields={"time": 1})
        refused = await store.write([first, *samples, bad, samples[0]])
        assert [one.position for one in refused] == [2, 5, 8, 10, 12]
        assert "is type integer" in refused[0].reason
        assert "name that InfluxDB keeps" in refused[3].reason
        for name, values in (("one", [5, 6, 7]), ("own", [0.5]), ("two", [5, 6, 7])):
            table = await store.select(Query(name, (Read("x", "raw"),), NOW, NOW + 9, ("host",)))
            assert table.columns["x"] == values
            assert set(table.columns["host"]) == {"n1"}
