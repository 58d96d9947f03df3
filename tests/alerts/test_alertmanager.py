"""What our webhook sends is what a real Alertmanager sends, and what it takes."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alerts.test_alerting import OTHERS, Hook, World, hook, world
from alerts.worlds import WORLDS

from servers import Alertmanager

__all__ = ["hook", "world"]  # fixtures
LIMIT = 60.0


@pytest.fixture
def alertmanager(tmp_path: Path, hook: Hook) -> Iterator[Alertmanager]:
    server = Alertmanager(tmp_path / "alertmanager", hook.url).start()
    yield server
    server.stop()


def post(server: Alertmanager, alerts: list[dict[str, Any]]) -> None:
    """Give alerts to `/api/v2/alerts`; an error names what it does not take."""
    request = urllib.request.Request(
        f"{server.url}/api/v2/alerts",
        data=json.dumps(alerts).encode(),
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()


def held(server: Alertmanager) -> list[dict[str, Any]]:
    """What it says of the alerts that it has."""
    with urllib.request.urlopen(f"{server.url}/api/v2/alerts", timeout=10) as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return found


async def told(hook: Hook) -> dict[str, Any]:
    """The next message that the webhook gets."""
    async with asyncio.timeout(LIMIT):
        while not hook.taken:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)
    return hook.taken.pop(0)


def shape(thing: object) -> object:
    """Names and types, without the values and without the names of labels."""
    if isinstance(thing, dict):
        return {
            key: "texts" if key.lower().endswith(("labels", "annotations")) else shape(value)
            for key, value in thing.items()
        }
    if isinstance(thing, list):
        return [shape(thing[0])] if thing else []
    return type(thing).__name__


async def test_our_webhook_is_alertmanagers_and_it_takes_our_alerts(
    world: World, hook: Hook, alertmanager: Alertmanager
) -> None:
    off = (*OTHERS, "silent-site")
    world.begin(webhook_url=hook.url, link="https://wiki/", off=off)
    assert await world.store.write(WORLDS["disk-full"].points) == []
    await world.after(6)
    ours = await told(hook)
    assert ours["status"] == "firing"
    await asyncio.to_thread(post, alertmanager, ours["alerts"])
    theirs = await told(hook)
    assert shape(ours) == shape(theirs)
    for name in ("version", "status", "groupLabels", "truncatedAlerts"):
        assert ours[name] == theirs[name], name
    found = await asyncio.to_thread(held, alertmanager)
    assert [alert["labels"] for alert in found] == [alert["labels"] for alert in ours["alerts"]]
    assert [alert["annotations"] for alert in found] == [
        alert["annotations"] for alert in ours["alerts"]
    ]
    assert {alert["status"]["state"] for alert in found} == {"active"}


async def test_an_end_that_we_tell_is_an_end_there(
    world: World, hook: Hook, alertmanager: Alertmanager
) -> None:
    world.begin(webhook_url=hook.url)
    await world.report(500.0, minutes=12)
    await world.after(3)
    firing = await told(hook)
    await asyncio.to_thread(post, alertmanager, firing["alerts"])
    assert (await told(hook))["status"] == "firing"
    await world.report(2.0)
    await world.after(6 + 12)
    resolved = await told(hook)
    assert resolved["status"] == "resolved"
    await asyncio.to_thread(post, alertmanager, resolved["alerts"])
    theirs = await told(hook)
    assert theirs["status"] == "resolved"
    assert shape(resolved) == shape(theirs)
