"""Who is logged in, of utmp(5) and of the session files of systemd-logind."""

from __future__ import annotations

import struct

UTMP = struct.Struct("<hxxi32s4s32s256s52x")
"""One record of utmp(5), 384 bytes: type, pid, line, id, user, host; times and addresses unread."""
USER_PROCESS = 7


def parse_utmp(data: bytes) -> list[str]:
    """The user names of the login sessions in utmp(5); a cut last record is ignored."""
    whole = len(data) - len(data) % UTMP.size
    records = UTMP.iter_unpack(data[:whole])
    return [
        user.split(b"\0")[0].decode("utf-8", "replace")
        for kind, _, _, _, user, _ in records
        if kind == USER_PROCESS and user[:1] != b"\0"
    ]


def parse_session(data: bytes) -> str:
    """The user of a systemd-logind session file; "" unless a person's session is in use."""
    pairs = dict(line.partition(b"=")[::2] for line in data.splitlines())
    if pairs.get(b"CLASS") != b"user" or pairs.get(b"ACTIVE") == b"0":
        return ""
    return pairs.get(b"USER", b"").decode("utf-8", "replace")
