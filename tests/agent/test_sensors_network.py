"""Sockets, TCP counters, connection tracking, bonds, links, Wi-Fi: the awkward cases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hosts.machine import Machine

from muster_agent.sensors import SensorAbsentError
from muster_agent.sensors.bond import parse_bonding
from muster_agent.sensors.ethtool import Traffic, use
from muster_agent.sensors.netstat import parse_established, parse_sockstat
from muster_agent.sensors.nstat import parse_wanted
from muster_agent.sensors.softnet import parse_softnet
from muster_agent.sensors.wireless import parse_wireless
from muster_wire.messages import Value

MACHINE = Callable[[str], Machine]


def of(machine: Machine, sensor: str, interface: str) -> dict[str, Value]:
    found = machine.sensor(sensor).read()
    return next(m.fields for m in found if m.tags.get("interface") == interface)


@pytest.mark.parametrize(
    ("name", "sensor"),
    [
        ("vm", "bond"),
        ("vm", "conntrack"),
        ("vm", "wireless"),
        ("container", "ethtool"),
        ("container", "temp"),
        ("container", "sensors"),
        ("arm-board", "mdstat"),
    ],
)
def test_what_a_machine_has_not_got_is_absent(name: str, sensor: str, machine: MACHINE) -> None:
    with pytest.raises(SensorAbsentError):
        machine(name).sensor(sensor).read()


def test_wireless_head_lines_without_an_interface_are_absent(machine: MACHINE) -> None:
    one = machine("arm-board")
    head = (one.root / "proc/net/wireless").read_text().splitlines()[:2]
    one.write("proc/net/wireless", "\n".join(head) + "\n")
    with pytest.raises(SensorAbsentError):
        one.sensor("wireless").read()


def test_sockets_of_a_kernel_without_ipv6(machine: MACHINE) -> None:
    assert machine("container").sensor("netstat").read()[0].fields["udp_socket"] == 9
    assert machine("vm").sensor("netstat").read()[0].fields["udp_socket"] == 16


def test_socket_counts_cut_short() -> None:
    with pytest.raises(ValueError, match="neither"):
        parse_sockstat(b"sockets: used 1\n")
    with pytest.raises(KeyError):
        parse_sockstat(b"TCP: inuse 1\n")
    with pytest.raises(ValueError, match="zip"):
        parse_sockstat(b"TCP: inuse 1 orphan\n")
    with pytest.raises(ValueError, match="unpack"):
        parse_established(b"Tcp: CurrEstab\n")


def test_counters_whose_order_changes_are_found_by_name() -> None:
    one = parse_wanted(b"Tcp: RetransSegs InSegs\nTcp: 7 9\n")
    two = parse_wanted(b"Tcp: InSegs New RetransSegs\nTcp: 9 1 7\n")
    assert one == two == {"TcpRetransSegs": 7, "TcpInSegs": 9}


def test_counters_out_of_step_are_refused() -> None:
    with pytest.raises(ValueError, match="below"):
        parse_wanted(b"Tcp: InSegs\nUdp: 9\n")
    with pytest.raises(ValueError, match="shorter"):
        parse_wanted(b"Tcp: InSegs\n")
    with pytest.raises(IndexError):
        parse_wanted(b"Tcp: RetransSegs InSegs\nTcp: 7\n")


def test_a_negative_number_is_taken_as_it_is() -> None:
    assert parse_wanted(b"Tcp: MaxConn InSegs\nTcp: -1 5\n") == {"TcpInSegs": 5}


def test_softnet_of_old_kernels_has_fewer_columns() -> None:
    assert parse_softnet(b"0000000a 00000001 00000002\nffffffff 00000000 00000000\n") == {
        "processed": 10 + 0xFFFFFFFF,
        "dropped": 1,
        "time_squeeze": 2,
    }
    with pytest.raises(IndexError):
        parse_softnet(b"0000000a\n")


def test_a_bond_without_members() -> None:
    sections = parse_bonding(b"Bonding Mode: x\nMII Status: down\n")
    assert sections == [{"Bonding Mode": "x", "MII Status": "down"}]
    with pytest.raises(KeyError):
        parse_bonding(b"MII Status: up\nSlave Interface: eth0\nMII Status: up\n")


def test_a_bond_made_later_is_reported(machine: MACHINE) -> None:
    one = machine("vm")
    sensor = one.sensor("bond")
    one.write("proc/net/bonding/bond7", "MII Status: down\n")
    assert [(m.name, m.fields) for m in sensor.read()] == [
        ("bond", {"status": 0}),
        ("bond_slave", {"count": 0}),
    ]


def test_link_of_an_interface_that_is_switched_off(machine: MACHINE) -> None:
    """The kernel answers EINVAL for carrier and speed of such an interface."""
    one = machine("router")
    for name in ("carrier", "speed"):
        (one.root / f"sys/class/net/lan5/{name}").unlink()
    fields = of(one, "ethtool", "lan5")
    assert (fields["interface_up"], fields["link"], fields["speed"]) == (0, 0, -1)
    assert "duplex" not in fields


@pytest.mark.parametrize(
    ("last", "now", "speed"),
    [
        (None, Traffic(10, 100, 100), 1000),
        (Traffic(0, 100, 100), Traffic(10, 99, 100), 1000),
        (Traffic(0, 100, 100), Traffic(10, 100, 99), 1000),
        (Traffic(10, 100, 100), Traffic(10, 200, 200), 1000),
        (Traffic(20, 100, 100), Traffic(10, 200, 200), 1000),
        (Traffic(0, 100, 100), Traffic(10, 200, 200), -1),
        (Traffic(0, -1, -1), Traffic(10, -1, -1), 1000),
    ],
)
def test_link_use_that_cannot_be_known(last: Traffic | None, now: Traffic, speed: int) -> None:
    assert use(last, now, speed) == {}


def test_link_use_by_hand() -> None:
    # 125 MB in 10 s on 1 Gbit/s is a tenth of what it can carry.
    found = use(Traffic(0, 0, 0), Traffic(10, 125_000_000, 1_250_000_001), 1000)
    assert found == {"use_in": 10.0, "use_out": 100.0}


def test_wireless_rows() -> None:
    head = b"Inter-| sta-|\n face | tus |\n"
    found = parse_wireless(head + b" wlan0: 0000   61.  -49.  -256  0  1  2  3  4  5\n")
    assert found[0].tags == {"interface": "wlan0"}
    assert found[0].fields["level"] == -49
    assert found[0].fields["beacon"] == 5
    with pytest.raises(ValueError, match="zip"):
        parse_wireless(head + b" wlan0: 0000   61.\n")
