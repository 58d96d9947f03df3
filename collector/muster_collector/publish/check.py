"""Checks that a folder is the open-data package that its descriptor says it is."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from muster_collector.errors import MusterError
from muster_collector.publish.package import DESCRIPTOR
from muster_collector.publish.tables import SQL, read_parquet

NAME = re.compile(r"[-a-z0-9._/]+")
MOST_BYTES = 16 << 20
"""Of the descriptor and the scorecard."""
CASTS: Mapping[str, Callable[[str], Any]] = {
    "string": str,
    "integer": int,
    "number": float,
    "date": dt.date.fromisoformat,
}


def check(folder: Path) -> tuple[int, int]:
    """The number of resources and of CSV rows; `MusterError` names the first thing wrong."""
    about = _json(folder / DESCRIPTOR)
    entries = about.get("resources")
    if not isinstance(entries, list) or not entries:
        raise MusterError(f"{folder / DESCRIPTOR}: resources: a list of resources is needed")
    seen: set[str] = set()
    tables: dict[str, list[list[str]]] = {}
    for position, entry in enumerate(entries):
        path = _resource(folder, entry, f"{folder / DESCRIPTOR}: resources[{position}]", seen)
        if path.suffix == ".csv":
            tables[entry["name"]] = _csv(path, entry["schema"])
    for entry in entries:
        if entry["path"].endswith(".parquet"):
            table = tables.get(entry["name"].removesuffix("-parquet"))
            _parquet(folder / entry["path"], entry["schema"], table)
    _foreign(folder, entries, tables)
    _method(folder, about)
    _unlisted(folder, {DESCRIPTOR} | {entry["path"] for entry in entries})
    return len(entries), sum(len(rows) for rows in tables.values())


def _json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise MusterError(f"{path}: is larger than {MOST_BYTES} bytes")
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise MusterError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise MusterError(f"{path}: is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise MusterError(f"{path}: an object is needed")
    return found


def _resource(folder: Path, entry: Any, where: str, seen: set[str]) -> Path:
    """The path of a resource whose size and checksum are right."""
    texts = ("name", "path", "hash")
    if not isinstance(entry, dict) or not all(isinstance(entry.get(k), str) for k in texts):
        raise MusterError(f"{where}: name, path and hash are needed")
    if not NAME.fullmatch(entry["name"]) or entry["name"] in seen:
        raise MusterError(f"{where}: name {entry['name']!r}: a-z 0-9 . _ - / and only once")
    seen.add(entry["name"])
    parts = PurePosixPath(entry["path"])
    if parts.is_absolute() or ".." in parts.parts:
        raise MusterError(f"{where}: path {entry['path']!r}: must lie in the package")
    path = folder / parts
    try:
        content = path.read_bytes()
    except OSError as error:
        raise MusterError(f"{path}: {error.strerror}") from error
    if len(content) != entry.get("bytes"):
        raise MusterError(f"{path}: {len(content)} bytes, {DESCRIPTOR} says {entry.get('bytes')}")
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    if digest != entry["hash"]:
        raise MusterError(f"{path}: checksum {digest}, {DESCRIPTOR} says {entry['hash']}")
    if path.suffix in (".csv", ".parquet"):
        _schema(entry.get("schema"), where)
    return path


def _schema(schema: Any, where: str) -> None:
    """A Table Schema that this check can read."""
    fields = schema.get("fields") if isinstance(schema, dict) else None
    if not isinstance(fields, list) or not all(isinstance(field, dict) for field in fields):
        raise MusterError(f"{where}: schema: fields are needed")
    for field in fields:
        if not isinstance(field.get("name"), str) or field.get("type") not in CASTS:
            raise MusterError(f"{where}: schema: a name, and a type of {', '.join(CASTS)}")
    names = {field["name"] for field in fields}
    key = schema.get("primaryKey", [])
    if not isinstance(key, list) or not set(key) <= names:
        raise MusterError(f"{where}: schema: primaryKey {key}: name columns of the table")


def _csv(path: Path, schema: Mapping[str, Any]) -> list[list[str]]:
    """The rows of a CSV that fits its schema."""
    names = [field["name"] for field in schema["fields"]]
    try:
        lines = list(csv.reader(io.StringIO(path.read_text("utf-8"), newline=""), strict=True))
    except (ValueError, csv.Error) as error:
        raise MusterError(f"{path}: is not CSV in UTF-8: {error}") from error
    if not lines or lines[0] != names:
        raise MusterError(f"{path}: row 1: the columns are not those of the schema")
    for number, cells in enumerate(lines[1:], start=2):
        if len(cells) != len(names):
            raise MusterError(f"{path}: row {number} has {len(cells)} cells, row 1 {len(names)}")
        for field, cell in zip(schema["fields"], cells, strict=True):
            _cell(f"{path}: row {number}, column {field['name']}", field, cell)
    _unique(path, names, schema.get("primaryKey", []), lines[1:])
    return lines[1:]


def _cell(where: str, field: Mapping[str, Any], cell: str) -> None:
    if not cell:
        if field.get("constraints", {}).get("required"):
            raise MusterError(f"{where}: is empty")
        return
    try:
        value = CASTS[field["type"]](cell)
    except ValueError as error:
        raise MusterError(f"{where}: {cell[:80]!r} is no {field['type']}") from error
    if isinstance(value, float) and not math.isfinite(value):
        raise MusterError(f"{where}: {cell[:80]!r} is no finite number")


def _unique(path: Path, names: list[str], key: list[str], rows: list[list[str]]) -> None:
    places = [names.index(name) for name in key]
    seen: set[tuple[str, ...]] = set()
    for number, cells in enumerate(rows, start=2):
        values = tuple(cells[place] for place in places)
        if key and values in seen:
            raise MusterError(f"{path}: row {number}: {', '.join(values)} is there already")
        seen.add(values)


def _parquet(path: Path, schema: Mapping[str, Any], table: Sequence[list[str]] | None) -> None:
    """A Parquet file has the schema's columns and as many rows as the CSV beside it."""
    import duckdb  # noqa: PLC0415 - only those who publish pay for it

    try:
        columns, rows = read_parquet(path)
    except duckdb.Error as error:
        raise MusterError(f"{path}: is no Parquet file that can be read") from error
    wanted = [(field["name"], SQL[field["type"]]) for field in schema["fields"]]
    if columns != wanted:
        raise MusterError(f"{path}: the columns are not those of the schema")
    if table is None or len(rows) != len(table):
        raise MusterError(f"{path}: {len(rows)} rows, the CSV has {len(table or [])}")
    for number, (row, cells) in enumerate(zip(rows, table, strict=True), start=2):
        for (name, kind), value, cell in zip(columns, row, cells, strict=True):
            if not _same(kind, value, cell):
                raise MusterError(f"{path}: row {number}, column {name}: is not what the CSV says")


def _same(kind: str, value: Any, cell: str) -> bool:
    """One value in both forms; a CSV's text may have an apostrophe before it."""
    if value is None or not cell:
        return value is None and not cell
    if kind == "VARCHAR":
        return cell in (value, f"'{value}")
    return bool(float(cell) == value) if kind == "DOUBLE" else cell == str(value)


def _foreign(
    folder: Path, entries: Sequence[Mapping[str, Any]], tables: Mapping[str, list[list[str]]]
) -> None:
    """Every unit that a table names is in `places`."""
    schemas = {entry["name"]: entry["schema"] for entry in entries if entry["name"] in tables}
    for name, schema in schemas.items():
        for link in schema.get("foreignKeys", []):
            other = link["reference"]["resource"]
            if other not in schemas:
                raise MusterError(f"{folder / DESCRIPTOR}: {name}: no resource {other!r}")
            known = set(_picked(tables[other], schemas[other], link["reference"]["fields"]))
            for values in _picked(tables[name], schema, link["fields"]):
                if values not in known:
                    raise MusterError(f"{folder}: {name}: {', '.join(values)} is not in {other}")


def _picked(
    rows: Sequence[list[str]], schema: Mapping[str, Any], fields: Sequence[str]
) -> list[tuple[str, ...]]:
    names = [field["name"] for field in schema["fields"]]
    places = [names.index(field) for field in fields]
    return [tuple(row[place] for place in places) for row in rows]


def _method(folder: Path, about: Mapping[str, Any]) -> None:
    """The scorecard in the package has the method's id that the descriptor names."""
    from muster_collector.readiness.schema import Document  # noqa: PLC0415 - loads numpy
    from muster_collector.readiness.scorecard import method  # noqa: PLC0415 - loads numpy

    path = folder / "scorecard.json"
    card = _json(path)
    wanted = about.get("method", {}).get("id")
    try:
        levels = {level.pop("id"): level for level in card.pop("levels")}
        indicators = {part.pop("id"): part for part in card.pop("indicators")}
        content = {"band": card.pop("bands"), "rollup": card.pop("rollup")}
        card.pop("method")
        document = Document.model_validate_json(
            json.dumps({"scorecard": card, "level": levels, "indicator": indicators, **content})
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise MusterError(f"{path}: is not the scorecard of a collector") from error
    if method(document) != wanted:
        raise MusterError(f"{path}: is method {method(document)}, {DESCRIPTOR} says {wanted}")


def _unlisted(folder: Path, known: set[str]) -> None:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in known:
            raise MusterError(f"{path}: is not in {DESCRIPTOR}")
