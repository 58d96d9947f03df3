"""Asks a running collector's API; every failure is one line with the address."""

from __future__ import annotations

import argparse
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from muster_collector.errors import ConfigError, MusterError

DEFAULT_URL = "http://127.0.0.1:8080"
PATIENCE = 60.0
"""Seconds to wait for an answer."""
PAGE = 20_000
"""Rows to ask for at a time."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare where the collector is and how to be let in."""
    parser.add_argument(
        "--url",
        default=os.environ.get("MUSTER_URL", DEFAULT_URL),
        help=f"the collector's address (default: MUSTER_URL or {DEFAULT_URL})",
    )
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help="file with the API token (or MUSTER_TOKEN)"
    )


def get(options: argparse.Namespace, path: str, **query: str | int | list[str] | None) -> Any:
    """The JSON answer to a GET of `/api/v1/` + path; options that are None are left out."""
    return _ask(options, path, query, None, "")


def rows(
    options: argparse.Namespace, path: str, **query: str | int | list[str] | None
) -> list[dict[str, Any]]:
    """All rows of a GET, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        answer = get(options, path, **query, limit=PAGE, offset=len(found))
        found += answer["rows"]
        if not answer["rows"] or len(found) >= answer["total"]:
            return found


def file(options: argparse.Namespace, path: str, **query: str | int | list[str] | None) -> bytes:
    """The whole file that a GET with a `format` answers with."""
    content: bytes = _ask(options, path, query, None, "", read=lambda answer: answer.read())
    return content


def post(
    options: argparse.Namespace,
    path: str,
    content: bytes,
    media: str,
    **query: str | int | list[str] | None,
) -> Any:
    """The JSON answer to a POST of `content`, of that media type."""
    return _ask(options, path, query, content, media)


def delete(options: argparse.Namespace, path: str) -> Any:
    """The JSON answer to a DELETE."""
    return _ask(options, path, {}, None, "", method="DELETE")


def quoted(name: str) -> str:
    """A name as one step of a path."""
    return urllib.parse.quote(name, safe="")


def _ask(
    options: argparse.Namespace,
    path: str,
    query: Mapping[str, str | int | list[str] | None],
    content: bytes | None,
    media: str,
    *,
    method: str | None = None,
    read: Callable[[Any], Any] = json.load,
) -> Any:
    given = {name: value for name, value in query.items() if value is not None}
    url = f"{_base(options.url)}/api/v1/{path}"
    url += "?" + urllib.parse.urlencode(given, doseq=True) if given else ""
    headers = {**_headers(options), **({"Content-Type": media} if media else {})}
    request = urllib.request.Request(url, content, headers, method=method)  # noqa: S310 - _base checks
    try:
        # No proxy: the environment's is for other machines, and a token must not pass through it.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        patience = getattr(options, "patience", PATIENCE)
        with opener.open(request, timeout=patience) as answer:
            return read(answer)
    except urllib.error.HTTPError as error:
        raise MusterError(f"{options.url}: {_reason(error)}") from error
    except urllib.error.URLError as error:
        reason = getattr(error.reason, "strerror", None) or error.reason
        raise MusterError(f"{options.url}: {reason}; is the collector running?") from error
    except (OSError, ValueError) as error:
        raise MusterError(f"{options.url}: no usable answer ({error})") from error


def _base(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"--url {url}: use http://HOST:PORT")
    return url.rstrip("/")


def _headers(options: argparse.Namespace) -> Mapping[str, str]:
    token = os.environ.get("MUSTER_TOKEN", "")
    if options.token_file:
        try:
            token = options.token_file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(f"--token-file {options.token_file}: {reason}") from error
    return {"Authorization": f"Bearer {token}"} if token else {}


def _reason(error: urllib.error.HTTPError) -> str:
    """The API's own line, or the status where something else answered."""
    try:
        text = json.loads(error.read(1 << 16))["error"]
    except (OSError, ValueError, KeyError, TypeError):
        return f"HTTP {error.code} {error.reason}"
    return str(text)
