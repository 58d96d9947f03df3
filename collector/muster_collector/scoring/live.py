"""Which scorecards can score what runs, and whether the estate's targets fit them."""

from __future__ import annotations

from muster_collector.errors import ConfigError
from muster_collector.estate import Estate
from muster_collector.readiness.scorecard import Scorecard


def check(card: Scorecard, origin: str) -> None:
    """`ConfigError` for a card with references of the units' own; `origin` opens its message."""
    for number in card.own:
        name = card.indicators[number].id
        raise ConfigError(
            f"{origin}: [indicator.{name}] normalise.own = true: needs a column {name}:reference"
            " beside the values, which places that run do not have: score a table"
            " (muster score --data), or give one value for all"
        )


def check_read(card: Scorecard, origin: str) -> None:
    """The same, and for a card of which a collector could read nothing."""
    check(card, origin)
    if not any(node.indicator and node.indicator.source for node in card.indicators):
        raise ConfigError(
            f"{origin}: no indicator has a source, so every score would be missing: a collector"
            " scores by what nodes report; this card is for muster score"
        )


def check_targets(card: Scorecard, estate: Estate, origin: str) -> None:
    """`ConfigError` for a target of a part that the scorecard in force has not."""
    known = ("overall", *(pillar.id for pillar in card.pillars))
    for number, target in enumerate(estate.targets, 1):
        if target.indicator is None and target.part not in known:
            raise ConfigError(
                f"{origin}: targets[{number}] part = {target.part!r}: {card.id} has none with"
                f" that id; use {', '.join(known)}"
            )
