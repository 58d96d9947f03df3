"""Preset dictionaries for zlib: what most reports have in common, known to both ends beforehand.

A dictionary is a file here whose name is its Adler-32, which a zlib stream that needs it carries
too (DICTID in RFC 1950). Files of releases are only ever added to: an agent of any release must be
understood by every later collector. `python -m muster_wire.dictionaries.freeze` adds the one of
today's catalogue.
"""

from __future__ import annotations

import os
import re

NEWEST = "d74372c8"
"""The dictionary that agents of this version use."""
NAME = re.compile(r"[0-9a-f]{8}")
FOLDER = os.path.dirname(__file__)  # noqa: PTH120 - pathlib costs the agent memory

_loaded: dict[str, bytes] = {}


def names() -> list[str]:
    """Every dictionary that there is."""
    files = os.listdir(FOLDER)  # noqa: PTH208 - as above
    return sorted(f.removesuffix(".txt") for f in files if f.endswith(".txt"))


def load(name: str) -> bytes:
    """A dictionary by its name; raises LookupError for one that is not known here."""
    if name not in _loaded:
        if not NAME.fullmatch(name) or name not in names():
            raise LookupError(f"dictionary {name[:20]!r} is not among {', '.join(names())}")
        with open(os.path.join(FOLDER, f"{name}.txt"), "rb") as file:  # noqa: PTH118, PTH123
            _loaded[name] = file.read()
    return _loaded[name]
