"""Rows held by column: what makes an answer of hundreds of thousands of rows cheap."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Row = Mapping[str, Any]
Numbers = np.ma.MaskedArray[Any, Any]
"""A column of floats, whole numbers or truth values, masked where there is none."""
KINDS = ({bool}, {int}, {float}, {int, float})
"""Types of values that make a column of numbers."""


class Texts(NamedTuple):
    """A column of texts, each said once: the position in `names` by row; None is no text."""

    names: Sequence[str | None]
    code: NDArray[np.int64]

    def objects(self) -> NDArray[np.object_]:
        """The texts row by row."""
        return np.array([*self.names, None], dtype=object)[self.code]


Column = Texts | Numbers


@dataclass(frozen=True)
class Columns:
    """Columns of one length by name, in order."""

    columns: Mapping[str, Column]
    length: int

    def __len__(self) -> int:
        """The number of rows."""
        return self.length

    def part(self, first: int, last: int) -> Columns:
        """The rows `first <= row < last`."""
        cut = slice(max(first, 0), max(last, 0))
        made = {name: _taken(column, cut) for name, column in self.columns.items()}
        return Columns(made, len(range(self.length)[cut]))

    def rows(self) -> list[dict[str, Any]]:
        """Row by row; a text that is not there is left out, a number is None."""
        lists = [_values(column) for column in self.columns.values()]
        rows = [dict(zip(self.columns, values, strict=True)) for values in zip(*lists, strict=True)]
        for name, column in self.columns.items():
            if isinstance(column, Texts) and None in column.names:
                for row in rows:
                    if row[name] is None:
                        del row[name]
        return rows


def _taken(column: Column, cut: slice) -> Column:
    return Texts(column.names, column.code[cut]) if isinstance(column, Texts) else column[cut]


def _values(column: Column) -> list[Any]:
    if isinstance(column, Texts):
        return list(map(column.names.__getitem__, column.code.tolist()))
    values: list[Any] = column.tolist()
    return values


def from_rows(rows: Sequence[Row], names: Sequence[str]) -> Columns:
    """The same, each column of the type that its values have; lists and the like become JSON."""
    made = {name: column([row.get(name) for row in rows]) for name in names}
    return Columns(made, len(rows))


def column(values: Sequence[Any]) -> Column:
    """One column of these values."""
    kinds = {type(value) for value in values if value is not None}
    if kinds in KINDS:
        kind = max(kinds, key=lambda kind: kind is float)
        mask = [value is None for value in values]
        return np.ma.MaskedArray([0 if v is None else v for v in values], mask=mask, dtype=kind)
    code: dict[str | None, int] = {}
    codes = [code.setdefault(_text(value), len(code)) for value in values]
    return Texts(list(code), np.array(codes, dtype=np.int64))


def nothing(length: int) -> Numbers:
    """A column in which no row has a number."""
    return np.ma.MaskedArray(np.zeros(length), mask=np.ones(length, dtype=bool))


def _text(value: Any) -> str | None:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return None if value is None else str(value)


def joined(parts: Sequence[Columns]) -> Columns:
    """The rows of all parts, which have the same columns, one after the other."""
    if len(parts) == 1:
        return parts[0]
    length = sum(len(part) for part in parts)
    filled = [part for part in parts if len(part)] or parts[:1]
    made = {
        name: _end_to_end([part.columns[name] for part in filled]) for name in filled[0].columns
    }
    return Columns(made, length)


def _end_to_end(some: Sequence[Column]) -> Column:
    texts = [column for column in some if isinstance(column, Texts)]
    if len(texts) < len(some):
        # A column without any value has no type of its own.
        numbers = [nothing(len(c.code)) if isinstance(c, Texts) else c for c in some]
        data = np.concatenate([one.data for one in numbers])
        return np.ma.MaskedArray(data, np.concatenate([np.ma.getmaskarray(n) for n in numbers]))
    names: dict[str | None, int] = {}
    codes = []
    for text in texts:
        place = [names.setdefault(name, len(names)) for name in text.names]
        codes.append(np.array([*place, -1], dtype=np.int64)[text.code])
    return Texts(list(names), np.concatenate(codes))


def as_rows(rows: Columns | Sequence[Row]) -> Sequence[Row]:
    """Row by row, however they are held."""
    return rows.rows() if isinstance(rows, Columns) else rows
