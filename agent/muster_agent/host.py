"""The machine below a root folder: files, filesystems, users, clocks; a fixture is such a folder.

Invariants: nothing is read outside the root; a file that is read every interval keeps its
descriptor, which is given up as soon as reading it fails.
"""

from __future__ import annotations

import errno
import json
import os
import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from muster_agent.logins import parse_session, parse_utmp

Parsed = TypeVar("Parsed")

CHUNK, LINE = 1 << 16, 1 << 12
WHOLE = 1 << 11
"""Bytes below which a file is taken for whole: the kernel hands out as many of its lines as a page
of 4096 bytes holds, so what is missing would be a line longer than this."""
ONE_PIECE = CHUNK
"""The same for files that the kernel makes in one go, and hands out so whatever their size."""
MOST_CPUS = 1 << 16
MOST_OPEN = 256
"""Processes whose stat stays open; a process has 1024 descriptors unless it is given more."""
SHARED = 1.0
"""Seconds for which a reading of all processes is shared."""
STATVFS = "statvfs.json"
"""In a fixture: mount point to the fields of `Filesystem`, because a folder has no filesystems."""
COMMANDS = "commands"
"""In a fixture: a folder with the output of every program that the machine has."""

PROGRAMS = ("/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin", "/usr/local/sbin")
"""Where programs are looked for, whatever the PATH of the agent."""


class Filesystem(NamedTuple):
    """What statvfs(3) says of one filesystem; sizes are in blocks of `frsize` bytes."""

    frsize: int
    blocks: int
    bfree: int
    bavail: int
    files: int
    ffree: int
    read_only: bool


class Host:
    """Access to one machine; `root` is "/" or a folder that looks like one.

    All paths are relative to the root. Reads raise OSError with the file's path; a path that would
    leave the root raises ValueError. `clock` gives Unix time and `monotonic` running time, both in
    seconds.
    """

    def __init__(
        self,
        root: str | os.PathLike[str] = "/",
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.root = os.path.realpath(root)
        self.clock = clock
        self.monotonic = monotonic
        self.live = self.root == "/"
        self._open: dict[str, int] = {}
        self._shared: dict[str, bytes] | None = None
        self._processes: tuple[float, dict[int, bytes]] = (-SHARED, {})
        self._stat_files: dict[str, int] = {}
        self._filesystems = None if self.live else self._read_filesystems()

    def path(self, relative: str) -> str:
        """The absolute path of `relative`; ValueError when it would leave the root."""
        path = self._join(relative)
        if self.live:
            return path
        real = os.path.realpath(path)
        if real != self.root and not real.startswith(self.root + "/"):
            raise ValueError(f"{relative!r} leads out of the root {self.root} to {real}")
        return path

    def _join(self, relative: str) -> str:
        relative = relative.lstrip("/")
        if ".." in relative.split("/") or "\0" in relative:
            raise ValueError(f"{relative!r} leaves the root {self.root}")
        return f"{'' if self.live else self.root}/{relative}"

    def read(self, relative: str) -> bytes:
        """The content of a file that is read now and then."""
        descriptor = os.open(self.path(relative), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return _drain(descriptor, relative, whole=WHOLE)
        finally:
            os.close(descriptor)

    def pread(self, relative: str, whole: int = WHOLE) -> bytes:
        """The content of a file that is read every interval: its descriptor stays open.

        A descriptor whose device has gone is replaced once, because the name may be back. Whether
        a file of less than `whole` bytes goes on need not be asked.
        """
        shared = self._shared
        if shared is None:
            return self._pread(relative, whole)
        if (data := shared.get(relative)) is None:
            data = shared[relative] = self._pread(relative, whole)
        return data

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """Let `pread` read each file once meanwhile, whoever asks for it: one look at the machine.

        What several sensors want (stat, meminfo, vmstat, snmp) costs the kernel most.
        """
        self._shared = {}
        try:
            yield
        finally:
            self._shared = None

    def _pread(self, relative: str, whole: int) -> bytes:
        descriptor = self._open.get(relative)
        if descriptor is not None:
            try:
                data = os.pread(descriptor, CHUNK, 0)
                return data if 0 < len(data) < whole else _drain(descriptor, relative, data)
            except OSError:
                self.forget(relative)
        descriptor = os.open(self.path(relative), os.O_RDONLY | os.O_CLOEXEC)
        try:
            data = _drain(descriptor, relative)
        except OSError:
            os.close(descriptor)
            raise
        self._open[relative] = descriptor
        return data

    def changed(self, relative: str) -> bool:
        """Whether a file that is kept open says that it is another than when it was asked last.

        proc(5)'s mounts can; of any other file, and of a machine that is mounted here, True.
        """
        descriptor = self._open.get(relative)
        if not self.live or descriptor is None:
            return True
        poll = select.poll()
        poll.register(descriptor, select.POLLPRI)
        return bool(poll.poll(0))

    def parse(self, relative: str, parser: Callable[[bytes], Parsed], whole: int = WHOLE) -> Parsed:
        """What `parser` makes of a file read every interval; ValueError names the file."""
        try:
            return parser(self.pread(relative, whole))
        except (ValueError, IndexError, KeyError) as error:
            raise ValueError(f"/{relative.lstrip('/')}: not as expected: {error!r}") from error

    def text(self, relative: str) -> str:
        """A file of one value, without the newline."""
        return self.read(relative).decode("utf-8", "replace").strip()

    def exists(self, relative: str) -> bool:
        """Whether there is such a file or folder."""
        return os.path.exists(self.path(relative))  # noqa: PTH110 - pathlib costs memory

    def names(self, relative: str) -> list[str]:
        """The names in a folder, sorted."""
        return sorted(os.listdir(self.path(relative)))  # noqa: PTH208 - names are all we want

    def link(self, relative: str) -> str:
        """The last name of what a symbolic link points at, "" when it is none.

        In sysfs that is the name of a device's driver, bus or parent.
        """
        try:
            target = os.readlink(self._join(relative))  # noqa: PTH115 - the name is all we want
        except OSError:
            return ""
        return target.rpartition("/")[2]

    def forget(self, relative: str) -> None:
        """Close the descriptor of a file that will not be read again."""
        if (descriptor := self._open.pop(relative, None)) is not None:
            os.close(descriptor)

    def close(self) -> None:
        """Close every descriptor."""
        for relative in list(self._open):
            self.forget(relative)
        for descriptor in self._stat_files.values():
            os.close(descriptor)
        self._stat_files.clear()

    def filesystem(self, mount: str) -> Filesystem:
        """The sizes of the filesystem mounted at `mount`."""
        if self._filesystems is not None:
            try:
                return self._filesystems[mount]
            except KeyError:
                raise FileNotFoundError(errno.ENOENT, f"not in {STATVFS}", mount) from None
        found = os.statvfs(self.path(mount))
        return Filesystem(
            found.f_frsize,
            found.f_blocks,
            found.f_bfree,
            found.f_bavail,
            found.f_files,
            found.f_ffree,
            bool(found.f_flag & os.ST_RDONLY),
        )

    def processes(self) -> dict[int, bytes]:
        """/proc/PID/stat of every process; those that end meanwhile or are hidden are left out.

        Two sensors want it at the same time and a process costs some 10 us, so it is shared.
        """
        at, found = self._processes
        now = self.monotonic()
        if not at <= now < at + SHARED:
            found = dict(self._stats())
            self._processes = (now, found)
        return found

    def _stats(self) -> Iterator[tuple[int, bytes]]:
        folder = os.open(self.path("proc"), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        former, self._stat_files = self._stat_files, {}
        try:
            for name in os.listdir(folder):  # noqa: PTH208 - names are all we want
                if name.isdigit():
                    try:
                        yield int(name), self._stat(folder, name, former.pop(name, -1))
                    except (FileNotFoundError, ProcessLookupError, PermissionError):
                        continue  # ended, or hidden from this user
        finally:
            for descriptor in (folder, *former.values()):
                os.close(descriptor)

    def _stat(self, folder: int, pid: str, descriptor: int) -> bytes:
        """One process's stat: a line, which the kernel hands out whole.

        An open `descriptor` is used again: opening and closing costs more than reading. That of a
        process that has ended says so, whoever has its number now.
        """
        if not self.live:
            return self.read(f"proc/{pid}/stat")
        if descriptor >= 0:
            try:
                found = os.pread(descriptor, LINE, 0)
            except ProcessLookupError:
                os.close(descriptor)
            else:
                self._stat_files[pid] = descriptor
                return found
        descriptor = os.open(f"{pid}/stat", os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
        try:
            return os.pread(descriptor, LINE, 0)
        finally:
            if len(self._stat_files) < MOST_OPEN:
                self._stat_files[pid] = descriptor
            else:
                os.close(descriptor)

    def has_program(self, name: str) -> bool:
        """Whether a program is installed; none can be run for a machine that is mounted here."""
        if not self.live:
            return self.exists(f"{COMMANDS}/{name}")
        return any(os.access(f"{folder}/{name}", os.X_OK) for folder in PROGRAMS)

    def users(self) -> list[str]:
        """The user of every login session, by utmp, else by systemd-logind; OSError without both.

        systemd can be built without utmp (64-bit times), and Debian 13 is.
        """
        try:
            return parse_utmp(self.read("run/utmp"))
        except FileNotFoundError:
            folder = "run/systemd/sessions"
            sessions = [n for n in self.names(folder) if not n.endswith(".ref")]
            return [u for n in sessions if (u := parse_session(self.read(f"{folder}/{n}")))]

    def cpus(self) -> list[int]:
        """The numbers of the logical CPUs that are online."""
        try:
            return parse_list(self.read("sys/devices/system/cpu/online"))
        except FileNotFoundError:
            words = self.read("proc/stat").split()
            return [int(word[3:]) for word in words if word.startswith(b"cpu") and word != b"cpu"]

    def hostname(self) -> str:
        """The machine's name."""
        return self.text("proc/sys/kernel/hostname")

    def boot_id(self) -> str:
        """A name for the time since the last boot."""
        return self.text("proc/sys/kernel/random/boot_id")

    def _read_filesystems(self) -> dict[str, Filesystem] | None:
        try:
            rows = json.loads(self.read(STATVFS))
        except FileNotFoundError:
            return None
        return {mount: Filesystem(**row) for mount, row in rows.items()}


def _drain(descriptor: int, relative: str, data: bytes = b"", whole: int = 0) -> bytes:
    """All of a file, whose first `data` may be known; the kernel hands out many in pieces.

    One of less than `whole` bytes is not asked for more.
    """
    try:
        end = len(data)
        while piece := os.pread(descriptor, CHUNK, end):
            data += piece
            end = len(data)
            if end < whole:
                break
    except OSError as error:
        raise OSError(error.errno, error.strerror, "/" + relative.lstrip("/")) from error
    return data


def parse_list(data: bytes) -> list[int]:
    """The numbers of a kernel list such as "0-3,8"; ValueError when it is none."""
    numbers: list[int] = []
    for part in data.strip().split(b","):
        first, _, last = part.partition(b"-")
        low, high = int(first), int(last or first)
        if not 0 <= low <= high < MOST_CPUS:
            raise ValueError(f"no list of CPUs: {part[:40]!r}")
        numbers.extend(range(low, high + 1))
    return numbers
