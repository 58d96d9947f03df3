"""Where the collector's time goes: py-spy looks 500 times a second while it stores reports."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench import _load
from bench.collector import cpu, fresh_database, printed, rows, running, until

from servers import Influx1, Mosquitto

REPORTS = int(os.environ.get("BENCH_REPORTS", "20000"))
RATE = 500
STAGES = {
    "MQTT: read, PUBACK": ("ingest/connection.py", "ingest/mqtt.py", "mqtt5"),
    "open: zlib": ("muster_wire/codec.py", "muster_wire/dictionaries"),
    "read: outline, matching, identity": (
        "ingest/reading.py", "ingest/shortcut.py", "ingest/layouts.py", "ingest/sheets.py",
        "pydantic", "msgspec",
    ),
    "types, limits, tags": ("ingest/shapes.py",),
    "lines": ("store/lines.py", "store/faults.py"),
    "HTTP": ("store/influx", "aiohttp/", "yarl/", "multidict/"),
    "ledger in memory": (
        "ingest/items.py", "ingest/desk.py", "ingest/timeline.py", "ledger/account.py",
        "ledger/nodes.py", "ledger/ranges.py", "ledger/slots.py", "ledger/marks.py",
    ),
    "ledger's file": ("ledger/",),
    "acks to nodes": ("ingest/acks.py", "ingest/rates.py", "ingest/bases.py"),
    "batches": ("ingest/intake.py", "ingest/batch.py", "telemetry.py", "prometheus_client"),
}  # fmt: skip
"""The stages, and the files whose code is theirs; the innermost known one counts."""
REST = "event loop, the rest"


def main() -> None:
    """Print each stage's share."""
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        broker = Mosquitto(folder / "broker", _load.BROKER).start()
        influx = Influx1(folder / "influx").start()
        try:
            (row,) = [row for row in rows(broker, influx) if row.name == "muster, influxdb"]
            fresh_database(influx)
            place = folder / "profile"
            sent = list(_load.reports("bench/profile", REPORTS, 100))
            with running(row, place) as process:
                raw = folder / "raw.txt"
                spy = subprocess.Popen(
                    [
                        *(str(Path(sys.executable).with_name("py-spy")), "record", "--pid"),
                        *(str(process.pid), "--rate", str(RATE), "--format", "raw"),
                        *("--output", str(raw), "--duration", "600"),
                    ],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                before = cpu(process)
                _load.publish(broker.port, sent)
                until(lambda: printed(place) >= len(sent), "all is stored", of=process)
                used = cpu(process) - before
                spy.send_signal(signal.SIGINT)
                spy.wait(60)
            show(raw.read_text(), used / len(sent) * 1e6)
        finally:
            influx.stop()
            broker.stop()


def show(raw: str, each: float) -> None:
    """Each stage's part of the `each` us of CPU that a report takes, by samples at work."""
    samples: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        if "muster_collector" in stack or "uvloop" in stack:
            samples[stage(stack.split(";"))] += int(count)
    print(f"{REPORTS} reports into InfluxDB 1.x, {samples.total()} samples, {each:.0f} us a report")
    for name, seen in samples.most_common():
        share = seen / samples.total()
        print(f"{name:<38}{100 * share:6.1f} %{share * each:8.1f} us")


def stage(stack: list[str]) -> str:
    """The stage of the innermost frame that belongs to one."""
    for frame in reversed(stack):
        for name, files in STAGES.items():
            if any(file in frame for file in files):
                return name
    return REST


if __name__ == "__main__":
    main()
