"""An estate as a CSV table with one row a site, turned into the data that a TOML file holds."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import Any

SITE_COLUMNS = ("name", "name_zh", "lat", "lon", "sector", "weight", "planned_from")
PLACE_COLUMNS = ("name", "name_zh")
PLANNED = "planned_"


@dataclass
class CsvEstate:
    """The data and the row of each site; row 1 is the header."""

    data: dict[str, Any] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)

    def where(self, place: tuple[int | str, ...]) -> str:
        """`row 7, column lat` for a path into the data."""
        table, *steps = place
        if table != "sites" or not steps or not isinstance(steps[0], int):
            return " ".join(str(step) for step in place)
        column = "_".join(str(step) for step in steps[1:]).replace("_[key]", "")
        named = f", column {'site' if column == 'id' else column}" if column else ""
        return f"row {self.rows[steps[0]]}{named}"


def parse(text: str) -> CsvEstate:
    """Read the table; `ValueError` names the row where it stops being one."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    header = list(reader.fieldnames or [])
    _check_header(header)
    regions: dict[str, Any] = {}
    districts: dict[str, Any] = {}
    sites: list[dict[str, Any]] = []
    rows: list[int] = []
    try:
        for row in reader:
            if None in row or None in row.values():
                raise ValueError(f"row {reader.line_num}: {len(header)} columns are needed")
            rows.append(reader.line_num)
            _place(regions, "region", row)
            _place(districts, "district", row)
            sites.append(_site(row))
    except csv.Error as error:
        raise ValueError(f"row {reader.line_num}: {error}") from error
    data = {
        "regions": list(regions.values()),
        "districts": list(districts.values()),
        "sites": sites,
        "roles": {c.removeprefix(PLANNED): {} for c in header if _plans(c)},
    }
    return CsvEstate(data, rows)


def _check_header(header: list[str]) -> None:
    if not {"site", "district"} <= set(header):
        raise ValueError("row 1: columns site and district are needed, separated by commas")
    places = {f"{kind}_{c}" for kind in ("region", "district") for c in PLACE_COLUMNS}
    known = {"region", "district", "site", *SITE_COLUMNS, *places}
    for column in header:
        if column not in known and not _plans(column):
            raise ValueError(f"row 1: unknown column {column[:80]!r}")
        if header.count(column) > 1:
            raise ValueError(f"row 1: column {column[:80]!r} is there twice")


def _plans(column: str) -> bool:
    """Whether a column counts planned nodes of a role."""
    return column.startswith(PLANNED) and column not in SITE_COLUMNS


def _place(table: dict[str, Any], kind: str, row: dict[str, str]) -> None:
    """Enter the row's region or district the first time it is named."""
    if not (name := row.get(kind, "")):
        return
    values = {c: row[f"{kind}_{c}"] for c in PLACE_COLUMNS if row.get(f"{kind}_{c}")}
    if kind == "district" and row.get("region"):
        values["region"] = row["region"]
    table.setdefault(name, {"id": name, **values})


def _site(row: dict[str, str]) -> dict[str, Any]:
    site: dict[str, Any] = {c: row[c] for c in SITE_COLUMNS if row.get(c)}
    if row["district"]:
        site["district"] = row["district"]
    planned = {k.removeprefix(PLANNED): v for k, v in row.items() if _plans(k) and v}
    return {"id": row["site"], **site, "planned": planned}
