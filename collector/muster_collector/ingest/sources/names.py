"""From the host names that other agents use to node ids, so that two hosts never become one node.

A name that may be a node's id is its id. Any other is written in lower case with a `-` for each run
of other characters, and ends in `-` and eight hexadecimal digits of the SHA-256 of the name itself:
`Web 01` is `web-01-2a6e1b3c`, and `web-01` stays another node. `nodes` in the configuration gives
chosen ids instead.
"""

from __future__ import annotations

import hashlib
import re

from muster_wire.topics import NAME

_OTHER = re.compile(r"[^a-z0-9._-]+")
DIGITS = 8
LONGEST = 63


def node_id(host: str) -> str:
    """The id of a host that has none of its own."""
    if NAME.fullmatch(host):
        return host
    digest = hashlib.sha256(host.encode(errors="surrogatepass")).hexdigest()[:DIGITS]
    words = _OTHER.sub("-", host.lower()).strip("-._")[: LONGEST - DIGITS - 1]
    return f"{words or 'host'}-{digest}"
