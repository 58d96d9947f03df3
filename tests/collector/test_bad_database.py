"""A database that has faults: one clear line each, counted, nothing good lost, nothing acked early.

The faults are played, since no real one has them when it is wanted; the broker is real.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web
from collector.centre import Centre, report, until
from collector.player import Handler, Player, playing
from collector.store_cases import point

from muster_collector import telemetry
from muster_collector.errors import StoreError
from muster_collector.store.influx import InfluxStore
from muster_collector.store.influx_http import InfluxSettings, retry_after
from servers import Mosquitto


@pytest.fixture
async def player() -> AsyncIterator[Player]:
    async with playing() as found:
        found.play("/query", 200, {"results": [{"series": [{"values": [["muster"]]}]}]})
        yield found


@pytest.fixture
async def centre(mosquitto: Mosquitto, tmp_path: Path, player: Player) -> AsyncIterator[Centre]:
    made = Centre(mosquitto, tmp_path)
    store = InfluxStore(InfluxSettings(player.url, version="1", timeout_s=0.3))
    made.store = store  # type: ignore[assignment]
    yield made
    await store.close()


def status(code: int, body: str = "", **headers: str) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=code, text=body, headers=headers)

    return answer


async def half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(status=204)
    response.content_length = 1000
    assert request.transport is not None
    request.transport.write(b"HTTP/1.1 204 No Con")
    request.transport.close()
    return response


async def nothing(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(2)
    return web.Response(status=204)


FAULTS = {
    "401": (status(401, '{"error":"authorization failed"}'), "check username and password_file"),
    "403": (status(403, '{"error":"forbidden"}'), "lacks the right, or is wrong"),
    "404 for a database that went": (status(404, '{"error":"database not found"}'), "not found"),
    "429": (status(429, "slow down"), "it asks to slow down"),
    "500": (status(500, '{"error":"engine: disk full"}'), "engine: disk full"),
    "503": (status(503, '{"error":"timeout"}'), "cannot serve (HTTP 503: timeout)"),
    "a proxy's page": (status(200, "<html>welcome</html>"), "HTTP 200"),
    "half an answer": (half, "InfluxDB at"),
    "no answer": (nothing, "no answer within 0.3 s"),
}


@pytest.mark.parametrize(("fault", "words"), FAULTS.values(), ids=FAULTS)
async def test_what_is_not_stored_is_kept_until_it_is(
    centre: Centre, player: Player, caplog: pytest.LogCaptureFixture, fault: Handler, words: str
) -> None:
    caplog.set_level("INFO")
    before = telemetry.STORE_ERRORS._value.get()
    player.answers["/write"] = fault
    async with centre.running(), centre.node() as node:
        for seq in range(5):
            await node.send(report(seq))
        await until(lambda: len(player.bodies("/write")) >= 2, "it is tried again")
        assert not node.acks
        player.play("/write", 204)
        await node.settled(4)
    lines = [record.getMessage() for record in caplog.records if "store " in record.getMessage()]
    assert [line.partition(":")[0] for line in lines] == ["store away", "store back"]
    assert words in lines[0]
    assert telemetry.STORE_ERRORS._value.get() >= before + 2
    written = {line for body in player.bodies("/write") for line in body.split("\n")}
    assert {line.split()[-1] for line in written if "used=" in line} >= {
        str(report(seq)["ts"]) for seq in range(5)
    }
    assert centre.quarantined() == []


async def test_another_fault_is_another_line(
    centre: Centre, player: Player, caplog: pytest.LogCaptureFixture
) -> None:
    """Who mends the network must see that the password is wrong as well."""
    player.play("/write", 503)
    async with centre.running(), centre.node() as node:
        await node.send(report(0))
        await until(lambda: "HTTP 503" in caplog.text, "the first")
        player.play("/write", 401)
        await until(lambda: "HTTP 401" in caplog.text, "the second")
        player.play("/write", 204)
        await node.settled(0)
    assert caplog.text.count("store away") == 2


async def test_too_large_a_batch_is_split_and_only_what_never_fits_is_refused(
    centre: Centre, player: Player
) -> None:
    stored: list[str] = []

    async def small_only(request: web.Request) -> web.StreamResponse:
        body = await request.text()
        if len(body) > 300:
            return web.Response(status=413)
        stored.extend(body.split("\n"))
        return web.Response(status=204)

    player.answers["/write"] = small_only
    note = {"name": "note", "tags": {}, "fields": {"text": "x" * 400}}
    async with centre.running(), centre.node() as node:
        for seq in range(10):
            await node.send(report(seq))
        await node.send(report(10, metrics=[note, *report(10)["metrics"]]))
        await node.settled(10)
    assert len({line for line in stored if "mem" in line}) == 11
    ((reason, detail, payload),) = centre.quarantined()
    assert (reason, detail) == ("point: store", "larger than the server takes")
    assert b'"note"' in payload


@pytest.mark.parametrize("code", [429, 503])
async def test_a_database_that_asks_for_time_gets_it(
    centre: Centre, player: Player, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time is played: what matters is how long the intake meant to wait."""
    slept: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if seconds == 7:
            player.play("/write", 204)
            seconds = 0
        await real(seconds)

    monkeypatch.setattr("muster_collector.ingest.intake.asyncio.sleep", sleep)
    player.play("/write", code, "later", **{"Retry-After": "7"})
    async with centre.running(), centre.node() as node:
        await node.send(report(0))
        await node.settled(0)
    assert 7.0 in slept


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("", 0, 0),
        ("999999999", 300, 300),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("soon", 0, 0),
        ("-5", 0, 0),
        ("1e9", 0, 0),
        ("٣", 0, 3),
    ],
)
def test_what_retry_after_means(text: str, least: float, most: float) -> None:
    assert least <= retry_after(text) <= most


def test_retry_after_may_be_a_date() -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=100)
    assert 1 <= retry_after(format_datetime(soon, usegmt=True)) <= 100


@pytest.mark.parametrize("version", ["1", "2"])
async def test_both_write_paths_pass_on_what_the_database_asks_for(
    player: Player, version: str
) -> None:
    path = "/write" if version == "1" else "/api/v2/write"
    player.play(path, 429, "{}", **{"Retry-After": "9"})
    store = InfluxStore(InfluxSettings(player.url, version=version))  # type: ignore[arg-type]
    try:
        with pytest.raises(StoreError) as caught:
            await store.write([point(0, {"a": 1.5})])
        assert caught.value.wait == 9.0
    finally:
        await store.close()
