"""Runs the application in the collector's own event loop until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from fastapi import FastAPI

from muster_collector.errors import ConfigError


class _Server(uvicorn.Server):
    """uvicorn that says when it serves, and leaves signals to the one place that handles them."""

    started_event: asyncio.Event

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.started_event.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; `ConfigError` says what to change when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if not 0 <= port < 65536:
        raise ConfigError(f"[api] port = {port}: use 1 to 65535, or 0 for any that is free")
    try:
        listener = socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise ConfigError(
            f"[api] port = {port}: cannot listen on {host} ({error.strerror or error});"
            " choose another port (--port in the demo)"
        ) from error
    # What it accepts inherits this; without it asyncio's answers wait 40 ms for the peer's ack.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


async def serve(
    app: FastAPI,
    listener: socket.socket,
    stop: asyncio.Event,
    started: Callable[[], None] | None = None,
) -> None:
    """Serve on a bound socket until `stop` is set; `started` is called once requests are taken."""
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=32 << 10,
    )
    server = _Server(config)
    server.started_event = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(sockets=[listener]), name="http server")
        await server.started_event.wait()
        if started is not None:
            started()
        await stop.wait()
        server.should_exit = True
