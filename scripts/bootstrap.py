"""Makes the virtual environment of this checkout: with uv where it is installed, else venv and pip.

Standard library only, because it runs before anything is installed. It does nothing when the
environment already matches the pinned requirements, so every make target may begin with it.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
MINIMUM = (3, 11)
PROFILES = {"run": ["run"], "dev": ["run", "dev"]}
# What the tests talk to: a broker, two databases, another agent, a web server, a browser with
# Chinese fonts; what makes test certificates, checks units, and judges counters.
SYSTEM_PACKAGES = {
    "mosquitto": "mosquitto",
    "influxd": "influxdb",
    "victoria-metrics": "victoria-metrics",
    "collectd": "collectd-core",
    "chromium": "chromium",
    "nginx": "nginx-light",
    "openssl": "openssl",
    "systemd-analyze": "systemd",
    "nstat": "iproute2",
    "prometheus-node-exporter": "prometheus-node-exporter",
    "prometheus-alertmanager": "prometheus-alertmanager",
}
POLICY = Path("/usr/sbin/policy-rc.d")
EXTRA_PACKAGES = ["fonts-noto-cjk", "libmosquitto1"]  # collectd-core only suggests the latter
SEARCH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])


def main() -> int:
    """Set up what was asked for; exit status 1 when that is impossible here."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("profile", choices=sorted(PROFILES))
    parser.add_argument("--system-packages", action="store_true", help="install Debian's too")
    options = parser.parse_args()
    try:
        if options.system_packages:
            install_system_packages()
        ensure_environment(options.profile)
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    return 0


class SetupError(Exception):
    """Says what could not be set up and what would help."""


def ensure_environment(profile: str) -> None:
    """Create the environment, or bring it to the pinned state, unless it is there already."""
    wanted = fingerprint(PROFILES[profile])
    stamps = [VENV / f".muster-{name}" for name in PROFILES if profile in PROFILES[name]]
    if any(stamp.exists() and stamp.read_text() == wanted for stamp in stamps):
        return
    uv = shutil.which("uv")
    if not (VENV / "bin" / "python").exists():
        create(uv)
    requirements = ROOT / "requirements" / f"{profile}.txt"
    installer = [uv, "pip"] if uv else [str(VENV / "bin" / "python"), "-m", "pip"]
    target = ["--python", str(VENV / "bin" / "python")] if uv else ["--disable-pip-version-check"]
    install = [*installer, "install", *target]
    step(
        f"installing {count(requirements)} pinned packages",
        [*install, "--require-hashes", "-r", str(requirements)],
    )
    step(
        "installing Muster from this checkout",
        [*install, "--no-deps", "--no-build-isolation", "-e", "agent", "-e", "collector"],
    )
    for name in PROFILES[profile]:
        (VENV / f".muster-{name}").write_text(fingerprint(PROFILES[name]))


def create(uv: str | None) -> None:
    """Create the virtual environment; on Debian the venv module may have to come first."""
    python = find_python()
    if uv:
        step(
            "creating .venv",
            [uv, "venv", "--quiet", "--allow-existing", "--python", python, str(VENV)],
        )
        return
    if subprocess.run(
        [python, "-c", "import ensurepip"], check=False, capture_output=True
    ).returncode and not apt(["python3-venv"]):
        raise SetupError(
            f"{python} has no venv module: run 'apt-get install python3-venv' or install uv"
        )
    step("creating .venv", [python, "-m", "venv", str(VENV)])


def find_python() -> str:
    """The interpreter that runs this if it is new enough, else the newest one on the PATH."""
    if sys.version_info >= MINIMUM:
        return sys.executable
    for minor in range(19, MINIMUM[1] - 1, -1):
        if found := shutil.which(f"python3.{minor}"):
            return found
    raise SetupError(
        f"Python {sys.version.split()[0]} is too old: install Python 3.11 or newer, "
        "or name one with 'make PYTHON=/path/to/python3.12 ...'"
    )


def install_system_packages() -> None:
    """Install the servers and the browser that the tests use; say so where that is impossible."""
    missing = [
        p for program, p in SYSTEM_PACKAGES.items() if not shutil.which(program, path=SEARCH)
    ]
    if missing and not apt([*missing, *EXTRA_PACKAGES]):
        print(
            f"setup: could not install {', '.join(missing)}: tests that need them will be skipped; "
            f"as root, 'apt-get install {' '.join(missing)}' brings them",
            file=sys.stderr,
        )


def apt(packages: list[str]) -> bool:
    """Install Debian packages as root or with a sudo that asks nothing; False if that fails."""
    if not shutil.which("apt-get"):
        return False
    prefix = []
    if os.geteuid() != 0:
        if not shutil.which("sudo"):
            return False
        prefix = ["sudo", "-n"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    update = [*prefix, "apt-get", "update", "-qq"]
    install = [*prefix, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    try:
        step("reading Debian's package lists", update, environment)
        with services_kept_still(prefix):
            step(f"installing {', '.join(packages)}", install, environment)
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return False
    return True


@contextlib.contextmanager
def services_kept_still(prefix: list[str]) -> Iterator[None]:
    """Debian's policy hook says no: the packages' own services would take the standard ports."""
    if POLICY.exists():  # whoever runs this machine has decided already
        yield
        return
    deny = f"printf '#!/bin/sh\\nexit 101\\n' >{POLICY} && chmod 0755 {POLICY}"
    step("keeping their services still", [*prefix, "sh", "-c", deny])
    try:
        yield
    finally:
        subprocess.run([*prefix, "rm", "-f", str(POLICY)], check=False)


def step(title: str, command: list[str], environment: dict[str, str] | None = None) -> None:
    """Run one command with a progress line; show its output only when it fails."""
    started = time.monotonic()
    done = threading.Event()
    ticker = threading.Thread(target=tick, args=(title, started, done), daemon=True)
    if sys.stderr.isatty():
        ticker.start()
    else:
        print(f"setup: {title} ...", file=sys.stderr, flush=True)
    result = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    done.set()
    if ticker.is_alive():
        ticker.join()
    if result.returncode:
        raise SetupError(f"{title} failed: {' '.join(command)}\n{result.stdout.strip()[-3000:]}")
    if sys.stderr.isatty():
        print(f"\r\033[K\u2713 {title} ({time.monotonic() - started:.0f} s)", file=sys.stderr)


def tick(title: str, started: float, done: threading.Event) -> None:
    """Redraw the progress line until the step is done."""
    frames = "\u280b\u2819\u2839\u2838\u283c\u2834\u2826\u2827\u2807\u280f"
    turn = 0
    while not done.wait(0.1):
        turn += 1
        elapsed = time.monotonic() - started
        print(f"\r{frames[turn % len(frames)]} {title} ({elapsed:.0f} s)", end="", file=sys.stderr)


def fingerprint(profiles: list[str]) -> str:
    """What the environment depends on, as one hash."""
    files = [ROOT / "requirements" / f"{name}.txt" for name in profiles]
    files += [ROOT / "agent/pyproject.toml", ROOT / "collector/pyproject.toml", Path(__file__)]
    digest = hashlib.sha256(sys.executable.encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def count(requirements: Path) -> int:
    """How many packages a requirements file pins."""
    return sum("==" in line for line in requirements.read_text().splitlines())


if __name__ == "__main__":
    sys.exit(main())
