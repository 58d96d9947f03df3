"""The page's own files, kept compressed; its modules and its style sheets come as one file each.

Starlette's `StaticFiles` opens and compresses each file anew for every visit. Here a visit touches
no file: each call into the system lets go of the interpreter, which a busy thread gives back only
after the switch interval, and fifty of them were a quarter of a second while a fleet was scored.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from muster_collector.api import pagejoin
from muster_collector.api.packed import Packed, pack

SCRIPT, ENTRY = "/page.js", "js/main.js"
STYLES = "/page.css"
SHEETS = (
    "css/tokens.css", "css/base.css", "css/parts.css", "css/watch.css",
    "vendor/uplot/uPlot.min.css",
)  # fmt: skip
"""What `page.css` is made of; what stands later counts more."""
Stamp = tuple[tuple[int, int], ...]


class PageFiles:
    """ASGI application: the files below a directory, `index.html` at its root, and those joined.

    They are read once. With `edited` a file that changes is read again, so that whoever works on
    the page need only reload it.
    """

    def __init__(self, directory: Path, *, edited: bool = False) -> None:
        self._directory = directory
        self._edited = edited
        found = sorted(path for path in directory.rglob("*") if path.is_file())
        self._parts: dict[str, Sequence[Path]] = {
            f"/{path.relative_to(directory).as_posix()}": (path,) for path in found
        }
        self._parts["/"] = (directory / "index.html",)
        self._parts[SCRIPT] = [
            path for path in found if path.parent.is_relative_to(directory / "js")
        ]
        self._parts[STYLES] = [directory / sheet for sheet in SHEETS]
        self._kept: dict[str, tuple[Stamp, Packed]] = {}
        if not edited:
            for name in self._parts:
                self._file(name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; 404 for what is no file here, 304 for what the browser has already."""
        if scope["type"] != "http" or scope["path"] not in self._parts:
            raise HTTPException(404)
        if scope["method"] not in ("GET", "HEAD"):
            raise HTTPException(405)
        await self._file(scope["path"]).answer(Headers(scope=scope))(scope, receive, send)

    def _file(self, name: str) -> Packed:
        if name in self._kept and not self._edited:
            return self._kept[name][1]
        parts = self._parts[name]
        try:
            stats = [path.stat() for path in parts]
            stamp = tuple((one.st_mtime_ns, one.st_size) for one in stats)
            kept = self._kept.get(name)
            if kept is None or kept[0] != stamp:
                media_type = mimetypes.guess_type(parts[0].name)[0] or "text/plain"
                kept = self._kept[name] = stamp, pack(self._read(name), media_type, level=9)
        except OSError as error:
            raise HTTPException(404) from error
        return kept[1]

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
