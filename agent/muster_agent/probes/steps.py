"""What a probe does bit by bit, so that one thread can run many: it yields what it waits for.

A run is a generator that yields a `Wait` and is sent whether its descriptor is ready. When the
run's deadline has passed, TimeoutError is raised inside it, whatever it is doing: a run is never
longer than its timeout, whoever answers, and however slowly.
"""

from __future__ import annotations

import errno
import math
import os
import re
import select
import socket
from collections.abc import Callable, Generator
from functools import partial
from threading import Thread
from typing import Any, NamedTuple, TypeVar

from muster_agent.settings import Probe
from muster_wire.messages import Metric
from muster_wire.target import Target

Found = TypeVar("Found")
NUMERIC = re.compile(r"[0-9.]+|.*:.*")
"""Addresses, which need not be asked for."""
PIECE = 16 * 1024
"""Bytes that are read at once."""


class Wait(NamedTuple):
    """What a run waits for: events of poll(2) on a descriptor (-1: none), or a moment."""

    descriptor: int
    events: int
    until: float = math.inf


Steps = Generator[Wait, bool, Found]
"""A part of a run that ends with a `Found`."""


class UnknownHostError(OSError):
    """A host's name has no address."""


class Address(NamedTuple):
    """Where a name leads."""

    family: int
    place: Any


class Resolver:
    """Asks for the addresses of a name in a thread of its own, because that cannot be interrupted.

    Invariant: at most one thread; one that a run gave up on is waited for by the next run.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._done = -1
        self._found: list[Address] | UnknownHostError = []

    def addresses(self) -> Steps[list[Address]]:
        """The addresses, best first; `UnknownHostError` when there are none."""
        if self._done < 0 and NUMERIC.fullmatch(self.host):
            self._found = self._ask()
        else:
            yield from self._wait()
        if isinstance(self._found, UnknownHostError):
            raise self._found
        return self._found

    def _wait(self) -> Steps[None]:
        if self._done < 0:
            self._done = os.eventfd(0, os.EFD_CLOEXEC)
            Thread(target=self._answer, name=f"resolve {self.host}", daemon=True).start()
        yield Wait(self._done, select.POLLIN)
        os.close(self._done)
        self._done = -1

    def _answer(self) -> None:
        self._found = self._ask()
        os.eventfd_write(self._done, 1)

    def _ask(self) -> list[Address] | UnknownHostError:
        try:
            found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            return UnknownHostError(errno.ENOENT, f"{self.host}: {error}")
        return [Address(family, place) for family, _, _, _, place in found]


class Run:
    """One run of one probe: when it began and must end, and what takes time in it."""

    def __init__(
        self, probe: Probe, resolver: Resolver, monotonic: Callable[[], float], wall: float
    ) -> None:
        self.probe = probe
        self.resolver = resolver
        self.monotonic = monotonic
        self.wall = wall
        self.began = monotonic()
        self.deadline = self.began + probe.timeout

    def seconds(self) -> float:
        """Seconds since the run began; more digits than microseconds are wire only."""
        return round(self.monotonic() - self.began, 6)

    def resolver_of(self, target: Target) -> Resolver:
        """What resolves a target's name: the probe's own, unless a redirect led elsewhere."""
        if (target.host, target.port) == (self.resolver.host, self.resolver.port):
            return self.resolver
        return Resolver(target.host, target.port)

    def open(self, target: Target, certificates: list[Metric]) -> Steps[socket.socket]:
        """A connection, under TLS where the target wants it; see `tls.secured`."""
        if not target.tls:
            return (yield from self.connect(target))
        from muster_agent.probes.tls import secured

        return (yield from secured(self, target, certificates))

    def ready(self, sock: socket.socket, events: int, until: float = math.inf) -> Steps[bool]:
        """Wait for a socket; whether it is ready. TimeoutError beyond the deadline."""
        # A socket that is always ready must not outlast the deadline either.
        if self.monotonic() >= self.deadline:
            raise TimeoutError
        return (yield Wait(sock.fileno(), events, until))

    def connect(self, target: Target) -> Steps[socket.socket]:
        """A TCP connection to the first address that answers; each gets its share of the time."""
        addresses = yield from self.resolver_of(target).addresses()
        problem = OSError(errno.EHOSTUNREACH, f"{target.host}: no address")
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            until = self.monotonic() + (self.deadline - self.monotonic()) / left
            sock = socket.socket(address.family, socket.SOCK_STREAM)
            try:
                yield from self._connect(sock, address.place, until)
            except OSError as error:
                sock.close()
                problem = error
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        raise problem

    def _connect(self, sock: socket.socket, place: Any, until: float) -> Steps[None]:
        sock.setblocking(False)
        code = sock.connect_ex(place)
        if code == errno.EINPROGRESS:
            if not (yield from self.ready(sock, select.POLLOUT, until)):
                raise TimeoutError
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))

    def send(self, sock: socket.socket, data: bytes) -> Steps[None]:
        """Send all of `data`."""
        while data:
            sent = yield from self.attempt(sock, partial(sock.send, data))
            data = data[sent:]

    def receive(self, sock: socket.socket, size: int = PIECE) -> Steps[bytes]:
        """Some bytes; none at the end."""
        return (yield from self.attempt(sock, lambda: sock.recv(size), select.POLLIN))

    def attempt(
        self, sock: socket.socket, do: Callable[[], Found], events: int = select.POLLOUT
    ) -> Steps[Found]:
        """Do something with a socket that is not ready at once, with or without TLS.

        TLS may want to read in order to write, and the other way round.
        """
        while True:
            try:
                return do()
            except OSError as error:
                wanted = _wanted(error, events)
                if not wanted:
                    raise
            yield from self.ready(sock, wanted)


def _wanted(error: OSError, events: int) -> int:
    """The events that a socket waits for, 0 when the error is one."""
    if isinstance(error, BlockingIOError):
        return events
    name = type(error).__name__  # ssl's errors, without importing ssl
    return {"SSLWantReadError": select.POLLIN, "SSLWantWriteError": select.POLLOUT}.get(name, 0)
