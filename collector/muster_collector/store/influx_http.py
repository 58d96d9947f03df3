"""One InfluxDB over HTTP: asks, writes, and turns every failure to answer into one clear line.

Secrets travel in headers only, and no message carries one, whatever a server echoes.
"""

from __future__ import annotations

import re
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal, NamedTuple

import aiohttp
from pydantic_core import from_json
from yarl import URL

from muster_collector.errors import StoreError
from muster_collector.store import influxql
from muster_collector.store.influxql import Result

Version = Literal["auto", "1", "2", "3"]

TIMEOUT_S: Final = 30.0
LONGEST_WAIT: Final = 300.0
"""Seconds that a server may ask for; whoever asks for more is asked again after that."""
LONG_QUERY: Final = 4_000
"""Characters beyond which a query goes into the body; servers limit the length of a URL."""
_CAUSES: Final = {
    401: "access denied: check username and password_file, or token_file, in [store]",
    403: "access denied: this user or token lacks the right, or is wrong; check [store]",
    404: "not found: check url, database and org in [store]",
    429: "too many requests: it asks to slow down",
}


@dataclass(frozen=True, slots=True)
class InfluxSettings:
    """Where the server is and how to get in; `database` is a 1.x database or a 2.x or 3 bucket."""

    url: str
    database: str = "muster"
    org: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    version: Version = "auto"
    timeout_s: float = TIMEOUT_S


class Answer(NamedTuple):
    """What came back: the HTTP status, the headers, and the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text, whatever it is."""
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        """The body's JSON, or None when it is none."""
        try:
            return from_json(self.body)
        except ValueError:
            return None


class Server:
    """A connection pool to one server; made and closed within one running event loop."""

    def __init__(self, settings: InfluxSettings) -> None:
        address = URL(settings.url)
        self.url = address.with_user(None)
        self._username = settings.username or address.user or ""
        self._password = settings.password or address.password or ""
        self._token = settings.token
        self._timeout_s = settings.timeout_s
        self._session = aiohttp.ClientSession(
            headers=self._credentials(),
            timeout=aiohttp.ClientTimeout(total=settings.timeout_s),
            connector=aiohttp.TCPConnector(limit=8),
        )

    def _credentials(self) -> dict[str, str]:
        if self._token:
            return {"Authorization": f"Token {self._token}"}
        if self._username:
            login = b64encode(f"{self._username}:{self._password}".encode()).decode()
            return {"Authorization": f"Basic {login}"}
        return {}

    async def close(self) -> None:
        """Let the connections go."""
        await self._session.close()

    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        data: bytes | Mapping[str, str] | None = None,
    ) -> Answer:
        """One request; StoreError when no whole answer comes back."""
        try:
            async with self._session.request(
                method, self.url / path, params=params, data=data, allow_redirects=False
            ) as response:
                return Answer(response.status, response.headers, await response.read())
        except TimeoutError as error:
            raise self.silent(f"no answer within {self._timeout_s:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise self.silent(error) from error

    async def query(
        self, database: str, statements: list[str], *, change: bool = False
    ) -> list[Result]:
        """The results of InfluxQL statements, one each; `change` for what is not a SELECT."""
        form = {"db": database, "epoch": "ms", "q": "; ".join(statements)}
        long = change or len(form["q"]) > LONG_QUERY
        method, where = ("POST", "data") if long else ("GET", "params")
        answer = await self.ask(method, "query", **{where: form})
        if answer.status != 200 or (results := influxql.results(answer.body)) is None:
            raise self.failure(answer)
        if wrong := next((result.error for result in results if result.error), None):
            raise StoreError(f"InfluxDB at {self.url}: {self.clean(wrong)}")
        if len(results) != len(statements):
            raise self.silent(f"{len(results)} results for {len(statements)} statements")
        return results

    def failure(self, answer: Answer) -> StoreError:
        """The one line for an answer that means "not now" or "not like this"."""
        cause = _CAUSES.get(answer.status, "cannot serve")
        said = self.clean(_message(answer))
        error = StoreError(
            f"InfluxDB at {self.url}: {cause} (HTTP {answer.status}{': ' if said else ''}{said})"
        )
        error.wait = retry_after(answer.headers.get("Retry-After", ""))
        return error

    def silent(self, cause: object) -> StoreError:
        """The one line for no answer at all, or half of one."""
        return StoreError(
            f"InfluxDB at {self.url}: {self.clean(str(cause) or type(cause).__name__)}"
        )

    def clean(self, message: str) -> str:
        """The message as one line of bounded length, without our secrets."""
        for secret in (self._token, self._password):
            if secret:
                message = message.replace(secret, "***")
        return re.sub(r"\s+", " ", message).strip()[:300]


def retry_after(text: str) -> float:
    """The seconds that a Retry-After header asks for, at most `LONGEST_WAIT` (RFC 9110, 10.2.3)."""
    try:
        seconds = float(text) if text.strip().isdecimal() else _until(text)
    except (TypeError, ValueError):
        return 0.0
    return min(max(0.0, seconds), LONGEST_WAIT)


def _until(date: str) -> float:
    return parsedate_to_datetime(date).timestamp() - time.time()


def _message(answer: Answer) -> str:
    """What the server says is wrong, in whichever of its ways."""
    content = answer.json()
    if isinstance(content, dict):
        return str(content.get("error") or content.get("message") or "")
    return answer.text
