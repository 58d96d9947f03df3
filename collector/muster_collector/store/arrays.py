"""Samples as arrays, for what reads millions of them: as they are where a store has them so."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from muster_collector.store.base import Query, Store
from muster_collector.store.tables import Arrays


@runtime_checkable
class GivesArrays(Protocol):
    """A store that makes arrays faster than by way of a table."""

    async def arrays(self, query: Query) -> Arrays | None:
        """The samples of a raw query; None for none."""


async def arrays(store: Store, query: Query) -> Arrays | None:
    """The samples of a raw query; None for none. `StoreError` like the store."""
    if isinstance(store, GivesArrays):
        return await store.arrays(query)
    columns = (await store.select(query)).columns
    if not columns["time"]:
        return None
    tags = list(zip(*(columns[tag] for tag in query.group), strict=True)) if query.group else []
    groups = sorted(set(tags)) or [()]
    place = {group: number for number, group in enumerate(groups)}
    group = np.array([place[one] for one in tags] or [0] * len(columns["time"]), dtype=np.int32)
    values = {read.field: _masked(columns[read.field]) for read in query.reads}
    return Arrays(groups, group, np.array(columns["time"], dtype=np.int64), values)


def _masked(values: list[Any]) -> Any:
    array = np.array(values, dtype=object)
    return np.ma.array(array, mask=[value is None for value in values])


def floats(values: Any, length: int) -> NDArray[np.float64]:
    """One field's samples as floats; NaN where there is none."""
    if values is None:
        return np.full(length, np.nan)
    made = np.ma.getdata(values).astype(np.float64)
    mask = np.ma.getmask(values)
    return made if mask is np.ma.nomask else np.where(mask, np.nan, made)
