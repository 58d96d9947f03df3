"""Runs the probes in one thread beside the sampling; a report takes the newest finished results.

Invariants: at most one run of a probe at a time; a run ends by its deadline; only the thread
touches runs, and hands a finished one over by one assignment. A run's failure is its probe's own.
"""

from __future__ import annotations

import math
import os
import random
import select
from collections import deque
from collections.abc import Callable, Generator, Mapping
from importlib import import_module
from threading import Thread
from typing import NamedTuple

from muster_agent.host import Host
from muster_agent.probes.steps import Resolver, Run, Wait
from muster_agent.settings import Probe
from muster_wire.messages import Metric

MODULES = {
    "http": "http_response",
    "https": "http_response",
    "tcp": "net_response",
    "tls": "net_response",
    "dns": "dns_query",
    "ping": "ping",
    "throughput": "throughput",
}
"""Scheme to the module beside this one that asks, named for Telegraf's measurement."""


class Going(NamedTuple):
    """A run that is under way: how to go on, what it waits for, and by when it must end."""

    steps: Generator[Wait, bool, list[Metric]]
    wait: Wait
    deadline: float

    @property
    def until(self) -> float:
        """When it goes on at the latest."""
        return min(self.wait.until, self.deadline)


class Asked:
    """One probe: when it is due, its run, and the newest result; to the sampler it is a sensor."""

    every: float | None = None
    """The sampler asks for each report; there is something only after a run."""

    def __init__(self, name: str, probe: Probe, host: Host, begin: float) -> None:
        self.name = f"probe.{name}"
        self.probe = probe
        self.host = host
        self.begin = begin
        self.due = begin + self._jitter()
        self.going: Going | None = None
        self.runs = 0
        self._resolver = Resolver(probe.url.host, probe.url.port)
        self._ask: Callable[[Run], Generator[Wait, bool, list[Metric]]] = import_module(
            f"muster_agent.probes.{MODULES[probe.url.scheme]}"
        ).ask
        self._newest: deque[list[Metric] | Exception] = deque(maxlen=1)

    def read(self) -> list[Metric]:
        """The newest result, once; raises what went wrong in the probe itself."""
        try:
            newest = self._newest.pop()
        except IndexError:
            return []
        if isinstance(newest, Exception):
            raise newest
        return newest

    def start(self) -> None:
        """Begin a run."""
        run = Run(self.probe, self._resolver, self.host.monotonic, self.host.clock())
        steps = self._ask(run)
        self.go(steps, run.deadline, lambda: next(steps))

    def resume(self, going: Going, now: float, ready: frozenset[int]) -> None:
        """Go on with the run if it can, or end it when its time is over."""
        steps, wait, deadline = going
        if now >= deadline:
            self.go(steps, deadline, lambda: steps.throw(TimeoutError()))
        elif wait.descriptor in ready or now >= wait.until:
            self.go(steps, deadline, lambda: steps.send(wait.descriptor in ready))

    def go(
        self,
        steps: Generator[Wait, bool, list[Metric]],
        deadline: float,
        on: Callable[[], Wait],
    ) -> None:
        """Let the run do its next bit."""
        try:
            self.going = Going(steps, on(), deadline)
        except StopIteration as end:
            self._finish([self._marked(metric) for metric in end.value])
        except Exception as error:  # noqa: BLE001 - the one guard: a probe costs only itself
            self._finish(error)

    def _finish(self, result: list[Metric] | Exception) -> None:
        """Keep the result, and plan the next run on the grid of this probe."""
        self.going = None
        self._newest.append(result)
        self.runs += 1
        passed = math.floor((self.host.monotonic() - self.begin) / self.probe.every)
        self.due = self.begin + (passed + 1) * self.probe.every + self._jitter()

    def _jitter(self) -> float:
        """Seconds by which a run is put off, so that a fleet does not ask in step."""
        return random.uniform(0, min(self.probe.jitter, self.probe.every))

    def _marked(self, metric: Metric) -> Metric:
        """With the tag that tells a path to another site apart."""
        if self.probe.peer_site:
            metric.tags["peer_site"] = self.probe.peer_site
        return metric

    def close(self) -> None:
        """Give up the run; its sockets are closed."""
        if self.going is not None:
            self.going.steps.close()
            self.going = None


class Prober:
    """All probes and the thread that runs them, from `start` to `close`."""

    def __init__(self, probes: Mapping[str, Probe], host: Host) -> None:
        begin = host.monotonic()
        self.host = host
        self.probes = [Asked(name, probe, host, begin) for name, probe in probes.items()]
        self._stopping = False
        self._waker = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._thread = Thread(target=self._loop, name="probes", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End the thread and every run."""
        self._stopping = True
        os.eventfd_write(self._waker, 1)
        if self._thread.ident is not None:
            self._thread.join()
        os.close(self._waker)

    def _loop(self) -> None:
        while not self._stopping:
            self.turn()
        for asked in self.probes:
            asked.close()

    def turn(self) -> None:
        """Wait for whatever comes first, go on with it, and begin what is due."""
        ready = self._wait(self.host.monotonic())
        now = self.host.monotonic()
        for asked in self.probes:
            if asked.going is not None:
                asked.resume(asked.going, now, ready)
            elif asked.due <= now:
                asked.start()

    def _wait(self, now: float) -> frozenset[int]:
        """The descriptors that are ready, once there is one or something else is to do."""
        poll = select.poll()
        poll.register(self._waker, select.POLLIN)
        first = math.inf
        for asked in self.probes:
            going = asked.going
            first = min(first, asked.due if going is None else going.until)
            if going is not None and going.wait.descriptor >= 0:
                poll.register(going.wait.descriptor, going.wait.events)
        pause = max(0, math.ceil((min(first, now + 3600) - now) * 1000))
        return frozenset(descriptor for descriptor, _ in poll.poll(pause))
