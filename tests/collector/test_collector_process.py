"""`muster collector` as its operator meets it: a process, its files, its log, its end."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import errno
import json
import os
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiomqtt
import psutil
import pytest
from collector.centre import NOW, NodeClient, birth, report, until

from muster_collector.errors import MusterError
from muster_collector.ledger.file import owner
from muster_wire import topics
from servers import Influx1, Mosquitto, free_port

MakeConfig = Callable[..., Path]


@pytest.fixture
def make_config(tmp_path: Path) -> MakeConfig:
    def make(broker: str, more: str = "", store: str = 'kind = "embedded"') -> Path:
        file = tmp_path / "collector.toml"
        file.write_text(
            f'[mqtt]\nurl = "{broker}"\nroot = "process/{tmp_path.name}"\n'
            f'client_id = "{tmp_path.name}"\nreceive_maximum = 50\n{more}\n'
            f'[collector]\ndata = "{tmp_path}/data"\nroles = ["ingest"]\nack_every = "100ms"\n'
            f'[store]\n{store}\nflush = "20ms"\n'
        )
        return file

    return make


def muster(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "muster_collector", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@contextmanager
def collector(file: Path) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], str]]]:
    """The process and what it has said so far."""
    log = file.with_suffix(".log")
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "muster_collector", "collector", "run", "--config", str(file)],
            stderr=out,
        )
    try:
        yield process, log.read_text
    finally:
        process.kill()
        process.wait()


def database_says(server: Influx1, database: str, query: str) -> Any:
    """The one series of an InfluxQL answer, times in ms."""
    text = urllib.parse.urlencode({"db": database, "epoch": "ms", "q": query})
    with urllib.request.urlopen(f"{server.url}/query?{text}", timeout=20) as answer:
        return json.load(answer)["results"][0]["series"][0]


def after(seq: int) -> Callable[[dict[str, Any]], bool]:
    """Whether an ack settles more than that."""
    return lambda ack: bool(ack["through"] > seq)


async def test_sigkill_in_mid_stream_loses_nothing_and_stores_nothing_twice(
    mosquitto: Mosquitto, influx1: Influx1, make_config: MakeConfig, tmp_path: Path
) -> None:
    """Three times killed while 600 reports come; the database itself is asked for its count."""
    database = "sigkill"
    store = f'kind = "influxdb"\nurl = "{influx1.url}"\ndatabase = "{database}"'
    file = make_config(mosquitto.url, store=store)
    root, count = f"process/{tmp_path.name}", 600
    async with aiomqtt.Client(
        "127.0.0.1", mosquitto.port, protocol=aiomqtt.ProtocolVersion.V5
    ) as client:
        await client.subscribe(topics.topic("s1", "n1", "ack", root=root))
        node = NodeClient(client, root, "n1", "s1")
        listening = asyncio.create_task(node.listen())
        for start in (0, 200, 400):
            with collector(file) as (process, said):
                await until(lambda: "broker connected" in said(), "connected")
                for seq in range(start, start + 200):
                    await node.send(report(seq))
                await node.ack(after(start + 20))
                process.send_signal(signal.SIGKILL)
                process.wait()
            file.with_suffix(".log").write_text("")
        with collector(file) as (process, said):
            await until(lambda: "broker connected" in said(), "connected")
            await node.send(birth(next=count), "birth")
            for _ in range(20):
                ack = await node.ack(lambda _: True)
                node.acks.clear()
                if ack["through"] == count - 1:
                    break
                for first, last in ack["missing"]:
                    for seq in range(first, last + 1):
                        await node.send(report(seq))
                await node.send(birth(next=count), "birth")
            assert ack["through"] == count - 1
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        listening.cancel()
    series = await asyncio.to_thread(database_says, influx1, database, "SELECT used FROM mem")
    assert [row[0] for row in series["values"]] == [NOW + seq for seq in range(count)]
    assert [row[1] for row in series["values"]] == list(range(count))


async def test_a_broker_that_comes_late_is_waited_for_with_one_line(
    make_config: MakeConfig, tmp_path: Path
) -> None:
    broker = Mosquitto(tmp_path / "broker")
    with collector(make_config(broker.url)) as (process, said):
        await until(lambda: "broker away" in said(), "it says that the broker is away")
        await asyncio.to_thread(broker.start)
        await until(lambda: "broker connected" in said(), "connected")
        broker.kill()
        await until(lambda: said().count("broker away") == 2, "it says that the broker went")
        await asyncio.to_thread(broker.start)
        await until(lambda: said().count("broker connected") == 2, "connected again")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    broker.stop()
    assert said().count("Traceback") == 0
    assert len(said().splitlines()) == 6, said()


async def test_a_wrong_password_is_one_clear_line(make_config: MakeConfig, tmp_path: Path) -> None:
    passwords = tmp_path / "passwords"
    command = ["mosquitto_passwd", "-c", "-b", str(passwords), "muster", "right"]
    await asyncio.to_thread(subprocess.run, command, check=True)
    passwords.chmod(0o644)
    broker = Mosquitto(tmp_path / "broker", f"password_file {passwords}\n").start()
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")
    file = make_config(broker.url, f'username = "muster"\npassword_file = "{secret}"')
    with collector(file) as (process, said):
        await until(lambda: "broker away" in said(), "it says why")
        line = next(line for line in said().splitlines() if "broker away" in line)
        assert broker.url in line
        assert "authori" in line or "password" in line
        assert "wrong" not in said()
        secret.write_text("right\n")
        await until(lambda: "broker connected" in said(), "the mended password is taken")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    broker.stop()


async def test_a_second_collector_on_the_same_data_is_refused(
    mosquitto: Mosquitto, make_config: MakeConfig, tmp_path: Path
) -> None:
    file = make_config(mosquitto.url)
    with collector(file) as (process, said):
        await until(lambda: "broker connected" in said(), "connected")
        second = await asyncio.to_thread(muster, "collector", "run", "--config", str(file))
        assert second.returncode == 1
        (line,) = second.stderr.splitlines()
        assert f"{tmp_path}/data is in use by another collector (process {process.pid})" in line


def test_a_full_disk_does_not_keep_the_data_from_its_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with owner(tmp_path), pytest.raises(MusterError, match="in use"), owner(tmp_path):
            pass


async def test_quarantine_can_be_read_while_the_collector_runs(
    mosquitto: Mosquitto, make_config: MakeConfig, tmp_path: Path
) -> None:
    file = make_config(mosquitto.url)
    root = f"process/{tmp_path.name}"
    with collector(file) as (_, said):
        await until(lambda: "broker connected" in said(), "connected")
        async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
            place = topics.topic("s1", "n1", "report", root=root)
            await client.publish(place, b"\x1b[31mnot json", qos=1)
        await until(lambda: "refused" in said(), "refused")
        data = ("--data", f"{tmp_path}/data")
        await until(lambda: _listed(data) == ["not json"], "listed")
        shown = muster("quarantine", "show", "1", *data)
        raw = muster("quarantine", "show", "1", "--raw", *data)
    assert shown.returncode == 0
    assert "\x1b" not in shown.stdout
    assert "not json" in shown.stdout.splitlines()[-1]
    assert raw.stdout == "\x1b[31mnot json"
    absent = muster("quarantine", "show", "99", *data)
    assert (absent.returncode, len(absent.stderr.splitlines())) == (1, 1)


async def test_refused_by_a_limit_then_the_limit_raised_restarted_and_played_again(
    mosquitto: Mosquitto, influx1: Influx1, make_config: MakeConfig, tmp_path: Path
) -> None:
    """As an operator does it, with the database itself as the judge."""
    store = f'kind = "influxdb"\nurl = "{influx1.url}"\ndatabase = "replayed"'
    port, secret = free_port(), tmp_path / "token"
    secret.write_text("s3cret\n")
    file, data = make_config(mosquitto.url, store=store), ("--data", f"{tmp_path}/data")
    text = file.read_text().replace('["ingest"]', '["ingest", "api"]')
    text += f'[api]\nport = {port}\ntoken_file = "{secret}"\n[limits]\ntext = '
    api = ("--url", f"http://127.0.0.1:{port}", "--token-file", str(secret))
    long = [{"name": "mem", "tags": {"note": "x" * 100}, "fields": {"used": 5}}]
    file.write_text(text + "50\n")
    with collector(file) as (_, said):
        await until(lambda: "broker connected" in said(), "connected")
        async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
            place = topics.topic("s1", "n1", "report", root=f"process/{tmp_path.name}")
            for message in (report(0), report(1, metrics=long), report(2)):
                await client.publish(place, json.dumps(message), qos=1)
        await until(lambda: _listed(data) == ["metric: limit"], "refused")
        again = muster("quarantine", "replay", "--all", *api, "--format", "json")
        assert [row["outcome"] for row in json.loads(again.stdout)] == ["refused"]
    file.write_text(text + "200\n")
    with collector(file) as (process, said):
        await until(lambda: said().count(f"url={mosquitto.url}\n") == 2, "connected")
        refused = muster("quarantine", "replay", "--all", *api[:2])
        assert (refused.returncode, "a valid token is needed" in refused.stderr) == (1, True)
        dry = muster("quarantine", "replay", "--node", "n1", "--dry-run", *api)
        assert dry.stdout.splitlines()[1:] == ["1\tn1\tstored\t\t"]
        done = muster("quarantine", "replay", "1", *api, "--format", "json")
        assert [row["outcome"] for row in json.loads(done.stdout)] == ["stored"]
        assert _listed(data) == []
        gone = muster("quarantine", "replay", "1", *api)
        assert (gone.returncode, "quarantine 1: no such id" in gone.stderr) == (1, True)
        assert gone.stdout == ""
        rows = json.loads(muster("completeness", *api, "--format", "json").stdout)
        assert [(row["stored"], row["refused"], row["missing"]) for row in rows] == [(3, 0, 0)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    series = await asyncio.to_thread(database_says, influx1, "replayed", "SELECT used FROM mem")
    assert series["values"] == [[NOW, 0], [NOW + 1, 5], [NOW + 2, 2]]
    which = muster("quarantine", "replay", *api)
    assert (which.returncode, which.stderr.count("\n")) == (2, 1)


def _listed(data: tuple[str, ...]) -> list[Any]:
    found = muster("quarantine", "list", *data, "--format", "json")
    return [row["reason"] for row in json.loads(found.stdout or "[]")]


def test_a_quarantine_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    answer = muster("quarantine", "list", "--data", str(tmp_path))
    assert answer.returncode == 1
    assert answer.stderr.startswith(f"muster: {tmp_path}/ledger.db: no such file")


def test_completeness_without_a_collector_is_one_line() -> None:
    answer = muster("completeness", "--url", f"http://127.0.0.1:{free_port()}")
    assert answer.returncode == 1
    assert "is the collector running?" in answer.stderr


def test_check_prints_what_is_in_force(make_config: MakeConfig) -> None:
    answer = muster("collector", "check", "--config", str(make_config("mqtt://127.0.0.1:1")))
    assert answer.returncode == 0, answer.stderr
    assert "[mqtt] url = mqtt://127.0.0.1:1" in answer.stdout.splitlines()
    assert "[collector] partitions = 0-63" in answer.stdout.splitlines()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('password_file = "no-such"', "[mqtt] password_file = no-such: cannot be read"),
        ("colour = 1", "[mqtt] colour: unknown key, use one of"),
        ("keepalive = 30", "[mqtt] keepalive = 30: write a duration such as 10s"),
        ('url = "tcp://h"', "not TOML: "),
    ],
)
def test_check_names_file_key_value_and_mend(
    make_config: MakeConfig, more: str, words: str
) -> None:
    answer = muster("collector", "check", "--config", str(make_config("mqtt://h:1", more)))
    assert answer.returncode == 2
    (line,) = answer.stderr.splitlines()
    assert words in line


def test_certificates_that_are_not_there_are_named(make_config: MakeConfig) -> None:
    file = make_config("mqtts://localhost:1", 'ca_file = "no-such.pem"')
    answer = muster("collector", "check", "--config", str(file))
    assert answer.returncode == 2
    assert "no-such.pem" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


async def test_completeness_of_a_range_is_what_an_independent_count_says(
    mosquitto: Mosquitto, influx1: Influx1, make_config: MakeConfig, tmp_path: Path
) -> None:
    """Reports of two hours, out of order, some twice, some never; asked by command and board."""
    port, database = free_port(), "ranges"
    store = f'kind = "influxdb"\nurl = "{influx1.url}"\ndatabase = "{database}"'
    file = make_config(mosquitto.url, store=store)
    text = file.read_text().replace('roles = ["ingest"]', 'completeness_every = "100ms"')
    file.write_text(f"{text}\n[api]\nport = {port}\n")
    begin = NOW // 3_600_000 * 3_600_000 - 2 * 3_600_000
    root, never = f"process/{tmp_path.name}", set(range(100, 130))
    sent = [seq for seq in range(720) if seq not in never]
    sent[50], sent[600] = sent[600], sent[50]

    def ask(*words: str) -> Any:
        answer = muster("completeness", "--url", f"http://127.0.0.1:{port}", *words)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    async with aiomqtt.Client(
        "127.0.0.1", mosquitto.port, protocol=aiomqtt.ProtocolVersion.V5
    ) as client:
        await client.subscribe(topics.topic("s1", "n1", "ack", root=root))
        node = NodeClient(client, root, "n1", "s1")
        listening = asyncio.create_task(node.listen())
        with collector(file) as (_, said):
            await until(lambda: "broker connected" in said(), "connected")
            for seq in (*sent, 3, 4):
                await node.send(report(seq, ts=begin + seq * 10_000))
            await node.ack(lambda ack: ack["missing"] == [[100, 129]])
            lost = [{"first": 100, "last": 129, "reason": "spool full"}]
            await node.send(report(720, ts=begin + 7_200_000, lost=lost, oldest=720))
            await node.settled(720)
            hours = [f"{begin + hour * 3_600_000}" for hour in range(3)]
            moments = [dt.datetime.fromtimestamp(int(h) / 1000, dt.UTC).isoformat() for h in hours]
            for hour, (first, last) in enumerate(pairwise(moments)):
                out = await asyncio.to_thread(
                    ask, "--from", first, "--to", last, "--format", "json"
                )
                (row,) = json.loads(out)
                inside = [seq for seq in sent if seq // 360 == hour]
                assert row["stored"] == row["late"] == len(inside)
                assert row["expected"] == 360
                assert row["reasons"] == ({} if hour else {"spool full": 30})
            csv = await asyncio.to_thread(
                ask, "--level", "fleet", "--from", moments[0], "--to", moments[2], "--step", "1h",
                "--format", "csv",
            )  # fmt: skip
            assert csv.splitlines()[0].startswith("time,id,nodes,nodes_healthy")
            assert [line.split(",")[1] for line in csv.splitlines()[1:]] == ["fleet", "fleet"]

            def board() -> Any:
                """The sums of the hours of nodes, and of sites."""
                found = []
                for measurement in ("completeness_hourly", "completeness_site_hourly"):
                    query = (
                        f'SELECT sum("stored"), sum("lost"), sum("expected") FROM {measurement}'
                        f" WHERE time <= {hours[2]}ms"
                    )
                    with contextlib.suppress(KeyError):
                        found.append(database_says(influx1, database, query)["values"][0][1:])
                return found

            await until(lambda: board() == [[690, 30, 720]] * 2, "the boards say the same")
        listening.cancel()


async def test_what_the_collector_says_of_itself_is_in_the_database(
    mosquitto: Mosquitto, influx1: Influx1, make_config: MakeConfig, tmp_path: Path
) -> None:
    database = "itself"
    store = f'kind = "influxdb"\nurl = "{influx1.url}"\ndatabase = "{database}"'
    file = make_config(mosquitto.url, store=store)
    file.write_text(file.read_text().replace("[store]", 'completeness_every = "50ms"\n[store]'))
    root = f"process/{tmp_path.name}"

    def asked(query: str) -> Any:
        with contextlib.suppress(KeyError):
            return database_says(influx1, database, query)["values"]
        return None

    async with aiomqtt.Client(
        "127.0.0.1", mosquitto.port, protocol=aiomqtt.ProtocolVersion.V5
    ) as client:
        await client.subscribe(topics.topic("s1", "n1", "ack", root=root))
        node = NodeClient(client, root, "n1", "s1")
        listening = asyncio.create_task(node.listen())
        with collector(file) as (process, said):
            await until(lambda: "broker connected" in said(), "connected")
            # The library of the embedded store is 20 MB that this collector does not need.
            libraries = psutil.Process(process.pid).memory_maps()
            assert not [library for library in libraries if "duckdb" in library.path]
            for seq in range(5):
                await node.send(report(seq))
            await node.send(report(7))
            await node.send(b"junk")
            await node.ack(lambda ack: ack["missing"] == [[5, 6]])
            by = "SELECT last(messages) FROM internal_collector WHERE outcome = "
            await until(lambda: (asked(f"{by}'stored'") or [[0, 0]])[0][1] == 6, "stored")
            await until(
                lambda: (asked(f"{by}'refused' AND reason = 'not json'") or [[0, 0]])[0][1] == 1,
                "refused by reason",
            )
            await until(
                lambda: (
                    (
                        asked("SELECT last(missing), last(nodes_with_gaps) FROM internal_collector")
                        or [[0, 0, 0]]
                    )[0][1:]
                    == [2, 1]
                ),
                "gaps",
            )
            await until(
                lambda: bool(asked("SELECT max(commit_seconds_p99) FROM internal_collector")),
                "latencies by stage",
            )
        listening.cancel()
