"""Certificates judged by Python's ssl module, and disks by what smartctl says of them."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest
from hosts.machine import DEADLINE, HOSTS, Machine

from muster_agent.clock import SystemClock
from muster_agent.host import Host
from muster_agent.sampler import Sampler
from muster_agent.sensors import PartlyError, SensorAbsentError, load
from muster_agent.sensors.program import Program
from muster_agent.sensors.smart import may_ask, parse_smart
from muster_agent.sensors.x509_cert import parse_certificate

MACHINE = Callable[[str], Machine]
ARCHIVE = "etc/letsencrypt/archive/db-3.example.org/cert1.pem"
LATE = "etc/ssl/late.pem"


@pytest.mark.parametrize("path", [ARCHIVE, LATE])
def test_certificates_are_read_as_openssl_reads_them(path: str) -> None:
    data = (HOSTS / "server" / path).read_bytes()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=data.decode())
    (expected,) = context.get_ca_certs()
    start, end, tags = parse_certificate(data)
    assert start == ssl.cert_time_to_seconds(str(expected["notBefore"]))
    assert end == ssl.cert_time_to_seconds(str(expected["notAfter"]))
    assert int(tags["serial_number"], 16) == int(str(expected["serialNumber"]), 16)
    assert f"'commonName', '{tags['common_name']}'" in str(expected["subject"])
    assert parse_certificate(ssl.PEM_cert_to_DER_cert(data.decode())) == (start, end, tags)


def test_a_certificate_that_has_expired_has_a_negative_time_left(machine: MACHINE) -> None:
    one = machine("server")
    one.now = 1_764_547_199 + 60
    assert one.sensor("x509_cert").read()[0].fields["expiry"] == -60


def test_chosen_files(machine: MACHINE) -> None:
    one = machine("server")
    sensor = one.sensor("x509_cert", files=["/etc/ssl/late.pem", "/etc/ssl/none.pem"])
    assert [m.tags["source"] for m in sensor.read()] == ["/etc/ssl/late.pem"]
    with pytest.raises(SensorAbsentError, match=r"none\.pem"):
        one.sensor("x509_cert", files=["/etc/ssl/none.pem"]).read()


def test_a_file_that_is_no_certificate_is_named(machine: MACHINE) -> None:
    one = machine("server")
    sensor = one.sensor("x509_cert")
    good = (one.root / ARCHIVE).read_bytes()
    for bad in (b"", b"\x30", good[:200], b"key\n", good.replace(b"MII", b"AII")):
        one.write(ARCHIVE, bad)
        with pytest.raises(PartlyError, match=r"db-3\.example\.org/cert\.pem: no certificate"):
            sensor.read()


def test_a_certificate_that_cannot_be_read_costs_the_others_nothing(
    machine: MACHINE, capsys: pytest.CaptureFixture[str]
) -> None:
    one = machine("server")
    one.write("etc/ssl/bad.pem", "none")
    (one.root / "etc/ssl/folder.pem").mkdir()
    files = ["/etc/ssl/bad.pem", "/etc/ssl/late.pem", "/etc/ssl/folder.pem"]
    sampler = Sampler([one.sensor("x509_cert", files=files)], SystemClock(), 10.0)
    assert [m.tags["source"] for m in sampler.sample()] == ["/etc/ssl/late.pem"]
    assert sampler.errors == 1
    line = capsys.readouterr().err
    assert "/etc/ssl/folder.pem" in line
    assert "some of its readings are missing" in line


def test_a_certificate_on_a_filesystem_that_hangs_holds_up_nobody(
    machine: MACHINE, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = machine("server")
    go = one.hang("/etc/ssl/late.pem")
    monkeypatch.setattr("muster_agent.sensors.x509_cert.PATIENCE", 0.0)
    sensor = one.sensor("x509_cert", files=["/etc/ssl/late.pem"])
    monkeypatch.setattr(sensor, "every", None)
    sampler = Sampler([sensor, one.sensor("mem")], SystemClock(), 10.0)
    for errors in (1, 2, 3):
        assert {m.name for m in sampler.sample()} == {"mem"}
        assert sampler.errors == errors
    go.set()
    sensor.question.thread.join(DEADLINE)  # type: ignore[attr-defined] # X509Cert's own
    assert {m.name for m in sampler.sample()} == {"mem", "x509_cert"}
    lines = capsys.readouterr().err.splitlines()
    hangs = "<4>sensor x509_cert: TimeoutError: the filesystem of /etc/ssl/late.pem does not answer"
    assert lines[0].startswith(hangs)
    assert lines[1:] == ["<6>sensor x509_cert: works again"]


def test_no_cut_of_a_certificate_breaks_the_parser() -> None:
    der = ssl.PEM_cert_to_DER_cert((HOSTS / "server" / ARCHIVE).read_text())
    for length in range(len(der)):
        with pytest.raises((ValueError, IndexError)):
            parse_certificate(der[:length])


def test_a_disk_that_sleeps_or_answers_garbage() -> None:
    assert parse_smart("sda", b'{"power_mode": "STANDBY"}') == []
    for garbage in (
        b"[]",
        b'{"smart_status": 1}',
        b"",
        b'{"ata_smart_attributes": {"table": [1]}}',
    ):
        with pytest.raises(ValueError, match=r"smartctl of sda|Expecting value"):
            parse_smart("sda", garbage)


def test_a_disk_that_is_not_answered_for_costs_only_itself(
    machine: MACHINE, monkeypatch: pytest.MonkeyPatch
) -> None:
    sensor = machine("server").sensor("smart")
    really = Program.latest

    def latest(program: Program) -> bytes | None:
        if program.command[-1] == "/dev/sda":
            raise OSError("smartctl gave 2")
        return really(program)

    monkeypatch.setattr(Program, "latest", latest)
    for _ in range(2):
        with pytest.raises(PartlyError, match="gave 2") as caught:
            sensor.read()
    assert [m.tags["device"] for m in caught.value.metrics] == ["nvme0n1"]
    monkeypatch.setattr(Program, "latest", lambda _: latest(Program(Host(), "/dev/sda", every=1)))
    with pytest.raises(PartlyError, match="gave 2"):
        sensor.read()


@pytest.mark.parametrize(
    ("rights", "may"),
    [("0000000000000000", False), ("0000000000220000", True), ("0000000000020000", False)],
)
def test_smartctl_may_be_asked_with_two_rights_of_root(
    monkeypatch: pytest.MonkeyPatch, machine: MACHINE, rights: str, *, may: bool
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    one = machine("vm")
    one.write("proc/self/status", f"Name:\tpython\nCapPrm:\tff\nCapEff:\t{rights}\n")
    assert may_ask(one.host) is may


def test_smartctl_is_for_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muster_agent.sensors.smart.may_ask", lambda _: False)
    host = Host()
    monkeypatch.setattr(host, "has_program", lambda _: True)
    with pytest.raises(SensorAbsentError, match="root"):
        load(host, ["smart"])[0].read()
