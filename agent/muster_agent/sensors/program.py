"""Programs whose output a sensor needs: run beside the sampling, seldom, and never waited for.

Invariant: at most one child a program; a child that takes too long is killed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from muster_agent.host import COMMANDS, Host

if TYPE_CHECKING:
    from subprocess import Popen

ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
}


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
        self.error: OSError | None = None
        self.due = host.monotonic() + delay if host.live else 0.0
        self.child: Popen[bytes] | None = None
        self.file = -1
        self.started = 0.0

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
        if self.error is not None:
            raise self.error
        return self.output

    def _start(self, now: float) -> None:
        if not self.host.live:
            self.output = self.host.read(self._recorded())
            return
        import subprocess

        # Output goes to memory instead of a pipe, which would fill and stop the child.
        self.file = os.memfd_create(self.command[0], os.MFD_CLOEXEC)
        try:
            self.child = subprocess.Popen(
                ["nice", "-n", "10", *self.command],
                stdin=subprocess.DEVNULL,
                stdout=self.file,
                stderr=subprocess.DEVNULL,
                env=ENVIRONMENT,
                start_new_session=True,
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

    def _gather(self, child: Popen[bytes], now: float) -> None:
        status = child.poll()
        if status is None and now - self.started < self.timeout:
            return
        if status is None:
            child.kill()
            child.wait()
        size = os.fstat(self.file).st_size
        output = os.pread(self.file, size, 0)
        os.close(self.file)
        self.child = None
        if status is not None and status >= 0 and not status & self.fatal:
            self.output, self.error = output, None
        else:
            why = f"took more than {self.timeout:g} s" if status is None else f"gave {status}"
            self.error = OSError(f"{' '.join(self.command)} {why}")
