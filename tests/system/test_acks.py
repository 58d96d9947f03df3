"""The promise of the whole: a report leaves the spool only when it is stored, whatever is killed.

A real agent makes 200 reports while collector, broker (its persistence off) and database go away
one after the other. The judge is the database's own count, asked over HTTP, not Muster's word.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from servers import Influx1, Mosquitto, free_port

REPORTS = 200
LIMIT = 120.0
"""Seconds within which each stage must come about."""

AGENT = """\
[node]
id = "edge-1"
site = "lab"
[mqtt]
url = "mqtt://127.0.0.1:{mqtt}"
[sample]
every = "250ms"
sensors = ["cpu", "mem", "system", "disk", "net", "kernel"]
[spool]
path = "{directory}/spool.db"
[uplink]
ack_timeout = "2s"
"""

COLLECTOR = """\
[mqtt]
url = "mqtt://127.0.0.1:{mqtt}"
[collector]
data = "{directory}/centre"
[store]
kind = "influxdb"
url = "{influx}"
database = "muster"
[api]
port = {port}
"""


def until(condition: Callable[[], bool], what: str) -> None:
    """Poll until it holds."""
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {LIMIT:.0f} s: {what}")
        time.sleep(0.02)


def influx_rows(influx: Influx1, query: str) -> list[dict[str, Any]]:
    """The series of an InfluxQL answer."""
    text = urllib.parse.urlencode({"db": "muster", "q": query})
    with urllib.request.urlopen(f"{influx.url}/query?{text}", timeout=10) as answer:
        series: list[dict[str, Any]] = json.load(answer)["results"][0].get("series", [])
    return series


class Stage:
    """The processes of the play and what can be seen of them from outside."""

    def __init__(self, directory: Path, broker: Mosquitto, influx: Influx1) -> None:
        self.broker, self.influx = broker, influx
        self.spool = directory / "spool.db"
        self.log = directory / "processes.log"
        self.port = free_port()
        self.agent_file = directory / "agent.toml"
        self.agent_file.write_text(AGENT.format(mqtt=broker.port, directory=directory))
        self.collector_file = directory / "collector.toml"
        self.collector_file.write_text(
            COLLECTOR.format(
                mqtt=broker.port, influx=influx.url, directory=directory, port=self.port
            )
        )

    @contextmanager
    def running(self, module: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", module, *arguments]
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def collector(self) -> Any:
        arguments = ("collector", "run", "--config", str(self.collector_file))
        return self.running("muster_collector", *arguments)

    def agent(self) -> Any:
        arguments = ("run", "--config", str(self.agent_file))
        count = ("--count", str(REPORTS), "--drain", str(int(LIMIT)))
        return self.running("muster_agent", *arguments, *count)

    def made(self) -> int:
        """Reports that the agent has made."""
        with closing(sqlite3.connect(f"file:{self.spool}?mode=ro", uri=True)) as spool:
            return int(spool.execute("SELECT max(next) FROM epoch").fetchone()[0])

    def stored(self) -> int:
        """Reports that the database holds."""
        series = influx_rows(self.influx, "SELECT count(n_cpus) FROM system WHERE host='edge-1'")
        return int(series[0]["values"][0][1]) if series else 0

    def ledger(self) -> dict[str, Any]:
        url = f"http://127.0.0.1:{self.port}/api/v1/completeness"
        with urllib.request.urlopen(url, timeout=10) as answer:
            (node,) = json.load(answer)["rows"]
        assert isinstance(node, dict)
        return node


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    broker = Mosquitto(tmp_path / "broker").start()
    influx = Influx1(tmp_path / "influx").start()
    yield Stage(tmp_path, broker, influx)
    broker.stop()
    influx.stop()


@pytest.mark.slow
def test_200_reports_survive_the_death_of_everything_between(stage: Stage) -> None:
    with stage.agent() as agent:
        with stage.collector() as first:
            until(lambda: stage.stored() >= 20, "20 reports stored")
            first.send_signal(signal.SIGKILL)
            first.wait()
        at = stage.made()
        until(lambda: stage.made() >= at + 15, "15 reports made without a collector")
        with stage.collector() as second:
            until(lambda: stage.stored() >= at + 16, "what the first left undone is stored")

            stage.broker.kill()
            at = stage.made()
            until(lambda: stage.made() >= at + 15, "15 reports made without a broker")
            stage.broker.start()
            until(lambda: stage.stored() >= at + 16, "stored again after the broker's death")

            stage.influx.kill()
            at = stage.made()
            until(lambda: stage.made() >= at + 15, "15 reports made without a database")
            stage.influx.start()

            until(lambda: agent.poll() is not None, "the agent has nothing left in its spool")
            assert agent.returncode == 0, stage.log.read_text()[-4000:]
            ledger = stage.ledger()
            second.send_signal(signal.SIGTERM)
            assert second.wait(30) == 0

    for measurement in ("cpu", "mem", "system", "disk", "net", "kernel"):
        query = f"SELECT count(*) FROM {measurement} GROUP BY *"
        series = influx_rows(stage.influx, query)
        assert series, measurement
        for one in series:
            per_field = dict(zip(one["columns"], one["values"][0], strict=True))
            del per_field["time"]
            # Not the fields that only other series of the measurement have.
            counts = {count for count in per_field.values() if count is not None}
            assert counts == {REPORTS}, (measurement, one["tags"])
    assert ledger["stored"] == REPORTS
    assert ledger["lost"] == ledger["refused"] == ledger["missing"] == 0
    with closing(sqlite3.connect(f"file:{stage.spool}?mode=ro", uri=True)) as spool:
        assert spool.execute("SELECT count(*) FROM report").fetchone() == (0,)
