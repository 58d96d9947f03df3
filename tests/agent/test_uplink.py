"""The agent against a real broker, with an independent client in the collector's place."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from agent.peer import centre, until

from muster_agent.spool import Spool
from servers import Mosquitto, free_port


async def test_it_ends_with_status_0_once_every_report_is_acked(
    mosquitto: Mosquitto, agents: Any
) -> None:
    async with centre(mosquitto.port, "counted") as one:
        one.auto = True
        agent = agents("counted", mosquitto.url).start("--count", "5")
        await one.got(5)
        assert await agent.ended() == 0
        await until(lambda: len(one.statuses) == 2)
    assert one.seqs == [0, 1, 2, 3, 4]
    assert [(s["state"], s["reason"]) for s in one.statuses] == [
        ("online", ""),
        ("offline", "stopped"),
    ]
    assert one.births[0]["next"] in (0, 1)


async def test_after_an_outage_the_newest_goes_first_and_the_rest_oldest_first(
    tmp_path: Path, agents: Any
) -> None:
    broker = Mosquitto(tmp_path / "broker")
    agent = agents("outage", broker.url, sample__every="200ms").start()
    await agent.says("connection refused")
    await until(lambda: agent.made() >= 5)
    broker.start()
    try:
        async with centre(broker.port, "outage") as one:
            await one.got(6)
            first = one.seqs[0]
            await until(lambda: set(range(first)) <= set(one.seqs), lambda: one.seqs)
            backlog = [seq for seq in one.seqs if seq < first]
            assert first >= 4
            assert backlog == list(range(first))
            assert len(one.seqs) == len(set(one.seqs))
            assert agent.log.read_text().count("connection refused") == 1, "one line a change"
    finally:
        broker.stop()


async def test_lost_acks_cost_nothing_and_nothing_is_sent_twice(
    mosquitto: Mosquitto, agents: Any
) -> None:
    async with centre(mosquitto.port, "quiet") as one:
        agent = agents("quiet", mosquitto.url).start()
        await one.got(8)
        await one.ack(epoch=one.reports[-1]["epoch"], through=one.seqs[-1])
        await until(lambda: one.reports[-1]["oldest"] >= 8, lambda: one.reports[-1])
        assert one.seqs == list(range(len(one.seqs)))
        assert {r["oldest"] for r in one.reports[:8]} == {0}
        assert await agent.stop() == 0


async def test_only_what_an_ack_names_is_sent_again(mosquitto: Mosquitto, agents: Any) -> None:
    async with centre(mosquitto.port, "gap") as one:
        agent = agents("gap", mosquitto.url).start()
        await one.got(6)
        await agent.stop()
        before = len(one.reports)
        # A new process has sent nothing lately, so that no ack can have crossed it.
        one.answer = lambda birth: {"through": 0, "missing": [[2, 3], [birth["next"] - 1] * 2]}
        agents("gap", mosquitto.url, sample__every="1h").start()
        await until(lambda: len(one.reports) >= before + 3, lambda: one.seqs)
        assert one.births[-1]["oldest"] == 0
        again = one.seqs[before:]
        assert set(again) - {one.births[-1]["next"]} == {2, 3, one.births[-1]["next"] - 1}
        epochs = {r["epoch"] for r in one.reports}
        assert len(epochs) == 1, "a restart continues the epoch"
        contents = {(r["seq"], r["ts"], str(r["metrics"])) for r in one.reports}
        assert len(contents) == len(set(one.seqs)), "sent again means the same report"


async def test_what_the_spool_has_not_got_is_declared_lost(
    mosquitto: Mosquitto, agents: Any
) -> None:
    async with centre(mosquitto.port, "forgot") as one:
        agents("forgot", mosquitto.url).start()
        await one.got(3)
        epoch = one.reports[-1]["epoch"]
        await one.ack(epoch=epoch, through=2)
        await until(lambda: one.reports[-1]["oldest"] > 2)
        await one.ack(epoch=epoch, through=-1, missing=[[1, 2]])
        await until(lambda: "lost" in one.reports[-1], lambda: one.reports[-1])
        assert one.reports[-1]["lost"] == [{"first": 1, "last": 2, "reason": "not in spool"}]
        await one.ack(epoch=epoch, through=2)
        await until(lambda: "lost" not in one.reports[-1], lambda: one.reports[-1])


async def test_refused_reports_are_logged_and_never_sent_again(
    mosquitto: Mosquitto, agents: Any
) -> None:
    async with centre(mosquitto.port, "refused") as one:
        agent = agents("refused", mosquitto.url, uplink__ack_timeout="1s").start()
        await one.got(4)
        epoch = one.reports[-1]["epoch"]
        await one.ack(
            epoch=epoch, through=0, refused=[{"seq": 2, "reason": "too\nlarge <3>forged"}]
        )
        await agent.says(f"report {epoch}/2 was refused by the collector: too large <3>forged")
        await until(lambda: len(one.births) >= 3)
        assert one.seqs.count(2) == 1


NONSENSE = {
    "not JSON": b"\xff\xfe{",
    "no object": b"[]",
    "half an ack": b'{"v": 1}',
    "a huge number": b'{"epoch": 1, "through": ' + b"9" * 400 + b"}",
    "a range backwards": b'{"epoch": 1, "through": 1, "missing": [[9, 1]]}',
    "a range of texts": b'{"epoch": 1, "through": 1, "missing": [["1", "2"]]}',
    "another version": b'{"v": 2, "epoch": 1, "through": 1}',
    "nested": b"[" * 100_000,
}


async def test_acks_that_cannot_be_read_or_be_true_change_nothing(
    mosquitto: Mosquitto, agents: Any
) -> None:
    async with centre(mosquitto.port, "nonsense") as one:
        agent = agents("nonsense", mosquitto.url).start()
        await one.got(2)
        epoch = one.reports[-1]["epoch"]
        for payload in NONSENSE.values():
            await one.send(payload)
        await one.ack(epoch=epoch + 1, through=0)
        wrong = len(NONSENSE) + 1
        await until(lambda: own(one.reports[-1])["acks_ignored"] == wrong)
        assert one.reports[-1]["oldest"] == 0
        assert agent.log.read_text().count("<4>ack") == wrong
        await one.ack(epoch=epoch, through=0, missing=[[-5, 10**18]])
        await until(lambda: one.reports[-1]["oldest"] == 1)


async def test_a_machine_restored_from_a_copy_begins_a_new_epoch_and_loses_nothing(
    mosquitto: Mosquitto, agents: Any
) -> None:
    async with centre(mosquitto.port, "restored") as one:
        one.answer = lambda _birth: {"through": 50, "missing": []} if len(one.births) == 1 else None
        agent = agents("restored", mosquitto.url, sample__every="200ms").start()
        await until(lambda: len({b["epoch"] for b in one.births}) == 2, lambda: one.births)
        old, new = one.births[0]["epoch"], one.births[-1]["epoch"]
        await until(lambda: any(r["seq"] >= 3 for r in one.reports if r["epoch"] == new))
        await agent.says(f"of epoch {old}, which ends here")
        assert await agent.stop() == 0
    moments = {r["ts"] for r in one.reports}
    assert {r["ts"] for r in one.reports if r["epoch"] == new} == moments
    assert own(one.reports[-1])["epochs_begun"] == 2


async def test_a_birth_tells_what_was_given_up(mosquitto: Mosquitto, agents: Any) -> None:
    agent = agents("teller", mosquitto.url, sample__every="1h")
    spool = Spool(str(agent.spool), max_bytes=200, max_age=1e9)
    spool.begin(1)
    for _ in range(3):
        spool.append(0, b"x" * 150)
    spool.close()
    async with centre(mosquitto.port, "teller") as one:
        agent.start()
        await until(lambda: bool(one.births))
        assert one.births[0]["lost"] == [{"first": 0, "last": 1, "reason": "spool full"}]
        assert await agent.stop() == 0


async def test_an_epoch_that_was_given_up_says_so_with_an_empty_report(
    mosquitto: Mosquitto, agents: Any
) -> None:
    agent = agents("mute", mosquitto.url, sample__every="1h")
    spool = Spool(str(agent.spool), max_bytes=200, max_age=1e9)
    spool.begin(1)
    for _ in range(3):
        spool.append(0, b"x" * 150)
    spool.begin(2)
    spool.append(0, b"x" * 150)
    assert spool.depth == 1
    spool.close()
    async with centre(mosquitto.port, "mute") as one:
        agent.start()
        await until(lambda: any(r["epoch"] == 1 for r in one.reports))
        words = next(r for r in one.reports if r["epoch"] == 1)
        assert words["metrics"] == []
        assert (words["oldest"], words["seq"], words["every"]) == (3, 3, 3600)
        assert words["lost"] == [{"first": 0, "last": 2, "reason": "spool full"}]
        assert await agent.stop() == 0


def own(report: dict[str, Any]) -> dict[str, Any]:
    """The agent's readings about itself."""
    fields: dict[str, Any] = next(
        m["fields"] for m in report["metrics"] if m["name"] == "internal_agent"
    )
    return fields


async def test_a_silent_collector_is_asked_again(mosquitto: Mosquitto, agents: Any) -> None:
    async with centre(mosquitto.port, "asks") as one:
        agents("asks", mosquitto.url, uplink__ack_timeout="1s").start()
        await until(lambda: len(one.births) >= 2)
        assert one.births[-1]["next"] > one.births[0]["next"]


async def test_a_killed_broker_loses_nothing(tmp_path: Path, agents: Any) -> None:
    broker = Mosquitto(tmp_path / "broker").start()
    try:
        agent = agents("robbed", broker.url).start("--count", "30")
        async with centre(broker.port, "robbed") as one:
            await one.got(3)
        broker.kill()
        await agent.says("broker: ")
        broker.start()
        async with centre(broker.port, "robbed") as two:
            # What the first connection brought is not known here: all of it is missing.
            two.auto = True
            two.answer = lambda birth: {"through": -1, "missing": [[0, birth["next"] - 1]]}
            await two.got(30)
            assert await agent.ended() == 0
            assert set(two.seqs) == set(range(30))
    finally:
        broker.stop()


async def test_the_will_speaks_for_an_agent_that_was_killed(
    mosquitto: Mosquitto, agents: Any
) -> None:
    async with centre(mosquitto.port, "killed") as one:
        agent = agents("killed", mosquitto.url).start()
        await one.got(1)
        agent.kill()
        await until(lambda: len(one.statuses) == 2)
        assert (one.statuses[-1]["state"], one.statuses[-1]["reason"]) == ("offline", "lost")


PASSWORDS = "allow_anonymous false\npassword_file {directory}/passwords\n"


async def test_a_wrong_password_is_told_once_and_sampling_goes_on(
    tmp_path: Path, agents: Any
) -> None:
    passwords = tmp_path / "passwords"
    # mosquitto_passwd's form of node:secret is not needed: a user without a line is wrong enough.
    passwords.write_text("")
    broker = Mosquitto(tmp_path / "broker", PASSWORDS.format(directory=tmp_path)).start()
    try:
        agent = agents("intruder", broker.url, mqtt__username="node")
        agent.start(MUSTER_MQTT_PASSWORD="not it")  # noqa: S106 - wrong on purpose
        await agent.says("<4>broker: refused by the broker: ")
        await until(lambda: agent.made() >= 15)
        text = agent.log.read_text()
        assert "check [mqtt] username" in text
        assert text.count("refused by the broker") == 1
        assert "not it" not in text
    finally:
        broker.stop()


async def test_a_publish_that_the_acl_forbids_is_told_once_and_kept(
    tmp_path: Path, agents: Any
) -> None:
    acl = tmp_path / "acl"
    acl.write_text("topic read muster/v1/#\n")
    broker = Mosquitto(tmp_path / "broker", f"allow_anonymous true\nacl_file {acl}\n").start()
    try:
        agent = agents("forbidden", broker.url).start("--count", "8", "--drain", "0.2")
        assert await agent.ended() == 1
        text = agent.log.read_text()
        assert text.count("check the broker's ACL") == 1, text
        assert "made=8 unacked=8" in text
    finally:
        broker.stop()


async def test_two_agents_do_not_share_a_spool(mosquitto: Mosquitto, agents: Any) -> None:
    first = agents("shared", mosquitto.url).start()
    await first.says("connected")
    second = agents("shared", mosquitto.url)
    second.log = first.directory / "second.log"
    assert await second.start().ended() == 1
    assert second.log.read_text().count("\n") == 1
    assert "another process uses this spool" in second.log.read_text()


def certificate(directory: Path, name: str) -> Path:
    """A certificate for `name` that signs itself; its key beside it."""
    directory.mkdir(exist_ok=True)
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    files = ["-keyout", f"{directory}/{name}.key", "-out", f"{directory}/{name}.pem"]
    command = ["openssl", "req", "-x509", *kind, *names, *files]
    subprocess.run(command, check=True, capture_output=True)
    return directory / f"{name}.pem"


class Secure(NamedTuple):
    """A broker with a plain port, and one for TLS."""

    port: int
    tls_port: int


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Secure]:
    """A broker with TLS for localhost that wants a client's certificate."""
    own_certificate = certificate(tmp_path, "localhost")
    clients = certificate(tmp_path, "edge")
    tls_port = free_port()
    settings = (
        f"allow_anonymous true\nlistener {tls_port} 127.0.0.1\n"
        f"certfile {own_certificate}\nkeyfile {own_certificate.with_suffix('.key')}\n"
        f"cafile {clients}\nrequire_certificate true\nuse_identity_as_username true\n"
    )
    broker = Mosquitto(tmp_path / "broker", settings).start()
    yield Secure(broker.port, tls_port)
    broker.stop()


def over_tls(tmp_path: Path, **changed: str) -> dict[str, str]:
    """Settings that work, but for what is changed."""
    good = {"ca_file": "localhost.pem", "cert_file": "edge.pem", "key_file": "edge.key"}
    return {f"mqtt__{key}": str(tmp_path / name) for key, name in (good | changed).items() if name}


async def test_reports_go_over_tls_with_a_client_certificate(
    tmp_path: Path, secure: Secure, agents: Any
) -> None:
    async with centre(secure.port, "tls") as one:
        one.auto = True
        url = f"mqtts://localhost:{secure.tls_port}"
        agent = agents("tls", url, **over_tls(tmp_path)).start("--count", "5")
        await one.got(5)
        assert await agent.ended() == 0, agent.log.read_text()


BAD_TLS = {
    "another authority": ("mqtts://localhost:{tls}", {"ca_file": "edge.pem"}, "self-signed"),
    "another name": ("mqtts://127.0.0.1:{tls}", {}, "IP address mismatch"),
    "no certificate": ("mqtts://localhost:{tls}", {"cert_file": "", "key_file": ""}, "broker: "),
    "TLS to a plain port": ("mqtts://localhost:{plain}", {}, "is this the TLS port?"),
    "plain to a TLS port": ("mqtt://localhost:{tls}", {}, "broker: "),
}


@pytest.mark.parametrize("case", BAD_TLS)
async def test_bad_tls_is_one_line_and_sampling_goes_on(
    tmp_path: Path, secure: Secure, agents: Any, case: str
) -> None:
    url, changed, text = BAD_TLS[case]
    url = url.format(tls=secure.tls_port, plain=secure.port)
    agent = agents("bad-tls", url, **over_tls(tmp_path, **changed)).start()
    await agent.says("<4>broker: ")
    await until(lambda: agent.made() >= 15)
    assert text in agent.log.read_text()
    assert agent.log.read_text().count("<4>") == 1, agent.log.read_text()


async def test_a_report_that_is_too_large_for_the_broker_is_given_up(
    tmp_path: Path, agents: Any
) -> None:
    broker = Mosquitto(tmp_path / "broker", "allow_anonymous true\nmax_packet_size 1100\n").start()
    try:
        agent = agents("bulky", broker.url, sample__sensors=[]).start("--count", "3")
        await agent.says("too large for the broker")
        async with centre(broker.port, "bulky"):
            await agent.stop()
        assert "the connection ended" not in agent.log.read_text()
    finally:
        broker.stop()
