"""The demo's child processes: none outlives the demo, and each one's output is kept to look at."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import re
import signal
import socket
from collections.abc import Sequence
from pathlib import Path

from muster_collector.errors import MusterError

PR_SET_PDEATHSIG = 1
STOP_LIMIT = 10.0
START_LIMIT = 20.0
PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


class Child:
    """One child process and its log file."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @property
    def ended(self) -> bool:
        """Whether it is gone."""
        return self.process.returncode is not None

    def tail(self, lines: int = 5) -> str:
        """The end of what it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    async def stop(self, number: signal.Signals = signal.SIGTERM, limit: float = STOP_LIMIT) -> int:
        """End it in order, or by force after `limit` seconds; its exit status."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        try:
            return await asyncio.wait_for(self.process.wait(), limit)
        except TimeoutError:
            self.process.kill()
            return await self.process.wait()


async def start(
    name: str, command: Sequence[str], directory: Path, user: str | None = None
) -> Child:
    """Start a child whose output goes to `directory`/NAME.log.

    It gets a process group of its own, so that Ctrl-C in the terminal reaches only the demo, which
    ends its children in order; and the kernel ends it should the demo itself be killed.
    """
    log = directory / f"{name}.log"
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            process_group=0,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            preexec_fn=die_with_parent,
        )
    return Child(name, process, log)


def die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies; runs in the child, after it changed user."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


async def wait_for_port(port: int, child: Child) -> None:
    """Return once the child listens; raise with the end of its log if it does not."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(asyncio.timeout(START_LIMIT))
            while not child.ended:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    return
                await asyncio.sleep(0.02)
        except TimeoutError:
            pass
    raise MusterError(f"{child.name} did not start on port {port}: {child.tail()}")


def peak_rss_mb(pids: Sequence[int]) -> float:
    """The sum of the processes' peak resident memory, in MB."""
    kilobytes = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            found = PEAK.search(Path(f"/proc/{pid}/status").read_text())
            kilobytes += int(found[1]) if found else 0
    return kilobytes / 1000


def require_port(port: int, option: str, host: str = "127.0.0.1") -> None:
    """Raise unless `port` can be listened on; names the option and a port that is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise MusterError(
                f"port {port} cannot be used ({os.strerror(error.errno or 0).lower()}): pass "
                f'{option} {free_port()}, with make: make demo ARGS="{option} {free_port()}"'
            ) from error


def free_port() -> int:
    """A port of loopback that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
