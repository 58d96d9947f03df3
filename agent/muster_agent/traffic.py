"""What a TCP connection has carried both ways, as the kernel counts it, with TLS, TCP and IP."""

from __future__ import annotations

import socket
import struct
from typing import Any

HEADERS = {socket.AF_INET: 52, socket.AF_INET6: 72}
"""Bytes of IP and TCP around a segment, with timestamps."""
RECEIVED, SEGMENTS, SENT = 128, 136, 200
"""Where `struct tcp_info` of linux/tcp.h has bytes_received, segs_out and segs_in, bytes_sent."""
LENGTH = SENT + 8


def of(connection: Any) -> int:
    """Bytes of a socket so far; 0 where the kernel does not tell (Linux does since 4.19)."""
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    except (OSError, ValueError):
        return 0
    if len(info) < LENGTH:
        return 0
    (received,) = struct.unpack_from("=Q", info, RECEIVED)
    out, into = struct.unpack_from("=II", info, SEGMENTS)
    (sent,) = struct.unpack_from("=Q", info, SENT)
    around: int = (out + into) * HEADERS.get(connection.family, 72)
    return int(sent + received) + around
