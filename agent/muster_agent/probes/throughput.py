"""How much the path to another agent carries each way, bounded in bytes, rate and time.

Telegraf has nothing like it between two places; the fields are those of its `internet_speed`. Only
this side's clock counts, so a peer can lie only about itself.
"""

from __future__ import annotations

import random
from contextlib import closing
from socket import socket

from muster_agent.probes.steps import Run, Steps, Wait
from muster_agent.throughput import (
    FRAME,
    HELLO,
    LARGEST,
    LINE,
    MEGABIT,
    Request,
    filling,
    parse_request,
    prepare,
    proof,
    read_secret,
)
from muster_wire.messages import Metric, Value

RESULTS = {"success": 0, "timeout": 1, "connection_failed": 2, "refused": 3, "busy": 4}
BUSY = "busy"
ATTEMPTS, PAUSE = 4, (1.0, 3.0)
"""While another tests there: how often it is tried, with how many seconds between."""
SHARE = 0.4
"""Of the time left, for each direction; the rest is for greeting and for what is on the way."""


class RefusedError(OSError):
    """The peer says no; the text says why."""


def ask(run: Run) -> Steps[list[Metric]]:
    """One test; one metric."""
    target = run.probe.url
    secret = read_secret(run.probe.secret_file, "[probe]")
    fields: dict[str, Value] = {}
    result = BUSY
    for attempt in range(ATTEMPTS):
        if attempt:
            yield from _pace(run, run.monotonic() + random.uniform(*PAUSE))
        result = yield from _attempt(run, secret, fields)
        if result != BUSY or run.monotonic() + max(PAUSE) > run.deadline:
            break
    if result != "success":
        fields = {}
    fields["result_code"] = RESULTS[result]
    tags = {"server": target.host, "port": str(target.port), "result": result}
    return [Metric("throughput", tags, fields)]


def _attempt(run: Run, secret: bytes, fields: dict[str, Value]) -> Steps[str]:
    """Connect and test; the result's name."""
    began = run.monotonic()
    try:
        sock = yield from run.connect(run.probe.url)
        with closing(sock):
            fields["latency"] = round((run.monotonic() - began) * 1000, 3)
            yield from _test(run, sock, secret, fields)
    except TimeoutError:
        return "timeout"
    except RefusedError as error:
        return BUSY if str(error) == BUSY else "refused"
    except (OSError, ValueError):
        return "connection_failed"
    return "success"


def _test(run: Run, sock: socket, secret: bytes, fields: dict[str, Value]) -> Steps[None]:
    """Greet, send, receive."""
    prepare(sock)
    probe = run.probe
    wanted = Request(
        probe.mb * 1_000_000,
        probe.mbit * MEGABIT,
        int((run.deadline - run.monotonic()) * SHARE * 1000),
    )
    hello = yield from _line(run, sock)
    if not hello.startswith(HELLO):
        raise ValueError("no agent that can be tested")
    nonce, text = hello[len(HELLO) :], wanted.text()
    yield from run.send(sock, proof(secret, nonce, text) + b" " + text + b"\n")
    answer = yield from _line(run, sock)
    if not answer.startswith(b"GO "):
        raise ValueError("no answer to the request")
    given = parse_request(answer[3:])
    granted = Request(*map(min, wanted, given))
    began = run.monotonic()
    sent = yield from _fill(run, sock, granted)
    if (yield from _line(run, sock)) != b"GOT %d" % sent:
        raise ValueError("it did not get what was sent")
    turned = run.monotonic()
    came = yield from _drain(run, sock, granted.size + LARGEST)
    fields["upload"] = megabits(sent, turned - began)
    fields["download"] = megabits(came, run.monotonic() - turned)
    fields["limit"] = granted.rate / MEGABIT
    fields["bytes_sent"], fields["bytes_received"] = sent, came


def megabits(size: int, seconds: float) -> float:
    """Megabits a second."""
    return round(size / MEGABIT / max(seconds, 1e-6), 3)


def _line(run: Run, sock: socket) -> Steps[bytes]:
    """A line without its end; `RefusedError` when it says no."""
    found = b""
    while not found.endswith(b"\n"):
        piece = yield from run.receive(sock, 1)
        found += piece
        if not piece or len(found) > LINE:
            raise ValueError("no line")
    if found.startswith(b"NO "):
        raise RefusedError(found[3:-1].decode("ascii", "replace"))
    return found[:-1]


def _fill(run: Run, sock: socket, granted: Request) -> Steps[int]:
    """Send frames, the last one empty, as long and as fast as granted; the bytes of all."""
    frame = filling()
    began, sent = run.monotonic(), 0
    until = began + granted.ms / 1000
    while sent < granted.size and run.monotonic() < until:
        yield from run.send(sock, frame)
        sent += len(frame)
        yield from _pace(run, began + sent / granted.rate)
    yield from run.send(sock, FRAME.pack(0))
    return sent


def _drain(run: Run, sock: socket, most: int) -> Steps[int]:
    """Take frames until the empty one; the bytes of all, of which none is kept."""
    came = 0
    while True:
        head = yield from _exactly(run, sock, FRAME.size)
        size = FRAME.unpack(head)[0]
        if not size:
            break
        if size > LARGEST or came + size > most:
            raise ValueError("more than was granted")
        yield from _exactly(run, sock, size)
        came += size + FRAME.size
    if not came:
        raise ValueError("nothing came")
    return came


def _exactly(run: Run, sock: socket, size: int) -> Steps[bytes]:
    """So many bytes; the last piece of them."""
    piece = b""
    head = b""
    while size:
        piece = yield from run.receive(sock, size)
        if not piece:
            raise ValueError("it went away")
        size -= len(piece)
        head = (head + piece)[-FRAME.size :]
    return head


def _pace(run: Run, due: float) -> Steps[None]:
    """Wait until a moment."""
    while run.monotonic() < due:
        yield Wait(-1, 0, due)
