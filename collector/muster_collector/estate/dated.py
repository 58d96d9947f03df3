"""An estate over time: a folder of files, each named by the local day from which it holds.

`2025-01-01.toml`, `2026-07-01.csv`: a version holds from its day until the next one's. Before the
first the first holds, since nothing else is known. Days are local days, so all versions share one
time zone; a file that names none (a CSV) takes the others'.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

from muster_collector.estate.model import Estate

SUFFIXES = (".toml", ".csv")
Check = Callable[[Path], tuple[Estate | None, list[str]]]


def check_folder(folder: Path, check: Check) -> tuple[Estate | None, list[str]]:
    """The newest version, which knows the others, and one line for each thing that is wrong."""
    versions: dict[dt.date, tuple[Path, Estate]] = {}
    findings: list[str] = []
    for path in files(folder):
        day = day_of(path)
        if day is None:
            findings.append(f"{path}: name it by the day from which it holds: 2026-01-01.toml")
            continue
        if day in versions:
            findings.append(f"{path}: {versions[day][0].name} holds from that day already")
        estate, wrong = check(path)
        findings += wrong
        if estate is not None:
            versions[day] = (path, estate)
    if not versions:
        return None, findings or [f"{folder}: has no estate file named as 2026-01-01.toml"]
    findings += _zones([versions[day] for day in sorted(versions)])
    return _joined({day: estate for day, (_, estate) in versions.items()}), findings


def files(folder: Path) -> list[Path]:
    """The files of a folder that may be versions, in the order of their names."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )


def day_of(path: Path) -> dt.date | None:
    """The day from which a version holds; None for another name."""
    try:
        day = dt.date.fromisoformat(path.stem)
    except ValueError:
        return None
    return day if day.isoformat() == path.stem and day.year >= 1970 else None


def _zones(versions: list[tuple[Path, Estate]]) -> Iterator[str]:
    named = [(path, e.timezone) for path, e in versions if "timezone" in e.model_fields_set]
    for path, zone in named[1:]:
        if zone != named[0][1]:
            yield f"{path}: timezone = {zone!r}: {named[0][0].name} has {named[0][1]!r}, use one"


def _joined(versions: dict[dt.date, Estate]) -> Estate:
    zones = [e.timezone for e in versions.values() if "timezone" in e.model_fields_set]
    zone = zones[0] if zones else "UTC"
    return Estate.dated(
        [(day, versions[day].model_copy(update={"timezone": zone})) for day in sorted(versions)]
    )
