"""A body that many ask for: compressed once, with a tag by which whoever has it knows it again."""

from __future__ import annotations

import gzip
import hashlib
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.responses import Response


class Packed(NamedTuple):
    """The body as it is and as gzip."""

    media_type: str
    etag: str
    plain: bytes
    packed: bytes

    def answer(self, asked: Headers) -> Response:
        """What the request's headers allow: 304 where the asker has it already."""
        headers = {"ETag": self.etag, "Vary": "Accept-Encoding"}
        known = [tag.strip() for tag in asked.get("if-none-match", "").split(",")]
        if self.etag in known:
            return Response(status_code=304, headers=headers)
        if "gzip" not in asked.get("accept-encoding", ""):
            return Response(self.plain, headers=headers, media_type=self.media_type)
        headers["Content-Encoding"] = "gzip"
        return Response(self.packed, headers=headers, media_type=self.media_type)


def pack(plain: bytes, media_type: str, *, level: int) -> Packed:
    """Compress and tag; `level` is gzip's, 1 to 9."""
    # Weak: the same tag stands for the plain and for the packed bytes.
    etag = f'W/"{hashlib.sha256(plain).hexdigest()[:32]}"'
    return Packed(media_type, etag, plain, gzip.compress(plain, level, mtime=0))
