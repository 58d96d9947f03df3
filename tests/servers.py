"""Real servers for tests: mosquitto, InfluxDB 1.x, victoria-metrics on free loopback ports."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

import pytest

SEARCH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
START_LIMIT = 30.0


def program(name: str) -> str:
    """The path of a server program; without it the test is skipped, in CI it fails."""
    if found := shutil.which(name, path=SEARCH):
        return found
    if os.environ.get("CI"):
        pytest.fail(f"{name} is not installed, and in CI it must be")
    pytest.skip(f"{name} is not installed: 'make test' as root installs it")


def free_port() -> int:
    """A TCP port of loopback that nothing uses now.

    Below those that the system gives to connections, so that none takes it before the server is
    there, or while it is being started again.
    """
    while True:
        port = random.SystemRandom().randrange(10_000, 32_768)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once something accepts connections there; fail with the server's log if it died."""
    deadline = time.monotonic() + START_LIMIT
    pause = 0.005
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(pause)
        else:
            return
    process.kill()
    raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text()[-2000:]}")


class Server:
    """A server process that can be stopped, killed and started again on the same port and files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def ready(self) -> bool:
        """Whether the server answers, not only listens."""
        return True

    def start(self) -> Self:
        log = self.directory / "server.log"
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command(), stdout=out, stderr=out, stdin=subprocess.DEVNULL
            )
        wait_for_port(self.port, self.process, log)
        deadline = time.monotonic() + START_LIMIT
        while not self.ready():
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"{self.command()[0]} does not answer:\n{log.read_text()[-2000:]}"
                )
            time.sleep(0.01)
        return self

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """SIGTERM, then SIGKILL if it does not listen."""
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None


class Mosquitto(Server):
    """A broker without persistence; `settings` are further lines of mosquitto.conf."""

    def __init__(self, directory: Path, settings: str = "allow_anonymous true\n") -> None:
        super().__init__(directory)
        self.program = program("mosquitto")
        self.settings = settings

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        configuration = self.directory / "mosquitto.conf"
        configuration.write_text(
            f"listener {self.port} 127.0.0.1\npersistence false\nlog_dest stderr\n"
            f"max_queued_messages 10000\nuser root\n{self.settings}"
        )
        return [self.program, "-c", str(configuration)]


class HttpServer(Server):
    """A server that says on an HTTP path that it is ready."""

    ready_path = "/"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(self.url + self.ready_path, timeout=5) as answer:
                return bool(200 <= answer.status < 300)
        except OSError:
            return False


class Influx1(HttpServer):
    """InfluxDB 1.x without authentication."""

    ready_path = "/ping"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.program = program("influxd")
        self.rpc_port = free_port()

    def command(self) -> list[str]:
        configuration = self.directory / "influxdb.conf"
        configuration.write_text(
            f"""reporting-disabled = true
bind-address = "127.0.0.1:{self.rpc_port}"
[meta]
dir = "{self.directory}/meta"
[data]
dir = "{self.directory}/data"
wal-dir = "{self.directory}/wal"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:{self.port}"
log-enabled = false
[monitor]
store-enabled = false
"""
        )
        return [self.program, "-config", str(configuration)]


class VictoriaMetrics(HttpServer):
    """A real server that speaks `/api/v2/write`; its `/api/v1/export` shows what arrived."""

    ready_path = "/health"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.program = program("victoria-metrics")

    def command(self) -> list[str]:
        return [
            self.program,
            f"-httpListenAddr=127.0.0.1:{self.port}",
            f"-storageDataPath={self.directory}/data",
            "-retentionPeriod=100y",
            "-search.latencyOffset=0s",
        ]


class Alertmanager(HttpServer):
    """A Prometheus Alertmanager that hands at once to a webhook what it is given, by site."""

    ready_path = "/-/ready"

    def __init__(self, directory: Path, webhook: str) -> None:
        super().__init__(directory)
        self.program = program("prometheus-alertmanager")
        self.webhook = webhook

    def command(self) -> list[str]:
        configuration = self.directory / "alertmanager.yml"
        configuration.write_text(
            f"""route:
  receiver: hook
  group_by: [site]
  group_wait: 0s
  group_interval: 1s
receivers:
- name: hook
  webhook_configs:
  - url: "{self.webhook}"
    send_resolved: true
"""
        )
        return [
            self.program,
            f"--config.file={configuration}",
            f"--storage.path={self.directory}/data",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        ]
