"""Tells systemd that the agent is ready and alive (sd_notify(3)), where systemd asks for it."""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Mapping


class Notifier:
    """The service manager's ear, where there is one."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self.address = "\0" + address[1:] if address.startswith("@") else address
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        period = environment.get("WATCHDOG_USEC", "") if mine else ""
        self.period = int(period) / 2e6 if period.isdecimal() and self.address else math.inf
        self.due = -math.inf if self.period < math.inf else math.inf

    def tell(self, text: str) -> None:
        """Send one state; a manager that does not listen is not the agent's trouble."""
        if not self.address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as ear:
            try:
                ear.sendto(text.encode(), self.address)
            except OSError:
                return

    def alive(self, now: float) -> None:
        """Feed the watchdog when it is time; `now` is monotonic."""
        if now >= self.due:
            self.tell("WATCHDOG=1")
            self.due = now + self.period
