"""The reference pages of the documentation that are made from code."""

from __future__ import annotations

from collections.abc import Iterator

from muster_wire.catalogue import CATALOGUE, Measurement

HEAD = """\
# Metrics

Made from `muster_wire/catalogue.py` by `make generate`.

Every series also has the tags `host` and `site`. Names, types and units are those of Telegraf's
input plugins wherever Telegraf has the metric; the others are marked *Muster's own*. A counter
grows until the machine restarts; a gauge is the state at the time of the sample.
"""


def metrics() -> dict[str, str]:
    """The page on every metric that an agent can send."""
    return {"docs/reference/metrics.md": "\n".join(page(CATALOGUE))}


def page(catalogue: tuple[Measurement, ...]) -> Iterator[str]:
    """The lines of the page."""
    yield HEAD
    for measurement in catalogue:
        own = " (Muster's own)" if measurement.source == "muster" else ""
        yield f"## {measurement.name}{own}\n"
        yield f"Tags: {', '.join(f'`{t}`' for t in measurement.tags) or 'none'}\n"
        yield "| field | type | unit | kind | meaning |"
        yield "|---|---|---|---|---|"
        for field in measurement.fields:
            yield f"| `{field.name}` | {' | '.join(field[1:])} |"
        yield ""
