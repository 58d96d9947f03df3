"""The collector's configuration: one TOML file, every setting declared once, errors with places."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from muster_collector import durations
from muster_collector.addresses import HttpUrl, MqttUrl, SmtpUrl, WebhookUrl
from muster_collector.errors import ConfigError
from muster_wire import topics


def _seconds(value: object) -> float:
    if not isinstance(value, str):
        raise ValueError("write a duration such as 10s, 5m, 1h or 30d")  # noqa: TRY004 - pydantic
    return durations.parse(value)


Duration = Annotated[float, BeforeValidator(_seconds, json_schema_input_type=str), Field(gt=0)]
"""Seconds; written as "10s", "5m", "1h" or "30d"."""


def _partitions(value: object) -> frozenset[int]:
    numbers: set[int] = set()
    try:
        for part in str(value).split(","):
            first, _, last = part.partition("-")
            numbers.update(range(int(first), int(last or first) + 1))
    except ValueError:
        numbers = set()
    if not numbers or min(numbers) < 0 or max(numbers) >= topics.PARTITIONS:
        raise ValueError(f'use numbers and ranges of 0 to {topics.PARTITIONS - 1}, such as "0-31"')
    return frozenset(numbers)


Partitions = Annotated[frozenset[int], BeforeValidator(_partitions, json_schema_input_type=str)]


class Section(BaseModel):
    """A table of the file: no other keys, no conversions between types, never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Mqtt(Section):
    """The broker."""

    url: MqttUrl = "mqtt://127.0.0.1:1883"
    """mqtt://HOST:PORT, or mqtts:// for TLS"""
    root: str = Field(default=topics.ROOT, pattern=r"^[^#+$/\s][^#+\s]*[^#+/\s]$")
    """the topic that all of Muster's are below"""
    client_id: str = Field(default="muster-collector", min_length=1, max_length=128)
    """unique for each collector; the broker keeps its session under this name"""
    username: str = ""
    """empty for none"""
    password_file: Path | None = None
    """a file whose one line is the password"""
    ca_file: Path | None = None
    """certificates that may sign the broker's; without it the system's"""
    cert_file: Path | None = None
    """this collector's certificate"""
    key_file: Path | None = None
    """the key of that certificate"""
    keepalive: Duration = 30.0
    """a dead link is noticed within this"""
    session_expiry: Duration = 3600.0
    """how long the broker keeps messages for a collector that is away"""
    receive_maximum: int = Field(default=1000, ge=10, le=65535)
    """messages in hand that are not stored yet; at three times as many nothing more is read"""
    present_first: bool | None = None
    """after an outage take the newest reports first, over a second session. Without it: over
    mqtt://, with a lease, and with a [[source]]. Over mqtts:// set it to true with the collectors'
    listener (8884) only: on the nodes' one (8883) a certificate has one session"""


Role = Literal["ingest", "score", "api", "alert"]


class Collector(Section):
    """The process."""

    data: Path = Path("/var/lib/muster-collector")
    """directory of ledger, quarantine and embedded store; one collector owns it"""
    roles: tuple[Role, ...] = ("ingest", "score", "api", "alert")
    """what this process does"""
    partitions: Partitions = frozenset(range(topics.PARTITIONS))
    """the nodes it is responsible for"""
    lease: Duration | None = None
    """share the partitions with standbys of the same `client_id`, which take over when the one at
    work has not been heard for so long"""
    name: str = Field(default="", max_length=64)
    """how this collector is called in the lease; without it the host's name"""
    ack_every: Duration = 3.0
    """acknowledge to a node at most this often, unless something new is missing"""
    ask_per_second: int = Field(default=1000, ge=1)
    """how many reports all nodes together are asked in a second to send again; after an outage
    what is missing comes back at this rate, or as fast as the store takes it if that is less"""
    completeness_every: Duration = 60.0
    """how often the account of each node is written to the store"""
    keep_completeness: Duration = 90 * 86_400.0
    """how long the ledger keeps each node's account by hours; about 1 KB a node and day"""


class Store(Section):
    """Where points go."""

    kind: Literal["embedded", "influxdb"] = "embedded"
    """one DuckDB file, or an InfluxDB"""
    path: Path | None = None
    """the embedded store's file; without it one in the data directory"""
    url: HttpUrl = "http://127.0.0.1:8086"
    """InfluxDB's address"""
    version: Literal["auto", "1", "2", "3"] = "auto"
    """InfluxDB's major version; auto asks the server"""
    database: str = Field(default="muster", min_length=1)
    """the database in 1.x, the bucket in 2.x, the database in 3"""
    org: str = ""
    """the organisation in 2.x"""
    username: str = ""
    """for 1.x with authentication"""
    password_file: Path | None = None
    """that user's password"""
    token_file: Path | None = None
    """the token for 2.x and 3"""
    batch_lines: int = Field(default=5000, ge=1, le=100_000)
    """write when so many lines have come together"""
    flush: Duration = 0.2
    """or when the first of them has waited so long"""
    keep: Duration = 30 * 86_400.0
    """how long the embedded store keeps what nodes measured; InfluxDB's own retention does that"""
    keep_scores: Duration = 90 * 86_400.0
    """how long it keeps every score and account; then the last one of each hour (UTC)"""
    keep_hourly: Duration = 730 * 86_400.0
    """how long it keeps those; then the last one of each day (UTC), for ever"""


class Limits(Section):
    """What a message may be; what is beyond is refused, kept in quarantine and counted."""

    payload_bytes: int = Field(default=256 << 10, ge=1024, le=64 << 20)
    """bytes of a message once decompressed"""
    metrics: int = Field(default=2000, ge=1)
    """metrics in a report"""
    tags: int = Field(default=32, ge=1)
    """tags of a metric"""
    fields: int = Field(default=512, ge=1)
    """fields of a metric"""
    text: int = Field(default=1024, ge=16)
    """characters of a name or text"""
    nesting: int = Field(default=200, ge=8, le=200)
    """levels of lists and objects in a message; the parser itself takes no more than 200"""
    new_series: int = Field(default=5000, ge=1)
    """series that a node may begin in an hour"""
    reports_per_minute: int = Field(default=6000, ge=1)
    """reports of a node that are handled in a minute; the rest is asked for again, never lost"""
    future: Duration = 86_400.0
    """how far ahead of the collector's clock another agent's sample may be"""
    clock_ahead: Duration = 60.0
    """reports that are further ahead of the collector's clock are put right, and marked"""
    clock_behind: Duration = 7200.0
    """so are those sent by a clock further behind; more than [mqtt] session_expiry in any case"""
    quarantine_mb: int = Field(default=64, ge=1)
    """megabytes of refused messages to keep, the newest"""
    bases_mb: int = Field(default=32, ge=0)
    """memory for the reports that nodes tell later ones against; beyond, nodes send in full"""


NodeName = Annotated[str, Field(pattern=rf"^{topics.NAME.pattern}$")]


class Source(Section):
    """Machines that another agent measures, Telegraf or collectd, over the same broker.

    Repeat it as `[[source]]` for each kind of topic; the first one whose topic matches counts.
    """

    topic: str = Field(pattern=r"^[^+#/$\s][^+#/\s]*(?:/(?:\+|[^+#/\s]+))*(?:/#)?$")
    """the topics, with `+` and `#` as in a subscription"""
    format: Literal["influx", "json", "collectd"]
    """Telegraf's data_format, batched or not; or collectd's mqtt plugin"""
    site: str = ""
    """the site of all its hosts that nothing else gives one"""
    site_tag: str = ""
    """the tag that names the site"""
    site_level: int = Field(default=0, ge=0, le=64)
    """the level of the topic that names the site, counted from 1; 0 for none"""
    sites: dict[NodeName, NodeName] = {}
    """the sites of single nodes, before all others"""
    host_tag: str = "host"
    """the tag that names the host"""
    host_level: int = Field(default=0, ge=0, le=64)
    """the level of the topic that names the host, so that an ACL can guard it; 0 for the tag"""
    nodes: dict[str, NodeName] = {}
    """node ids of hosts whose own name is none, or should not be"""
    precision: Literal["auto", "ns", "us", "ms", "s"] = "auto"
    """the unit of timestamps; auto is Telegraf's default: ns in influx, s in json"""
    every: Duration = Field(default=10.0, ge=0.1, le=86_400)
    """Telegraf's `interval`, collectd's `Interval`: where nothing came for that long is a gap"""
    most_nodes: int = Field(default=1000, ge=1)
    """hosts that may come from it; more are refused"""
    payload_bytes: int = Field(default=1 << 20, ge=1024, le=64 << 20)
    """bytes of a message"""
    metrics: int = Field(default=10_000, ge=1)
    """metrics in a message"""
    types_db: Path | None = None
    """collectd needs it, for the names of values: a node's /usr/share/collectd/types.db"""

    @field_validator("nodes")
    @classmethod
    def _no_two_hosts_in_one(cls, value: dict[str, str]) -> dict[str, str]:
        if len(set(value.values())) < len(value):
            raise ValueError("two hosts have one node id: give each its own")
        return value


class Scoring(Section):
    """Readiness."""

    window: Duration = 300.0
    """a score at t covers [t - window, t)"""
    every: Duration = 300.0
    """from one score to the next"""
    scorecard: Path | None = None
    """the method; without it the one that Muster ships"""
    estate: Path | None = None
    """places and planned nodes; without it only what reports is known"""


class Api(Section):
    """HTTP: API and page."""

    host: str = "127.0.0.1"
    """the address to listen on"""
    port: int = Field(default=8080, ge=1, le=65535)
    """the port to listen on"""
    token_file: Path | None = None
    """a file whose one line is the bearer token; needed off loopback"""
    open: bool = False
    """serve off loopback without a token"""


class Alerts(Section):
    """Alerts of the collector itself, for those who have no Grafana; see the runbooks."""

    every: Duration = 60.0
    """from one look at all rules to the next"""
    off: tuple[str, ...] = ()
    """names of rules that are not wanted"""
    limits: dict[str, float] = {}
    """other limits than the shipped ones, by the rule's name: { "disk-full" = 90 }"""
    keep_firing: Duration = 300.0
    """an alert ends when its condition was false for so long, so that flapping is one alert"""
    group_interval: Duration = 300.0
    """changes of one site are told at most this often"""
    repeat: Duration = 4 * 3600.0
    """what still fires is told again after this"""
    language: Literal["en", "zh"] = "en"
    """of notifications"""
    link: str = ""
    """what stands before "docs/runbooks/NAME.md" in notifications, such as "https://wiki/muster/\""""
    webhook_url: WebhookUrl = ""
    """who takes Alertmanager's JSON; empty for nobody"""
    webhook_token_file: Path | None = None
    """a file whose one line is its bearer token"""
    mail_to: tuple[str, ...] = ()
    """addresses to write to; [] for nobody"""
    mail_from: str = "muster@localhost"
    """the sender"""
    smtp_url: SmtpUrl = "smtp://127.0.0.1:25"
    """the mail server: smtp://HOST:PORT, smtp+starttls:// or smtps://"""
    smtp_username: str = ""
    """empty for none; its password goes off this machine with TLS only"""
    smtp_password_file: Path | None = None
    """that user's password"""

    @field_validator("off", "limits")
    @classmethod
    def _known(cls, value: Any) -> Any:
        from muster_collector.alerts.rules import ALL  # noqa: PLC0415 - rarely

        names = [rule.name for rule in ALL]
        for name in value:
            if name not in names:
                raise ValueError(f"{name!r} is no rule: use {', '.join(names)}")
        return value

    @field_validator("mail_to", "mail_from")
    @classmethod
    def _address(cls, value: Any) -> Any:
        for address in (value,) if isinstance(value, str) else value:
            if not re.fullmatch(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+", address):
                raise ValueError(f"{address!r} is no address: use NAME@HOST")
        return value

    @field_validator("smtp_username")
    @classmethod
    def _no_clear_password(cls, value: str, info: ValidationInfo) -> str:
        from muster_collector.api.guard import is_loopback  # noqa: PLC0415 - rarely

        parts = urlsplit(info.data.get("smtp_url", ""))
        if value and parts.scheme == "smtp" and not is_loopback(parts.hostname or ""):
            raise ValueError("use smtp+starttls:// or smtps:// in smtp_url, else anybody can read")
        return value


class Config(Section):
    """The whole file; every section may be left out."""

    mqtt: Mqtt = Mqtt()
    collector: Collector = Collector()
    store: Store = Store()
    limits: Limits = Limits()
    source: tuple[Source, ...] = ()
    scoring: Scoring = Scoring()
    api: Api = Api()
    alerts: Alerts = Alerts()

    @field_validator("source")
    @classmethod
    def _not_ours(cls, value: tuple[Source, ...], info: ValidationInfo) -> tuple[Source, ...]:
        root = info.data["mqtt"].root if "mqtt" in info.data else topics.ROOT
        for source in value:
            first = source.topic.partition("/+")[0].removesuffix("/#")
            if f"{root}/".startswith(f"{first}/"):
                raise ValueError(
                    f'topic = "{source.topic}": takes in {root}, which is Muster\'s own'
                )
        return value

    @field_validator("collector")
    @classmethod
    def _some_role(cls, value: Collector) -> Collector:
        if not value.roles:
            raise ValueError('roles = []: use some of "ingest", "score", "api", "alert"')
        return value


_CONFIG = TypeAdapter(Config)


def load(path: Path) -> Config:
    """The configuration in a file; `ConfigError` names the file, the place and the mend."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {getattr(error, 'strerror', error)}") from error
    try:
        return _CONFIG.validate_python(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        raise ConfigError(
            "\n".join(f"{path}: {_line(problem)}" for problem in error.errors())
        ) from error


def _line(problem: Any) -> str:
    """One problem as "[section] key = value: what would be right"."""
    section, *keys = [str(step) for step in problem["loc"] if type(step) is not int] or ["?"]
    key = keys[0] if keys else ""
    if problem["type"] == "extra_forbidden":
        model = model_of(section) if keys else Config
        known = ", ".join(getattr(model, "model_fields", {}))
        place = f"[{section}] {key}" if keys else f"[{section}]"
        return f"{place}: unknown {'key' if keys else 'section'}, use one of {known}"
    if problem["type"] == "missing":
        return f"[{section}] {key}: is needed"
    message = problem["msg"].removeprefix("Value error, ")
    value = problem["input"]
    shown = f'"{value}"' if isinstance(value, str) else value
    return f"[{section}] {key} = {shown}: {message}" if keys else f"[{section}]: {message}"


def model_of(section: str) -> Any:
    """The declaration of a section, also of one that may be repeated."""
    declared: Any = Config.model_fields[section].annotation
    return next(iter(get_args(declared)), declared)


def read_secret(path: Path | None, place: str) -> str | None:
    """The one line of a secret's file, None without a file."""
    if path is None:
        return None
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{place} = {path}: cannot be read: {reason}") from error
    if not secret or "\n" in secret:
        raise ConfigError(f"{place} = {path}: must hold one line, the secret")
    return secret
