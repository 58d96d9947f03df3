"""From the [store] section of the configuration to a store; nothing is opened or asked yet."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal, Protocol, get_args

from muster_collector.errors import ConfigError
from muster_collector.store.base import Store
from muster_collector.store.embedded import EmbeddedStore
from muster_collector.store.influx import InfluxStore
from muster_collector.store.influx_http import InfluxSettings, Version

FILE_NAME: Final = "muster.duckdb"


class StoreSettings(Protocol):
    """What this needs of the [store] section."""

    @property
    def kind(self) -> Literal["embedded", "influxdb"]:
        """Which store."""

    @property
    def path(self) -> Path | None:
        """The embedded store's file; without it, one in the data directory."""

    @property
    def url(self) -> str:
        """InfluxDB's address."""

    @property
    def database(self) -> str:
        """A 1.x database, a 2.x or 3 bucket."""

    @property
    def org(self) -> str:
        """The organisation in 2.x."""

    @property
    def username(self) -> str:
        """For 1.x with authentication."""

    @property
    def password_file(self) -> Path | None:
        """Where that user's password stands."""

    @property
    def token_file(self) -> Path | None:
        """Where the token for 2.x and 3 stands."""


def open_store(config: StoreSettings, data_dir: Path) -> Store:
    """The configured store; `await store.open()` connects it. ConfigError when a secret is missing.

    An optional key `version` ("1", "2", "3") spares asking the server which InfluxDB it is.
    """
    if config.kind == "embedded":
        return EmbeddedStore(config.path or data_dir / FILE_NAME)
    version: Version = getattr(config, "version", None) or "auto"
    if version not in get_args(Version):
        raise ConfigError(f"[store] version = {version!r}: must be one of {get_args(Version)}")
    return InfluxStore(
        InfluxSettings(
            url=config.url,
            database=config.database,
            org=config.org or "",
            username=config.username or "",
            password=_secret("password_file", config.password_file),
            token=_secret("token_file", config.token_file),
            version=version,
        )
    )


def _secret(key: str, path: Path | None) -> str:
    """The one line of a secret's file."""
    if path is None:
        return ""
    try:
        secret = Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"[store] {key} = {path}: cannot be read: {error}") from error
    if not secret or "\n" in secret:
        raise ConfigError(f"[store] {key} = {path}: must hold one line, the secret")
    return secret
