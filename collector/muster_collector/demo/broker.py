"""A broker for the demo: mosquitto where it is installed, else the one that pip installs."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from muster_collector.errors import MusterError

SEARCH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
"""An ordinary user's PATH on Debian lacks the folder that mosquitto is in."""
MAX_MESSAGE = 1 << 20

MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
log_dest stderr
log_type warning
log_type error
max_queued_messages 10000
max_packet_size {max_message}
"""

# rumqttd keeps its log in memory: two segments bound it. Only a v5 listener speaks MQTT 5.
RUMQTTD = """\
id = 0

[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 8388608
max_segment_count = 2

[v5.1]
name = "v5-1"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1

[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = {max_message}
max_inflight_count = 1000
dynamic_filters = true
"""


class Broker(NamedTuple):
    """How to start a broker, its name for people, and as which user (None: the present one)."""

    name: str
    command: list[str]
    user: str | None = None


def prepare(directory: Path, port: int, *, kind: str = "auto") -> Broker:
    """Write a broker's configuration for `port` of loopback and say how to start it.

    `kind` is mosquitto, iotcore, or auto for the first of them that is installed.
    """
    mosquitto = shutil.which("mosquitto", path=SEARCH)
    if kind in ("auto", "mosquitto") and mosquitto:
        file = write(directory / "mosquitto.conf", MOSQUITTO, port)
        return Broker("mosquitto", [mosquitto, "-c", str(file)], less_than_root("mosquitto"))
    if kind in ("auto", "iotcore") and importlib.util.find_spec("iotcore"):
        file = write(directory / "rumqttd.toml", RUMQTTD, port)
        # It logs every packet as an error, so only what is fatal may speak.
        command = [
            sys.executable,
            "-m",
            "iotcore",
            "--log-level",
            "CRITICAL",
            "--config",
            str(file),
        ]
        return Broker("iotcore", command)
    wanted = "no MQTT broker" if kind == "auto" else f"{kind}: not installed"
    raise MusterError(f"{wanted}: 'apt-get install mosquitto' or 'pip install iotcore' brings one")


def less_than_root(user: str) -> str | None:
    """That user, if we are root and it exists.

    mosquitto would change to it by itself, but then forget that it is to end with its parent.
    """
    try:
        return pwd.getpwnam(user).pw_name if os.geteuid() == 0 else None
    except KeyError:
        return None


def write(file: Path, template: str, port: int) -> Path:
    """Fill in a configuration; the broker's user must be able to read it."""
    file.write_text(template.format(port=port, max_message=MAX_MESSAGE))
    file.chmod(0o644)
    return file
