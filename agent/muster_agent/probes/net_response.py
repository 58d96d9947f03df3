"""Whether a TCP port answers, and how fast, by Telegraf's `net_response`."""

from __future__ import annotations

from contextlib import closing
from socket import socket

from muster_agent.probes.steps import PIECE, Run, Steps
from muster_wire.messages import Metric, Value

RESULTS = {
    "success": 0,
    "timeout": 1,
    "connection_failed": 2,
    "read_failed": 3,
    "string_mismatch": 4,
}


def ask(run: Run) -> Steps[list[Metric]]:
    """One connection; a metric of it, and of the certificate under TLS."""
    target = run.probe.url
    fields: dict[str, Value] = {}
    certificates: list[Metric] = []
    try:
        sock = yield from run.open(target, certificates)
        with closing(sock):
            result = yield from _talk(run, sock)
            fields["response_time"] = run.seconds()
    except TimeoutError:
        result = "timeout"
    except (OSError, ValueError):
        result = "connection_failed"
    fields["result_code"] = RESULTS[result]
    tags = {"server": target.host, "port": str(target.port), "protocol": "tcp", "result": result}
    return [Metric("net_response", tags, fields), *certificates]


def _talk(run: Run, sock: socket) -> Steps[str]:
    """Send and expect what the probe says; the result's name."""
    probe = run.probe
    if probe.send:
        yield from run.send(sock, probe.send.encode())
    if not probe.expect:
        return "success"
    try:
        answer = yield from _answer(run, sock, probe.expect.encode())
    except OSError:
        return "read_failed"
    if not answer:
        return "read_failed"
    return "success" if probe.expect.encode() in answer else "string_mismatch"


def _answer(run: Run, sock: socket, wanted: bytes) -> Steps[bytes]:
    """What is answered until it holds `wanted`, ends, or is too long."""
    answer = bytearray()
    while wanted not in answer and len(answer) < PIECE:
        piece = yield from run.receive(sock)
        answer += piece
        if not piece:
            break
    return bytes(answer)
