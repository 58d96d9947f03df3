"""A browser for each module, and pages that may not ask any other host nor log an error."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from page.world import World, example, trouble, world
from playwright.async_api import Browser, Page, async_playwright, expect

from muster_collector.estate.model import Target

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
expect.set_options(timeout=15_000)
Open = Callable[..., Coroutine[Any, Any, Page]]
OpenWorld = Callable[..., Coroutine[Any, Any, World]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    if shutil.which(CHROMIUM) is None:
        if os.environ.get("CI"):
            pytest.fail(f"{CHROMIUM} is not there, and in CI it must be")
        pytest.skip(f"{CHROMIUM} is not there: 'make test' as root installs it")
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(ARGUMENTS), timeout=60_000
        )
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="module")
async def open_world(tmp_path: Path) -> AsyncIterator[OpenWorld]:
    """Serves worlds of a test's own, which end after its pages."""
    async with contextlib.AsyncExitStack() as stack:

        async def opened(*args: Any, **settings: Any) -> World:
            return await stack.enter_async_context(world(tmp_path, *args, **settings))

        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def open_page(
    browser: Browser,
    open_world: OpenWorld,  # noqa: ARG001 - so that pages close before worlds do
) -> AsyncIterator[Open]:
    """Opens an address; at the end no page may have logged an error or asked another host.

    `expected` are parts of console messages that the test provokes.
    """
    contexts = []
    problems: list[str] = []

    async def opened(
        url: str, *, width: int = 1600, expected: tuple[str, ...] = (), **settings: Any
    ) -> Page:
        settings = {"locale": "en-GB", "color_scheme": "light"} | settings
        context = await browser.new_context(viewport={"width": width, "height": 1000}, **settings)
        contexts.append(context)
        page = await context.new_page()
        host = urlsplit(url).netloc

        def heard(text: str) -> None:
            if not any(part in text for part in expected):
                problems.append(text)

        page.on("console", lambda m: heard(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: problems.append(f"uncaught: {error}"))
        page.on(
            "request",
            lambda r: problems.append(f"asked {r.url}") if urlsplit(r.url).netloc != host else None,
        )
        page.set_default_timeout(15_000)
        await page.goto(url)
        return page

    yield opened
    for context in contexts:
        await context.close()
    assert problems == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def small(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Twelve machines in three sites with twelve minutes of data, not changed by tests.

    Two of them are silent, with alerts; and there are two targets, without days to judge them by.
    """
    machines, known, estate = example(12, 3)
    quiet = trouble(known)
    due = dt.date(2099, 12, 31)
    targets = (Target(score=90, due=due, name="Ready"), Target(score=80, due=due, part="storage"))
    estate = estate.model_copy(update={"targets": targets})
    async with world(tmp_path_factory.mktemp("page"), known, estate) as made:
        await made.fill([m for m in machines if m.name not in quiet], 12)
        await made.silence([(one.node, one.site) for one in known if one.node in quiet])
        yield made
