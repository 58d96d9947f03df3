"""`muster report`: a month's readiness as a page to print, in English or Chinese."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from muster_collector.cli import client
from muster_collector.cli.publish import make_source
from muster_collector.errors import ConfigError


def add(commands: Any) -> None:
    """Declare the command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "report",
        help="a month's readiness as a page to print",
        description="Write one HTML file without scripts, and with --pdf the same as PDF; the month"
        " is one of local days in the estate's time zone.",
    )
    parser.add_argument("--month", required=True, metavar="MONTH", help="as 2026-11")
    parser.add_argument("--lang", choices=("en", "zh"), default="en")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="report.html")
    parser.add_argument("--pdf", action="store_true", help="a PDF beside it, through Chromium")
    client.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read the month, write the page, print it."""
    from muster_collector.publish import month, pdf
    from muster_collector.publish.page import Page

    target = options.out.with_suffix(".pdf")
    if options.pdf and target == options.out:
        raise ConfigError(f"--out {options.out}: name the HTML file; the PDF lies beside it")
    text = Page(month.read(make_source(options), options.month), options.lang).render()
    try:
        options.out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--out {options.out}: {error.strerror}") from error
    print(options.out)
    if options.pdf:
        pdf.make(options.out, target)
        print(target)
    return 0
