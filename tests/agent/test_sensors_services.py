"""Programs beside the sampling, services, updates, containers, clock, power, GPUs, processes."""

from __future__ import annotations

import errno
import os
import stat
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hosts.machine import DEADLINE, Machine

from muster_agent.clock import SystemClock
from muster_agent.host import Filesystem, Host
from muster_agent.question import Question
from muster_agent.sampler import Sampler
from muster_agent.sensors import PartlyError, SensorAbsentError, program
from muster_agent.sensors.chrony import parse_tracking
from muster_agent.sensors.containers import kind_of
from muster_agent.sensors.disk import is_remote
from muster_agent.sensors.nvidia_smi import parse_gpus
from muster_agent.sensors.powerstat import watts
from muster_agent.sensors.procstat import parse_use
from muster_agent.sensors.program import Program
from muster_agent.sensors.systemd_units import SUB, parse_units
from muster_agent.sensors.timex import ClockState, fields

MACHINE = Callable[[str], Machine]


@pytest.mark.parametrize(
    ("name", "sensor"),
    [
        ("vm", "chrony"),
        ("vm", "systemd_units"),
        ("vm", "nvidia_smi"),
        ("vm", "powerstat"),
        ("router", "updates"),
        ("router", "containers"),
        ("vm", "modem"),
        ("vm", "multipath"),
    ],
)
def test_what_a_machine_has_not_got_is_absent(name: str, sensor: str, machine: MACHINE) -> None:
    with pytest.raises(SensorAbsentError):
        machine(name).sensor(sensor).read()


# Programs


class Clock:
    """Running time that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def run(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Program]:
    """Makes a program of a shell script, which this machine's `Host` can run."""
    monkeypatch.setitem(program.ENVIRONMENT, "PATH", f"{tmp_path}:{os.defpath}")

    def make(script: str, **options: Any) -> Program:
        file = tmp_path / "tool"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return Program(Host(monotonic=clock), "tool", **{"every": 60.0, **options})

    return make


def finish(one: Program) -> None:
    """Wait until the child has ended, without reaping it."""
    assert one.child is not None
    os.waitid(os.P_PID, one.child, os.WEXITED | os.WNOWAIT)


def test_a_program_is_not_waited_for(run: Callable[..., Program], clock: Clock) -> None:
    one = run("echo hello")
    assert one.latest() is None
    finish(one)
    assert one.latest() == b"hello\n"
    assert one.child is None
    clock.now += 59
    assert one.latest() == b"hello\n"
    assert one.child is None
    clock.now += 1
    assert one.latest() == b"hello\n"
    assert one.child is not None
    finish(one)
    one.latest()


def test_what_a_program_said_is_parsed_once(run: Callable[..., Program], clock: Clock) -> None:
    one = run("echo hello")
    seen: list[bytes] = []

    def parser(output: bytes) -> int:
        seen.append(output)
        if len(seen) == 1:
            raise ValueError("not today")
        return len(seen)

    assert one.parsed(parser) is None
    finish(one)
    with pytest.raises(ValueError, match="not today"):
        one.parsed(parser)
    assert [one.parsed(parser) for _ in range(3)] == [2, 2, 2], "what failed is tried again"
    clock.now += 60
    assert one.parsed(parser) == 2
    finish(one)
    assert one.parsed(parser) == 3, "the same words, said again"


def test_a_program_with_more_output_than_a_pipe_holds_ends(run: Callable[..., Program]) -> None:
    one = run("head -c 300000 /dev/zero")
    one.latest()
    finish(one)
    assert len(one.latest() or b"") == 300_000


def test_a_program_that_fails_says_so_until_it_works(
    run: Callable[..., Program], clock: Clock
) -> None:
    one = run("echo partial; exit 3")
    one.latest()
    finish(one)
    for _ in range(2):
        with pytest.raises(OSError, match="tool gave 3"):
            one.latest()
    run("echo better")
    clock.now += 60
    with pytest.raises(OSError, match="gave 3"):
        one.latest()
    finish(one)
    assert one.latest() == b"better\n"


def test_a_program_that_goes_on_failing_costs_no_more_each_time(
    run: Callable[..., Program],
) -> None:
    one = run("exit 3")
    one.latest()
    finish(one)

    def raised() -> int:
        with pytest.raises(OSError, match="gave 3") as caught:
            one.latest()
        return len(list(traceback.walk_tb(caught.value.__traceback__)))

    # What is raised again keeps the frames of every former time, and all that is in them.
    assert [raised() for _ in range(3)] == [raised()] * 3


def test_a_program_that_hangs_is_killed(run: Callable[..., Program], clock: Clock) -> None:
    one = run("exec sleep 1000", timeout=20.0)
    assert one.latest() is None
    assert one.child is not None
    child = one.child
    clock.now += 21
    with pytest.raises(OSError, match="tool took more than 20 s"):
        one.latest()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_a_program_that_vanished_is_a_failure(clock: Clock) -> None:
    one = Program(Host(monotonic=clock), "no-such-program-here", every=60.0)
    assert not one.installed()
    one.latest()
    finish(one)
    with pytest.raises(OSError, match="gave 127"):
        one.latest()


def test_a_status_that_only_tells_something_is_no_failure(run: Callable[..., Program]) -> None:
    one = run("echo worn; exit 8", fatal=3)
    one.latest()
    finish(one)
    assert one.latest() == b"worn\n"


def test_a_first_run_can_wait(run: Callable[..., Program], clock: Clock) -> None:
    one = run("echo x", delay=30.0)
    assert one.latest() is None
    assert one.child is None
    clock.now += 30
    one.latest()
    finish(one)
    assert one.latest() == b"x\n"


def test_no_descriptor_is_left_behind(run: Callable[..., Program], clock: Clock) -> None:
    one = run("echo x")
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - pathlib would open one more
    for _ in range(3):
        one.latest()
        finish(one)
        one.latest()
        clock.now += 60
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - the same


# A filesystem that hangs


class HangingHost(Host):
    """Answers about filesystems when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.asked = 0
        self.fail = False

    def filesystem(self, mount: str) -> Filesystem:
        self.asked += 1
        assert self.go.wait(DEADLINE)
        if self.fail:
            raise PermissionError(13, "Permission denied", mount)
        return Filesystem(4096, 10, 5, 5, 0, 0, read_only=False)


def test_a_filesystem_that_hangs_is_asked_once_and_answers_later() -> None:
    host = HangingHost()
    question = Question("/mnt", lambda: host.filesystem("/mnt"))
    for _ in range(3):
        with pytest.raises(TimeoutError, match="/mnt does not answer"):
            question.answer(0)
    assert host.asked == 1
    host.go.set()
    assert question.answer(DEADLINE).blocks == 10
    assert question.answer(DEADLINE).blocks == 10
    assert host.asked == 2


def test_a_remote_filesystem_that_refuses_says_why() -> None:
    host = HangingHost()
    host.fail = True
    host.go.set()
    with pytest.raises(PermissionError):
        Question("/mnt", lambda: host.filesystem("/mnt")).answer(DEADLINE)


def test_a_report_goes_on_without_a_filesystem_that_hangs_and_says_so(
    machine: MACHINE, capsys: pytest.CaptureFixture[str]
) -> None:
    one = machine("server")
    go = one.hang("/mnt/share")
    sensor = one.sensor("disk")
    sampler = Sampler([sensor], SystemClock(), 10.0)
    for _ in range(3):
        paths = {m.tags["path"] for m in sampler.sample()}
        assert "/mnt/share" not in paths
        assert "/" in paths
    assert sampler.errors == 2
    go.set()
    thread = sensor.remote["/mnt/share"].thread  # type: ignore[attr-defined] # Disk's own
    thread.join(DEADLINE)
    assert "/mnt/share" in {m.tags["path"] for m in sampler.sample()}
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("<4>sensor disk: /mnt/share does not answer: some of its readings")
    assert lines[1:] == ["<6>sensor disk: works again"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ESTALE, "Stale file handle", "/mnt/share"), True),
        (OSError(errno.ENOTCONN, "Transport endpoint is not connected", "/mnt/share"), True),
        (PermissionError(errno.EACCES, "Permission denied", "/mnt/share"), False),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "/mnt/share"), False),
    ],
)
def test_a_filesystem_that_is_broken_is_told_and_one_of_somebody_else_is_not(
    machine: MACHINE, monkeypatch: pytest.MonkeyPatch, error: OSError, told: bool
) -> None:
    one = machine("server")
    really = one.host.filesystem

    def broken(mount: str) -> Filesystem:
        if mount == "/mnt/share":
            raise error
        return really(mount)

    monkeypatch.setattr(one.host, "filesystem", broken)
    sensor = one.sensor("disk")
    sensor.remote["/mnt/share"] = Patient("/mnt/share", lambda: one.host.filesystem("/mnt/share"))  # type: ignore[attr-defined]
    if told:
        with pytest.raises(PartlyError, match="/mnt/share") as caught:
            sensor.read()
        found = caught.value.metrics
    else:
        found = sensor.read()
    assert "/" in {m.tags["path"] for m in found}
    assert "/mnt/share" not in {m.tags["path"] for m in found}


class Patient(Question[Filesystem]):
    """Waits as long as a machine that is busy with other tests may take."""

    def answer(self, patience: float) -> Filesystem:
        return super().answer(max(patience, DEADLINE))


@pytest.mark.parametrize(
    ("fstype", "remote"),
    [("nfs4", True), ("fuse.sshfs", True), ("smb3", True), ("ext4", False), ("zfs", False)],
)
def test_remote_filesystems(fstype: str, remote: bool) -> None:
    assert is_remote(fstype) is remote


def test_a_filesystem_that_turns_read_only_and_one_that_is_mounted_later(machine: MACHINE) -> None:
    one = machine("vm")
    sensor = one.sensor("disk")
    flags = {m.tags["path"]: m.fields["read_only"] for m in sensor.read()}
    assert flags == {"/": 0, "/boot/efi": 0, "/srv/my data": 1}
    one.change("proc/mounts", "/dev/vda15 /boot/efi", "/dev/vdc /srv/my\\040data")
    assert [m.tags["device"] for m in sensor.read()] == ["vda1", "vdb1"]


def test_mounts_are_listed_again_when_the_kernel_says_so_and_when_it_may_not_have(
    machine: MACHINE, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine("vm")
    sensor = one.sensor("disk")
    modes = {m.tags["path"]: m.tags["mode"] for m in sensor.read()}
    assert modes["/boot/efi"] == "rw"
    monkeypatch.setattr(one.host, "changed", lambda _: False)
    one.change("proc/mounts", "/dev/vda15 /boot/efi vfat rw", "/dev/vda15 /boot/efi vfat ro")
    (efi,) = [m for m in sensor.read() if m.tags["path"] == "/boot/efi"]
    assert efi.tags["mode"] == "rw", "nobody has said anything"
    found = one.host.filesystem("/boot/efi")._replace(read_only=True)
    really = one.host.filesystem
    monkeypatch.setattr(
        one.host, "filesystem", lambda path: found if path == "/boot/efi" else really(path)
    )
    (efi,) = [m for m in sensor.read() if m.tags["path"] == "/boot/efi"]
    assert efi.fields["read_only"] == 1, "an error has made it so, of which mounts say nothing"
    (efi,) = [m for m in sensor.read() if m.tags["path"] == "/boot/efi"]
    assert efi.tags["mode"] == "ro"
    one.change("proc/mounts", "/dev/vda15 /boot/efi", "/dev/vdc /srv/other")
    one.step(61)
    assert [m.tags["device"] for m in sensor.read()] == ["vda1", "vdb1"]


# Services


def test_chosen_units_are_reported_in_any_state(machine: MACHINE) -> None:
    sensor = machine("server").sensor(
        "systemd_units", units=["ssh.service", "nginx.service", "odd.service", "none.service"]
    )
    counts, *units = sensor.read()
    assert counts.fields == {"units_failed": 1, "units_total": 9}
    found = {unit.tags["name"]: unit.fields for unit in units}
    assert found == {
        "ssh.service": {"load_code": 0, "active_code": 0, "sub_code": 0},
        "nginx.service": {"load_code": 2, "active_code": 2, "sub_code": 1},
        "odd.service": {"load_code": 0, "active_code": 0},
        "certbot.service": {"load_code": 0, "active_code": 3, "sub_code": 12},
    }


def test_sub_states_have_telegraf_s_numbers() -> None:
    expected = {
        "running": 0x00,
        "failed": 0x0C,
        "waiting": 0x10,
        "auto-restart-queued": 0x17,
        "plugged": 0x21,
        "mounted": 0x32,
        "unmounting-sigkill": 0x38,
        "abandoned": 0x50,
        "active": 0x60,
        "listening": 0x72,
        "final-sigkill": 0x76,
        "deactivating-sigkill": 0x84,
        "elapsed": 0xA0,
    }
    assert {state: SUB[state] for state in expected} == expected


def test_units_that_are_none() -> None:
    with pytest.raises(ValueError, match="no units"):
        parse_units(b"")
    with pytest.raises(ValueError, match="unpack"):
        parse_units(b"ssh.service loaded\n")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("system.slice/docker-" + "0" * 64 + ".scope", "docker"),
        ("docker/" + "0" * 64, "docker"),
        ("docker", ""),
        ("system.slice/docker.service", ""),
        ("user.slice/libpod-" + "f" * 64 + ".scope", "podman"),
        ("user.slice/libpod-conmon-" + "f" * 64 + ".scope", ""),
        ("x/cri-containerd-" + "0" * 64 + ".scope", "containerd"),
        ("x/crio-" + "0" * 64 + ".scope", "crio"),
        ("x/crio-conmon-" + "0" * 64 + ".scope", ""),
        ("lxc.payload.web", "lxc"),
        ("lxc.monitor.web", ""),
        ("lxc/web", "lxc"),
        ("machine.slice/systemd-nspawn@build.service", "nspawn"),
        ("machine.slice", ""),
        ("system.slice/ssh.service", ""),
    ],
)
def test_containers_by_their_control_group(name: str, kind: str) -> None:
    assert kind_of(name) == kind


# Clock, power, GPUs


def test_offsets_are_microseconds_unless_a_flag_says_nanoseconds() -> None:
    assert fields(ClockState(0, -5, 65536, 7, 8, 0x0001)) == {
        "offset_ns": -5000,
        "frequency_offset_ppm": 1.0,
        "maxerror_ns": 7000,
        "estimated_error_ns": 8000,
        "status": 1,
        "synchronized": True,
    }
    assert fields(ClockState(5, -5, 0, 7, 8, 0x2041))["offset_ns"] == -5
    assert fields(ClockState(5, -5, 0, 7, 8, 0x2041))["synchronized"] is False


def test_a_clock_state_of_the_future_has_a_name(machine: MACHINE) -> None:
    one = machine("vm")
    one.change("timex.json", '"state": 0', '"state": 9')
    assert one.sensor("timex").read()[0].tags == {"status": "unknown-9"}


def test_this_machine_s_clock() -> None:
    host = Host()
    one = Machine(Path("/")).sensor("timex").read()[0]
    status = one.fields["status"]
    assert isinstance(status, int)
    # STA_UNSYNC, the kernel's flag for a clock that nobody keeps.
    assert one.fields["synchronized"] is not bool(status & 0x40)
    host.close()


def test_chrony_before_its_first_source() -> None:
    line = b"7F7F0101,,10,0.0,0.0,0.0,0.0,0.000,0.000,0.000,0.0,0.0,0.0,Not synchronised\n"
    found = parse_tracking(line)
    assert found.tags == {
        "leap_status": "not synchronised",
        "reference_id": "7F7F0101",
        "stratum": "10",
    }
    with pytest.raises(ValueError, match="2 columns"):
        parse_tracking(b"506 Cannot talk to daemon, sorry\n")


def test_power_of_an_energy_counter_that_wrapped_and_of_no_time() -> None:
    assert watts((0.0, 90_000_000), (10.0, 10_000_000), 100_000_000) == 2.0
    assert watts((10.0, 0), (10.0, 5), 100) is None
    assert watts((20.0, 0), (10.0, 5), 100) is None


def test_energy_counters_for_root_only_are_absent_to_others(
    machine: MACHINE, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = machine("server").sensor("powerstat")
    really = os.open

    def guarded(path: str, flags: int) -> int:
        if path.endswith("energy_uj"):
            raise PermissionError(13, "Permission denied", path)
        return really(path, flags)

    monkeypatch.setattr(os, "open", guarded)
    with pytest.raises(SensorAbsentError, match=r"take root: .*energy_uj"):
        sensor.read()


def test_gpu_that_has_fallen_off_the_bus() -> None:
    with pytest.raises(ValueError, match="1 columns"):
        parse_gpus(b"Unable to determine the device handle for GPU 0000:01:00.0: GPU is lost.\n")


# Processes


def process(pid: int, name: str, cpu: int, rss: int) -> bytes:
    rest = f"S 1 1 1 0 -1 0 0 0 0 0 {cpu} 0 0 0 20 0 1 0 8 9 {rss} 0\n"
    return f"{pid} ({name}) {rest}".encode()


def test_top_processes(machine: MACHINE) -> None:
    one = machine("container")
    for pid in (1, 19):
        (one.root / f"proc/{pid}/stat").unlink()
    one.write("proc/10/stat", process(10, "nginx", 100, 50))
    one.write("proc/11/stat", process(11, "nginx", 100, 50))
    one.write("proc/12/stat", process(12, "big", 0, 1000))
    one.write("proc/13/stat", process(13, "kworker/0:1", 5, 0))
    sensor = one.sensor("procstat", top=1)
    (found,) = sensor.read()
    assert found.tags == {"process_name": "big"}
    assert "cpu_usage" not in found.fields
    one.step()
    one.write("proc/10/stat", process(10, "nginx", 300, 50))
    one.write("proc/11/stat", process(11, "other", 40, 50))  # the id went to a new process
    one.write("proc/14/stat", process(14, "nginx", 100, 50))
    found, big = sensor.read()
    tick = os.sysconf("SC_CLK_TCK")
    assert found.tags == {"process_name": "nginx"}
    assert found.fields["cpu_usage"] == pytest.approx(100 * 300 / tick / 10)
    assert found.fields["processes"] == 2
    assert big.tags == {"process_name": "big"}


def test_a_process_name_may_hold_anything() -> None:
    name, use = parse_use(process(1, "a) (b", 200, 1))
    assert name == "a) (b"
    assert use.cpu == 200 / os.sysconf("SC_CLK_TCK")
    with pytest.raises(ValueError, match="cut short"):
        parse_use(b"1 (a) S 1 2 3")
    with pytest.raises(ValueError, match="64 bits"):
        parse_use(b"1 (a) S" + b" 9" * 10 + b" " + b"9" * 320 + b" 9" * 12)


def test_two_sensors_share_one_look_at_the_processes(machine: MACHINE) -> None:
    one = machine("vm")
    assert one.sensor("processes").read()[0].fields["total"] == 3
    (one.root / "proc/412/stat").unlink()
    assert len(one.sensor("procstat").read()) == 2
    one.step(2)
    assert one.sensor("processes").read()[0].fields["total"] == 2
