"""Programs whose output a sensor needs: run beside the sampling, seldom, and never waited for.

Invariant: at most one child a program; a child that takes too long is killed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any, TypeVar

from muster_agent.host import COMMANDS, Host

Parsed = TypeVar("Parsed")

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
}
NO_INPUT = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
NO_ERRORS = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)


class Program:
    """One program with its arguments, run anew every `every` seconds of the host's running time.

    The first run waits for `delay` seconds. `fatal` are the bits of the exit status that mean
    failure.
    """

    def __init__(
        self,
        host: Host,
        *command: str,
        every: float,
        delay: float = 0.0,
        timeout: float = 60.0,
        fatal: int = 0xFF,
    ) -> None:
        self.host = host
        self.command = command
        self.every = every
        self.timeout = timeout
        self.fatal = fatal
        self.output: bytes | None = None
        self.problem = ""
        self.due = host.monotonic() + delay if host.live else 0.0
        self.child: int | None = None
        self.file = -1
        self.started = 0.0
        self._parsed: tuple[bytes, Any] | None = None

    def installed(self) -> bool:
        """Whether the machine has the program."""
        return self.host.has_program(self.command[0])

    def latest(self) -> bytes | None:
        """The last good output, None before the first; OSError when the last run failed.

        Starts a run when one is due and gathers what has ended since the last call.
        """
        now = self.host.monotonic()
        if self.child is not None:
            self._gather(self.child, now)
        elif now >= self.due:
            self.due = now + self.every
            self._start(now)
        if self.problem:
            raise OSError(self.problem)  # one of its own each time: raising it again adds to it
        return self.output

    def parsed(self, parser: Callable[[bytes], Parsed]) -> Parsed | None:
        """What `parser` makes of the latest good output, once for each; None before the first.

        Always of the same parser. What comes of it must not be changed.
        """
        output = self.latest()
        if output is None:
            return None
        if self._parsed is None or self._parsed[0] is not output:
            self._parsed = output, parser(output)
        found: Parsed = self._parsed[1]
        return found

    def _start(self, now: float) -> None:
        if not self.host.live:
            self.output = self.host.read(self._recorded())
            return
        # Output goes to memory instead of a pipe, which would fill and stop the child. The module
        # subprocess costs more memory than all that is done here.
        self.file = os.memfd_create(self.command[0], os.MFD_CLOEXEC)
        try:
            self.child = os.posix_spawnp(
                "nice",
                ["nice", "-n", "10", *self.command],
                ENVIRONMENT,
                file_actions=[NO_INPUT, (os.POSIX_SPAWN_DUP2, self.file, 1), NO_ERRORS],
                setsid=True,
                setsigdef=[signal.SIGPIPE],  # which Python ignores
            )
        except OSError:
            os.close(self.file)
            raise
        self.started = now

    def _recorded(self) -> str:
        """A fixture's output: one for the program, or one for it and its last argument."""
        last = self.command[-1].replace("/", "_")
        one = f"{COMMANDS}/{self.command[0]}{last}"
        return one if self.host.exists(one) else f"{COMMANDS}/{self.command[0]}"

    def _gather(self, child: int, now: float) -> None:
        ended, status = os.waitpid(child, os.WNOHANG)
        late = not ended
        if late and now - self.started < self.timeout:
            return
        if late:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        size = os.fstat(self.file).st_size
        output = os.pread(self.file, size, 0)
        os.close(self.file)
        self.child = None
        code = os.waitstatus_to_exitcode(status)
        if not late and code >= 0 and not code & self.fatal:
            self.output, self.problem = output, ""
        else:
            why = f"took more than {self.timeout:g} s" if late else f"gave {code}"
            self.problem = f"{' '.join(self.command)} {why}"
