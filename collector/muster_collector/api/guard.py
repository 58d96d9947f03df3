"""What every answer carries and every request must have: security headers, a token, a known host.

Without a token only loopback is served, and then only under a loopback name, so that a web page
elsewhere cannot read the API by pointing its own name at 127.0.0.1.
"""

from __future__ import annotations

import hmac
import ipaddress
import json

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from muster_collector.errors import ConfigError

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
GUARDED = ("/api/", "/metrics")
"""What needs the token; the page itself holds no data, and health probes carry no secrets."""


def is_loopback(host: str) -> bool:
    """Whether an address is only reachable from this machine."""
    name = host.strip("[]")
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def check_exposure(host: str, token: str | None, *, allow_open: bool = False) -> None:
    """Raise `ConfigError` for an API that anybody in the network could read."""
    if not (token or allow_open or is_loopback(host)):
        raise ConfigError(
            f"[api] host = {host!r}: without a token only 127.0.0.1 is served;"
            " set token_file, or open = true if the network is trusted"
        )


class Guard:
    """ASGI middleware; `token` None means that the API is served to whoever reaches it."""

    def __init__(self, app: ASGIApp, *, token: str | None, local_only: bool) -> None:
        self.app = app
        self.token = token.encode() if token else None
        self.local_only = local_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on and add the headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                # Left to guess, a browser would mix the page's old scripts with new ones.
                guarded = scope["path"].startswith(GUARDED)
                headers.setdefault("Cache-Control", "no-store" if guarded else "no-cache")
            await send(message)

        if refusal := self._refusal(scope):
            await _answer(with_headers, *refusal)
        else:
            await self.app(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        if self.local_only and not is_loopback(_host(headers.get("host", ""))):
            return 421, "without a token only 127.0.0.1 and localhost are served; set token_file"
        if self.token is None or not scope["path"].startswith(GUARDED):
            return None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        # Latin-1 is how HTTP headers arrive; comparing bytes takes the same time for any guess.
        same = hmac.compare_digest(given.strip().encode("latin-1"), self.token)
        if scheme.lower() == "bearer" and same:
            return None
        return 401, "a valid token is needed: Authorization: Bearer TOKEN"


def _host(header: str) -> str:
    """The name in a Host header, without its port."""
    if header.startswith("["):
        return header.partition("]")[0]
    return header.partition(":")[0]


async def _answer(send: Send, status: int, error: str) -> None:
    headers = [(b"content-type", b"application/json")]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps({"error": error}).encode()})
