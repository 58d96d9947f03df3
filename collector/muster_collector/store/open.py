"""From the [store] section of the configuration to a store; nothing is opened or asked yet."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from muster_collector import config
from muster_collector.store.base import Store
from muster_collector.store.influx import InfluxStore
from muster_collector.store.influx_http import InfluxSettings

FILE_NAME: Final = "muster.duckdb"
"""The embedded store in the data directory, where no other file is configured."""


def open_store(section: config.Store, data_dir: Path) -> Store:
    """The configured store; its `open()` connects it. ConfigError where a secret cannot be read."""
    if section.kind == "embedded":
        # DuckDB's library is 20 MB of memory that a collector with InfluxDB does not pay for.
        from muster_collector.store.embedded import EmbeddedStore  # noqa: PLC0415

        return EmbeddedStore(section.path or data_dir / FILE_NAME)
    return InfluxStore(
        InfluxSettings(
            url=section.url,
            database=section.database,
            org=section.org,
            username=section.username,
            password=config.read_secret(section.password_file, "[store] password_file") or "",
            token=config.read_secret(section.token_file, "[store] token_file") or "",
            version=section.version,
        )
    )
