"""Whether a web server answers, how fast and with what, by Telegraf's `http_response`.

Written on sockets, because http.client holds 5 MB. What a server sends is bounded in time by the
run's deadline, and in bytes by `HEAD` and the probe's `max_kb`.
"""

from __future__ import annotations

import re
from contextlib import closing
from socket import socket
from typing import NamedTuple

from muster_agent.probes.body import Counter, decoder
from muster_agent.probes.steps import Run, Steps, UnknownHostError
from muster_agent.version import VERSION
from muster_wire.messages import Metric, Value
from muster_wire.target import Target, parse

HEAD = 32 * 1024
"""Bytes of an answer's head at most."""
STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: |$)")
RESULTS = {
    "success": 0,
    "response_string_mismatch": 1,
    "body_read_error": 2,
    "connection_failed": 3,
    "timeout": 4,
    "dns_error": 5,
    "response_status_code_mismatch": 6,
}
REDIRECTS = frozenset([301, 302, 303, 307, 308])


class Head(NamedTuple):
    """The head of an answer, and what came behind it."""

    status: int
    headers: dict[str, str]
    rest: bytes


def ask(run: Run) -> Steps[list[Metric]]:
    """One request and its answer; a metric of it, and of the certificate under TLS."""
    fields: dict[str, Value] = {}
    certificates: list[Metric] = []
    try:
        result = yield from _follow(run, fields, certificates)
    except TimeoutError:
        result = "timeout"
    except UnknownHostError:
        result = "dns_error"
    except (OSError, ValueError):
        result = "connection_failed"
    tags = {"server": run.probe.url.url, "method": run.probe.method, "result": result}
    if "http_response_code" in fields:
        tags["status_code"] = str(fields["http_response_code"])
    fields["result_code"] = RESULTS[result]
    return [Metric("http_response", tags, fields), *certificates]


def _follow(run: Run, fields: dict[str, Value], certificates: list[Metric]) -> Steps[str]:
    """Ask, and go where the answer leads as often as the probe allows; the result's name."""
    target: Target | None = run.probe.url
    left = run.probe.redirects
    while target is not None:
        sock = yield from run.open(target, certificates)
        with closing(sock):
            yield from run.send(sock, request(target, run.probe.method))
            head = yield from _head(run, sock)
            target = onward(target, head) if left else None
            if target is None:
                fields["response_time"] = run.seconds()
                fields["http_response_code"] = head.status
                return (yield from _judge(run, sock, head, fields))
        left -= 1
    raise AssertionError


def request(target: Target, method: str) -> bytes:
    """The bytes of a request."""
    lines = (
        f"{method} {target.path} HTTP/1.1",
        f"Host: {target.authority}",
        f"User-Agent: muster-agent/{VERSION}",
        "Accept: */*",
        "Connection: close",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def onward(target: Target, head: Head) -> Target | None:
    """Where a redirect leads, None when it is none that can be followed."""
    place = head.headers.get("location", "")
    if head.status not in REDIRECTS or not place:
        return None
    if place.startswith("/") and not place.startswith("//"):
        place = f"{target.scheme}://{target.place}{place}"
    try:
        found = parse(place)
    except ValueError:
        return None
    return found if found.scheme in ("http", "https") else None


def _head(run: Run, sock: socket) -> Steps[Head]:
    """The head of the answer; those that only announce another (1xx) are passed over."""
    data = bytearray()
    while True:
        while (end := data.find(b"\r\n\r\n")) < 0:
            piece = yield from run.receive(sock)
            data += piece
            if not piece or len(data) > HEAD:
                raise ValueError("no end of the head")
        head = parse_head(bytes(data[:end]), bytes(data[end + 4 :]))
        if head.status >= 200:
            return head
        del data[: end + 4]


def parse_head(data: bytes, rest: bytes) -> Head:
    """Status and headers, whose names are in small letters; ValueError when it is not HTTP."""
    first, *lines = data.split(b"\r\n")
    found = STATUS.match(first)
    if found is None:
        raise ValueError("no HTTP")
    pairs = (line.decode("latin-1").partition(":") for line in lines)
    return Head(int(found[1]), {name.lower(): value.strip() for name, _, value in pairs}, rest)


def _judge(run: Run, sock: socket, head: Head, fields: dict[str, Value]) -> Steps[str]:
    """Read the body and compare with what was expected; the result's name."""
    probe = run.probe
    counter = Counter(probe.expect.encode(), probe.max_kb * 1000)
    try:
        yield from _body(run, sock, head, counter)
    except (OSError, ValueError):
        result = "body_read_error"
    else:
        result = "success"
    fields["content_length"] = counter.length
    if probe.expect:
        fields["response_string_match"] = int(result == "success" and counter.found)
        if result == "success" and not counter.found:
            result = "response_string_mismatch"
    if probe.status and result != "body_read_error":
        fields["response_status_code_match"] = int(head.status == probe.status)
        if head.status != probe.status:
            result = "response_status_code_mismatch"
    return result


def _body(run: Run, sock: socket, head: Head, counter: Counter) -> Steps[None]:
    """Read the body to its end; ValueError when it is too long or not as announced."""
    decode = decoder(run.probe.method, head.status, head.headers)
    data = head.rest
    while True:
        counter.take(len(data), decode.feed(data))
        if decode.done:
            return
        data = yield from run.receive(sock)
        if not data:
            decode.end()
            return
