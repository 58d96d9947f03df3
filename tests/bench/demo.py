"""Time from `make demo` on a fresh clone to the first score on the page."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LIMIT = 300.0


def main() -> None:
    """Clone, make demo, poll the API that the page uses; once fresh and once set up."""
    with tempfile.TemporaryDirectory() as temporary:
        clone = Path(temporary) / "muster"
        subprocess.run(["git", "clone", "-q", REPOSITORY, clone], check=True)
        for title in ("fresh clone, with set-up", "the second time"):
            print(f"{title:<28} {seconds_to_score(clone):6.1f} s to the first score")


def seconds_to_score(clone: Path) -> float:
    """Start the demo, wait for a fleet score, end the demo."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.monotonic()
    demo = subprocess.Popen(
        ["make", "-s", "demo", f"ARGS=--port {port}"],
        cwd=clone,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"},
    )
    try:
        while time.monotonic() - started < LIMIT:
            if has_score(port):
                return time.monotonic() - started
            time.sleep(0.1)
    finally:
        os.killpg(demo.pid, signal.SIGINT)
        demo.wait()
    return float("nan")


def has_score(port: int) -> bool:
    """Whether the fleet has a score by now."""
    url = f"http://127.0.0.1:{port}/api/v1/readiness?level=fleet"
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            rows = json.load(answer)["rows"]
    except OSError:
        return False
    return any(row.get("score") is not None for row in rows)
