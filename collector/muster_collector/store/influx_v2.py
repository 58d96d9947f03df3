"""Writing to InfluxDB 2.x and 3 with the official client's asynchronous write API."""

from __future__ import annotations

from typing import Any, Final

import aiohttp
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException

from muster_collector.store.influx_http import Answer, InfluxSettings, Server

_STORED: Final = Answer(204, {}, b"")
PRECISION: Final[Any] = WritePrecision.MS


class WriteV2:
    """POST /api/v2/write through `InfluxDBClientAsync`; gzip costs more than it saves on a LAN."""

    def __init__(self, server: Server, settings: InfluxSettings) -> None:
        self._server = server
        self._bucket = settings.database
        self._client = InfluxDBClientAsync(
            url=str(server.url).rstrip("/"),
            token=settings.token,
            org=settings.org or "-",
            timeout=int(settings.timeout_s * 1000),
            enable_gzip=False,
            allow_redirects=False,
        )
        self._api = self._client.write_api()

    async def write(self, body: bytes) -> Answer:
        """Send lines; what the client raises for a refusal becomes the answer it stands for."""
        try:
            stored = await self._api.write(self._bucket, record=body, write_precision=PRECISION)
        except ApiException as error:
            return Answer(error.status or 0, error.headers or {}, _text(error.body).encode())
        except TimeoutError as error:
            raise self._server.silent("no answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise self._server.silent(error) from error
        return _STORED if stored else Answer(200, {}, b"an answer that no write has")

    async def close(self) -> None:
        """Let the connections go."""
        await self._client.close()  # type: ignore[no-untyped-call]  # the library is untyped


def _text(body: bytes | str | None) -> str:
    return body.decode(errors="replace") if isinstance(body, bytes) else body or ""
