"""TLS for probes, and what they learn of the certificate, by Telegraf's `x509_cert`.

A certificate that cannot be trusted is still looked at, over a second connection that trusts
everything and sends nothing: when it expired is just what people want to know then.
"""

from __future__ import annotations

import os
import ssl
from typing import TYPE_CHECKING

from muster_agent.errors import ConfigError
from muster_agent.sensors.x509_cert import parse_certificate
from muster_wire.messages import Metric, Value
from muster_wire.target import Target

if TYPE_CHECKING:
    import socket

    from muster_agent.probes.steps import Run, Steps

LONGEST = 64
"""Characters of a common name (RFC 5280, ub-common-name); servers may send anything."""
_trusting: dict[str, ssl.SSLContext] = {}
"""By the file of the authorities, "" for the system's: the contexts that are in use, shared."""


def secured(run: Run, target: Target, found: list[Metric]) -> Steps[ssl.SSLSocket]:
    """A connection under TLS; what is to say of the certificate goes into `found`.

    Raises ssl.SSLError when the certificate is not to be trusted or there is no TLS.
    """
    how = context(run.probe.ca_file)
    sock = yield from run.connect(target)
    try:
        secure = yield from _shake_hands(run, target, sock, how)
    except ssl.SSLCertVerificationError as error:
        yield from _look(run, target, found, error.verify_message.rstrip("."))
        raise
    found.append(described(run, target, secure.getpeercert(binary_form=True), ""))
    return secure


def _shake_hands(
    run: Run, target: Target, sock: socket.socket, how: ssl.SSLContext
) -> Steps[ssl.SSLSocket]:
    held = sock
    try:
        held = secure = how.wrap_socket(
            sock, server_hostname=target.host, do_handshake_on_connect=False
        )
        yield from run.attempt(secure, secure.do_handshake)
    except BaseException:
        held.close()
        raise
    return secure


def _look(run: Run, target: Target, found: list[Metric], wrong: str) -> Steps[None]:
    """See the certificate of a server that is not trusted."""
    trusting_all = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting_all.check_hostname = False
    trusting_all.verify_mode = ssl.CERT_NONE
    sock = yield from run.connect(target)
    with (yield from _shake_hands(run, target, sock, trusting_all)) as secure:
        found.append(described(run, target, secure.getpeercert(binary_form=True), wrong))


def described(run: Run, target: Target, der: bytes | None, wrong: str) -> Metric:
    """A certificate in Telegraf's words; `wrong` says why it is not trusted, "" when it is."""
    start, end, tags = parse_certificate(der or b"")
    now = int(run.wall)
    scheme = "https" if target.scheme == "https" else "tcp"
    name = "".join(c for c in tags.pop("common_name", "") if c.isprintable())[:LONGEST]
    fields: dict[str, Value] = {
        "age": now - start,
        "expiry": end - now,
        "startdate": start,
        "enddate": end,
        "verification_code": int(bool(wrong)),
    }
    if wrong:
        fields["verification_error"] = wrong
    tags |= {"common_name": name} if name else {}
    tags |= {"source": f"{scheme}://{target.place}"}
    return Metric("x509_cert", tags | {"verification": "invalid" if wrong else "valid"}, fields)


def context(ca_file: str) -> ssl.SSLContext:
    """The context that trusts the authorities of a file, or the system's.

    `ConfigError` when the file cannot be used, which is not the target's fault.
    """
    if ca_file not in _trusting:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if ca_file:
            try:
                made.load_verify_locations(cafile=ca_file)
            except OSError as error:
                why = f'ca_file = "{ca_file}": {error.strerror or error}: use a readable PEM file'
                raise ConfigError([why]) from error
        else:
            _trust_system(made)
        _trusting[ca_file] = made
    return _trusting[ca_file]


def _trust_system(made: ssl.SSLContext) -> None:
    """Trust the system's authorities: from a folder, of which OpenSSL reads what it needs.

    Reading the file of them all holds 1.2 MB more.
    """
    folder = ssl.get_default_verify_paths().capath
    if folder and any(name.endswith(".0") for name in os.listdir(folder)):  # noqa: PTH208 - memory
        made.load_verify_locations(capath=folder)
    else:
        made.load_default_certs()
