"""HTML to PDF through a Chromium without a window, where one is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from muster_collector.errors import MusterError

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 120.0
"""Seconds for the longest report."""


def make(page: Path, target: Path) -> None:
    """Print a page to a PDF file; `MusterError` says what is missing or went wrong."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise MusterError(
            f"--pdf: none of {', '.join(BROWSERS)} is on the PATH: install one (Debian: apt install"
            f" chromium), or print {page} from any browser"
        )
    # The page has no scripts; root cannot have the sandbox, everybody else keeps it.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--no-pdf-header-footer",
            f"--user-data-dir={profile}",
            *sandbox,
            f"--print-to-pdf={target.absolute()}",
            page.absolute().as_uri(),
        ]
        try:
            done = subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise MusterError(f"--pdf: {browser} did not print {page}: {error}") from error
    if done.returncode or not target.is_file():
        raise MusterError(f"--pdf: {browser} ended with status {done.returncode} and no {target}")
