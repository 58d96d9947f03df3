"""Flags of network interfaces by netdevice(7): a call each, where sysfs has a file each."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from fcntl import ioctl

SIOCGIFFLAGS = 0x8913
IFREQ = struct.Struct("=16sH22x")
"""struct ifreq: a name, then flags; at most 40 bytes."""


def flags(names: Iterable[str]) -> dict[str, int]:
    """The flags of interfaces of this network namespace; of one that has gone there are none."""
    found: dict[str, int] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for name in names:
            with suppress(OSError):
                answer = ioctl(asked, SIOCGIFFLAGS, IFREQ.pack(name.encode(), 0))
                found[name] = IFREQ.unpack(answer)[1]
    return found
