"""On this machine the sensors agree with psutil, an independent reader of the same kernel.

Gauges move between the two readings, so memory may differ by 5 % of the total; counters may only
grow between a reading of ours before and one after psutil's.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from muster_agent.host import Host
from muster_agent.sensors import SENSORS, SensorAbsentError, load
from muster_wire.messages import Metric, Value

SEARCH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
MEMORY_TOLERANCE = 0.05
PROGRAMS = {"chrony", "modem", "nvidia_smi", "smart", "systemd_units", "updates"}
"""Sensors with a descriptor open while their program runs."""
CPU_TICK = 0.01
"""Seconds; what /proc/stat counts in."""


@pytest.fixture
def host() -> Iterator[Host]:
    one = Host()
    yield one
    one.close()


def read(host: Host, name: str) -> list[Metric]:
    try:
        return load(host, [name])[0].read()
    except SensorAbsentError as error:
        pytest.skip(f"this machine has no {name}: {error}")


def number(value: Value) -> float:
    assert isinstance(value, (int, float))
    return value


def test_memory(host: Host) -> None:
    ours, theirs = read(host, "mem")[0].fields, psutil.virtual_memory()
    assert ours["total"] == theirs.total
    names = {
        "available": "available",
        "used": "used",
        "free": "free",
        "cached": "cached",
        "buffered": "buffers",
        "active": "active",
        "inactive": "inactive",
        "shared": "shared",
        "slab": "slab",
    }
    for field, name in names.items():
        expected = getattr(theirs, name)
        assert number(ours[field]) == pytest.approx(
            expected, abs=MEMORY_TOLERANCE * theirs.total
        ), field
    assert number(ours["used_percent"]) == pytest.approx(theirs.percent, abs=5)


def test_swap(host: Host) -> None:
    theirs = psutil.swap_memory()
    ours = read(host, "swap")[0].fields
    assert ours["total"] == theirs.total
    assert number(ours["used"]) == pytest.approx(theirs.used, abs=0.05 * max(1, theirs.total))
    assert number(ours["in"]) >= theirs.sin
    assert number(ours["out"]) >= theirs.sout


def test_cpu_time(host: Host) -> None:
    """Percentages over a span equal psutil's times over a span that holds it, to a few ticks."""
    first = psutil.cpu_times()
    sensor = load(host, ["cpu"])[0]
    while sum(psutil.cpu_times()) - sum(first) < 0.5:
        sum(range(20_000))
    ours = sensor.read()[0].fields
    last = psutil.cpu_times()
    total = sum(last[:8]) - sum(first[:8])
    slack = 100 * 6 * CPU_TICK / total
    for field in ("user", "system", "idle", "nice", "steal"):
        expected = 100 * (getattr(last, field) - getattr(first, field)) / total
        assert number(ours[f"usage_{field}"]) == pytest.approx(expected, abs=slack), field


def test_system(host: Host) -> None:
    ours = read(host, "system")[0].fields
    assert ours["load15"] == pytest.approx(os.getloadavg()[2], abs=0.2)
    assert ours["n_cpus"] == psutil.cpu_count()
    if cores := psutil.cpu_count(logical=False):
        assert ours["n_physical_cpus"] == cores
    if Path("/run/utmp").exists():
        assert ours["n_users"] == len(psutil.users())
    kernel = read(host, "kernel")[0].fields
    assert kernel["boot_time"] == pytest.approx(psutil.boot_time(), abs=1)


def test_kernel_counters(host: Host) -> None:
    before = read(host, "kernel")[0].fields
    theirs = psutil.cpu_stats()
    after = read(host, "kernel")[0].fields
    assert number(before["interrupts"]) <= theirs.interrupts <= number(after["interrupts"])
    switches = (before["context_switches"], after["context_switches"])
    assert number(switches[0]) <= theirs.ctx_switches <= number(switches[1])


def test_disks(host: Host) -> None:
    partitions = {p.mountpoint: p for p in psutil.disk_partitions(all=True)}
    for metric in read(host, "disk"):
        path = metric.tags["path"]
        theirs = psutil.disk_usage(path)
        assert metric.tags["fstype"] == partitions[path].fstype
        assert metric.fields["total"] == theirs.total
        for field in ("used", "free"):
            expected = getattr(theirs, field)
            assert number(metric.fields[field]) == pytest.approx(expected, abs=0.05 * theirs.total)
        inodes = os.statvfs(path)
        assert metric.fields["inodes_total"] == inodes.f_files


def test_disk_traffic(host: Host) -> None:
    before = {m.tags["name"]: m.fields for m in read(host, "diskio")}
    theirs = psutil.disk_io_counters(perdisk=True)
    after = {m.tags["name"]: m.fields for m in read(host, "diskio")}
    names = {
        "reads": "read_count",
        "writes": "write_count",
        "read_bytes": "read_bytes",
        "write_bytes": "write_bytes",
        "read_time": "read_time",
        "write_time": "write_time",
        "io_time": "busy_time",
        "merged_reads": "read_merged_count",
    }
    assert before.keys() & theirs.keys()
    for disk in before.keys() & theirs.keys():
        for field, name in names.items():
            expected = getattr(theirs[disk], name)
            low, high = number(before[disk][field]), number(after[disk][field])
            assert low <= expected <= high, (disk, field)


def test_interfaces(host: Host) -> None:
    before = {m.tags["interface"]: m.fields for m in read(host, "net")}
    theirs = psutil.net_io_counters(pernic=True)
    after = {m.tags["interface"]: m.fields for m in read(host, "net")}
    names = {
        "bytes_sent": "bytes_sent",
        "bytes_recv": "bytes_recv",
        "packets_sent": "packets_sent",
        "packets_recv": "packets_recv",
        "err_in": "errin",
        "err_out": "errout",
        "drop_in": "dropin",
        "drop_out": "dropout",
    }
    up = {name for name, stats in psutil.net_if_stats().items() if stats.isup}
    before.pop("all", None)  # no interface: protocols, as Telegraf names them
    assert before.keys() == up - {"lo"} - {n for n in up if n.startswith(("veth", "cali", "lxc"))}
    for interface, fields in before.items():
        for field, name in names.items():
            expected = getattr(theirs[interface], name)
            low, high = number(fields[field]), number(after[interface][field])
            assert low <= expected <= high, (interface, field)


def test_processes(host: Host) -> None:
    ours = read(host, "processes")[0].fields
    others = max(10, len(psutil.pids()) // 5)
    assert number(ours["total"]) == pytest.approx(len(psutil.pids()), abs=others)
    states = [v for k, v in ours.items() if k not in ("total", "total_threads")]
    assert sum(map(number, states)) == ours["total"]
    assert number(ours["total_threads"]) >= number(ours["total"])


def test_protocol_counters(host: Host) -> None:
    """All thirty, between a reading before and one after that of iproute2's nstat."""
    program = shutil.which("nstat", path=SEARCH)
    if program is None:
        pytest.skip("iproute2's nstat is not installed")
    before = {field: value for m in read(host, "nstat") for field, value in m.fields.items()}
    text = subprocess.run(
        [program, "-a", "-s", "-z"], capture_output=True, check=True, text=True
    ).stdout
    after = {field: value for m in read(host, "nstat") for field, value in m.fields.items()}
    theirs = {
        line.split()[0]: int(line.split()[1])
        for line in text.splitlines()
        if not line.startswith("#")
    }
    assert len(before) >= 25
    for field, value in before.items():
        assert number(value) <= theirs[field] <= number(after[field]), field


def test_sockets_and_files(host: Host) -> None:
    """A hundred sockets and files that this test opens are counted, whatever others do."""
    before, files = read(host, "netstat")[0].fields, read(host, "linux_sysctl_fs")[0].fields
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(100)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    after, more = read(host, "netstat")[0].fields, read(host, "linux_sysctl_fs")[0].fields
    for one in sockets:
        one.close()
    assert number(after["udp_socket"]) - number(before["udp_socket"]) == pytest.approx(100, abs=20)
    # The kernel counts files per CPU and adds them up now and then.
    assert number(more["file-nr"]) >= number(files["file-nr"]) - 200
    assert more["file-max"] == int(Path("/proc/sys/fs/file-max").read_text())


def test_connections(host: Host) -> None:
    """Other tests open and close connections meanwhile, so one quiet moment of many is enough."""
    seen = []
    for _ in range(100):
        before = number(read(host, "netstat")[0].fields["tcp_established"])
        states = [c.status for c in psutil.net_connections("tcp")]
        after = number(read(host, "netstat")[0].fields["tcp_established"])
        established = states.count("ESTABLISHED") + states.count("CLOSE_WAIT")
        seen.append((before, established, after))
        if min(before, after) - 5 <= established <= max(before, after) + 5:
            return
    pytest.fail(f"never alike: {seen[-5:]}")


def test_paging_and_kills(host: Host) -> None:
    before = read(host, "kernel_vmstat")[0].fields
    rows = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
    after = read(host, "kernel_vmstat")[0].fields
    assert {"pgfault", "pgmajfault"} <= before.keys()
    for field, value in before.items():
        assert number(value) <= int(rows[field]) <= number(after[field])


def test_top_processes_hold_this_one(host: Host) -> None:
    found = load(host, ["procstat"], {"procstat": {"top": 10_000}})[0].read()
    own = psutil.Process()
    ours = next(m.fields for m in found if m.tags["process_name"] == own.name()[:15])
    assert number(ours["memory_rss"]) >= own.memory_info().rss * 0.9
    assert number(ours["num_threads"]) >= 1


def test_no_descriptor_is_left_open_and_none_is_added_by_sampling() -> None:
    host = Host()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - pathlib would open one more
    sensors = load(host, [name for name in SENSORS if name not in PROGRAMS])
    counts = []
    for _ in range(3):
        for sensor in sensors:
            try:
                sensor.read()
            except SensorAbsentError:
                continue
        counts.append(len(os.listdir("/proc/self/fd")))  # noqa: PTH208 - the same
    assert counts[1] == counts[2]
    host.close()
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - the same
