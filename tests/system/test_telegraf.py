"""Machines that Telegraf measures are nodes like any other: on the API with a score and an account.

Telegraf itself is in no package source of the tests, so what it publishes is written here, as its
default inputs and its `mqtt` output have it (layout `batch`, MQTT 3.1.1, QoS 1); the broker, the
collector and the database are real. collectd is a Debian package: its live test is in
tests/collector/test_collectd.py.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import aiomqtt

from servers import Influx1, Mosquitto, free_port

LIMIT = 120.0
Metrics = list[tuple[str, dict[str, str], dict[str, int | float]]]


def measured(moment: int) -> Metrics:
    """What Telegraf's default inputs, and `net`, say of a healthy machine after so many seconds."""
    disk = {"device": "vda1", "fstype": "ext4", "mode": "rw", "path": "/"}
    return [
        ("cpu", {"cpu": "cpu-total"}, {"usage_idle": 82.5, "usage_steal": 0.25}),
        ("mem", {}, {"available_percent": 61.5, "total": 8_202_571_776, "used_percent": 38.5}),
        ("swap", {}, {"in": 0, "out": 0, "used_percent": 0.5}),
        ("disk", disk, {"used_percent": 42.5, "inodes_used_percent": 7.5}),
        ("diskio", {"name": "vda"}, {"io_time": 12 * moment, "reads": moment, "writes": moment}),
        ("net", {"interface": "eth0"}, {
            "bytes_recv": 90_000 * moment, "bytes_sent": 50_000 * moment, "drop_in": 0,
            "drop_out": 0, "err_in": 0, "err_out": 0,
        }),
        ("processes", {}, {"blocked": 0, "total": 120, "zombies": 0}),
        ("system", {}, {"load5": 0.75, "n_cpus": 4}),
        ("system", {}, {"uptime": 1_000_000 + moment}),
    ]  # fmt: skip


def line_protocol(host: str, metrics: Metrics, second: int) -> str:
    """Telegraf's `influx` serializer: i after whole numbers, nanoseconds."""
    lines = []
    for name, tags, fields in metrics:
        head = ",".join([name, *(f"{k}={v}" for k, v in sorted({**tags, "host": host}.items()))])
        values = (f"{k}={v}i" if isinstance(v, int) else f"{k}={v}" for k, v in fields.items())
        lines.append(f"{head} {','.join(values)} {second}000000000\n")
    return "".join(lines)


def json_batch(host: str, metrics: Metrics, second: int) -> str:
    """Telegraf's `json` serializer: seconds."""
    return json.dumps(
        {
            "metrics": [
                {
                    "fields": fields,
                    "name": name,
                    "tags": {**tags, "host": host},
                    "timestamp": second,
                }
                for name, tags, fields in metrics
            ]
        }
    )


def ask(url: str) -> dict[str, Any]:
    """A JSON answer; empty while there is none."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except OSError:
        return {}


def rows(api: str, path: str) -> dict[str, dict[str, Any]]:
    return {row["node"]: row for row in ask(f"{api}/{path}").get("rows", [])}


async def test_a_machine_with_telegraf_gets_a_score_and_a_completeness_figure(
    mosquitto: Mosquitto, influx1: Influx1, tmp_path: Path
) -> None:
    port, root = free_port(), tmp_path.name
    file = tmp_path / "collector.toml"
    file.write_text(
        f'[mqtt]\nurl = "{mosquitto.url}"\nroot = "{root}/v1"\nclient_id = "{root}"\n'
        f'[collector]\ndata = "{tmp_path}/data"\nroles = ["ingest", "score", "api"]\n'
        f'completeness_every = "1s"\n[api]\nport = {port}\n'
        f'[store]\nkind = "influxdb"\nurl = "{influx1.url}"\ndatabase = "telegraf"\n'
        '[scoring]\nwindow = "30s"\nevery = "5s"\n'
        f'[[source]]\ntopic = "{root}-lines/+/#"\nformat = "influx"\nhost_level = 2\n'
        'site = "harbour"\nevery = "1s"\n'
        f'[[source]]\ntopic = "{root}-json/+/#"\nformat = "json"\nhost_level = 2\n'
        'site = "dock"\nevery = "1s"\n'
    )
    command = ("-m", "muster_collector", "collector", "run", "--config", str(file))
    process = await asyncio.create_subprocess_exec(sys.executable, *command)
    api = f"http://127.0.0.1:{port}/api/v1"
    publishing = asyncio.create_task(publish(mosquitto.port, root))
    try:
        found: dict[str, dict[str, Any]] = {}
        async with asyncio.timeout(LIMIT):
            while len([row for row in found.values() if row["score"] is not None]) < 2:
                await asyncio.sleep(0.5)
                found = await asyncio.to_thread(rows, api, "nodes")
        assert {(n, row["site"]) for n, row in found.items()} == {
            ("web01", "harbour"),
            ("db01", "dock"),
        }
        for row in found.values():
            assert (row["agent"], row["account"]) == ("telegraf", "interval")
            assert (row["state"], row["grade"]) == ("healthy", "A"), "all that is measured is well"
            assert row["score"] >= 90
        accounts = await asyncio.to_thread(rows, api, "completeness?from=now-5m")
        for name in ("web01", "db01"):
            one = await asyncio.to_thread(ask, f"{api}/nodes/{name}")
            scored = {pillar["id"] for pillar in one["pillars"] if pillar["score"] is not None}
            assert {"compute", "storage", "circulation", "resilience"} <= scored
            assert 0.4 <= one["coverage"] < 1, "what Telegraf does not measure is not made up"
            account = accounts[name]
            assert account["account"] == "interval"
            assert account["stored"] >= 3
            assert account["lost"] == account["refused"] == 0
            assert 0 < account["complete"] <= 1
    finally:
        publishing.cancel()
        process.kill()
        await process.wait()


async def publish(port: int, root: str) -> None:
    """Every second, as Telegraf rounds its times."""
    async with aiomqtt.Client("127.0.0.1", port) as client:
        for moment in itertools.count(1):
            second, metrics = int(time.time()), measured(moment)
            lines = line_protocol("web01", metrics, second)
            await client.publish(f"{root}-lines/web01/all", lines, qos=1)
            batch = json_batch("db01", metrics, second)
            await client.publish(f"{root}-json/db01/all", batch, qos=1)
            await asyncio.sleep(1 - time.time() % 1)
