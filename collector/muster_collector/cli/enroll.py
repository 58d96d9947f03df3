"""`muster enroll`: certificates and configurations for nodes, and who has one."""

from __future__ import annotations

import argparse
import datetime as dt
import os
from pathlib import Path
from typing import Any

from muster_collector.cli import output
from muster_collector.cli.config import broker_url
from muster_collector.errors import ConfigError


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "enroll",
        help="make a node's certificate and configuration",
        description="For each NODE a key and a certificate whose name is the node's id, and an"
        " agent.toml to copy with them. `deploy/certificates init` makes the authority.",
    )
    parser.add_argument("node", nargs="*", metavar="NODE")
    parser.add_argument("--site", help="the site where they stand")
    parser.add_argument("--broker", metavar="URL", help="mqtts://HOST:PORT, as nodes reach it")
    parser.add_argument(
        "--allow", action="append", default=[], metavar="KEY",
        help="what the centre may change of them, such as sample.every or probe",
    )  # fmt: skip
    parser.add_argument(
        "--ca",
        type=Path,
        metavar="DIR",
        default=os.environ.get("MUSTER_CA"),
        help="the authority's folder (default: MUSTER_CA)",
    )
    parser.add_argument("--list", action="store_true", help="who has a certificate, until when")
    parser.add_argument("--revoke", metavar="NAME", help="shut one out")
    output.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do one of the three."""
    from muster_collector.configure import enrolment

    if not options.ca:
        raise ConfigError("--ca DIR: name the authority's folder, or set MUSTER_CA")
    authority = Path(options.ca)
    if [bool(options.node), options.list, bool(options.revoke)].count(True) != 1:
        raise ConfigError("use one of NODE ..., --list and --revoke NAME")
    if options.list:
        rows = enrolment.listing(authority, dt.datetime.now(dt.UTC))
        output.write(rows, enrolment.COLUMNS, options)
    elif options.revoke:
        crl = enrolment.revoke(authority, options.revoke)
        print(f"{crl}: install it at the broker, and restart the broker")
    else:
        if not options.site or not options.broker:
            raise ConfigError("a node needs --site SITE and --broker URL")
        broker_url(options.broker, ("mqtts",))
        for folder in enrolment.enroll(
            authority, options.node, options.site, options.broker, options.allow
        ):
            print(folder)
    return 0
