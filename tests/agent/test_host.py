"""The machine below a root: nothing outside it is read, and what changes is read anew."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hosts.machine import Machine

from muster_agent.host import Host, parse_list
from muster_agent.logins import parse_session, parse_utmp

MACHINE = Callable[[str], Machine]


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - pathlib would open one more


@pytest.mark.parametrize("path", ["../outside", "proc/../../outside", "/../outside", "a\0b"])
def test_a_path_cannot_leave_the_root(path: str, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    (tmp_path / "root").mkdir()
    with pytest.raises(ValueError, match="leaves the root"):
        Host(tmp_path / "root").read(path)


def test_a_link_cannot_leave_the_root(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("secret")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "loop").symlink_to("link")
    for name in ("link", "loop"):
        with pytest.raises(ValueError, match="leads out of the root"):
            Host(root).pread(name)


def test_a_root_that_begins_like_another_does_not_open_it(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root-2").mkdir()
    (tmp_path / "root-2" / "file").write_text("secret")
    (tmp_path / "root" / "link").symlink_to("../root-2/file")
    with pytest.raises(ValueError, match="leads out of the root"):
        Host(tmp_path / "root").read("link")


def test_a_link_within_the_root_is_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("7")
    (tmp_path / "link").symlink_to("file")
    assert Host(tmp_path).text("link") == "7"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    host = Host(tmp_path)
    for read in (host.read, host.pread):
        with pytest.raises(FileNotFoundError) as raised:
            read("proc/stat")
        assert str(raised.value.filename).endswith("proc/stat")


def test_a_folder_in_place_of_a_file_is_named_and_leaks_no_descriptor(tmp_path: Path) -> None:
    (tmp_path / "stat").mkdir()
    host = Host(tmp_path)
    before = descriptors()
    for read in (host.read, host.pread):
        with pytest.raises(IsADirectoryError, match="'/stat'"):
            read("stat")
    assert descriptors() == before


def test_a_kept_descriptor_sees_what_changes_and_is_opened_once(machine: MACHINE) -> None:
    one = machine("vm")
    host = one.host
    assert host.pread("proc/loadavg").startswith(b"0.42")
    before = descriptors()
    one.write("proc/loadavg", "7.00 6.00 5.00 1/1 1\n")
    assert host.pread("proc/loadavg") == b"7.00 6.00 5.00 1/1 1\n"
    assert descriptors() == before
    host.close()
    assert descriptors() == before - 1


def test_a_file_longer_than_the_kernel_s_pieces_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"x" * 200_000)
    assert len(Host(tmp_path).pread("long")) == 200_000


def test_lines_as_long_as_a_page_are_read_whole_where_there_may_be_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.pread
    text = b"proc\n" + b"x" * 3000 + b"\n"
    (tmp_path / "mounts").write_bytes(text)

    def by_line(descriptor: int, _most: int, at: int) -> bytes:
        """The kernel does not begin a line that the page cannot hold."""
        line = really(descriptor, 4096, at).splitlines(keepends=True)
        return line[0] if line else b""

    host = Host(tmp_path)
    assert host.pread("mounts") == text
    monkeypatch.setattr(os, "pread", by_line)
    assert host.pread("mounts", whole=0) == text


MOUNTING = """
import subprocess
from muster_agent.host import Host
host = Host()
said = [host.changed("proc/mounts")]
host.pread("proc/mounts")
said += [host.changed("proc/mounts")]
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=True)
said += [host.changed("proc/mounts"), b" /mnt " in host.pread("proc/mounts")]
said += [host.changed("proc/mounts")]
print(said)
"""


def test_the_kernel_says_that_something_was_mounted() -> None:
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    done = subprocess.run(
        ["unshare", *user, "--mount", sys.executable, "-c", MOUNTING],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("mounts of one's own may not be had here")
    assert done.stdout == "[True, False, True, True, False]\n", done.stderr


def test_processes_that_come_and_go_leave_no_descriptor() -> None:
    now = [0.0]
    host = Host(monotonic=lambda: now[0])
    before = descriptors()

    def running(pid: int) -> bool:
        now[0] += 2
        return pid in host.processes()

    for _ in range(2):
        with subprocess.Popen(["sleep", "60"]) as process:
            assert running(process.pid)
            assert b"(sleep)" in host.processes()[process.pid]
            assert running(process.pid)
            process.kill()
        assert not running(process.pid)
    host.close()
    assert descriptors() == before


def test_a_device_that_went_and_came_back_is_read_again(tmp_path: Path) -> None:
    host = Host(tmp_path)
    (tmp_path / "speed").write_text("100")
    assert host.pread("speed") == b"100"
    # What pread meets when a device is unplugged: the descriptor is good, reading it is not.
    os.dup2(os.open(tmp_path, os.O_RDONLY), host._open["speed"])
    (tmp_path / "speed").write_text("1000")
    assert host.pread("speed") == b"1000"
    host.close()


def test_a_parser_s_complaint_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "loadavg").write_text("garbage")
    with pytest.raises(ValueError, match=r"/loadavg: not as expected: .*garbage"):
        Host(tmp_path).parse("loadavg", float)


def test_facts_of_a_fixture(machine: MACHINE) -> None:
    host = machine("vm").host
    assert (host.hostname(), host.cpus()) == ("vm-1", [0, 1])
    assert host.boot_id() == "6f0d2a0e-8a5e-4c29-9f43-0d2f1c1b7a55"
    assert host.users() == ["ana", "ana", "bo"]
    assert host.filesystem("/").blocks == 5120710
    with pytest.raises(FileNotFoundError):
        host.filesystem("/nowhere")


def test_facts_of_this_machine() -> None:
    host = Host()
    assert len(host.cpus()) == os.cpu_count()
    assert host.hostname() == os.uname().nodename
    found, expected = host.filesystem("/"), os.statvfs("/")
    assert (found.frsize, found.blocks) == (expected.f_frsize, expected.f_blocks)
    host.close()


def test_cpus_without_sysfs_are_counted_in_stat(machine: MACHINE) -> None:
    one = machine("vm")
    (one.root / "sys/devices/system/cpu/online").unlink()
    assert one.host.cpus() == [0, 1]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [(b"0\n", [0]), (b"0-3\n", [0, 1, 2, 3]), (b"0,2-3,8", [0, 2, 3, 8])],
)
def test_kernel_lists(text: bytes, numbers: list[int]) -> None:
    assert parse_list(text) == numbers


@pytest.mark.parametrize("text", [b"", b"a-b", b"1,,2", b"3-1", b"0-99999999999", b"-1"])
def test_a_kernel_list_that_is_none(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"int|no list of CPUs"):
        parse_list(text)


def utmp(kind: int, user: bytes) -> bytes:
    return struct.pack("<hxxi32s4s32s256s52x", kind, 1, b"pts/0", b"ts/0", user, b"")


def test_utmp_counts_sessions_of_people_only() -> None:
    data = utmp(2, b"reboot") + utmp(7, b"ana") + utmp(8, b"") + utmp(7, b"") + utmp(7, b"b" * 32)
    assert parse_utmp(data + b"cut short") == ["ana", "b" * 32]
    assert parse_utmp(b"") == []


def test_users_by_logind_where_there_is_no_utmp(machine: MACHINE) -> None:
    one = machine("vm")
    (one.root / "run/utmp").unlink()
    with pytest.raises(FileNotFoundError):
        one.host.users()
    one.write("run/systemd/sessions/1", "UID=1000\nUSER=ana\nACTIVE=1\nCLASS=user\n")
    one.write("run/systemd/sessions/c1", "UID=110\nUSER=gdm\nACTIVE=1\nCLASS=greeter\n")
    one.write("run/systemd/sessions/1.ref", "")
    assert one.host.users() == ["ana"]
    assert parse_session(b"\xff\xfe garbage") == ""


def test_sensors_that_share_a_look_read_a_file_once(tmp_path: Path) -> None:
    file = tmp_path / "stat"
    file.write_text("1")
    host = Host(tmp_path)
    with host.sharing():
        assert host.pread("stat") == b"1"
        file.write_text("2")
        assert host.pread("stat") == b"1"
        with pytest.raises(FileNotFoundError):
            host.pread("absent")
    assert host.pread("stat") == b"2"
    with host.sharing():
        assert host.pread("stat") == b"2"
