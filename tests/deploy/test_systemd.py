"""The units are understood by systemd, have least rights, and let the sensors see the machine."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from servers import program

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
LIMITS = {"muster-agent.service": 30, "muster-collector.service": 20}
"""Exposure by `systemd-analyze security`, in tenths."""
BLINDFOLDS = {
    "BindPaths",
    "BindReadOnlyPaths",
    "InaccessiblePaths",
    "PrivateDevices",
    "PrivateTmp",
    "PrivateMounts",
    "ProcSubset",
    "ProtectHome",
    "ProtectProc",
    "ProtectSystem",
    "ReadOnlyPaths",
    "ReadWritePaths",
    "RootDirectory",
    "TemporaryFileSystem",
}
"""Settings that change which mounts or processes the sensors would see."""


def settings(unit: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their case
    parser.read(unit)
    return parser


@pytest.fixture
def runnable(tmp_path: Path, unit: Path) -> Path:
    """The unit with a program that is there, so that only the unit is judged."""
    text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text(), flags=re.MULTILINE)
    copy = tmp_path / unit.name
    copy.write_text(text)
    return copy


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_systemd_finds_no_fault(unit: Path, runnable: Path) -> None:
    done = subprocess.run(
        [program("systemd-analyze"), "verify", "--man=no", runnable],
        capture_output=True,
        text=True,
        check=False,
    )
    faults = [line for line in done.stderr.splitlines() if unit.stem in line]
    assert not faults, faults


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_rights_are_few(unit: Path, runnable: Path) -> None:
    limit = LIMITS[unit.name]
    command = [program("systemd-analyze"), "security", "--offline=yes", f"--threshold={limit}"]
    done = subprocess.run(
        [*command, "--no-pager", runnable], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_each_has_a_user_that_is_declared_and_commands_that_exist(unit: Path) -> None:
    service = settings(unit)["Service"]
    users = (DEPLOY / "systemd" / "muster.sysusers.conf").read_text()
    assert re.search(rf"^u {service['User']} ", users, re.MULTILINE)
    assert service["StateDirectory"] == unit.stem
    assert service["User"] == unit.stem
    configuration = re.search(r"--config /etc/muster/(\S+)", service["ExecStart"])
    assert configuration
    example = (DEPLOY / "config" / configuration[1]).read_text()
    assert f"/var/lib/{unit.stem}" in example


def test_the_agent_sees_the_machine_as_it_is() -> None:
    service = settings(DEPLOY / "systemd" / "muster-agent.service")["Service"]
    assert not BLINDFOLDS & set(service)


def test_sysusers_understands_the_users(tmp_path: Path) -> None:
    if not shutil.which("systemd-sysusers"):
        pytest.skip("systemd-sysusers is not installed")
    (tmp_path / "etc").mkdir()
    for name in ("passwd", "group", "shadow", "gshadow"):
        (tmp_path / "etc" / name).write_text("")
    file = DEPLOY / "systemd" / "muster.sysusers.conf"
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", file], check=True)
    made = (tmp_path / "etc" / "passwd").read_text()
    assert "muster-agent" in made
    assert "muster-collector" in made
