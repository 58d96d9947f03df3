"""Other agents, unpacked below build/ for the benchmark alone: nothing of them is installed.

Debian's packages come by `apt-get download`, Glances by pip with the pins in requirements/.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "peers"
DEBIAN = ("collectd-core", "libmosquitto1", "prometheus-node-exporter")
PINS = ROOT / "requirements" / "peers.txt"


class PeerError(Exception):
    """A peer that cannot be had here; says why."""


def debian() -> Path:
    """The root of the unpacked packages."""
    root = BUILD / "debian"
    if not (root / "usr/sbin/collectd").exists():
        if not shutil.which("apt-get"):
            raise PeerError("no apt-get here")
        packages = BUILD / "packages"
        packages.mkdir(parents=True, exist_ok=True)
        run(["apt-get", "download", *DEBIAN], packages)
        for package in packages.glob("*.deb"):
            run(["dpkg-deb", "--extract", str(package), str(root)], packages)
    return root


def libraries(root: Path) -> dict[str, str]:
    """The environment in which unpacked programs find their libraries."""
    folders = [str(folder) for folder in (root / "usr/lib").glob("*-linux-gnu*")]
    return {**os.environ, "LD_LIBRARY_PATH": os.pathsep.join(folders)}


def glances() -> Path:
    """The program, in an environment of its own."""
    program = BUILD / "glances/bin/glances"
    if not program.exists():
        run([sys.executable, "-m", "venv", str(BUILD / "glances")], ROOT)
        pip = [str(BUILD / "glances/bin/pip"), "install", "--quiet"]
        run([*pip, "--disable-pip-version-check", "--require-hashes", "-r", str(PINS)], ROOT)
    return program


def run(command: list[str], directory: Path) -> None:
    """Run one step of setting up; raises `PeerError` with what it said last."""
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise PeerError(f"{' '.join(command[:3])}: {said[-1] if said else done.returncode}")
