"""Sensors against Prometheus' node_exporter on this machine, which reads the kernel in its own way.

A counter must lie between ours before and ours after; what stands and falls must be within a stated
tolerance of ours, which are read around it too.
"""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from muster_agent.host import Host
from muster_agent.sensors import SensorAbsentError, load
from muster_wire.messages import Metric
from servers import HttpServer, program

LINE = re.compile(r"(node_\w+)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
LEAST = 60
"""Metrics that must have been compared, whatever this machine is."""
SENSORS = (
    "mem", "system", "kernel", "linux_sysctl_fs", "conntrack", "nstat", "netstat", "diskio", "net",
    "disk", "pressure", "softnet", "kernel_vmstat", "timex", "swap",
)  # fmt: skip


class NodeExporter(HttpServer):
    """The Debian package's program."""

    ready_path = "/metrics"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.program = program("prometheus-node-exporter")

    def command(self) -> list[str]:
        return [
            self.program,
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--collector.netstat.fields=.*",
            "--collector.vmstat.fields=.*",
        ]


class Theirs(NamedTuple):
    """What stands for a field of ours: its name, how many of ours is one of it, the tolerance.

    A tolerance of None means a counter. An absolute one is in our unit.
    """

    name: str
    scale: float = 1.0
    within: float | None = None


def gauge(name: str, within: float, scale: float = 1.0) -> Theirs:
    return Theirs(name, scale, within)


MEMORY = 100_000_000.0
"""Bytes by which memory may differ while other tests run."""
SOCKETS = 30.0
FIELDS: dict[str, dict[str, Theirs]] = {
    "mem": {
        field: gauge(f"node_memory_{name}_bytes", MEMORY)
        for field, name in {
            "total": "MemTotal", "available": "MemAvailable", "free": "MemFree",
            "buffered": "Buffers", "active": "Active", "inactive": "Inactive", "shared": "Shmem",
            "mapped": "Mapped", "dirty": "Dirty", "write_back": "Writeback", "slab": "Slab",
            "sreclaimable": "SReclaimable", "sunreclaim": "SUnreclaim",
            "page_tables": "PageTables", "swap_cached": "SwapCached",
            "commit_limit": "CommitLimit", "committed_as": "Committed_AS",
            "swap_free": "SwapFree", "swap_total": "SwapTotal",
        }.items()
    },
    "swap": {"total": gauge("node_memory_SwapTotal_bytes", 0)},
    "system": {
        "load1": gauge("node_load1", 1), "load5": gauge("node_load5", 1),
        "load15": gauge("node_load15", 1),
    },
    "kernel": {
        "interrupts": Theirs("node_intr_total"),
        "context_switches": Theirs("node_context_switches_total"),
        "processes_forked": Theirs("node_forks_total"),
        "boot_time": gauge("node_boot_time_seconds", 1),
        "entropy_avail": gauge("node_entropy_available_bits", 4096),
    },
    "linux_sysctl_fs": {
        "file-nr": gauge("node_filefd_allocated", 2000),
        "file-max": gauge("node_filefd_maximum", 0),
    },
    "conntrack": {
        "nf_conntrack_count": gauge("node_nf_conntrack_entries", 1000),
        "nf_conntrack_max": gauge("node_nf_conntrack_entries_limit", 0),
    },
    "netstat": {
        "tcp_established": gauge("node_netstat_Tcp_CurrEstab", SOCKETS),
        "tcp_time_wait": gauge("node_sockstat_TCP_tw", 10 * SOCKETS),
        "tcp_orphan": gauge("node_sockstat_TCP_orphan", SOCKETS),
        "tcp_allocated": gauge("node_sockstat_TCP_alloc", 2 * SOCKETS),
    },
    "diskio": {
        "reads": Theirs("node_disk_reads_completed_total"),
        "merged_reads": Theirs("node_disk_reads_merged_total"),
        "read_bytes": Theirs("node_disk_read_bytes_total"),
        "read_time": Theirs("node_disk_read_time_seconds_total", 1000),
        "writes": Theirs("node_disk_writes_completed_total"),
        "merged_writes": Theirs("node_disk_writes_merged_total"),
        "write_bytes": Theirs("node_disk_written_bytes_total"),
        "write_time": Theirs("node_disk_write_time_seconds_total", 1000),
        "io_time": Theirs("node_disk_io_time_seconds_total", 1000),
        "weighted_io_time": Theirs("node_disk_io_time_weighted_seconds_total", 1000),
    },
    "net": {
        "bytes_recv": Theirs("node_network_receive_bytes_total"),
        "bytes_sent": Theirs("node_network_transmit_bytes_total"),
        "packets_recv": Theirs("node_network_receive_packets_total"),
        "packets_sent": Theirs("node_network_transmit_packets_total"),
        "err_in": Theirs("node_network_receive_errs_total"),
        "err_out": Theirs("node_network_transmit_errs_total"),
        "drop_in": Theirs("node_network_receive_drop_total"),
        "drop_out": Theirs("node_network_transmit_drop_total"),
    },
    "disk": {
        "total": gauge("node_filesystem_size_bytes", 0),
        "free": gauge("node_filesystem_avail_bytes", 1e9),
        "inodes_total": gauge("node_filesystem_files", 0),
        "inodes_free": gauge("node_filesystem_files_free", 50_000),
        "read_only": gauge("node_filesystem_readonly", 0),
    },
    "softnet": {
        "processed": Theirs("node_softnet_processed_total"),
        "dropped": Theirs("node_softnet_dropped_total"),
        "time_squeeze": Theirs("node_softnet_times_squeezed_total"),
    },
    "kernel_vmstat": {
        name: Theirs(f"node_vmstat_{name}")
        for name in ("oom_kill", "pgfault", "pgmajfault", "pgscan_direct")
    },
    "timex": {
        "offset_ns": gauge("node_timex_offset_seconds", 1e7, 1e9),
        "maxerror_ns": gauge("node_timex_maxerror_seconds", 1e8, 1e9),
        "estimated_error_ns": gauge("node_timex_estimated_error_seconds", 1e7, 1e9),
        "status": gauge("node_timex_status", 0),
        "synchronized": gauge("node_timex_sync_status", 0),
    },
}  # fmt: skip
TAGS = {"name": "device", "interface": "device", "path": "mountpoint"}
"""Our tag to their label."""


def pairs(metric: Metric) -> Iterator[tuple[str, Theirs]]:
    """The fields of a metric that node_exporter has too."""
    if metric.name == "nstat":
        for field in metric.fields:
            for protocol in ("TcpExt", "Tcp", "Udp", "Ip"):
                if field.startswith(protocol):
                    rest = field.removeprefix(protocol)
                    yield field, Theirs(f"node_netstat_{protocol}_{rest}")
                    break
    elif metric.name == "pressure":
        word = {"some": "waiting", "full": "stalled"}[metric.tags["type"]]
        name = f"node_pressure_{metric.tags['resource']}_{word}_seconds_total"
        yield "total", Theirs(name, 1e6)
    else:
        yield from FIELDS[metric.name].items()


def labels(metric: Metric) -> dict[str, str]:
    """What their labels must be for a metric of ours."""
    if metric.name in ("nstat", "pressure"):
        return {}
    return {TAGS[tag]: value for tag, value in metric.tags.items() if tag in TAGS}


def scrape(url: str) -> dict[str, list[tuple[dict[str, str], float]]]:
    """What node_exporter says, by name."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    with urllib.request.urlopen(url + "/metrics", timeout=20) as answer:
        for line in answer.read().decode().splitlines():
            if match := LINE.fullmatch(line):
                name, inside, value = match.groups()
                found.setdefault(name, []).append((dict(LABEL.findall(inside or "")), float(value)))
    return found


def ours(host: Host) -> dict[tuple[str, ...], Metric]:
    """One reading of the sensors that this machine has, by name and tags."""
    found: dict[tuple[str, ...], Metric] = {}
    for name in SENSORS:
        options = {"mem": {"all_fields": True}} if name == "mem" else {}
        try:
            metrics = load(host, [name], options)[0].read()
        except SensorAbsentError:
            continue
        found |= {(m.name, *sorted(m.tags.values())): m for m in metrics}
    return found


@pytest.fixture
def exporter(tmp_path: Path) -> Iterator[NodeExporter]:
    server = NodeExporter(tmp_path).start()
    yield server
    server.stop()


def test_values_are_node_exporter_s_on_this_machine(exporter: NodeExporter) -> None:
    host = Host()
    before = ours(host)
    theirs = scrape(exporter.url)
    after = ours(host)
    host.close()
    compared: list[str] = []
    wrong: list[str] = []
    for key, metric in before.items():
        if key not in after:
            continue  # a mount that has just gone
        wanted = labels(metric)
        for field, their in pairs(metric):
            values = [v for tags, v in theirs.get(their.name, []) if wanted.items() <= tags.items()]
            if field not in metric.fields or not values:
                continue
            value = sum(values) * their.scale
            low, high = float(metric.fields[field]), float(after[key].fields[field])
            if their.within is None:
                good = low - 1 <= value <= high + 1
            else:
                good = min(low, high) - their.within <= value <= max(low, high) + their.within
            compared.append(f"{metric.name}.{field}")
            if not good:
                wrong.append(f"{key} {field}: {low} .. {high}, node_exporter {their.name} {value}")
    assert wrong == []
    assert len(set(compared)) >= LEAST, sorted(set(compared))
