"""Tries what the agent needs and says in plain words what works, and what to do if not."""

from __future__ import annotations

from collections.abc import Iterator

from muster_agent.config import Config
from muster_agent.doctor import centre, machine, probes, waiting
from muster_agent.doctor.finding import Finding
from muster_agent.host import Host

MARKS = {True: "ok  ", False: "BAD ", None: "-   "}


def examine(settings: Config, host: Host) -> Iterator[Finding]:
    """Every finding, in the order of the flow."""
    yield from machine.user(settings)
    yield from machine.sensors(settings, host)
    yield from probes.tried(settings, host)
    yield machine.clock(host)
    yield from waiting.spool(settings, host)
    yield from centre.certificate(settings, host)
    yield from centre.broker(settings, host)


def report(settings: Config, host: Host) -> int:
    """Print every finding; the exit status says whether all is well."""
    bad = 0
    for finding in examine(settings, host):
        bad += finding.good is False
        print(f"{MARKS[finding.good]} {finding.what:<22} {finding.text}", flush=True)
    print(f"{bad} to mend" if bad else "all well")
    return int(bad > 0)
