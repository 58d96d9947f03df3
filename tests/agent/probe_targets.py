"""What probes are aimed at in tests: plain sockets that play good, slow and hostile servers."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

from muster_agent.host import Host
from muster_agent.probes.prober import Asked, Prober
from muster_agent.settings import Probe
from muster_wire.catalogue import CATALOGUE, types
from muster_wire.messages import Metric
from muster_wire.target import parse

HOST = "127.0.0.1"
SHORT = 0.25
"""Seconds after which a probe gives up a target that is meant to hang."""
AMPLE = 20.0
"""Seconds for a target that is meant to answer, on a machine that is busy with other tests."""
TAGS = {measurement.name: set(measurement.tags) for measurement in CATALOGUE}
NAMES = {int: "int", float: "float", bool: "bool", str: "str"}

Script = Callable[[socket.socket], None]
"""What a server does with one connection."""


@contextlib.contextmanager
def serving(script: Script, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A TCP server on a free port; every connection is closed when its script ends."""
    with socket.create_server((HOST, 0)) as listener:
        thread = Thread(target=_accept, args=(listener, script, context), daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _accept(listener: socket.socket, script: Script, context: ssl.SSLContext | None) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        Thread(target=_serve, args=(connection, script, context), daemon=True).start()


def _serve(connection: socket.socket, script: Script, context: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError), contextlib.closing(connection):
        if context is None:
            script(connection)
        else:
            with context.wrap_socket(connection, server_side=True) as secure:
                script(secure)


def request(connection: socket.socket) -> bytes:
    """The head of a request."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(4096)
        if not piece:
            raise ConnectionResetError
        data += piece
    return data


def says(*pieces: bytes) -> Script:
    """Waits for a request and answers in pieces."""

    def script(connection: socket.socket) -> None:
        request(connection)
        for piece in pieces:
            connection.sendall(piece)

    return script


def hangs(*pieces: bytes) -> Script:
    """Says something, if anything, and then nothing until the other side has gone."""

    def script(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
        while connection.recv(4096):
            pass

    return script


def closes(_connection: socket.socket) -> None:
    """Says nothing and goes."""


def floods(first: bytes, piece: bytes) -> Script:
    """Never stops."""

    def script(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(piece)

    return script


def trickles(data: bytes) -> Script:
    """Sends one byte at a time, and no end."""

    def script(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(0.01)
        for at in range(len(data)):
            connection.sendall(data[at : at + 1])
            with contextlib.suppress(TimeoutError):
                connection.recv(4096)

    return script


def answer(url: str, *, timeout: float = AMPLE, **settings: Any) -> list[Metric]:
    """What one run of a probe gives; every metric is checked against the catalogue."""
    settings = {"jitter": 0.0, **settings}
    prober = Prober({"one": Probe(parse(url), timeout=timeout, **settings)}, Host())
    try:
        metrics = finished(prober)
    finally:
        prober.close()
    for metric in metrics:
        assert set(metric.tags) <= TAGS[metric.name]
        assert {f: NAMES[type(v)] for f, v in metric.fields.items()}.items() <= (
            types()[metric.name].items()
        )
    return metrics


def finished(prober: Prober) -> list[Metric]:
    """Turn a prober, without its thread, until its first probe has run once more."""
    asked: Asked = prober.probes[0]
    runs = asked.runs
    while asked.runs == runs:
        prober.turn()
    return asked.read()


KEY = "-nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256"


def openssl(command: str) -> None:
    """Run openssl with arguments that have no blanks in them."""
    subprocess.run(["openssl", *command.split()], check=True, capture_output=True)


class Pair(NamedTuple):
    """Files of a certificate and its key."""

    cert: Path
    key: Path


class Authority:
    """Signs certificates for servers of tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pair = Pair(folder / "ca.pem", folder / "ca.key")
        out = f"-keyout {self.pair.key} -out {self.pair.cert}"
        openssl(f"req -x509 -days 2 -subj /CN=authority {KEY} {out}")

    def certificate(self, name: str, *, days: int = 2, common: str = HOST) -> Pair:
        """For the address of a server, or another; expired when `days` is negative."""
        pair = Pair(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        wanted = self.folder / f"{name}.csr"
        extra = self.folder / f"{name}.ext"
        kind = "IP" if common[0].isdigit() else "DNS"
        extra.write_text(f"subjectAltName={kind}:{common}")
        openssl(f"req -subj /CN={common} {KEY} -keyout {pair.key} -out {wanted}")
        openssl(
            f"x509 -req -in {wanted} -CA {self.pair.cert} -CAkey {self.pair.key} "
            f"-set_serial 0x7b -days {days} -extfile {extra} -out {pair.cert}"
        )
        return pair

    def context(self, name: str, **wanted: Any) -> ssl.SSLContext:
        """What a server with such a certificate needs."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.certificate(name, **wanted))
        return context
