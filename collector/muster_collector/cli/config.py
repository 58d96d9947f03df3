"""`muster config set|clear|get|status`: what the centre wants of nodes, and what became of it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muster_collector.cli import output
from muster_collector.errors import ConfigError, MusterError

if TYPE_CHECKING:
    from muster_collector.configure.broker import Broker
    from muster_collector.configure.nodes import Node, Nodes

OPERATOR = Path("/etc/muster/operator.toml")


def add(commands: Any) -> None:
    """Declare the command."""
    parser = commands.add_parser("config", help="what nodes are to do, and whether they do it")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    setting = actions.add_parser(
        "set",
        help="want a configuration of nodes",
        description="Want a configuration of nodes: it lies over their local files, as far as their"
        " [remote] allow opens them, and is on trial first. It replaces what was wanted before.",
    )
    setting.add_argument("--file", type=Path, help="TOML with [sample], [sensor.X], [probe.X]; -")
    setting.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="such as sample.every=30s"
    )
    clearing = actions.add_parser("clear", help="want nothing of nodes: their local files alone")
    getting = actions.add_parser("get", help="what is wanted of nodes, as JSON")
    status = actions.add_parser("status", help="applied, refused and why, or pending")
    for action, work in ((setting, run_set), (clearing, run_set)):
        action.add_argument("--id", help="a name for it, told by the node (default: the time)")
        action.add_argument(
            "--skip-forbidden", action="store_true", help="pass over nodes whose policy forbids it"
        )
        action.add_argument(
            "--wait", default="30s", metavar="TIME", help="for the answers (default: 30s)"
        )
        action.set_defaults(run=work)
    getting.set_defaults(run=run_get)
    status.set_defaults(run=run_status)
    for action in (setting, clearing, getting, status):
        action.add_argument("node", nargs="*", metavar="NODE", help="or SITE/NODE for a new one")
        action.add_argument("--site", action="append", default=[], help="all nodes of a site")
        action.add_argument("--all", action="store_true", help="all nodes")
        add_broker(action)
    for action in (setting, clearing, status):
        output.add_options(action)


def add_broker(parser: argparse.ArgumentParser) -> None:
    """Declare where the broker is and who asks."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=os.environ.get("MUSTER_OPERATOR"),
        help=f"TOML with a section [mqtt] (default: MUSTER_OPERATOR, {OPERATOR} if it exists)",
    )
    parser.add_argument("--broker", metavar="URL", help="instead of [mqtt] url")


def settings(options: argparse.Namespace) -> Any:
    """The [mqtt] section that applies."""
    from muster_collector import config

    file = Path(options.config) if options.config else None
    if file is None and OPERATOR.exists():
        file = OPERATOR
    found = config.load(file).mqtt if file else config.Mqtt()
    if not options.broker:
        return found
    return found.model_copy(update={"url": broker_url(options.broker)})


def broker_url(url: str, schemes: Sequence[str] = ("mqtts", "mqtt")) -> str:
    """The address of a broker, checked."""
    from pydantic import ValidationError

    from muster_collector.config import Mqtt

    try:
        Mqtt(url=url)
    except ValidationError:
        good = False
    else:
        good = url.partition("://")[0] in schemes
    if not good:
        forms = " or ".join(f"{scheme}://HOST:PORT" for scheme in schemes)
        raise ConfigError(f"--broker {url}: use {forms}")
    return url


def run_set(options: argparse.Namespace) -> int:
    """Send a configuration to nodes and wait for their answers."""
    from muster_collector import durations
    from muster_collector.configure.broker import Broker
    from muster_wire import topics, wanted

    try:
        patience = durations.parse(options.wait)
    except ValueError as error:
        raise ConfigError(f"--wait {error}") from error
    some(options)
    found = desired(options)
    payload = wanted.message(found)
    mqtt = settings(options)
    with Broker(mqtt) as broker:
        nodes, chosen = look(broker, mqtt.root, options)
        sent = permitted(chosen, found.config, skip=options.skip_forbidden)
        for node in sent:
            broker.publish(topics.topic(node.site, node.name, "config", root=mqtt.root), payload)
            node.wanted = found
        await_answers(broker, nodes, sent, patience)
    report(sent, options)
    return int(any(node.state == "refused" for node in sent))


def run_get(options: argparse.Namespace) -> int:
    """Print what is wanted."""
    from muster_collector.configure.broker import Broker

    some(options)
    mqtt = settings(options)
    with Broker(mqtt) as broker:
        _, chosen = look(broker, mqtt.root, options)
    found = {node.name: node.wanted._asdict() if node.wanted else None for node in chosen}
    print(json.dumps(found, indent=2, ensure_ascii=False))
    return 0


def run_status(options: argparse.Namespace) -> int:
    """Print what became of it; exit status 1 when a node refuses."""
    from muster_collector.configure.broker import Broker

    mqtt = settings(options)
    options.all |= not (options.node or options.site)
    with Broker(mqtt) as broker:
        _, chosen = look(broker, mqtt.root, options)
    report(chosen, options)
    return int(any(node.state == "refused" for node in chosen))


def some(options: argparse.Namespace) -> None:
    """Somebody must be meant: all only when it is said."""
    if not (options.node or options.site or options.all):
        raise ConfigError("name nodes, or use --site SITE or --all")


def look(broker: Broker, root: str, options: argparse.Namespace) -> tuple[Nodes, list[Node]]:
    """All nodes that the broker knows, and those that are meant."""
    from muster_collector.configure.nodes import Nodes

    nodes = Nodes(root)
    for message in broker.retained(nodes.filters()):
        nodes.take(message)
    return nodes, nodes.select(options.node, options.site, every=options.all)


def desired(options: argparse.Namespace) -> Any:
    """What is wanted, checked as far as the centre can; `ConfigError` has a line a mistake."""
    from muster_wire import wanted

    config: dict[str, Any] = {}
    source = "--set"
    if getattr(options, "file", None):
        source = str(options.file)
        config = read(options.file)
    for text in getattr(options, "set", []):
        put(config, text)
    if not config and hasattr(options, "set"):
        raise ConfigError("nothing to set: use --file or --set, or `muster config clear`")
    if mistakes := wanted.mistakes(config, source):
        raise ConfigError("\n".join(mistakes))
    id_ = options.id or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    try:
        return wanted.wanted(id_, config)
    except ValueError as error:
        raise ConfigError(f"{source}: {error}") from error


def read(file: Path) -> dict[str, Any]:
    """A file of TOML, or standard input for "-"."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        return tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--file {file}: {getattr(error, 'strerror', error)}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not TOML: {error}") from error


def put(config: dict[str, Any], text: str) -> None:
    """One KEY=VALUE; a value that is no TOML is a text."""
    path, sign, value = text.partition("=")
    *tables, key = path.split(".")
    if not sign or not tables or not all((*tables, key)):
        raise ConfigError(f"--set {text}: use KEY=VALUE, such as sample.every=30s")
    for name in tables:
        config = config.setdefault(name, {})
        if not isinstance(config, dict):
            raise ConfigError(f"--set {text}: {name} is no section")
    try:
        config[key] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        config[key] = value


def permitted(nodes: Sequence[Node], config: dict[str, Any], *, skip: bool) -> list[Node]:
    """The nodes whose policy opens it all; `MusterError` for others, unless they are skipped."""
    from muster_wire import wanted

    good: list[Node] = []
    lines: list[str] = []
    for node in nodes:
        found = [] if node.allow is None else wanted.forbidden(config, node.allow)
        lines += [f"{node.site}/{node.name}: {mistake}" for mistake in found]
        if not found:
            good.append(node)
    if lines and not skip:
        raise MusterError(
            "\n".join([*lines, "nothing was sent; --skip-forbidden passes over these"])
        )
    for line in lines:
        print(f"skipped {line}", file=sys.stderr)
    return good


def await_answers(broker: Broker, nodes: Nodes, sent: Sequence[Node], seconds: float) -> None:
    """Wait until every node that is connected has answered."""
    waiting = {(node.site, node.name) for node in sent if node.online and node.state == "pending"}

    def take(message: Any) -> bool:
        node = nodes.take(message)
        if node is not None and node.state != "pending":
            waiting.discard((node.site, node.name))
        return not waiting

    if waiting:
        broker.listen(seconds, take)


def report(nodes: Sequence[Node], options: argparse.Namespace) -> None:
    """Print a table."""
    from muster_collector.configure.nodes import COLUMNS, rows

    output.write(rows(nodes), COLUMNS, options)
