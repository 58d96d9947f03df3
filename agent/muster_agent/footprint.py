"""What the agent itself takes of the machine's memory."""

from __future__ import annotations

import os
from functools import cache

PAGE = os.sysconf("SC_PAGESIZE")
STATM = "/proc/self/statm"


def rss() -> int:
    """Bytes that this process has in memory."""
    return int(os.pread(_statm(), 100, 0).split()[1]) * PAGE


@cache
def _statm() -> int:
    """The descriptor of the file, which stays open because it is read every interval."""
    return os.open(STATM, os.O_RDONLY | os.O_CLOEXEC)
