"""The command `muster-agent` as people type it: check, sample, and every kind of mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from hosts.machine import HOSTS, names

from muster_agent import reference
from muster_agent.config import node_id
from muster_agent.settings import SECTIONS
from muster_agent.version import VERSION
from muster_wire.topics import NAME

REPOSITORY = Path(__file__).parents[2]


class Result(NamedTuple):
    status: int
    out: str
    errors: list[str]


def muster_agent(*arguments: str, **environment: str) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", "muster_agent", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **environment},
    )
    return Result(done.returncode, done.stdout, done.stderr.splitlines())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "agent.toml"


GOOD = """
[node]
id = "edge-7"
site = "gz-01"
[mqtt]
url = "mqtts://broker.example:8884"
root = "city/muster"
[sample]
every = "1m30s"
sensors = ["cpu", "mem"]
[sensor.cpu]
percpu = true
[spool]
max_mb = 12
"""


def test_a_good_configuration_is_shown_in_one_line(file: Path) -> None:
    file.write_text(GOOD)
    status, out, errors = muster_agent("check", "--config", str(file))
    assert (status, errors) == (0, [])
    assert out == (
        f"{file}: node edge-7 at site gz-01, a sample every 90 s to broker.example:8884\n"
    )


MISTAKES = {
    "unknown key": ("[node]\nname = 'x'", '[node] name = "x": use id, site'),
    "unknown section": ("[nodes]\n", "[nodes]: use [node], [mqtt]"),
    "section that is a value": ("node = 7", "node = 7: use a section [node]"),
    "number for a duration": ("[sample]\nevery = 10", "[sample] every = 10: use a duration from"),
    "duration without a unit": ("[sample]\nevery = '10'", '[sample] every = "10": use a duration'),
    "duration that is too short": ("[sample]\nevery = '1ms'", '[sample] every = "1ms": use a dur'),
    "text for a number": ("[spool]\nmax_mb = 'all'", '[spool] max_mb = "all": use a whole number'),
    "truth for a number": ("[uplink]\nwindow = true", "[uplink] window = true: use a whole num"),
    "number out of range": (
        "[uplink]\nwindow = 0",
        "[uplink] window = 0: use a whole number from 1",
    ),
    "bad node name": ("[node]\nid = 'Edge 7'", '[node] id = "Edge 7": use 1 to 63 of a-z'),
    "name with a wildcard": ("[node]\nsite = 'a+b'", '[node] site = "a+b": use 1 to 63 of a-z'),
    "name that is too long": (f"[node]\nid = '{'x' * 64}'", ": use 1 to 63 of a-z"),
    "root with a wildcard": ("[mqtt]\nroot = 'a/#'", '[mqtt] root = "a/#": use a topic without'),
    "root with a slash": ("[mqtt]\nroot = '/a'", '[mqtt] root = "/a": use a topic without'),
    "another scheme": ("[mqtt]\nurl = 'http://x'", '[mqtt] url = "http://x": use "mqtt://HOST"'),
    "a port too far": ("[mqtt]\nurl = 'mqtt://x:70000'", '"mqtt://x:70000": use "mqtt://HOST"'),
    "a secret": ("[mqtt]\npassword = 'p'", '[mqtt] password = "p": use password_file, or MUSTER_'),
    "cert without key": ("[mqtt]\ncert_file = 'c'", 'cert_file = "c": use it together with key'),
    "unknown sensor": ("[sample]\nsensors = ['cpuu']", '[sample] sensors = "cpuu": use cpu, mem'),
    "options of no sensor": ("[sensor.cpuu]\na = 1", "[sensor.cpuu] a = 1: use cpu, mem"),
    "unknown option": ("[sensor.cpu]\nall = true", "[sensor.cpu] all = true: use percpu"),
    "option of a wrong type": ("[sensor.cpu]\npercpu = 1", "[sensor.cpu] percpu = 1: use a bool"),
    "not TOML": ("[node\n", ": not TOML: "),
    "not text": ("\xff", ": not TOML: "),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_one_line_that_says_what_would_be_right(file: Path, mistake: str) -> None:
    text, line = MISTAKES[mistake]
    file.write_text(text, encoding="latin-1")
    status, out, errors = muster_agent("check", "--config", str(file))
    assert (status, out, len(errors)) == (2, "", 1), errors
    assert errors[0].startswith(f"{file}: ")
    assert line in errors[0]


def test_every_mistake_is_told_at_once(file: Path) -> None:
    file.write_text("[node]\nid = 'A'\nsite = 'B'\n[mqtt]\nurl = 7\nport = 1883\n")
    assert len(muster_agent("run", "--config", str(file)).errors) == 4


def test_a_configuration_that_is_not_there_is_an_error_of_usage(tmp_path: Path) -> None:
    status, _, errors = muster_agent("run", "--config", str(tmp_path / "none.toml"))
    assert (status, len(errors)) == (2, 1)
    assert "No such file" in errors[0]


@pytest.mark.parametrize("key", ["password_file", "ca_file"])
def test_a_file_that_cannot_be_read_ends_run_with_a_line(file: Path, key: str) -> None:
    file.write_text(f"[mqtt]\nurl = 'mqtts://localhost'\n{key} = '/nowhere/x'\n[node]\nid='a'\n")
    status, _, errors = muster_agent("run", "--config", str(file), "--count", "1")
    assert (status, len(errors)) == (2, 1)
    assert f'[mqtt] {key} = "/nowhere/x": No such file' in errors[0]


def test_the_environment_wins_and_is_checked_too(file: Path) -> None:
    file.write_text(GOOD)
    arguments = ("check", "--config", str(file))
    assert "site other," in muster_agent(*arguments, MUSTER_NODE_SITE="other").out
    wrong = muster_agent(*arguments, MUSTER_MQTT_URL="tcp://x")
    assert wrong.status == 2
    assert wrong.errors[0].startswith(f'{file}: MUSTER_MQTT_URL="tcp://x": use "mqtt://HOST"')


def test_version_and_usage() -> None:
    assert muster_agent("--version").out == f"muster-agent {VERSION}\n"
    assert muster_agent().status == 2
    assert muster_agent("sing").status == 2
    assert f'version = "{VERSION}"' in (REPOSITORY / "agent/pyproject.toml").read_text()


def test_sample_prints_one_report_of_a_fixture_machine(file: Path) -> None:
    file.write_text(GOOD)
    root = str(HOSTS / "vm")
    status, out, errors = muster_agent("sample", "--config", str(file), "--root", root)
    assert (status, errors) == (0, [])
    report = json.loads(out)
    assert (report["node"], report["site"], report["every"]) == ("edge-7", "gz-01", 90)
    assert {m["name"] for m in report["metrics"]} <= {"cpu", "mem"}
    assert next(m for m in report["metrics"] if m["name"] == "mem")["fields"]["total"] > 0


@pytest.mark.parametrize("name", names())
def test_sample_runs_on_every_fixture_machine_without_a_failing_sensor(name: str) -> None:
    status, out, errors = muster_agent("sample", "--root", str(HOSTS / name))
    assert (status, errors) == (0, [])
    assert len(json.loads(out)["metrics"]) > 10


def test_sample_needs_no_configuration_and_can_be_read() -> None:
    done = muster_agent("sample", "--pretty")
    assert done.status == 0, done.errors
    report = json.loads(done.out)
    assert NAME.fullmatch(report["node"])
    assert {"cpu", "mem", "disk", "net"} <= {m["name"] for m in report["metrics"]}
    assert done.out.count("\n") > 100


@pytest.mark.parametrize(
    ("hostname", "node"),
    [
        ("Edge_7.Example", "edge_7.example"),
        ("..x", "x"),
        ("", "node"),
        ("机器", "node"),
        ("a" * 100, "a" * 63),
        ("web server (old)", "web-server-old-"),
    ],
)
def test_a_host_s_name_becomes_a_valid_node_id(hostname: str, node: str) -> None:
    assert node_id(hostname) == node
    assert NAME.fullmatch(node)


def test_every_setting_is_documented_and_explained() -> None:
    page = "\n".join(reference.page())
    shown = muster_agent("check", "--settings").out
    helps = [muster_agent(command, "--help").out for command in ("run", "check")]
    for name, section in SECTIONS.items():
        assert f"[{name}]" in shown
        for key in section.__dataclass_fields__:
            assert f"`{key}`" in page
            assert f"\n{key} = " in shown
            assert all(f"\n  [{name}] {key} = " in text for text in helps)


@pytest.mark.parametrize("command", ["check --settings", "sample --pretty", "run --help"])
def test_a_reader_that_has_seen_enough_is_no_error(command: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "muster_agent", *command.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as writing:
        assert writing.stdout is not None
        assert writing.stderr is not None
        writing.stdout.close()
        assert writing.stderr.read() == b""
        assert writing.wait(60) == 0


def test_the_settings_that_are_shown_are_a_configuration(file: Path) -> None:
    file.write_text(muster_agent("check", "--settings").out)
    assert muster_agent("check", "--config", str(file)).status == 0
