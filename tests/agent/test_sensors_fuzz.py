"""No text breaks a parser: it is understood, or refused with an error that costs only itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hosts.machine import HOSTS
from hypothesis import given, settings
from hypothesis import strategies as st

from muster_agent.host import parse_list
from muster_agent.logins import parse_session, parse_utmp
from muster_agent.sensors import (
    bond,
    chrony,
    conntrack,
    cpu,
    disk,
    diskio,
    interrupts,
    kernel,
    kernel_vmstat,
    linux_sysctl_fs,
    mdstat,
    mem,
    modem,
    net,
    netstat,
    nstat,
    nvidia_smi,
    pressure,
    processes,
    procstat,
    smart,
    softnet,
    swap,
    system,
    systemd_units,
    tcp_states,
    updates,
    wireless,
    x509_cert,
)

PROMISED = (ValueError, IndexError, KeyError)
"""What `Host.parse` turns into a failure of one sensor."""
PARSERS: dict[Callable[[bytes], Any], str] = {
    bond.parse_bonding: "server/proc/net/bonding/bond0",
    chrony.parse_tracking: "server/commands/chronyc",
    conntrack.parse_entries: "router/proc/sys/net/netfilter/nf_conntrack_count",
    cpu.parse_all: "vm/proc/stat",
    disk.parse_mounts: "vm/proc/mounts",
    diskio.parse_diskstats: "vm/proc/diskstats",
    interrupts.parse_interrupts: "server/proc/interrupts",
    kernel.parse_stat: "vm/proc/stat",
    kernel_vmstat.parse_vmstat: "vm/proc/vmstat",
    linux_sysctl_fs.parse_file_nr: "vm/proc/sys/fs/file-nr",
    mdstat.parse_mdstat: "server/proc/mdstat",
    mem.parse_meminfo: "vm/proc/meminfo",
    modem.parse_list: "arm-board/commands/mmcli-L",
    modem.parse_modem: "arm-board/commands/mmcli_org_freedesktop_ModemManager1_Modem_0",
    modem.parse_signal: "arm-board/commands/mmcli--signal-get",
    net.parse_net_dev: "vm/proc/net/dev",
    net.parse_protocols: "vm/proc/net/snmp",
    netstat.parse_established: "vm/proc/net/snmp",
    netstat.parse_sockstat: "vm/proc/net/sockstat",
    nstat.parse_wanted: "vm/proc/net/snmp",
    nstat.parse_wanted6: "vm/proc/net/snmp6",
    nvidia_smi.parse_gpus: "server/commands/nvidia-smi",
    parse_list: "vm/sys/devices/system/cpu/online",
    parse_session: "vm/sys/devices/system/cpu/online",
    parse_utmp: "vm/run/utmp",
    pressure.parse_pressure: "vm/proc/pressure/io",
    processes.parse_stat: "vm/proc/412/stat",
    procstat.parse_use: "vm/proc/412/stat",
    lambda data: smart.parse_smart("sda", data): "server/commands/smartctl_dev_sda",
    softnet.parse_softnet: "vm/proc/net/softnet_stat",
    swap.parse_space: "vm/proc/meminfo",
    swap.parse_traffic: "vm/proc/vmstat",
    system.parse_loadavg: "vm/proc/loadavg",
    system.parse_uptime: "vm/proc/uptime",
    systemd_units.parse_units: "server/commands/systemctl",
    tcp_states.parse_states: "server/proc/net/tcp",
    updates.parse_check_update: "rocky/commands/dnf",
    updates.parse_upgrade: "server/commands/apt-get",
    wireless.parse_wireless: "arm-board/proc/net/wireless",
    x509_cert.parse_certificate: "server/etc/ssl/late.pem",
}
TOKENS = [
    b"",
    b" ",
    b"\n",
    b":",
    b"-1",
    b"nan",
    b"inf",
    b"1e999",
    b"0x1f",
    b"\xff",
    b"9" * 400,
    b"9" * 5000,
]


@st.composite
def edits(draw: st.DrawFn) -> list[tuple[float, float, bytes]]:
    """Places (as parts of the whole) to cut out of a text, and what to put there."""
    place = st.floats(0, 1)
    token = st.sampled_from(TOKENS) | st.binary(max_size=6)
    return draw(st.lists(st.tuples(place, st.floats(0, 0.2), token), max_size=4))


def edit(data: bytes, changes: Iterable[tuple[float, float, bytes]]) -> bytes:
    for at, length, token in changes:
        start = int(at * len(data))
        data = data[:start] + token + data[start + int(length * len(data)) :]
    return data


def numbers(value: object) -> Iterable[float]:
    """Every float anywhere in a result."""
    if isinstance(value, float):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from numbers(one)
    elif is_dataclass(value):
        for field in fields(value):
            yield from numbers(getattr(value, field.name))
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from numbers(one)


def name(parser: Callable[[bytes], Any]) -> str:
    return f"{parser.__module__.rpartition('.')[2]}.{parser.__name__}"


@pytest.mark.parametrize("parser", PARSERS, ids=name)
@settings(max_examples=60)
@given(changes=edits(), noise=st.binary(max_size=40))
def test_a_parser_understands_or_refuses(
    parser: Callable[[bytes], Any], changes: list[tuple[float, float, bytes]], noise: bytes
) -> None:
    seed = (HOSTS / PARSERS[parser]).read_bytes()
    for data in (edit(seed, changes), noise):
        try:
            result = parser(data)
        except PROMISED:
            continue
        assert all(math.isfinite(number) for number in numbers(result))


@pytest.mark.parametrize("parser", PARSERS, ids=name)
def test_a_parser_understands_its_fixture(parser: Callable[[bytes], Any]) -> None:
    assert parser((HOSTS / PARSERS[parser]).read_bytes()) is not None
