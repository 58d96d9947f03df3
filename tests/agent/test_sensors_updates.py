"""Updates by apt and by dnf: what is counted, what means a reboot, and what is no answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hosts.machine import Machine

from muster_agent.sensors import SensorAbsentError
from muster_agent.sensors.program import Program
from muster_agent.sensors.updates import DNF_FAILED, outdated, parse_check_update, parse_upgrade

MACHINE = Callable[[str], Machine]


def test_updates_by_origin() -> None:
    text = b"""Inst a [1] (2 Ubuntu:24.04/noble-updates, Ubuntu:24.04/noble-security [amd64])
Inst b [1] (2 Ubuntu:24.04/noble-updates [amd64])
Inst security-tool [1] (2 Debian:12/stable [amd64])
Conf a (2 Ubuntu:24.04/noble-security [amd64])
Remv c [1]
"""
    assert parse_upgrade(text) == {"pending": 3, "security": 1}


def test_a_reboot_is_known_before_apt_has_answered(
    machine: MACHINE, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = machine("server").sensor("updates")
    monkeypatch.setattr(Program, "latest", lambda _: None)
    assert sensor.read()[0].fields == {"reboot_required": 1}


def test_dnf_lists_nothing_when_all_is_new() -> None:
    assert parse_check_update(b"") == 0
    assert parse_check_update(b"\n\n") == 0


def test_a_line_that_dnf_breaks_is_one_package() -> None:
    text = b"""
a-package-with-a-very-long-name-that-wraps-the-line-of-eighty.noarch
                                              2-1   base
short.noarch                                  2-1   base
"""
    assert parse_check_update(text) == 2


def test_what_is_no_list_of_dnf_is_refused() -> None:
    with pytest.raises(ValueError, match="no rows of three"):
        parse_check_update(b"Error: Cache-only enabled but no cache for 'baseos'\n")


@pytest.mark.parametrize(
    ("status", "failed"), [(0, False), (100, False), (1, True), (3, True), (127, True), (200, True)]
)
def test_the_status_of_dnf_tells_updates_from_trouble(status: int, failed: bool) -> None:
    assert bool(status & DNF_FAILED) is failed


@pytest.mark.parametrize(
    ("running", "kernels", "expected"),
    [
        ("5.14.0-427.13.1.el9_4.x86_64", ["5.14.0-427.13.1.el9_4.x86_64"], False),
        ("5.14.0-427.13.1.el9_4.x86_64", ["5.14.0-427.20.1.el9_4.x86_64"], True),
        ("5.14.0-427.20.1.el9_4.x86_64", ["5.14.0-427.9.1.el9_4.x86_64"], False),
        ("6.12.0-1.fc41.x86_64", ["6.12.0-1.fc41.x86_64+debug"], False),
        ("6.12.0-0.rc7.59.fc42.x86_64", ["6.12.0-65.fc42.x86_64"], True),
        ("6.12.0-1.fc41.x86_64", [], False),
    ],
)
def test_a_newer_kernel_waits_for_a_reboot(
    running: str, kernels: list[str], *, expected: bool
) -> None:
    assert outdated(running, kernels) is expected


def test_a_container_has_no_kernel_of_its_own(machine: MACHINE) -> None:
    one = machine("rocky")
    (one.root / "proc/sys/kernel/osrelease").unlink()
    assert one.sensor("updates").read()[0].fields == {"pending": 4, "security": 2}


def test_a_machine_with_neither(machine: MACHINE) -> None:
    with pytest.raises(SensorAbsentError, match="neither apt-get nor dnf"):
        machine("router").sensor("updates").read()
