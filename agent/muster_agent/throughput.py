"""Lets other agents that know a secret measure how much the path to this node carries.

    hello: nonce            ->
                            <-  request: proof of the secret, bytes, bytes/s, ms
    GO bytes rate, or NO why ->
                            <-  frames, the last one empty
    GOT bytes, then frames   ->

Invariants: off unless a local file says otherwise; one test at a time, and so many a day; bytes,
rate and time are bounded by what this side allows, whatever the other says or does; what comes is
counted and dropped, never kept or obeyed. It runs in threads of its own, which only touch sockets.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from threading import Event, Thread
from typing import NamedTuple

from muster_agent import logs
from muster_agent.errors import ConfigError
from muster_agent.settings import Throughput

HELLO = b"MUSTER-THROUGHPUT 1 "
FRAME = struct.Struct(">I")
LARGEST = 64 * 1024
"""Bytes of a frame at most."""
LINE = 200
"""Bytes of a line at most."""
PATIENCE = 3.0
"""Seconds that a stranger has to prove that it knows the secret."""
AGAIN = 60.0
"""Seconds until another attempt to listen where that did not work."""
PAUSE, PENALTY = 0.05, 1.0
"""Seconds until the next is let in after one that came too early, and after a wrong secret."""
QUIET = 60.0
"""Seconds between two lines about tests that failed."""
DAY = 86_400.0
SHORTEST_SECRET = 16
MEGABIT = 125_000
"""Bytes."""
UNSENT = 128 * 1024
"""Bytes that may wait in a socket: what waits there has been measured as sent, but is not."""
TCP_NOTSENT_LOWAT = 25


class Request(NamedTuple):
    """What a test asks for: bytes each way, bytes a second, milliseconds each way."""

    size: int
    rate: int
    ms: int

    def text(self) -> bytes:
        """As it goes over the wire."""
        return b"%d %d %d" % self


def read_secret(path: str, where: str) -> bytes:
    """The first line of a file; raises `ConfigError`."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - pathlib costs memory
            secret = file.readline(1000).strip()
    except OSError as error:
        raise ConfigError(
            [f'{where} secret_file = "{path}": {error.strerror}: use a readable file']
        ) from error
    if len(secret) < SHORTEST_SECRET:
        right = (
            f"its first line must have {SHORTEST_SECRET} characters, as openssl rand -hex 24 makes"
        )
        raise ConfigError([f'{where} secret_file = "{path}": {right}'])
    return secret


def proof(secret: bytes, nonce: bytes, request: bytes) -> bytes:
    """What only somebody with the secret can say of this request on this connection."""
    import hmac

    return hmac.digest(secret, nonce + b" " + request, "sha256").hex().encode()


def prepare(sock: socket.socket) -> None:
    """Let little wait in the socket."""
    sock.setsockopt(socket.IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def filling() -> bytes:
    """A frame that no link on the way can compress."""
    return FRAME.pack(LARGEST - FRAME.size) + os.urandom(LARGEST - FRAME.size)


class Responder:
    """The side that is asked, from `start` to `close`."""

    def __init__(
        self, settings: Throughput, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.settings = settings
        self.secret = read_secret(settings.secret_file, "[throughput]")
        self.monotonic = monotonic
        self.tests: deque[float] = deque(maxlen=settings.per_day)
        self.port = 0
        self._quiet_until, self._hidden = 0.0, 0
        self._end = Event()
        self._worker: Thread | None = None
        self._listener: socket.socket | None = None
        self._thread = Thread(target=self._run, name="throughput", daemon=True)
        self.listening = Event()

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self) -> None:
        """Listen no more; a test that is going on ends with its socket's time."""
        self._end.set()
        if self._listener is not None:
            # Closing alone would not wake a thread that waits in accept.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        said = ""
        while not self._end.is_set():
            try:
                self._listen()
            except OSError as error:
                if not self._end.is_set() and said != str(error):
                    said = str(error)
                    logs.error(f"throughput: cannot listen at {self.settings.listen}: {error}")
                self._end.wait(AGAIN)

    def _listen(self) -> None:
        host, port = self.settings.listen
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, port), family=family, backlog=2) as listener:
            self._listener = listener
            self.port = listener.getsockname()[1]
            self.listening.set()
            while not self._end.is_set():
                connection, place = listener.accept()
                self._admit(connection, str(place[0]))

    def _admit(self, connection: socket.socket, who: str) -> None:
        """Let one in at a time, in a thread of its own."""
        if self._worker is not None and self._worker.is_alive():
            refuse(connection, "busy")
            self._end.wait(PAUSE)
            return
        self._worker = Thread(target=self._test, args=(connection, who), daemon=True)
        self._worker.start()

    def _test(self, connection: socket.socket, who: str) -> None:
        began = self.monotonic()
        try:
            with connection:
                prepare(connection)
                wire = Wire(connection, began + PATIENCE, self.monotonic)
                granted = self._agree(wire)
                if granted is None:
                    return
                wire.deadline = began + self.settings.max_time
                got = wire.drain(granted)
                wire.send(b"GOT %d\n" % got)
                sent = wire.fill(granted)
        except (OSError, ValueError) as error:
            self._complain(f"a test for {who} ended early: {error}")
            return
        took = self.monotonic() - began
        logs.info(f"throughput: a test for {who}: {got} bytes in, {sent} out, in {took:.1f} s")

    def _complain(self, text: str) -> None:
        """One line a minute at most, whatever strangers do."""
        now = self.monotonic()
        if now < self._quiet_until:
            self._hidden += 1
            return
        more = f" (and {self._hidden} more since the last line)" if self._hidden else ""
        self._quiet_until, self._hidden = now + QUIET, 0
        logs.warning(f"throughput: {text}{more}")

    def _agree(self, wire: Wire) -> Request | None:
        """Greet, and grant what is asked for within the limits; None when it is refused."""
        import hmac

        nonce = os.urandom(16).hex().encode()
        wire.send(HELLO + nonce + b"\n")
        given, _, text = wire.line().partition(b" ")
        if not hmac.compare_digest(given, proof(self.secret, nonce, text)):
            refuse(wire.sock, "secret")
            self._end.wait(PENALTY)
            raise ValueError("it does not know the secret")
        asked = parse_request(text)
        now = self.monotonic()
        if len(self.tests) == self.tests.maxlen and now < self.tests[0] + DAY:
            refuse(wire.sock, "limit")
            return None
        self.tests.append(now)
        limits = self.settings
        granted = Request(
            min(asked.size, limits.max_mb * 1_000_000),
            min(asked.rate, limits.max_mbit * MEGABIT),
            min(asked.ms, int(limits.max_time * 1000) // 3),
        )
        wire.send(b"GO " + granted.text() + b"\n")
        return granted


def parse_request(text: bytes) -> Request:
    """The three numbers of a request; ValueError when they are none."""
    parts = text.split(b" ")
    if len(parts) != 3 or not all(part.isdigit() and len(part) <= 12 for part in parts):
        raise ValueError(f"no request: {text[:60]!r}")
    size, rate, ms = map(int, parts)
    if not (size and rate and ms):
        raise ValueError(f"an empty request: {text[:60]!r}")
    return Request(size, rate, ms)


def refuse(connection: socket.socket, why: str) -> None:
    """Say why not, and go; whoever does not listen is not waited for."""
    try:
        connection.setblocking(False)
        connection.send(b"NO %b\n" % why.encode())
    except OSError:
        pass
    finally:
        connection.close()


class Wire:
    """A connection whose every step ends at a deadline, in monotonic seconds."""

    def __init__(
        self, sock: socket.socket, deadline: float, monotonic: Callable[[], float]
    ) -> None:
        self.sock = sock
        self.deadline = deadline
        self.monotonic = monotonic

    def _patience(self) -> None:
        left = self.deadline - self.monotonic()
        if left <= 0:
            raise TimeoutError("it took too long")
        self.sock.settimeout(left)

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self._patience()
        self.sock.sendall(data)

    def line(self) -> bytes:
        """A line without its end, read byte by byte: what follows belongs to others."""
        found = b""
        while len(found) < LINE:
            self._patience()
            piece = self.sock.recv(1)
            if not piece:
                raise ValueError("it went away")
            if piece == b"\n":
                return found
            found += piece
        raise ValueError("a line without an end")

    def drain(self, granted: Request) -> int:
        """Take frames until the empty one, no faster than granted; the bytes of all."""
        buffer = memoryview(bytearray(LARGEST))
        began, came = self.monotonic(), 0
        while size := FRAME.unpack(self._exactly(buffer[: FRAME.size]))[0]:
            if size > LARGEST:
                raise ValueError(f"a frame of {size} bytes")
            self._exactly(buffer[:size])
            came += size + FRAME.size
            if came > granted.size + LARGEST:
                raise ValueError(f"more than the {granted.size} bytes granted")
            self._pace(began + came / granted.rate)
        return came

    def fill(self, granted: Request) -> int:
        """Send frames, the last one empty, as long as granted; the bytes of all."""
        frame = filling()
        began, sent = self.monotonic(), 0
        until = began + granted.ms / 1000
        while sent < granted.size and self.monotonic() < until:
            self.send(frame)
            sent += len(frame)
            self._pace(began + sent / granted.rate)
        self.send(FRAME.pack(0))
        return sent

    def _exactly(self, into: memoryview) -> memoryview:
        filled = 0
        while filled < len(into):
            self._patience()
            count = self.sock.recv_into(into[filled:])
            if not count:
                raise ValueError("it went away")
            filled += count
        return into

    def _pace(self, due: float) -> None:
        """Wait until a moment, but not past the deadline."""
        pause = min(due, self.deadline) - self.monotonic()
        if pause > 0:
            time.sleep(pause)
