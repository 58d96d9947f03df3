"""When certificates in files expire, by Telegraf's `x509_cert`.

Only the few elements of a certificate that are needed are read here, because a parser for all of
them costs the agent megabytes. The first certificate of a file counts: it is the one served.
"""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from muster_agent.host import Host
from muster_agent.question import NotYetError, Question
from muster_agent.sensors import PartlyError, Sensor, SensorAbsentError
from muster_agent.sensors.temp import entries
from muster_wire.messages import Metric

FILES = ("/etc/letsencrypt/live/*/cert.pem",)
BEGIN, END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
SEQUENCE, INTEGER, UTC_TIME, GENERALIZED_TIME, VERSION = 0x30, 0x02, 0x17, 0x18, 0xA0
COMMON_NAME = bytes.fromhex("0603550403")
"""The object identifier 2.5.4.3 as it stands in a name."""
LIMIT = 64 * 1024
"""Bytes of a file that may be a certificate."""
PATIENCE = 1.0
"""Seconds that a report waits, once, for files that may lie on a filesystem that hangs."""


class Element(NamedTuple):
    """One element of DER: its tag and where its content begins and ends."""

    tag: int
    start: int
    end: int


class X509Cert(Sensor):
    """Seconds; `files` may have a * for one part of a path, such as a domain."""

    name = "x509_cert"
    every = 60.0

    def __init__(self, host: Host, *, files: tuple[str, ...] = FILES) -> None:
        super().__init__(host)
        self.files = files
        self.question = Question("the filesystem of " + ", ".join(files), self._read_all)

    def read(self) -> list[Metric]:
        """One metric a certificate; absent where no file is found.

        One that cannot be read costs the others nothing. TimeoutError while the files' filesystem
        hangs; the report has waited for it at the first reading, and waits no more.
        """
        hangs = self.question.thread is not None
        try:
            found, failed = self.question.answer(0.0 if hangs else PATIENCE)
        except NotYetError as error:
            raise TimeoutError(str(error)) from None
        if failed is not None:
            raise PartlyError(failed, found)
        if not found:
            raise SensorAbsentError(f"no certificates: {', '.join(self.files)}", self._folders)
        return found

    def _read_all(self) -> tuple[list[Metric], Exception | None]:
        found: list[Metric] = []
        failed: Exception | None = None
        for path in (path for pattern in self.files for path in expand(self.host, pattern)):
            try:
                found.append(self._certificate(path))
            except (OSError, ValueError) as error:
                failed = error
        return found, failed

    def _folders(self) -> bool:
        """Whether any file may be there: its folder is, as far as the pattern has no "*"."""
        return any(
            self.host.exists(pattern.partition("*")[0].rpartition("/")[0] or "/")
            for pattern in self.files
        )

    def _certificate(self, path: str) -> Metric:
        try:
            start, end, tags = parse_certificate(self.host.read(path)[:LIMIT])
        except (ValueError, IndexError) as error:
            raise ValueError(f"{path}: no certificate: {error}") from error
        now = int(self.host.clock())
        return Metric(
            "x509_cert",
            {"source": path, **tags},
            {"age": now - start, "expiry": end - now, "startdate": start, "enddate": end},
        )


def expand(host: Host, pattern: str) -> Iterator[str]:
    """The files that a pattern with at most one "*" part names."""
    if "*" not in pattern:
        if host.exists(pattern):
            yield pattern
        return
    parts = pattern.split("/")
    star = next(at for at, part in enumerate(parts) if "*" in part)
    folder = "/".join(parts[:star])
    for name in entries(host, folder):
        path = "/".join([folder, name, *parts[star + 1 :]])
        if fnmatchcase(name, parts[star]) and host.exists(path):
            yield path


def parse_certificate(data: bytes) -> tuple[int, int, dict[str, str]]:
    """Unix times from which and until which it is valid, and its tags; PEM or DER (RFC 5280)."""
    der = unarmour(data)
    certificate = element(der, 0, SEQUENCE)
    tbs = element(der, certificate.start, SEQUENCE)
    first = element(der, tbs.start)
    serial = element(der, first.end if first.tag == VERSION else tbs.start, INTEGER)
    algorithm = element(der, serial.end, SEQUENCE)
    issuer = element(der, algorithm.end, SEQUENCE)
    validity = element(der, issuer.end, SEQUENCE)
    subject = element(der, validity.end, SEQUENCE)
    not_before = element(der, validity.start)
    not_after = element(der, not_before.end)
    tags = {"serial_number": der[serial.start : serial.end].hex().lstrip("0")}
    if name := common_name(der[subject.start : subject.end]):
        tags["common_name"] = name
    return unix_time(der, not_before), unix_time(der, not_after), tags


def unarmour(data: bytes) -> bytes:
    """DER out of PEM."""
    start = data.find(BEGIN)
    if start < 0:
        return data
    return a2b_base64(data[start + len(BEGIN) : data.index(END, start)])


def element(der: bytes, at: int, wanted: int | None = None) -> Element:
    """The element at a place; ValueError when it is of another tag or longer than the data."""
    tag, length, start = der[at], der[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(der[start : start + size], "big"), start + size
    if wanted is not None and tag != wanted:
        raise ValueError(f"tag {tag:#x} instead of {wanted:#x} at byte {at}")
    if start + length > len(der):
        raise ValueError("cut short")
    return Element(tag, start, start + length)


def unix_time(der: bytes, time: Element) -> int:
    """Seconds of Unix time of a Time; a year of two digits is 1950 to 2049 (RFC 5280)."""
    from datetime import UTC, datetime

    text = der[time.start : time.end].decode("ascii")
    if time.tag == UTC_TIME:
        text = ("20" if text[:2] < "50" else "19") + text
    elif time.tag != GENERALIZED_TIME:
        raise ValueError(f"tag {time.tag:#x} is no time")
    month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(4, 14, 2))
    when = datetime(int(text[:4]), month, day, hour, minute, second, tzinfo=UTC)
    return int(when.timestamp())


def common_name(name: bytes) -> str:
    """The last common name of a Name, "" without one."""
    at = name.rfind(COMMON_NAME)
    if at < 0:
        return ""
    value = element(name, at + len(COMMON_NAME))
    return name[value.start : value.end].decode("utf-8", "replace")
