"""The command `muster-agent`: run, sample, check, doctor."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from muster_agent import imports
from muster_agent.errors import AgentError, ConfigError

if TYPE_CHECKING:
    from muster_agent.config import Config
    from muster_agent.host import Host

CONFIG = "/etc/muster/agent.toml"


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 done, 1 failed, 2 wrong usage or configuration."""
    imports.postpone()
    with imports.for_now("argparse", "gettext", "locale", "shutil"):
        options = parse(arguments)
    try:
        status = COMMANDS[options.command](options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader (head, less) has seen enough; what is left must not be tried again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except ConfigError as error:
        for line in error.mistakes:
            print(line, file=sys.stderr)
        return 2
    except (AgentError, OSError) as error:
        print(f"muster-agent: {error}", file=sys.stderr)
        return 1
    return status


def parse(arguments: list[str] | None) -> SimpleNamespace:
    """The command line; the help of `run` and `check` names every setting too."""
    import argparse

    from muster_agent.version import VERSION

    parser = argparse.ArgumentParser(
        prog="muster-agent", description="Samples this machine and reports to Muster."
    )
    parser.add_argument("--version", action="version", version=f"muster-agent {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    helps = {
        "run": "sample and report until stopped",
        "sample": "print one report and exit",
        "doctor": "try sensors, clock, spool and broker, and say what to mend",
        "check": "say what is wrong with the configuration, or show it",
    }
    asked = sys.argv[1:] if arguments is None else arguments
    settings = None
    if {"-h", "--help"}.intersection(asked):
        from muster_agent.reference import brief

        settings = "\n".join(brief())
    made = {
        name: commands.add_parser(
            name,
            help=text,
            description=text,
            epilog=settings if name in ("run", "check") else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for name, text in helps.items()
    }
    for command in made.values():
        command.add_argument("--config", metavar="FILE", help=f"default: {CONFIG}")
        command.add_argument(
            "--root", metavar="DIR", default="/", help="a folder that stands for the machine"
        )
    run = made["run"]
    run.add_argument("--count", type=int, metavar="N", help="end after N samples, once acked")
    run.add_argument(
        "--drain",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="with --count: how long to wait for the acks (default: 30)",
    )
    made["sample"].add_argument("--pretty", action="store_true", help="indented")
    made["check"].add_argument("--settings", action="store_true", help="explain every setting")
    return SimpleNamespace(**vars(parser.parse_args(arguments)))  # which is none of argparse's


def configuration(
    options: SimpleNamespace,
    host: Host,
    *,
    needed: bool = True,
    over: dict[str, Any] | None = None,
) -> Config:
    """The configuration of the command line, with what is `over` it, checked as a whole."""
    from muster_agent import config

    file = options.config or CONFIG
    try:
        hostname = host.hostname()
    except OSError:
        hostname = ""
    if options.config is None and not needed and not os.path.exists(file):  # noqa: PTH110 - memory
        return config.parse({}, file, hostname=hostname, environment=os.environ)
    loaded = config.load(file, hostname=hostname, over=over)
    if mistakes := list(config.sensor_mistakes(loaded, file)):
        raise ConfigError(mistakes)
    return loaded


def machine(options: SimpleNamespace) -> Host:
    """The machine to sample."""
    from muster_agent.host import Host

    return Host(options.root)


def run(options: SimpleNamespace) -> int:
    """Sample and report until stopped."""
    host = machine(options)
    settings = configuration(options, host)
    from muster_agent import run as running

    def reload(over: dict[str, Any]) -> Config:
        return usable(configuration(options, host, over=over))

    return running.run(settings, host, reload, count=options.count, drain=options.drain)


def usable(settings: Config) -> Config:
    """The same configuration, once the files that it names have been read."""
    from muster_agent import config, mqtt

    config.password(settings.mqtt)
    if settings.mqtt.url.tls:
        mqtt.tls_context(settings.mqtt)
    if settings.throughput.listen.port:
        from muster_agent.throughput import read_secret

        read_secret(settings.throughput.secret_file, "[throughput]")
    return settings


def doctor(options: SimpleNamespace) -> int:
    """Try everything that the agent needs."""
    host = machine(options)
    settings = configuration(options, host)
    from muster_agent.doctor import report

    return report(settings, host)


def sample(options: SimpleNamespace) -> int:
    """Print one report."""
    import json
    import time

    host = machine(options)
    settings = configuration(options, host, needed=False)
    from muster_agent.clock import SystemClock
    from muster_agent.run import sensors
    from muster_agent.sampler import FIRST, Sampler
    from muster_wire.codec import encode
    from muster_wire.messages import Report

    clock = SystemClock()
    sampler = Sampler(sensors(settings, host), clock, settings.sample.every)
    if host.live:
        time.sleep(FIRST)
    metrics = sampler.sample()
    now = clock.wall()
    report = Report(
        node=settings.node.id,
        site=settings.node.site,
        epoch=0,
        seq=0,
        oldest=0,
        ts=now,
        sent=now,
        every=settings.sample.every,
        metrics=metrics,
    )
    text = encode(report, compress_above=1 << 30).payload.decode()
    print(json.dumps(json.loads(text), indent=2, ensure_ascii=False) if options.pretty else text)
    return int(bool(sampler.failing))


def check(options: SimpleNamespace) -> int:
    """Check the configuration, or explain the settings."""
    if options.settings:
        from muster_agent.reference import lines

        print("\n".join(lines()))
        return 0
    settings = usable(configuration(options, machine(options)))
    broker = settings.mqtt.url
    print(
        f"{options.config or CONFIG}: node {settings.node.id} at site {settings.node.site}, "
        f"a sample every {settings.sample.every:g} s to {broker.host}:{broker.port}"
    )
    return 0


COMMANDS = {"run": run, "sample": sample, "check": check, "doctor": doctor}
