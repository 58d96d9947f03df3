"""Whether a name server answers a question, and how fast, by Telegraf's `dns_query`."""

from __future__ import annotations

import os
import select
import socket
import struct

from muster_agent.probes.steps import Run, Steps
from muster_wire.messages import Metric, Value
from muster_wire.target import RECORDS

HEADER = struct.Struct(">HHHHHH")
RECURSION_DESIRED, RESPONSE = 0x0100, 0x8000
INTERNET = 1
LARGEST = 4096
RESULTS = {"success": 0, "timeout": 1, "error": 2}
WORDS = """
NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED YXDOMAIN YXRRSET NXRRSET NOTAUTH NOTZONE
"""
CODES = WORDS.split()
"""Response codes in Telegraf's words, in order of their numbers (RFC 1035, RFC 2136)."""


def ask(run: Run) -> Steps[list[Metric]]:
    """One question over UDP; a metric of it.

    Unlike Telegraf's there is no `query_time_ms` without an answer: 0 would be the best of times.
    """
    target = run.probe.url
    tags = {"server": target.host, "domain": target.domain, "record_type": target.record}
    fields: dict[str, Value] = {}
    try:
        code = yield from _exchange(run, fields)
    except TimeoutError:
        result = "timeout"
    except OSError:
        result = "error"
    else:
        result = "error" if code else "success"
        tags["rcode"] = CODES[code] if code < len(CODES) else str(code)
        fields["rcode_value"] = code
    fields["result_code"] = RESULTS[result]
    return [Metric("dns_query", tags | {"result": result}, fields)]


def _exchange(run: Run, fields: dict[str, Value]) -> Steps[int]:
    """The response code of the answer, whose time goes into `fields`."""
    target = run.probe.url
    addresses = yield from run.resolver_of(target).addresses()
    asked = query(int.from_bytes(os.urandom(2), "big"), target.domain, RECORDS[target.record])
    with socket.socket(addresses[0].family, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(addresses[0].place)
        began = run.monotonic()
        yield from run.send(sock, asked)
        while True:
            answer = yield from run.attempt(sock, lambda: sock.recv(LARGEST), select.POLLIN)
            code = response_code(answer, asked)
            if code is not None:
                fields["query_time_ms"] = round((run.monotonic() - began) * 1000, 3)
                return code


def query(number: int, domain: str, record: int) -> bytes:
    """A question (RFC 1035, 4.1); the root's name is empty."""
    labels = [label.encode("ascii") for label in domain.split(".") if label]
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    head = HEADER.pack(number, RECURSION_DESIRED, 1, 0, 0, 0)
    return head + name + struct.pack(">HH", record, INTERNET)


def response_code(answer: bytes, asked: bytes) -> int | None:
    """The code of the answer to a question, None for anything else (a late one, a forgery)."""
    if len(answer) < HEADER.size:
        return None
    number: int
    flags: int
    number, flags, questions, *_ = HEADER.unpack_from(answer)
    if number != HEADER.unpack_from(asked)[0] or not flags & RESPONSE:
        return None
    question, end = asked[HEADER.size :], len(asked)
    # Servers that refuse may leave the question out; names come back in any case.
    if questions and answer[HEADER.size : end].lower() != question.lower():
        return None
    return flags & 0xF
