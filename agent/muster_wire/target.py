"""What a probe is aimed at, read from a URL whose scheme says which kind of probe it is."""

from __future__ import annotations

import re
from typing import NamedTuple

PORTS = {"http": 80, "https": 443, "tcp": 0, "tls": 0, "dns": 53, "ping": 0, "throughput": 5021}
"""Scheme to usual port; 0: there is none."""
LONGEST = 200
"""Characters of a URL, which becomes a tag."""
URL = re.compile(
    r"(https?|tcp|tls|dns|ping|throughput)://"
    r"([A-Za-z0-9_.-]{1,253}|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?"
    r"(/[!-~]*)?"
)
QUESTION = re.compile(r"/([A-Za-z0-9_.-]{1,253})(?:\?type=([A-Z]{1,5}))?")
RECORDS = {
    "A": 1,
    "NS": 2,
    "CNAME": 5,
    "SOA": 6,
    "PTR": 12,
    "MX": 15,
    "TXT": 16,
    "AAAA": 28,
    "SRV": 33,
}
"""Types of DNS records and their numbers (IANA)."""


class Target(NamedTuple):
    """One target; `path` is asked of a web server, `domain` and `record` of a DNS server."""

    url: str
    scheme: str
    host: str
    port: int
    path: str = "/"
    domain: str = ""
    record: str = ""

    @property
    def tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self.scheme in ("https", "tls")

    @property
    def place(self) -> str:
        """Host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them: without the usual port."""
        return self.place.removesuffix(f":{PORTS[self.scheme]}")


def parse(url: str) -> Target:
    """The target of a URL; ValueError without a text when it is none."""
    found = URL.fullmatch(url) if len(url) <= LONGEST else None
    if found is None:
        raise ValueError
    scheme, host, given, path = found.groups()
    target = Target(url, scheme, host.strip("[]"), int(given or PORTS[scheme]))
    if not _has_right_port(target, given):
        raise ValueError
    if scheme == "dns":
        return _asking(target, path or "")
    if path is not None and not scheme.startswith("http"):
        raise ValueError
    return target._replace(path=(path or "/").partition("#")[0])


def _has_right_port(target: Target, given: str | None) -> bool:
    """A port that exists; ICMP has none."""
    if target.scheme == "ping":
        return given is None
    return 1 <= target.port <= 65535


def _asking(target: Target, path: str) -> Target:
    """The question of a dns: URL (RFC 4501), by default for an address."""
    found = QUESTION.fullmatch(path)
    if found is None:
        raise ValueError
    domain, record = found[1].rstrip("."), found[2] or "A"
    if record not in RECORDS or not all(1 <= len(part) <= 63 for part in domain.split(".")):
        raise ValueError
    return target._replace(domain=domain, record=record)
