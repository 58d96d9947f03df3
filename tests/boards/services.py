"""Made-up probes, clocks, updates and agents for the fleet of `fill`, as line protocol.

One service fails often, one slowly gets worse, one certificate expires in two days and one in ten;
one is a file on each observer, and was not renewed on the second of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

Line = tuple[str, Mapping[str, str], Mapping[str, float | int | str | bool]]
"""Measurement, tags and fields."""
DAY = 86_400


class Service(NamedTuple):
    """A service that is asked; every `fails`-th answer is a failure (0: none)."""

    measurement: str
    tags: Mapping[str, str]
    fails: int
    result: str
    code: int
    slow: float
    """Seconds of a usual answer."""


SERVICES = (
    Service(
        "http_response",
        {"server": "https://portal.city.example/", "method": "GET"},
        400,
        "timeout",
        4,
        0.18,
    ),
    Service(
        "http_response",
        {"server": "https://records.city.example/api", "method": "GET"},
        23,
        "response_status_code_mismatch",
        6,
        0.65,
    ),
    Service(
        "http_response",
        {"server": "https://pay.city.example/health", "method": "GET"},
        0,
        "timeout",
        4,
        0.09,
    ),
    Service(
        "net_response",
        {"server": "db.city.example", "port": "5432", "protocol": "tcp"},
        900,
        "connection_failed",
        2,
        0.004,
    ),
    Service(
        "net_response",
        {"server": "broker.city.example", "port": "8883", "protocol": "tcp"},
        0,
        "timeout",
        1,
        0.006,
    ),
    Service(
        "dns_query",
        {"server": "10.8.0.53", "domain": "portal.city.example", "record_type": "A"},
        0,
        "timeout",
        1,
        0.011,
    ),
)
DOWN = "broker.city.example"
"""Answers nobody in the last ten minutes."""
CERTIFICATES = {
    "https://portal.city.example:443": ("portal.city.example", 64 * DAY),
    "https://records.city.example:443": ("records.city.example", 10 * DAY),
    "https://pay.city.example:443": ("pay.city.example", 2 * DAY),
}
"""Source to common name and seconds until it expires."""
IN_FILE = "/etc/ssl/edge.pem"
LEFT_IN_FILE = (80 * DAY, 3 * DAY // 2, 80 * DAY)
"""Seconds until the certificate in that file expires, by observer."""
OBSERVERS = 3
"""How many nodes ask each service."""


def probes(order: int, turn: int, minutes_left: float) -> Iterator[Line]:
    """What observer number `order` found; `minutes_left` until the end of the fleet's time."""
    for number, service in enumerate(SERVICES):
        down = service.tags["server"] == DOWN and minutes_left < 10
        phase = turn * OBSERVERS + order + number * 7
        failed = down or (service.fails and phase % service.fails == 0)
        wobble = 1 + (phase * 37 % 50) / 60
        yield _answer(service, bool(failed), service.slow * wobble)
    if turn % 5 == 0 or minutes_left < 2:
        for source, (name, left) in CERTIFICATES.items():
            expiry = int(left + minutes_left * 60)
            fields = {"expiry": expiry, "age": 90 * DAY - expiry, "verification_code": 0}
            tags = {"source": source, "common_name": name, "verification": "valid"}
            yield "x509_cert", tags, fields
        expiry = int(LEFT_IN_FILE[order] + minutes_left * 60)
        tags = {"source": IN_FILE, "common_name": "edge.city.example"}
        yield "x509_cert", tags, {"expiry": expiry, "age": 90 * DAY - expiry}


def _answer(service: Service, failed: bool, seconds: float) -> Line:
    result = service.result if failed else "success"
    fields: dict[str, float | int | str | bool] = {"result_code": service.code if failed else 0}
    if service.measurement == "dns_query":
        fields["query_time_ms"] = seconds * 1000
    elif not failed:
        fields["response_time"] = seconds
    return service.measurement, {**service.tags, "result": result}, fields


def upkeep(number: int) -> Iterator[Line]:
    """Clock and updates of node `number`; every ninth is behind with its updates."""
    late = number % 9 == 4
    offset = (number % 7 - 3) * 1e-4
    clock = {"system_time": offset, "last_offset": offset / 2, "rms_offset": abs(offset)}
    yield "chrony", {"leap_status": "normal", "stratum": "3"}, clock
    yield "timex", {"status": "ok"}, {"maxerror_ns": 40_000_000, "synchronized": True}
    fields = {"pending": 3 + 20 * late, "security": 6 * late, "reboot_required": int(late)}
    yield "updates", {}, fields


MACHINE: Mapping[str, float | int | str | bool] = {
    "os": "Debian GNU/Linux 12 (bookworm)", "kernel": "6.1.0-28-amd64", "model": "Edge 310",
    "arch": "x86_64", "agent": "0.1.0", "cpus": 8, "memory": 16 << 30,
}  # fmt: skip
"""What every node says of itself."""


def agent(number: int, turn: int, *, metered: bool) -> Iterator[Line]:
    """The agent of node `number`; a `metered` one leaves details out."""
    own: dict[str, float | int | str | bool] = {
        "samples": turn * 12 + 1, "errors": turn // 50, "spool_depth": (turn + number) % 3,
        "cpu_ms": turn * 70, "memory_rss": 25_000_000, "configs_refused": 0,
    }  # fmt: skip
    yield (
        "internal_agent",
        {},
        own | ({"shed_level": 1, "budget_used": 21_400_000 + turn * 100} if metered else {}),
    )
