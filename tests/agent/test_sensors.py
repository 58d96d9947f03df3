"""Awkward machines: missing and extra columns, garbage, no permission, wraps, resets, hot plug."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hosts.machine import HOSTS, Machine, names

from muster_agent.clock import SystemClock
from muster_agent.host import Host
from muster_agent.sampler import Sampler
from muster_agent.sensors import (
    SENSORS,
    PartlyError,
    Sensor,
    SensorAbsentError,
    load,
    storable,
)
from muster_agent.sensors.cpu import parse_all, parse_total, usage
from muster_agent.sensors.disk import parse_mounts
from muster_agent.sensors.diskio import parse_diskstats
from muster_agent.sensors.mem import parse_meminfo
from muster_agent.sensors.net import parse_net_dev
from muster_agent.sensors.processes import parse_stat
from muster_agent.sensors.swap import parse_traffic
from muster_wire.messages import Metric, Value

MACHINE = Callable[[str], Machine]


def by_tag(metrics: list[Metric], tag: str) -> dict[str, dict[str, Value]]:
    return {metric.tags[tag]: metric.fields for metric in metrics}


# The registry


def test_sensors_are_loaded_in_the_order_asked_for_and_once(machine: MACHINE) -> None:
    host = machine("vm").host
    assert [s.name for s in load(host, ["mem", "cpu", "mem"])] == ["mem", "cpu"]
    assert [s.name for s in load(host)] == list(SENSORS)


@pytest.mark.parametrize(
    ("names_", "options", "message"),
    [
        (["cpus"], {}, "sensor 'cpus': use cpu, mem"),
        (None, {"cpus": {}}, "sensor 'cpus': use cpu, mem"),
        (["cpu"], {"cpu": {"per_cpu": True}}, "sensor cpu: option 'per_cpu': use percpu"),
        (["swap"], {"swap": {"x": 1}}, "sensor swap: option 'x': use none"),
        (["cpu"], {"cpu": {"percpu": "yes"}}, "sensor cpu: percpu = 'yes': use a bool"),
        (["disk"], {"disk": {"ignore_fs": "tmpfs"}}, "ignore_fs = 'tmpfs': use a list of strings"),
        (["disk"], {"disk": {"ignore_fs": [1]}}, "use a list of strings"),
    ],
)
def test_wrong_names_and_options_are_named(
    names_: list[str] | None,
    options: dict[str, dict[str, object]],
    message: str,
    machine: MACHINE,
) -> None:
    with pytest.raises(ValueError, match=message):
        load(machine("vm").host, names_, options)


@pytest.mark.parametrize("name", names())
def test_a_machine_without_anything_breaks_no_sensor_s_promise(name: str, machine: MACHINE) -> None:
    """With all files empty, a sensor reads, is absent, or fails as it promises."""
    fill_and_read(machine(name), b"")


@pytest.mark.parametrize("garbage", [b"\0\xff\xfe", b"x\n" * 30, b": : :\n", b"1\n", b"-1 -1\n"])
def test_garbage_in_every_file_breaks_no_sensor_s_promise(garbage: bytes, machine: MACHINE) -> None:
    fill_and_read(machine("server"), garbage)


def fill_and_read(one: Machine, content: bytes) -> None:
    """Read all sensors that were made before every file got this content, and some made after."""
    before = load(one.host)
    for file in sorted(one.root.rglob("*")):
        if file.is_file() and file.name != "statvfs.json":
            file.write_bytes(content)
    for sensor in before:
        try_to_read(sensor)
    for sensor in load(one.host):
        try_to_read(sensor)


def try_to_read(sensor: Sensor) -> None:
    """Read; everything but the promised exceptions comes through."""
    with suppress(SensorAbsentError, PartlyError, OSError, ValueError):
        sensor.read()


def test_a_file_that_may_not_be_read_is_a_failure_with_its_path(
    machine: MACHINE, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine("vm")
    really = os.open

    def guarded(path: str, flags: int) -> int:
        if path.endswith("proc/meminfo"):
            raise PermissionError(13, "Permission denied", path)
        return really(path, flags)

    monkeypatch.setattr(os, "open", guarded)
    with pytest.raises(PermissionError, match="proc/meminfo"):
        one.sensor("mem").read()


def test_values_that_no_database_takes_are_left_out() -> None:
    metric = Metric(
        "nstat",
        {"name": "snmp"},
        {
            "below": 18446744073709551615,
            "most": (1 << 63) - 1,
            "least": -(1 << 63),
            "over": 1 << 63,
            "nan": float("nan"),
            "inf": float("inf"),
            "float": 1e300,
            "true": True,
            "text": "x",
        },
    )
    nothing = Metric("net", {}, {"bytes_recv": 1 << 64})
    (found,) = storable([metric, nothing])
    assert found.fields.keys() == {"most", "least", "float", "true", "text"}


def test_the_sampler_leaves_them_out(machine: MACHINE) -> None:
    one = machine("vm")
    one.change("proc/net/snmp", " 40221 ", " 18446744073709551615 ")
    sampler = Sampler([one.sensor("nstat")], SystemClock(), 10.0)
    snmp = next(m for m in sampler.sample() if m.tags["name"] == "snmp")
    assert "TcpActiveOpens" not in snmp.fields
    assert "TcpPassiveOpens" in snmp.fields


@pytest.mark.parametrize("name", names())
def test_what_is_absent_and_comes_is_seen_by_a_quick_look(name: str, tmp_path: Path) -> None:
    host = Host(tmp_path)
    sensors = {sensor.name: sensor for sensor in load(host)}
    looks: dict[str, Callable[[], object]] = {}
    for sensor in sensors.values():
        with suppress(OSError, ValueError):
            try:
                sensor.read()
            except SensorAbsentError as error:
                if error.back is not None:
                    looks[sensor.name] = error.back
    assert {"bond", "chrony", "containers", "modem", "smart", "x509_cert"} <= looks.keys()
    assert not any(look() for look in looks.values()), "an empty folder has nothing"
    shutil.copytree(HOSTS / name, tmp_path, symlinks=True, dirs_exist_ok=True)
    for absent, look in looks.items():
        try:
            sensors[absent].read()
        except (SensorAbsentError, OSError, ValueError):
            continue
        assert look(), absent
    host.close()


def test_making_a_sensor_never_fails(tmp_path: Path) -> None:
    """One sensor that cannot read its files must not keep the agent from starting."""
    sensors = load(Host(tmp_path))
    assert [sensor.name for sensor in sensors] == list(SENSORS)
    for sensor in sensors:
        with pytest.raises((SensorAbsentError, OSError)):
            sensor.read()


# cpu


def test_cpu_counts_from_when_it_was_made(machine: MACHINE) -> None:
    one = machine("vm")
    sensor = one.sensor("cpu")
    assert sensor.read() == []
    one.later()
    assert by_tag(sensor.read(), "cpu").keys() == {"cpu-total"}
    assert sensor.read() == []


def test_cpu_percentages_add_up(machine: MACHINE) -> None:
    one = machine("vm")
    sensor = one.sensor("cpu", percpu=True)
    one.later()
    found = by_tag(sensor.read(), "cpu")
    assert found.keys() == {"cpu-total", "cpu0", "cpu1"}
    for fields in found.values():
        numbers = [v for v in fields.values() if isinstance(v, float)]
        assert len(numbers) == 10
        assert sum(numbers) == pytest.approx(100, abs=0.01)


def test_cpu_counters_that_restart_give_one_gap(machine: MACHINE) -> None:
    one = machine("vm")
    sensor = one.sensor("cpu")
    one.write("proc/stat", "cpu  10 0 10 80 0 0 0 0 0 0\n")
    assert sensor.read() == []
    one.write("proc/stat", "cpu  20 0 10 170 0 0 0 0 0 0\n")
    assert sensor.read()[0].fields["usage_user"] == 10.0


def test_cpu_column_that_steps_back_counts_as_standing() -> None:
    last = [100, 0, 100, 1000, 50, 0, 0, 0, 0, 0]
    now = [150, 0, 100, 1050, 45, 0, 0, 0, 0, 0]
    assert usage(last, now)["usage_iowait"] == 0.0
    assert usage(last, now)["usage_user"] == 50.0


def test_cpu_time_of_guests_is_not_user_time() -> None:
    fields = usage([0] * 10, [60, 0, 0, 40, 0, 0, 0, 0, 50, 0])
    assert (fields["usage_user"], fields["usage_guest"]) == (10.0, 50.0)


def test_cpu_that_comes_online_has_use_from_its_second_sample(machine: MACHINE) -> None:
    one = machine("vm")
    sensor = one.sensor("cpu", percpu=True)
    one.later()
    one.change("proc/stat", "intr ", "cpu2 10 0 0 90 0 0 0 0 0 0\nintr ")
    assert "cpu2" not in by_tag(sensor.read(), "cpu")
    one.change("proc/stat", "cpu2 10 0 0 90", "cpu2 20 0 0 170")
    assert by_tag(sensor.read(), "cpu")["cpu2"]["usage_user"] == pytest.approx(11.111)


def test_cpu_lines_of_old_and_future_kernels() -> None:
    assert parse_total(b"cpu  1 2 3 4\n")["cpu-total"] == [1, 2, 3, 4, 0, 0, 0, 0, 0, 0]
    assert parse_all(b"cpu  1 2 3 4 5 6 7 8 9 10 11\ncpu0 1 2 3 4\nintr 1\n")["cpu-total"][-1] == 10
    with pytest.raises(ValueError, match="no cpu line"):
        parse_total(b"intr 1 2 3 4 5\n")


# mem, swap, system


def test_memory_of_a_kernel_without_memavailable(machine: MACHINE) -> None:
    one = machine("vm")
    one.change("proc/meminfo", "MemAvailable:    1302120 kB\n", "")
    fields = one.sensor("mem").read()[0].fields
    assert fields["available"] == (184532 + 81204 + 1023340 + 120332) * 1024


def test_memory_available_never_exceeds_the_total(machine: MACHINE) -> None:
    one = machine("container")
    one.change("proc/meminfo", "MemAvailable:     412332 kB", "MemAvailable:    9912332 kB")
    fields = one.sensor("mem").read()[0].fields
    assert (fields["used"], fields["available_percent"]) == (0, 100.0)


def test_meminfo_without_a_total_is_a_failure() -> None:
    with pytest.raises(ValueError, match="MemTotal"):
        parse_meminfo(b"MemFree: 12 kB\n")


def test_swap_of_a_kernel_that_has_none() -> None:
    assert parse_traffic(b"nr_free_pages 12\npgfault 3\n") == (0, 0)


def test_a_machine_without_utmp_and_logind_has_no_user_count(machine: MACHINE) -> None:
    fields = machine("arm-board").sensor("system").read()[0].fields
    assert fields["n_cpus"] == 4
    assert "n_users" not in fields


def test_users_are_counted_anew_after_a_minute(machine: MACHINE) -> None:
    one = machine("vm")
    sensor = one.sensor("system")
    assert sensor.read()[0].fields["n_users"] == 3
    one.write("run/utmp", b"")
    one.step(59)
    assert sensor.read()[0].fields["n_users"] == 3
    one.step(1)
    assert sensor.read()[0].fields["n_users"] == 0


def test_cores_that_share_threads_are_counted_once(machine: MACHINE) -> None:
    one = machine("vm")
    for cpu in (0, 1):
        one.write(f"sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list", "0-1\n")
    fields = one.sensor("system").read()[0].fields
    assert (fields["n_cpus"], fields["n_physical_cpus"]) == (2, 1)


# disk, diskio


def test_a_container_s_root_is_reported_and_its_bind_mounted_files_are_not(
    machine: MACHINE,
) -> None:
    found = by_tag(machine("container").sensor("disk").read(), "path")
    assert found.keys() == {"/", "/data"}


def test_root_stays_even_if_its_type_is_ignored(machine: MACHINE) -> None:
    sensor = machine("vm").sensor("disk", ignore_fs=["ext4", "vfat"])
    assert by_tag(sensor.read(), "path").keys() == {"/", "/srv/my data"}


def test_a_filesystem_that_cannot_be_asked_costs_only_itself(machine: MACHINE) -> None:
    one = machine("vm")
    one.change("proc/mounts", "/srv/my\\040data", "/gone")
    assert by_tag(one.sensor("disk").read(), "path").keys() == {"/", "/boot/efi"}


def test_a_mount_that_hides_another_is_the_one_reported() -> None:
    mounts = parse_mounts(b"/dev/a /mnt ext4 rw 0 0\n/dev/b /mnt xfs ro 0 0\n")
    assert [m.device for m in mounts] == ["/dev/a", "/dev/b"]


def test_mount_points_with_blanks_and_bytes_that_are_no_text() -> None:
    line = rb"/dev/a /mnt/a\040b\134c\012d ext4 rw 0 0" + b"\n/dev/\xff /\xfe ext4 rw 0 0\n"
    first, second = parse_mounts(line)
    assert first.path == "/mnt/a b\\c\nd"
    assert second.path == "/\ufffd"


def test_a_disk_plugged_in_has_rates_from_its_second_sample(machine: MACHINE) -> None:
    one = machine("arm-board")
    sensor = one.sensor("diskio")
    assert "sda" not in by_tag(sensor.read(), "name")
    one.later()
    found = by_tag(sensor.read(), "name")
    assert found["sda"]["reads"] == 120
    assert "io_util" not in found["sda"]
    one.step()
    assert "io_util" in by_tag(sensor.read(), "name")["sda"]
    one.change("proc/diskstats", "sda", "loop9")
    assert "sda" not in by_tag(sensor.read(), "name")


@pytest.mark.parametrize(
    ("old", "new"), [("30112", "3"), ("18220", "5"), ("60332", "7"), ("102331", "9")]
)
def test_a_disk_counter_that_restarts_gives_no_rates(old: str, new: str, machine: MACHINE) -> None:
    one = machine("vm")
    sensor = one.sensor("diskio")
    sensor.read()
    one.step()
    one.change("proc/diskstats", f" {old} ", f" {new} ")
    fields = by_tag(sensor.read(), "name")["vda"]
    assert not {"io_util", "io_await", "io_svctm"} & fields.keys()


def test_a_busy_disk_is_never_more_than_busy(machine: MACHINE) -> None:
    one = machine("vm")
    sensor = one.sensor("diskio")
    sensor.read()
    one.step()
    one.change("proc/diskstats", " 60332 ", " 70400 ")
    assert by_tag(sensor.read(), "name")["vda"]["io_util"] == 100.0


def test_a_clock_that_stands_or_jumps_back_gives_no_rates(machine: MACHINE) -> None:
    one = machine("vm")
    sensor = one.sensor("diskio")
    sensor.read()
    assert "io_util" not in by_tag(sensor.read(), "name")["vda"]
    one.step(-60)
    assert "io_util" not in by_tag(sensor.read(), "name")["vda"]


def test_diskstats_with_more_or_fewer_columns() -> None:
    eleven = b"   8  0 sda 1 2 3 4 5 6 7 8 9 10 11\n"
    assert parse_diskstats(eleven) == parse_diskstats(eleven[:-1] + b" 12 13 14 15 16 17\n")
    with pytest.raises(ValueError, match="sda has 7 columns"):
        parse_diskstats(b"   8  0 sda 1 2 3 4\n")


def test_a_device_named_with_a_slash_is_found_in_sysfs(machine: MACHINE) -> None:
    one = machine("vm")
    one.change("proc/diskstats", " vdb ", " cciss/c0d0 ")
    one.write("sys/block/cciss!c0d0/ro", "0\n")
    assert "cciss/c0d0" in by_tag(one.sensor("diskio").read(), "name")


# net, processes, kernel, pressure


def test_an_interface_that_comes_and_goes(machine: MACHINE) -> None:
    one = machine("vm")
    sensor = one.sensor("net")
    assert by_tag(sensor.read(), "interface").keys() == {"ens3", "all"}
    old = (one.root / "proc/net/dev").read_text()
    one.write("proc/net/dev", old + "  wg0: 1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0\n")
    one.write("sys/class/net/wg0/flags", "0x1091\n")
    assert by_tag(sensor.read(), "interface").keys() == {"ens3", "wg0", "all"}
    one.write("proc/net/dev", old)
    assert by_tag(sensor.read(), "interface").keys() == {"ens3", "all"}


def test_an_interface_that_is_down_and_one_of_a_container_are_left_out(machine: MACHINE) -> None:
    one = machine("vm")
    line = "veth0a1: 1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0\n"
    one.write("proc/net/dev", (one.root / "proc/net/dev").read_text() + line)
    one.write("sys/class/net/veth0a1/flags", "0x1003\n")
    assert by_tag(one.sensor("net").read(), "interface").keys() == {"ens3", "all"}
    assert "veth0a1" in by_tag(one.sensor("net", ignore=[]).read(), "interface")
    one.write("sys/class/net/ens3/flags", "0x1002\n")
    assert by_tag(one.sensor("net").read(), "interface").keys() == {"all"}


def test_an_idle_interface_that_is_down_is_seen_as_soon_as_it_has_traffic(
    machine: MACHINE,
) -> None:
    one = machine("vm")
    old = (one.root / "proc/net/dev").read_text()
    one.write("proc/net/dev", old + "  wg0: 1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0\n")
    one.write("sys/class/net/wg0/flags", "0x1090\n")
    sensor = one.sensor("net")
    assert "wg0" not in by_tag(sensor.read(), "interface")
    one.write("sys/class/net/wg0/flags", "0x1091\n")
    assert "wg0" not in by_tag(sensor.read(), "interface")
    one.write("proc/net/dev", old + "  wg0: 9 3 0 0 0 0 0 0 3 4 0 0 0 0 0 0\n")
    assert by_tag(sensor.read(), "interface")["wg0"]["bytes_recv"] == 9
    one.write("sys/class/net/wg0/flags", "0x1090\n")
    one.step(61)
    assert "wg0" not in by_tag(sensor.read(), "interface")


def test_a_speed_is_asked_every_five_minutes_and_when_an_interface_comes_up(
    machine: MACHINE,
) -> None:
    one = machine("vm")
    sensor = one.sensor("net")

    def speed() -> object:
        return by_tag(sensor.read(), "interface")["ens3"]["speed"]

    one.write("sys/class/net/ens3/speed", "1000\n")
    assert speed() == 1000
    one.write("sys/class/net/ens3/speed", "100\n")
    one.step(299)
    assert speed() == 1000
    one.step(61)
    assert speed() == 100
    one.write("sys/class/net/ens3/flags", "0x1002\n")
    one.step(61)
    assert "ens3" not in by_tag(sensor.read(), "interface")
    one.write("sys/class/net/ens3/flags", "0x1003\n")
    one.write("sys/class/net/ens3/speed", "10\n")
    one.step(61)
    assert speed() == 10


def test_with_very_many_connections_nobody_lists_them(machine: MACHINE) -> None:
    one = machine("server")
    (metric,) = one.sensor("tcp_states").read()
    assert metric.name == "netstat"
    assert metric.fields["tcp_listen"] == 3
    assert metric.fields["tcp_close_wait"] == 1
    with pytest.raises(SensorAbsentError, match="more than 50 TCP sockets"):
        one.sensor("tcp_states", most=50).read()


def test_the_busiest_interrupts_are_kept_and_the_idle_never(machine: MACHINE) -> None:
    one = machine("server")
    lines = by_tag(one.sensor("interrupts", top=3).read(), "irq")
    assert lines.keys() == {"131", "130", "LOC"}
    assert lines["LOC"]["total"] == 902114321 + 901223112 + 900112233 + 899001122
    (busy,) = one.sensor("interrupts", top=1).read()
    assert busy.tags == {"irq": "LOC", "type": "Local timer interrupts"}
    assert "ERR" not in by_tag(one.sensor("interrupts").read(), "irq")


def test_net_dev_with_numbers_against_the_colon_and_cut_short() -> None:
    head = b"a\nb\n"
    row = parse_net_dev(head + b"eth0:4294967295 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n")["eth0"]
    assert (row["bytes_recv"], row["bytes_sent"], row["drop_out"]) == (4294967295, 9, 12)
    alias = parse_net_dev(head + b"eth0:1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n")
    assert alias.keys() == {"eth0:1"}
    with pytest.raises(ValueError, match="eth0 has 3 columns"):
        parse_net_dev(head + b"eth0: 1 2 3\n")


def test_processes_that_end_while_they_are_counted(machine: MACHINE) -> None:
    one = machine("vm")
    (one.root / "proc/412/stat").unlink()
    assert one.sensor("processes").read()[0].fields["total"] == 2


def test_processes_that_are_hidden_from_this_user(
    machine: MACHINE, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = machine("vm")
    really = os.open

    def guarded(path: str, flags: int) -> int:
        if path.endswith("proc/1/stat"):
            raise PermissionError(1, "Operation not permitted", path)
        return really(path, flags)

    monkeypatch.setattr(os, "open", guarded)
    assert one.sensor("processes").read()[0].fields["total"] == 2


def test_a_command_may_hold_anything() -> None:
    rest = b" S 1 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 3 0 8204\n"
    assert parse_stat(b"7 (a) Z (b\n) R)" + rest) == ("sleeping", 3)
    assert parse_stat(b"7 (a)" + rest.replace(b" S", b" ?"))[0] == "unknown"
    with pytest.raises(ValueError, match="cut short"):
        parse_stat(b"7 (a) S 1 2")


def test_a_kernel_without_entropy_still_counts(machine: MACHINE) -> None:
    one = machine("vm")
    (one.root / "proc/sys/kernel/random/entropy_avail").unlink()
    assert one.sensor("kernel").read()[0].fields.keys() == {
        "interrupts",
        "context_switches",
        "boot_time",
        "processes_forked",
    }


@pytest.mark.parametrize(("pool", "seen"), [(4096, [256, 90, 90]), (256, [256, 256, 90])])
def test_entropy_that_cannot_fall_is_asked_once_a_minute(
    pool: int, seen: list[int], machine: MACHINE
) -> None:
    one = machine("vm")
    one.write("proc/sys/kernel/random/poolsize", f"{pool}\n")
    sensor = one.sensor("kernel")
    found = [sensor.read()[0].fields["entropy_avail"]]
    one.write("proc/sys/kernel/random/entropy_avail", "90\n")
    for _ in range(2):
        one.step(30)
        found.append(sensor.read()[0].fields["entropy_avail"])
    assert found == seen


def test_a_kernel_without_pressure_is_silent(machine: MACHINE) -> None:
    with pytest.raises(SensorAbsentError):
        machine("arm-board").sensor("pressure").read()


def test_pressure_of_cpu_in_full_is_left_out(machine: MACHINE) -> None:
    found = machine("vm").sensor("pressure").read()
    assert [(m.tags["resource"], m.tags["type"]) for m in found] == [
        ("cpu", "some"),
        ("memory", "some"),
        ("memory", "full"),
        ("io", "some"),
        ("io", "full"),
    ]
