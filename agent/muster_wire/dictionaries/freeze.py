"""Makes the preset dictionary of today's catalogue, and keeps it as a file for ever."""

from __future__ import annotations

import json
import os
import sys
import zlib

from muster_wire import VERSION
from muster_wire.catalogue import CATALOGUE, Measurement
from muster_wire.dictionaries import FOLDER

BLANK = {"int": 0, "float": 0.0, "bool": False, "str": ""}


def make(catalogue: tuple[Measurement, ...] = CATALOGUE) -> bytes:
    """A report with all that there is and nothing in it, in the order of the catalogue.

    zlib finds the names in it, and whole stretches of what is usually 0. What is in every report is
    at the end, where references are shortest.
    """
    metrics = [
        {
            "name": measurement.name,
            "tags": dict.fromkeys(measurement.tags, ""),
            "fields": {field.name: BLANK[field.type] for field in measurement.fields},
        }
        for measurement in catalogue
    ]
    now, row = 1_790_000_000_000, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    report = {
        "metrics": metrics,
        "later": [{"seq": 0, "ts": now, "delta": [[], []], "metrics": []}],
        "v": VERSION,
        "ts": now,
        "every": 10.0,
        "base": 0,
        "delta": [row, [], [], [], [0, 0, 1]],
        "node": "",
        "site": "",
        "epoch": 0,
        "seq": 0,
        "oldest": 0,
        "sent": now,
        "lost": [{"first": 0, "last": 0, "reason": ""}],
        "keep": True,
        "wait": 600.0,
    }
    return json.dumps(report, separators=(",", ":")).encode()


def name_of(dictionary: bytes) -> str:
    """What a dictionary is called."""
    return f"{zlib.adler32(dictionary):08x}"


def main() -> int:
    """Write the file, and say what to set NEWEST to."""
    dictionary = make()
    name = name_of(dictionary)
    with open(os.path.join(FOLDER, f"{name}.txt"), "wb") as file:  # noqa: PTH118, PTH123 - as above
        file.write(dictionary)
    print(f'NEWEST = "{name}"')
    return 0


if __name__ == "__main__":
    sys.exit(main())
