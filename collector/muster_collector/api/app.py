"""The application: routes, guard, errors as one line each, and the page where it is installed."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from muster_collector.api import (
    about,
    alerts,
    backcasts,
    completeness,
    figures,
    nodes,
    planning,
    quarantine,
    readiness,
    series,
    targets,
    tree,
)
from muster_collector.api.formats import MEDIA_TYPES
from muster_collector.api.guard import Guard
from muster_collector.api.pagefiles import PageFiles
from muster_collector.api.services import Services
from muster_collector.errors import StoreError

PAGE = Path(__file__).parent / "page"
EDITED = sys.flags.dev_mode
"""Whether somebody works on the page: `PYTHONDEVMODE=1 make demo` shows what changes."""
ROUTERS = tuple(
    module.router
    for module in (
        readiness,
        tree,
        planning,
        backcasts,
        targets,
        figures,
        nodes,
        completeness,
        alerts,
        series,
        quarantine,
        about,
    )
)


def make_app(services: Services, *, token: str | None = None, local_only: bool = False) -> FastAPI:
    """The API and the page; `local_only` answers only to loopback names (see `guard`)."""
    app = make_routes()
    app.state.services = services
    # Who may reach an open API off loopback is nobody that Muster knows.
    app.state.writable = bool(token) or local_only
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
    # Level 1 takes half the time of 4 for a tenth more bytes; those files are compressed already.
    app.add_middleware(
        GZipMiddleware,
        minimum_size=2048,
        compresslevel=1,
        exclude_content_types=(
            *DEFAULT_EXCLUDED_CONTENT_TYPES,
            MEDIA_TYPES["parquet"],
            MEDIA_TYPES["xlsx"],
        ),
    )
    app.add_middleware(Guard, token=token, local_only=local_only)
    if (PAGE / "index.html").exists():
        app.mount("/", PageFiles(PAGE, edited=EDITED), name="page")
    return app


def make_routes() -> FastAPI:
    """The routes and their OpenAPI description, with nothing to answer from yet."""
    # The stock documentation pages load scripts from elsewhere, so there are none.
    app = FastAPI(
        title="Muster",
        version=version("muster-collector"),
        description="Readiness and completeness of an edge fleet. Times are ISO 8601 in UTC.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    for router in ROUTERS:
        app.include_router(router)
    return app


def _error(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status)


async def _refused(_: Request, error: Any) -> Response:
    return _error(error.status_code, str(error.detail))


async def _invalid(_: Request, error: Any) -> Response:
    """The first wrong parameter as one line."""
    found = error.errors()[0]
    names = [step for step in found["loc"] if isinstance(step, str)]
    value = "" if found["type"] == "missing" else str(found["input"])[:80]
    return _error(422, f"{names[-1]}={value}: {found['msg']}")


async def _no_store(_: Request, error: Any) -> Response:
    return _error(503, f"the store does not answer: {error}")


HANDLERS = {HTTPException: _refused, RequestValidationError: _invalid, StoreError: _no_store}
