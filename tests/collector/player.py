"""A database that plays prepared answers, for the faults that a real one has when it must not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Player:
    """A server that plays prepared answers and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Handler] = {}
        self.asked: list[tuple[str, dict[str, str], str, dict[str, str]]] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        self.asked.append((request.path, dict(request.headers), body, dict(request.query)))
        handler = self.answers.get(request.path)
        return await handler(request) if handler else web.Response(status=404, text="not here")

    def play(self, path: str, status: int, body: Any = "", **headers: str) -> None:
        async def answer(_: web.Request) -> web.StreamResponse:
            text = body if isinstance(body, str) else json.dumps(body)
            return web.Response(status=status, text=text, headers=headers)

        self.answers[path] = answer

    def bodies(self, path: str) -> list[str]:
        return [body for asked, _, body, _ in self.asked if asked == path]


@asynccontextmanager
async def playing() -> AsyncIterator[Player]:
    """A player on a free port."""
    player = Player()
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/{path:.*}", player.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    player.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield player
    finally:
        await runner.cleanup()
