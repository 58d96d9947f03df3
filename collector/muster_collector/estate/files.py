"""Estate files, TOML or CSV: read, checked as a whole, every finding with its place in the file."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from muster_collector.errors import ConfigError
from muster_collector.estate import dated, table
from muster_collector.estate.model import UNASSIGNED, Estate

MOST = 16 << 20
"""Bytes that an estate file may have."""

Where = Callable[[tuple[int | str, ...]], str]


def load(path: Path) -> Estate:
    """The estate in a file; `ConfigError` with the first finding and how many more there are."""
    estate, findings = check(path)
    if estate is None or findings:
        more = f" (and {len(findings) - 1} more: muster estate check)" if findings[1:] else ""
        raise ConfigError(findings[0] + more)
    return estate


def check(path: Path) -> tuple[Estate | None, list[str]]:
    """The estate in a file, None if it cannot be read, and one line for each thing wrong in it.

    A folder holds dated versions; see `dated`.
    """
    return dated.check_folder(path, _check_file) if path.is_dir() else _check_file(path)


def _check_file(path: Path) -> tuple[Estate | None, list[str]]:
    try:
        text = _text(path)
    except OSError as error:
        return None, [f"{path}: {error.strerror}"]
    except ValueError as error:
        return None, [f"{path}: {error}"]
    return check_text(text, str(path), is_csv=path.suffix.lower() == ".csv")


def check_text(text: str, path: str, *, is_csv: bool) -> tuple[Estate | None, list[str]]:
    """The same of a text; `path` opens every line."""
    try:
        data, where = _parse(text, is_csv=is_csv)
    except ValueError as error:
        return None, [f"{path}: {error}"]
    try:
        # Strict, since TOML has types; in a CSV everything is text.
        estate = Estate.model_validate(data, strict=not is_csv)
    except ValidationError as error:
        return None, [f"{path}: {line}" for line in _invalid(error, where)]
    return estate, [f"{path}: {line}" for line in _unresolved(estate, where)]


def _text(path: Path) -> str:
    if path.stat().st_size > MOST:
        raise ValueError(f"larger than {MOST >> 20} MiB; an estate is smaller")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8; save the file as UTF-8") from error


def _parse(text: str, *, is_csv: bool) -> tuple[dict[str, Any], Where]:
    if is_csv:
        read = table.parse(text)
        return read.data, read.where
    data = tomllib.loads(text)
    return data, lambda place: _toml_place(place, data)


def _toml_place(place: tuple[int | str, ...], data: Any) -> str:
    """`sites[3] 'canton-tower' lat` for a path into the file's tables; counted from 1."""
    words: list[str] = []
    for step in place:
        data = _step(data, step)
        if isinstance(step, int):
            words[-1:] = [f"{words[-1] if words else ''}[{step + 1}]"]
            if isinstance(data, dict) and isinstance(data.get("id"), str):
                words.append(repr(data["id"][:80]))
        elif step != "[key]":
            words.append(step)
    return " ".join(words)


def _step(data: Any, step: int | str) -> Any:
    if isinstance(data, dict):
        return data.get(step)
    if isinstance(data, list) and isinstance(step, int) and step < len(data):
        return data[step]
    return None


def _invalid(error: ValidationError, where: Where) -> Iterator[str]:
    """One line for each thing that does not fit the model."""
    for finding in error.errors(include_url=False):
        place = where(tuple(finding["loc"]))
        if finding["type"] == "extra_forbidden":
            yield f"{place}: unknown key; known: {_known(tuple(finding['loc']))}"
        elif finding["type"] == "missing":
            yield f"{place}: missing"
        else:
            message = finding["msg"].removeprefix("Value error, ")
            yield f"{place} = {_short(finding['input'])}: {message}"


def _known(location: tuple[int | str, ...]) -> str:
    """The keys that are right where an unknown one stands."""
    model: Any = Estate
    for step in location[:-1]:
        if isinstance(step, str) and step in getattr(model, "model_fields", {}):
            declared = model.model_fields[step].annotation
            model = next((each for each in get_args(declared) if isinstance(each, type)), declared)
    return ", ".join(model.model_fields)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _unresolved(estate: Estate, where: Where) -> Iterator[str]:
    """Ids that are there twice, and references to what is not there."""
    yield from _twice("regions", (r.id for r in estate.regions), where)
    yield from _twice("districts", (d.id for d in estate.districts), where)
    yield from _twice("sites", (s.id for s in estate.sites), where)
    yield from _twice("nodes", (n.id for n in estate.nodes), where)
    regions = {region.id for region in estate.regions} | {UNASSIGNED}
    districts = {district.id for district in estate.districts} | {UNASSIGNED}
    roles = {*estate.roles, estate.default_role}
    sites = {site.id for site in estate.sites}
    for i, district in enumerate(estate.districts):
        yield from _orphan(district.region, regions, ("districts", i, "region"), where)
    for i, site in enumerate(estate.sites):
        yield from _orphan(site.district, districts, ("sites", i, "district"), where)
        for role in site.planned:
            yield from _orphan(role, roles, ("sites", i, "planned"), where)
    for i, node in enumerate(estate.nodes):
        yield from _orphan(node.role or estate.default_role, roles, ("nodes", i, "role"), where)
        if node.site is not None:
            yield from _orphan(node.site, sites, ("nodes", i, "site"), where)
    known = {"fleet": {"fleet"}, "region": regions, "district": districts, "site": sites}
    for i, target in enumerate(estate.targets):
        yield from _orphan(target.id, known[target.level], ("targets", i, "id"), where)


def _orphan(
    name: str, known: set[str], place: tuple[int | str, ...], where: Where
) -> Iterator[str]:
    if name not in known:
        yield f"{where(place)} = {name!r}: the estate has none with that id"


def _twice(kind: str, ids: Iterable[str], where: Where) -> Iterator[str]:
    first: dict[str, int] = {}
    for i, name in enumerate(ids):
        if name in first:
            yield f"{where((kind, i, 'id'))} = {name!r}: already used by {kind}[{first[name] + 1}]"
        first.setdefault(name, i)
