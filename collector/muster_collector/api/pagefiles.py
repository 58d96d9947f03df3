"""The page's own files, kept compressed; its modules and its style sheets come as one file each.

Starlette's `StaticFiles` opens and compresses each file anew for every visit.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from muster_collector.api import pagejoin

SCRIPT, ENTRY = "/page.js", "js/main.js"
STYLES = "/page.css"
SHEETS = (
    "css/tokens.css", "css/base.css", "css/parts.css", "css/watch.css",
    "vendor/uplot/uPlot.min.css",
)  # fmt: skip
"""What `page.css` is made of; what stands later counts more."""
Stamp = tuple[tuple[int, int], ...]


class _Kept(NamedTuple):
    stamp: Stamp
    media_type: str
    etag: str
    plain: bytes
    packed: bytes


class PageFiles:
    """ASGI application: the files below a directory, `index.html` at its root, and those joined.

    A file that changes is read again, so that whoever works on the page need only reload it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        found = sorted(path for path in directory.rglob("*") if path.is_file())
        self._parts: dict[str, Sequence[Path]] = {
            f"/{path.relative_to(directory).as_posix()}": (path,) for path in found
        }
        self._parts["/"] = (directory / "index.html",)
        self._parts[SCRIPT] = [
            path for path in found if path.parent.is_relative_to(directory / "js")
        ]
        self._parts[STYLES] = [directory / sheet for sheet in SHEETS]
        self._kept: dict[str, _Kept] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; 404 for what is no file here, 304 for what the browser has already."""
        if scope["type"] != "http" or scope["path"] not in self._parts:
            raise HTTPException(404)
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405)
        await self._answer(scope["path"], Headers(scope=scope))(scope, receive, send)

    def _answer(self, name: str, asked: Headers) -> Response:
        file = self._file(name)
        headers = {"ETag": file.etag, "Vary": "Accept-Encoding"}
        known = [tag.strip() for tag in asked.get("if-none-match", "").split(",")]
        if file.etag in known:
            return Response(status_code=304, headers=headers)
        if "gzip" not in asked.get("accept-encoding", ""):
            return Response(file.plain, headers=headers, media_type=file.media_type)
        headers["Content-Encoding"] = "gzip"
        return Response(file.packed, headers=headers, media_type=file.media_type)

    def _file(self, name: str) -> _Kept:
        try:
            stats = [path.stat() for path in self._parts[name]]
            stamp = tuple((one.st_mtime_ns, one.st_size) for one in stats)
            kept = self._kept.get(name)
            if kept is None or kept.stamp != stamp:
                kept = self._kept[name] = _pack(self._parts[name], self._read(name), stamp)
        except OSError as error:
            raise HTTPException(404) from error
        return kept

    def _read(self, name: str) -> bytes:
        parts = {
            path.relative_to(self._directory).as_posix(): path.read_bytes()
            for path in self._parts[name]
        }
        if name == SCRIPT:
            return pagejoin.script(
                {path: text.decode() for path, text in parts.items()}, ENTRY
            ).encode()
        return b"\n".join(parts.values())


def _pack(parts: Sequence[Path], plain: bytes, stamp: Stamp) -> _Kept:
    # Weak: the same tag stands for the plain and for the packed bytes.
    etag = f'W/"{hashlib.sha256(plain).hexdigest()[:32]}"'
    media_type = mimetypes.guess_type(parts[0].name)[0] or "text/plain"
    return _Kept(stamp, media_type, etag, plain, gzip.compress(plain, 9, mtime=0))
