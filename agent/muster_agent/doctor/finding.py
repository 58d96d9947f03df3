"""What the doctor found out about one thing."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """What was tried and how it went; `good` None means that there is nothing to mend."""

    what: str
    good: bool | None
    text: str
