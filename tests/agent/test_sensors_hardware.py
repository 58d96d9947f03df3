"""Thermometers, fans, RAID, paths to disks, modems: what sleeps, lies, comes and goes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hosts.machine import Machine

from muster_agent.sensors import SensorAbsentError
from muster_agent.sensors.mdstat import parse_mdstat
from muster_agent.sensors.modem import parse_modem, parse_signal
from muster_agent.sensors.program import Program
from muster_agent.sensors.sensors import chip_name

MACHINE = Callable[[str], Machine]


def test_a_thermometer_that_lies_or_sleeps_costs_only_itself(machine: MACHINE) -> None:
    one = machine("server")
    (one.root / "sys/class/hwmon/hwmon0/temp2_input").unlink()
    found = {(m.tags["sensor"], m.tags["device"]) for m in one.sensor("temp").read()}
    assert found == {
        ("coretemp_package_id_0", "coretemp.0"),
        ("coretemp_package_id_1", "coretemp.1"),
        ("nvme_composite", "nvme0"),
    }


def test_hardware_monitors_come_before_thermal_zones(machine: MACHINE) -> None:
    board, router = machine("arm-board"), machine("router")
    assert [m.tags["sensor"] for m in board.sensor("temp").read()] == ["cpu_thermal"]
    assert [m.tags["sensor"] for m in router.sensor("temp").read()] == ["cpu-thermal"]


def test_a_thermometer_plugged_in_is_found_in_ten_minutes(machine: MACHINE) -> None:
    one = machine("arm-board")
    sensor = one.sensor("temp")
    assert len(sensor.read()) == 1
    one.write("sys/class/hwmon/hwmon9/name", "drivetemp\n")
    one.write("sys/class/hwmon/hwmon9/temp1_input", "31000\n")
    assert len(sensor.read()) == 1
    one.step(600)
    assert {m.tags["sensor"]: m.fields["temp"] for m in sensor.read()} == {
        "cpu_thermal": 48.312,
        "drivetemp": 31.0,
    }


@pytest.mark.parametrize(
    ("device", "chip"),
    [
        ("0000:00:18.3", "x-pci-00c3"),
        ("0000:03:00.0", "x-pci-0300"),
        ("4-0058", "x-i2c-4-58"),
        ("nct6775.656", "x-isa-0290"),
        ("thinkpad_hwmon", "x-isa-0000"),
        ("ACPI000D:00", "x-acpi-0"),
        ("PNP0C0A:00", "x-acpi-0"),
        ("", "x-virtual-0"),
    ],
)
def test_chips_have_the_names_of_lm_sensors(device: str, chip: str) -> None:
    assert chip_name("x", device) == chip


def mdstat(head: str, *rest: str) -> bytes:
    lines = ["Personalities : [raid1]", head, *(f"      {line}" for line in rest), "", "unused:"]
    return "\n".join(lines).encode()


def test_an_array_that_waits_for_its_turn() -> None:
    data = mdstat(
        "md3 : active (auto-read-only) raid1 sdb3[1] sda3[0]",
        "976630464 blocks super 1.2 [2/2] [UU]",
        "  resync=PENDING",
    )
    (found,) = parse_mdstat(data)
    assert found.tags["ActivityState"] == "resyncing"
    assert (found.fields["BlocksSynced"], found.fields["DisksActive"]) == (0, 2)


@pytest.mark.parametrize(
    ("word", "state"), [("check", "checking"), ("resync", "resyncing"), ("reshape", "reshaping")]
)
def test_an_array_at_work(word: str, state: str) -> None:
    data = mdstat(
        "md3 : active raid1 sdb3[1] sda3[0]",
        "976630464 blocks super 1.2 [2/1] [U_]",
        f"[>....]  {word} =  0.3% (3120331/976630464) finish=77.9min speed=208022K/sec",
    )
    (found,) = parse_mdstat(data)
    assert found.tags["ActivityState"] == state
    assert found.fields["DisksDown"] == 1
    assert found.fields["BlocksSynced"] == 3120331
    assert found.fields["BlocksSyncedSpeed"] == 208022.0


def test_an_array_without_redundancy_has_all_its_members() -> None:
    data = mdstat("md2 : active raid0 sdb[1] sda[0]", "1048576 blocks super 1.2 512k chunks")
    (found,) = parse_mdstat(data)
    assert (found.fields["DisksTotal"], found.fields["DisksDown"]) == (2, 0)


@pytest.mark.parametrize(
    "data",
    [
        mdstat("md0 : active raid1 sda[0]"),
        mdstat("md0 : active raid1 sda[0]", "12 blocks super 1.2"),
        mdstat("md0 : active", "no blocks at all"),
    ],
)
def test_an_array_described_in_part_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="md0"):
        parse_mdstat(data)


def test_a_kernel_with_raid_and_no_array_is_absent(machine: MACHINE) -> None:
    one = machine("vm")
    one.write("proc/mdstat", "Personalities : [raid1] [linear]\nunused devices: <none>\n")
    with pytest.raises(SensorAbsentError):
        one.sensor("mdstat").read()


def test_a_path_that_has_gone_is_seen(machine: MACHINE) -> None:
    one = machine("rocky")
    sensor = one.sensor("multipath")
    one.write("sys/block/dm-0/slaves/sdb/device/state", "blocked\n")
    (one.root / "sys/class/nvme-subsystem/nvme-subsys1/nvme1/state").unlink()
    fields = {m.tags["name"]: m.fields for m in sensor.read()}
    assert fields == {
        "mpatha": {"paths": 2, "paths_active": 0, "paths_failed": 2},
        "nvme-subsys1": {"paths": 2, "paths_active": 0, "paths_failed": 2},
    }


def test_a_map_of_lvm_has_no_paths(machine: MACHINE) -> None:
    one = machine("rocky")
    one.write("sys/block/dm-0/dm/uuid", "LVM-abcdef\n")
    assert [m.tags["type"] for m in one.sensor("multipath").read()] == ["nvme"]


def test_modems_that_are_none_come_and_go(machine: MACHINE) -> None:
    one = machine("arm-board")
    sensor = one.sensor("modem")
    assert len(sensor.read()) == 1
    one.write("commands/mmcli-L", '{"modem-list": []}')
    one.step(600)
    with pytest.raises(SensorAbsentError, match="no modem"):
        sensor.read()


def test_mmcli_without_its_manager_is_silence(
    machine: MACHINE, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Program) -> bytes:
        raise OSError("mmcli -J -L gave 1")

    sensor = machine("arm-board").sensor("modem")
    monkeypatch.setattr(Program, "latest", fail)
    with pytest.raises(SensorAbsentError, match="ModemManager does not run"):
        sensor.read()


def test_a_modem_that_is_locked_and_one_of_5g() -> None:
    locked = b'{"modem": {"generic": {"state": "locked", "signal-quality": {"value": "0"}}}}'
    found = parse_modem(locked)
    assert found.tags == {"modem": "modem"}
    assert found.fields == {"connected": 0, "registered": 0, "roaming": 0, "signal_quality": 0}
    both = b'{"modem":{"signal":{"lte":{"rsrp":"-90.0"},"5g":{"rsrp":"-80.0","snr":"--"}}}}'
    assert parse_signal(both) == {"rsrp": -80.0}
