"""What the collector costs, from the socket to the confirmed write, beside what one might use.

Every row is a process of its own; its CPU and memory are read from /proc. Reports have 60 fields in
12 lines, as an agent sends them; the others get them as plain JSON, which they can read.
`BENCH_REPORTS` says how many, `BENCH_ROWS` which rows.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from bench import _load

from servers import SEARCH, Influx1, Mosquitto, free_port

HERE = Path(__file__).parent
REPORTS = int(os.environ.get("BENCH_REPORTS", "10000"))
ROWS = os.environ.get("BENCH_ROWS", "")
NODES = 100
KNOWN, QUEUED = 10_000, 100_000
"""Of the row about memory: nodes, and reports that wait at the broker."""
PATIENCE = 600.0
WARM = 500
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "muster-bench"
NODE_RED = ("node-red@4", "node-red-contrib-influxdb@0.7")
DATABASE = "bench"


@dataclass
class Row:
    """A program under test: its name, command, and how many reports it has stored by now."""

    name: str
    command: Callable[[Path], Sequence[str]]
    stored: Callable[[Path], int]
    ready: Callable[[Path], bool]
    reports: int = REPORTS
    plain: bool = False
    load: Callable[[str, int, int], Iterator[_load.Sent]] = _load.reports
    environment: dict[str, str] = field(default_factory=dict)


def main() -> None:
    """Print the table."""
    print(f"reports of 60 fields in 12 lines, {NODES} nodes; lost: of those sent around a SIGKILL")
    print(f"{'':<34}{'CPU us/report':>14}{'reports/s':>11}{'peak RSS MB':>13}{'lost':>7}")
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        broker = Mosquitto(folder / "broker", _load.BROKER).start()
        influx = Influx1(folder / "influx").start()
        try:
            for row in rows(broker, influx):
                if not ROWS or ROWS in row.name:
                    try:
                        measure(row, broker, influx, folder)
                    except (RuntimeError, TimeoutError) as error:
                        print(f"{row.name}: {error}", flush=True)
            if not ROWS or ROWS in "memory":
                memory(broker, influx, folder)
        finally:
            influx.stop()
            broker.stop()


def rows(broker: Mosquitto, influx: Influx1) -> Iterator[Row]:
    """Ours with three stores, then what else one might use."""

    def ours(store: str) -> Callable[[Path], list[str]]:
        return lambda place: [
            sys.executable, "-m", "bench._ingest", "--broker", broker.url, "--root",
            f"bench/{place.name}", "--data", str(place), "--store", store,
            *(["--influx", influx.url] if store == "influxdb" else []),
        ]  # fmt: skip

    changes = "muster, null, told as changes"
    yield Row(changes, ours("null"), printed, lambda place: printed(place) >= 0, load=_load.changes)
    for store in ("null", "influxdb", "embedded"):
        yield Row(f"muster, {store}", ours(store), printed, lambda place: printed(place) >= 0)
    yield Row(
        "aiomqtt + influxdb-client Point",
        lambda place: [
            *(sys.executable, "-m", "bench._loop", str(broker.port)),
            *(f"bench/{place.name}/+/+/+/report", influx.url),
        ],
        lambda place: in_database(influx, place),
        lambda place: "ready" in (place / "out").read_text(),
        reports=REPORTS // 4,
        plain=True,
    )
    yield from node_red(broker, influx)
    if shutil.which("telegraf", path=SEARCH) is None:
        print("telegraf is not on the PATH: no row")


def node_red(broker: Mosquitto, influx: Influx1) -> Iterator[Row]:
    """Node-RED with its MQTT and InfluxDB nodes, installed in a cache folder where npm is there."""
    npm = shutil.which("npm")
    program = CACHE / "node_modules" / ".bin" / "node-red"
    if npm and not program.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        quietly = ("--no-audit", "--no-fund", "--no-package-lock", "--silent")
        install = [npm, "install", *quietly, "--prefix", str(CACHE), *NODE_RED]
        subprocess.run(install, check=False)
    if not program.exists():
        print("Node-RED could not be installed: no row")
        return
    port = free_port()

    def command(place: Path) -> list[str]:
        flow = (HERE / "node_red.json").read_text()
        for key, value in {
            "BROKER_PORT": str(broker.port),
            "INFLUX_PORT": str(influx.port),
            "TOPIC": f"bench/{place.name}/+/+/+/report",
        }.items():
            flow = flow.replace("${" + key + "}", value)
        (place / "flow.json").write_text(flow)
        (place / "node_modules").unlink(missing_ok=True)
        (place / "node_modules").symlink_to(CACHE / "node_modules")
        return [str(program), "-u", str(place), "-p", str(port), str(place / "flow.json")]

    yield Row(
        "Node-RED 4, influxdb batch node",
        command,
        lambda place: in_database(influx, place),
        lambda place: "Connected to broker" in (place / "out").read_text(),
        reports=REPORTS // 4,
        plain=True,
        environment={"NODE_OPTIONS": ""},
    )


def printed(place: Path) -> int:
    """The last number that our process printed; -1 for none yet."""
    lines = (place / "out").read_text().splitlines()
    return int(lines[-1]) if lines and lines[-1].isdigit() else -1


def in_database(influx: Influx1, _: Path) -> int:
    """Reports in the database; one of their lines is a `mem`."""
    query = urllib.parse.urlencode({"db": DATABASE, "q": "SELECT count(active) FROM mem"})
    with urllib.request.urlopen(f"{influx.url}/query?{query}") as answer:
        (result,) = json.load(answer)["results"]
    return int(result["series"][0]["values"][0][1]) if "series" in result else 0


def fresh_database(influx: Influx1) -> None:
    """Begin with an empty one."""
    for statement in (f"DROP DATABASE {DATABASE}", f"CREATE DATABASE {DATABASE}"):
        body = urllib.parse.urlencode({"q": statement}).encode()
        with urllib.request.urlopen(f"{influx.url}/query", body) as answer:
            answer.read()  # the status comes before the work is done


@contextlib.contextmanager
def running(row: Row, place: Path) -> Iterator[psutil.Process]:
    """The program, once it listens."""
    place.mkdir(exist_ok=True)
    out = place / "out"
    with out.open("wb") as output:
        process = subprocess.Popen(
            row.command(place), stdout=output, stderr=subprocess.STDOUT,
            env=os.environ | row.environment, cwd=HERE.parent,
        )  # fmt: skip
    try:
        until(lambda: row.ready(place) or process.poll() is not None, f"{row.name} listens")
        if process.poll() is not None:
            raise RuntimeError(out.read_text()[-2000:])
        yield psutil.Process(process.pid)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
        process.kill()
        process.wait()


def measure(row: Row, broker: Mosquitto, influx: Influx1, folder: Path) -> None:
    """One row: cost and rate of a flood, then what a kill in another one loses."""
    fresh_database(influx)
    place = folder / row.name.replace(" ", "-").replace(",", "").replace("+", "")
    sent = list(row.load(f"bench/{place.name}", WARM + row.reports, NODES))
    sent = _load.plain(sent) if row.plain else sent
    with running(row, place) as process:
        _load.publish(broker.port, sent[:WARM])
        until(lambda: row.stored(place) >= WARM, f"{row.name} has stored the first", of=process)
        before, began = cpu(process), time.monotonic()
        pid = _load.flood(broker.port, sent[WARM:])
        until(lambda: row.stored(place) >= len(sent), f"{row.name} has stored all", of=process)
        used, wall = cpu(process) - before, time.monotonic() - began
        os.waitpid(pid, 0)
        rss = peak(process)
    show(row.name, used / row.reports, row.reports / wall, rss, killed(row, broker, influx, place))


def show(name: str, used: float, rate: float, rss: float, lost: str) -> None:
    """A line of the table."""
    print(f"{name:<34}{used * 1e6:14.0f}{rate:11.0f}{rss:13.0f}{lost:>7}", flush=True)


def killed(row: Row, broker: Mosquitto, influx: Influx1, place: Path) -> str:
    """Reports that a SIGKILL in the middle loses, where the database can be asked."""
    if "null" in row.name or "embedded" in row.name:
        return "-"
    fresh_database(influx)
    count = row.reports
    root = f"bench/{place.name}"
    sent = list(_load.reports(root, count, NODES, begin=50_000))
    sent = _load.plain(sent) if row.plain else sent
    with running(row, place) as process:
        pid = _load.flood(broker.port, sent)
        until(lambda: in_database(influx, place) > count // 4, f"{row.name} is at it", of=process)
        process.kill()
        os.waitpid(pid, 0)
    with running(row, place):
        return str(count - settled(lambda: in_database(influx, place), count))


def memory(broker: Mosquitto, influx: Influx1, folder: Path) -> None:
    """Peak memory of the whole collector that knows 10,000 nodes and finds 100,000 reports."""
    fresh_database(influx)
    place = folder / "memory"
    place.mkdir()
    root = "bench/memory"
    (place / "collector.toml").write_text(
        f"""[mqtt]
url = "{broker.url}"
root = "{root}"
client_id = "memory"
[collector]
data = "{place}"
[store]
kind = "influxdb"
url = "{influx.url}"
database = "{DATABASE}"
[api]
port = {free_port()}
"""
    )
    program = Path(sys.executable).with_name("muster")
    row = Row(
        f"muster, {KNOWN} nodes, {QUEUED} queued",
        lambda place: [
            str(program), "collector", "run", "--config", str(place / "collector.toml")
        ],
        lambda place: in_database(influx, place),
        lambda place: "broker connected" in (place / "out").read_text(),
    )  # fmt: skip
    with running(row, place):
        _load.publish(broker.port, list(_load.births(root, KNOWN)))
        _load.publish(broker.port, list(_load.reports(root, KNOWN, KNOWN)))
        until(lambda: row.stored(place) >= KNOWN, "all nodes are known")
    sent = list(_load.reports(root, QUEUED, KNOWN, begin=1))
    _load.publish(broker.port, sent)
    with running(row, place) as process:
        before, began = cpu(process), time.monotonic()
        until(lambda: row.stored(place) >= KNOWN + QUEUED, "all is stored", every=1.0)
        used, wall = cpu(process) - before, time.monotonic() - began
        rss = peak(process)
    show(row.name, used / QUEUED, QUEUED / wall, rss, "-")


def cpu(process: psutil.Process) -> float:
    """Seconds of CPU, user and system, of all its threads."""
    times = process.cpu_times()
    return float(times.user + times.system)


def peak(process: psutil.Process) -> float:
    """The most memory that it had, in MB of 2^20 bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def until(
    condition: Callable[[], bool],
    what: str,
    *,
    every: float = 0.1,
    of: psutil.Process | None = None,
) -> None:
    """Wait for something that must happen, as long as the process that it depends on runs."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if of is not None and of.status() == psutil.STATUS_ZOMBIE:
            raise RuntimeError(f"ended before: {what}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE:.0f} s: {what}")
        time.sleep(every)


def settled(count: Callable[[], int], most: int) -> int:
    """A count that has reached `most`, or does not grow for five seconds."""
    found, since = count(), time.monotonic()
    while found < most and time.monotonic() - since < 5.0:
        time.sleep(0.2)
        if (now := count()) > found:
            found, since = now, time.monotonic()
    return found


if __name__ == "__main__":
    main()
