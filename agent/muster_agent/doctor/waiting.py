"""What the doctor finds of the spool: whether it can be written, and what waits in it."""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress

from muster_agent.config import Config
from muster_agent.doctor.finding import Finding
from muster_agent.doctor.machine import user_name
from muster_agent.host import Host

ROOM = 50_000_000
"""Bytes of free disk below which the spool will soon be in trouble."""
TRIAL = 64 * 1024
"""Bytes that are written to see whether they can be: a disk that is full takes an empty file."""
LONG = 600.0
"""Seconds after which a report should have been acked, or ten intervals."""
MENDS = {
    errno.ENOENT: "make the folder",
    errno.EROFS: "mount the filesystem read-write, and see why it is not",
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room, or raise this user's quota",
}


def spool(settings: Config, host: Host) -> Iterator[Finding]:
    """Whether its folder can be written and has room, and whether anything leaves it."""
    path = settings.spool.path
    folder = os.path.dirname(path) or "."  # noqa: PTH120 - pathlib costs memory
    try:
        found = os.statvfs(folder)
        written = path if os.path.exists(path) else folder  # noqa: PTH110 - as above
        if not os.access(written, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), written)
        write(folder)
    except OSError as error:
        mend = MENDS.get(error.errno or 0, f"chown it to {user_name(os.geteuid())}")
        yield Finding("spool", False, f"{error.filename or folder}: {error.strerror}: {mend}")
        return
    free = found.f_bavail * found.f_frsize
    room = f"{free // 1_000_000} MB free, at most {settings.spool.max_mb} MB will be used"
    if free < ROOM:
        yield Finding("spool", False, f"{path}: {room}: make room on the disk")
    else:
        yield Finding("spool", True, f"{path}: {room}")
    yield from reports(settings, host)


def write(folder: str) -> None:
    """Write a file and remove it; raises OSError."""
    name = f"{folder}/.muster-doctor-{os.getpid()}"
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        left = TRIAL
        while left:
            left -= os.write(descriptor, bytes(left))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
        os.unlink(name)  # noqa: PTH108 - pathlib costs memory


def reports(settings: Config, host: Host) -> Iterator[Finding]:
    """What waits in the spool, and whether the agent that runs gets rid of it."""
    path = settings.spool.path
    running = runs(path)
    agent = "the agent runs" if running else "no agent runs with it now"
    try:
        count, oldest, newest = waits(path)
    except FileNotFoundError:
        yield Finding("spool content", None, "nothing yet: the agent has never run with it")
        return
    except sqlite3.DatabaseError as error:
        mend = "the agent will set it aside and begin anew: look at the disk"
        yield Finding("spool content", False, f"{path}: {error}: {mend}")
        return
    if not count:
        yield Finding("spool content", True, f"nothing waits; {agent}")
        return
    now = host.clock()
    age = now - oldest / 1000
    text = f"{count} reports wait, the oldest for {age:.0f} s; {agent}"
    if newest / 1000 > now + 1:
        ahead = newest / 1000 - now
        yield Finding(
            "spool content",
            False,
            f"{text}; the newest is {ahead:.0f} s ahead of the "
            "clock: it has been set back, see whether it is right now",
        )
    elif running and age > max(LONG, 10 * settings.sample.every) + settings.metered.report_every:
        yield Finding("spool content", False, f"{text}: nothing is acknowledged, see below why")
    else:
        yield Finding("spool content", True, text)


def waits(path: str) -> tuple[int, int, int]:
    """How many reports are in the file, and the times (ms) of the oldest and the newest.

    Raises sqlite3.DatabaseError, and FileNotFoundError where there is none.
    """
    if not os.path.exists(path):  # noqa: PTH110 - pathlib costs memory
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1.0)) as db:
        count, oldest, newest = db.execute(
            "SELECT count(*), min(ts), max(ts) FROM report"
        ).fetchone()
    return count, oldest or 0, newest or 0


def runs(path: str) -> bool:
    """Whether an agent has locked the spool; asking makes no file."""
    with suppress(FileNotFoundError, PermissionError):
        descriptor = os.open(path + ".lock", os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
    return False
