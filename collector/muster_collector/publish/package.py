"""The open-data package: tables, data dictionary, method, licence and checksums in one folder.

The same store, days and options give the same bytes: rows are sorted, numbers have fixed digits,
and no file holds the time of the run, the collector's address or anything of this machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from muster_collector.errors import ConfigError, MusterError
from muster_collector.publish import outlooks, readme, tables
from muster_collector.publish.calendar import Span
from muster_collector.publish.dictionary import (
    COMPLETENESS,
    FIGURES,
    PILLARS,
    PLACES,
    READINESS,
    RESOURCES,
    TARGETS,
    Resource,
)
from muster_collector.publish.source import Row, Source

DESCRIPTOR = "datapackage.json"
SCHEMAS = "https://specs.frictionlessdata.io/schemas"


class Licence(NamedTuple):
    """A licence by its Open Definition id."""

    name: str
    title: str
    path: str


LICENCES = {
    licence.name: licence
    for licence in (
        Licence(
            "CC-BY-4.0",
            "Creative Commons Attribution 4.0",
            "https://creativecommons.org/licenses/by/4.0/",
        ),
        Licence(
            "CC0-1.0",
            "Creative Commons Zero 1.0",
            "https://creativecommons.org/publicdomain/zero/1.0/",
        ),
        Licence(
            "ODbL-1.0",
            "Open Data Commons Open Database License 1.0",
            "https://opendatacommons.org/licenses/odbl/1-0/",
        ),
    )
}


class Order(NamedTuple):
    """What is to be published."""

    span: Span
    levels: Sequence[str]
    licence: Licence

    @property
    def command(self) -> str:
        """The command that makes the package again."""
        days = f"--from {self.span.first} --to {self.span.last}"
        levels = "".join(f" --level {level}" for level in self.levels)
        return f"muster publish {days}{levels} --licence {self.licence.name} --out DIR"


def gather(source: Source, order: Order) -> dict[str, list[Row]]:
    """The rows of every resource, by its name."""
    span = order.span
    days = [row for level in order.levels for row in source.scores(level, span)]
    if not days:
        raise MusterError(f"no day from {span.first} to {span.last} has a stored score")
    parts = [row for level in order.levels for row in source.pillars(level, span)]
    figures = [
        {**figure._asdict(), "date": figure.day} for figure in outlooks.figures(source, span.last)
    ]
    account = source.completeness(span)
    rows: dict[str, list[Row]] = {
        PLACES.name: _places(source, [*days, *parts]),
        READINESS.name: [{**row, "date": row["day"]} for row in days],
        PILLARS.name: [{**row, "date": row["day"]} for row in parts],
        COMPLETENESS.name: [{**row, "date": row["day"]} for row in account],
        TARGETS.name: outlooks.judged(source, span),
        FIGURES.name: figures,
    }
    return {resource.name: tables.ordered(resource, rows[resource.name]) for resource in RESOURCES}


def _places(source: Source, days: Sequence[Row]) -> list[Row]:
    """The places of the estate, and every other unit that numbers are about."""
    found = outlooks.places(source.estate)
    for row in days:
        around = {name: row.get(name) for name in ("district", "region")}
        found.setdefault(
            (row["level"], row["id"]), {"level": row["level"], "id": row["id"], **around}
        )
    return list(found.values())


def build(source: Source, order: Order) -> dict[str, bytes]:
    """Every file of the package, by its path; the descriptor last."""
    rows = gather(source, order)
    files: dict[str, bytes] = {}
    entries: list[dict[str, Any]] = []
    for resource in RESOURCES:
        for form, make in (("csv", tables.to_csv), ("parquet", tables.to_parquet)):
            path = f"data/{resource.name}.{form}"
            files[path] = make(resource, rows[resource.name])
            about = _table(resource, form)
            if form == "csv":
                about["rows"] = len(rows[resource.name])
            entries.append(_entry(path, files[path], about))
    for path, text, about in (
        ("scorecard.json", _json(source.card), readme.SCORECARD),
        ("README.md", readme.page(source, order.span, order.command, order.licence), readme.ABOUT),
    ):
        files[path] = text.encode()
        entries.append(_entry(path, files[path], dict(about)))
    files[DESCRIPTOR] = _json(_descriptor(source, order, entries)).encode()
    return files


def _descriptor(source: Source, order: Order, entries: list[dict[str, Any]]) -> dict[str, Any]:
    import duckdb  # noqa: PLC0415 - only those who publish pay for it

    span, card = order.span, source.card
    place = source.estate.get("name") or "a fleet"
    return {
        "$schema": f"{SCHEMAS}/data-package.json",
        "profile": "data-package",
        "name": f"muster-readiness-{span.first}-{span.last}",
        "title": f"Readiness of {place}, {span.first} to {span.last}",
        "title_zh": f"{source.estate.get('name_zh') or place}就绪度，{span.first} 至 {span.last}",
        "description": readme.DESCRIPTION["en"],
        "description_zh": readme.DESCRIPTION["zh"],
        "licenses": [order.licence._asdict()],
        "sources": _sources(source),
        "temporal": {"start": str(span.first), "end": str(span.last), "zone": span.zone.key},
        "method": {
            "id": card["method"],
            "scorecard": card["id"],
            "version": card["version"],
            "path": "scorecard.json",
        },
        "example": bool(source.estate.get("example")),
        "rebuild": {
            "command": order.command,
            "muster": version("muster-collector"),
            "duckdb": duckdb.__version__,
        },
        "resources": entries,
    }


def _sources(source: Source) -> list[dict[str, str]]:
    """Who the numbers come from; external figures are named once each."""
    card = source.card
    own = [
        {"title": f"Reports of the fleet, scored with {card['id']} (method {card['method']})"},
        {"title": f"Estate: {source.estate.get('name') or 'unnamed'}"},
    ]
    others = {row["source"] for row in source.ask("figures")["rows"] if row["source"]}
    return own + [{"title": name} for name in sorted(others)]


def _entry(path: str, content: bytes, about: Mapping[str, Any]) -> dict[str, Any]:
    """A resource of the descriptor, with its size and checksum."""
    digest = hashlib.sha256(content).hexdigest()
    return {**about, "path": path, "bytes": len(content), "hash": f"sha256:{digest}"}


def _table(resource: Resource, form: str) -> dict[str, Any]:
    """What the descriptor says of a table, without its size."""
    shared = {
        "title": resource.en,
        "title_zh": resource.zh,
        "format": form,
    }
    if form == "parquet":
        media = "application/vnd.apache.parquet"
        return {
            "name": f"{resource.name}-parquet",
            "profile": "data-resource",
            # Read as tables, by way of pandas, empty whole numbers would fail the common checker.
            "type": "file",
            **shared,
            "mediatype": media,
            "schema": schema(resource),
        }
    return {
        "name": resource.name,
        "profile": "tabular-data-resource",
        **shared,
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": {"delimiter": ",", "lineTerminator": "\r\n", "quoteChar": '"', "header": True},
        "schema": schema(resource),
    }


def schema(resource: Resource) -> dict[str, Any]:
    """The Table Schema of a resource."""
    made: dict[str, Any] = {
        "fields": [
            {
                "name": column.name,
                "type": column.kind,
                "format": "default",
                **({"unit": column.unit} if column.unit else {}),
                "description": column.en,
                "description_zh": column.zh,
                **({"constraints": {"required": True}} if column.name in resource.key else {}),
            }
            for column in resource.columns
        ],
        "missingValues": [""],
        "primaryKey": list(resource.key),
    }
    if resource.foreign:
        names = list(resource.foreign)
        made["foreignKeys"] = [
            {"fields": names, "reference": {"resource": PLACES.name, "fields": names}}
        ]
    return made


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def write(files: Mapping[str, bytes], folder: Path) -> None:
    """Write a package to a new or empty folder, or over an older package."""
    try:
        if folder.exists() and any(folder.iterdir()) and not (folder / DESCRIPTOR).is_file():
            raise ConfigError(f"--out {folder}: is not empty: name a new folder")
        for path, content in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    except OSError as error:
        raise ConfigError(f"--out {folder}: {error.strerror}") from error
