"""Makes nodes known: a key and a certificate of the fleet's authority, and a configuration to copy.

The authority is the folder that the script `certificates` beside this file keeps with openssl.
Whatever is made is readable for its owner alone.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from muster_collector.errors import ConfigError, MusterError
from muster_wire import topics
from muster_wire.topics import TopicError
from muster_wire.wanted import OPENABLE, OPENED

SCRIPT = Path(__file__).parent / "certificates"
INSTALLED = "/etc/muster/tls"
"""Where a node keeps its files, as in deploy/."""
COLUMNS = ("name", "state", "until", "days_left", "serial")
STATES = {"V": "valid", "R": "revoked", "E": "expired"}
CONFIGURATION = """\
# Made by `muster enroll`. Copy it to /etc/muster/agent.toml, and the three .pem files beside it to
# {installed}/, all readable for the user muster-agent. Every other setting has a default:
# `muster-agent check --settings` explains them.

[node]
id = "{node}"
site = "{site}"

[mqtt]
url = "{url}"
ca_file = "{installed}/ca.pem"
cert_file = "{installed}/cert.pem"
key_file = "{installed}/key.pem"

[remote]
# What the centre may change, such as ["sample.every", "probe"]; [] for nothing.
allow = {allow}
"""


def enroll(
    authority: Path, nodes: Sequence[str], site: str, url: str, allow: Sequence[str]
) -> Iterator[Path]:
    """The folder of each node; nothing is made when any of the names cannot be."""
    try:
        topics.check_name(site, "--site")
        for node in nodes:
            topics.check_name(node, "node")
    except TopicError as error:
        raise ConfigError(str(error)) from error
    for key in allow:
        if not OPENED.fullmatch(key):
            raise ConfigError(f"--allow {key}: use {OPENABLE}")
    if len(set(nodes)) < len(nodes):
        raise ConfigError("a node is named twice")
    for node in nodes:
        if (folder := authority / "issued" / node).exists():
            raise MusterError(f"{folder} exists: revoke {node} first, to make it anew")
    for node in nodes:
        folder = Path(certificates("node", authority, node).strip())
        text = CONFIGURATION.format(
            node=node, site=site, url=url, installed=INSTALLED, allow=json.dumps(list(allow))
        )
        file = folder / "agent.toml"
        file.touch(mode=0o600)
        file.write_text(text)
        yield folder


def revoke(authority: Path, name: str) -> Path:
    """Shut one out; the list that the broker needs."""
    return Path(certificates("revoke", authority, name).strip())


def listing(authority: Path, now: dt.datetime) -> list[dict[str, Any]]:
    """Every certificate that was issued, the newest of a name first."""
    index = authority / "index.txt"
    try:
        lines = index.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise MusterError(f"{index}: {error.strerror}: is {authority} an authority?") from error
    found = [row(line, now) for line in lines]
    found.reverse()
    return sorted(found, key=lambda one: str(one["name"]))


def row(line: str, now: dt.datetime) -> dict[str, Any]:
    """One line of openssl's index: state, end, end of a revoked one, serial, file, subject."""
    state, end, _, serial, _, subject = line.split("\t")
    century = "" if len(end) > len("YYMMDDHHMMSSZ") else "20"
    until = dt.datetime.strptime(century + end, "%Y%m%d%H%M%SZ").replace(tzinfo=dt.UTC)
    left = (until - now).days
    word = "expired" if state == "V" and left < 0 else STATES[state]
    return {
        "name": subject.partition("CN=")[2],
        "state": word,
        "until": until.date().isoformat(),
        "days_left": left,
        "serial": serial,
    }


def certificates(command: str, authority: Path, *arguments: str) -> str:
    """What the script prints; `MusterError` has its line when it fails."""
    try:
        done = subprocess.run(
            ["/bin/sh", str(SCRIPT), command, str(authority), *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise MusterError(f"{SCRIPT}: {error.strerror}") from error
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["openssl failed"]
        raise MusterError(lines[-1])
    return done.stdout
