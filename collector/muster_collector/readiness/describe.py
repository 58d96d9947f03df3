"""A scorecard for people: the page that documents it, and what differs between two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .schema import (
    Figure,
    Goalposts,
    Indicator,
    LiveNodes,
    LiveScore,
    LiveSites,
    Normalise,
    Read,
    Reference,
    Source,
    Thresholds,
    ZScore,
)
from .scorecard import Node, Scorecard

_MEANS = {
    "arithmetic": "weighted arithmetic mean",
    "geometric": "weighted geometric mean",
    "harmonic": "weighted harmonic mean",
    "minimum": "minimum",
}


def page(card: Scorecard) -> str:
    """The card as a page of Markdown: the tree with weights, then every indicator."""
    head = card.document.scorecard
    lines = [
        f"# {head.title.en} ({head.title.zh})",
        "",
        f"Scorecard `{card.id}`, version {head.version}, method `{card.method}`.",
        "This page is generated from the scorecard.",
        "",
        *([" ".join(head.note.split()), ""] if head.note else []),
        *_bands(card),
        "## The tree",
        "",
        "Share is the part of the whole card's weight; `critical` caps the level above.",
        "",
        "| level or indicator | weight | share | how | needs coverage | critical |",
        "|---|---|---|---|---|---|",
        *(_row(card, node, share) for node, share in zip(card.nodes, shares(card), strict=True)),
        "",
        "A group of members (site, district, …) has a score when those with",
        f"{card.document.rollup.coverage:.0%} of its planned weight have one.",
        "",
    ]
    for node in card.indicators:
        lines += _indicator(node)
    return "\n".join(lines)


def shares(card: Scorecard) -> list[float]:
    """For each column its share of the card's weight: the product of the weights down to it."""
    result = [1.0]
    for node in card.nodes[1:]:
        above = card.nodes[node.parent]
        local = dict(zip(above.parts, above.weights, strict=True)).get(node.column, 0.0)
        result.append(result[node.parent] * local)
    return result


def _bands(card: Scorecard) -> list[str]:
    if not card.document.band:
        return []
    bands = (f"{b.grade} ({b.title.en}) from {b.at_least:g}" for b in card.document.band)
    return [f"Grades: {', '.join(bands)}.", ""]


def _row(card: Scorecard, node: Node, share: float) -> str:
    depth, above = 0, node.parent
    while above >= 0:
        depth, above = depth + 1, card.nodes[above].parent
    name = f"{'&emsp;' * depth}{node.title.en} ({node.title.zh}) `{node.id}`"
    how = "indicator" if node.indicator else _MEANS[node.aggregation]
    rule = "" if node.indicator else f"{node.coverage:.0%}"
    critical = ""
    if node.critical:
        critical = f"below {node.critical.below:g}, cap down to {node.critical.cap:g}"
    return f"| {name} | {node.weight:g} | {share:.1%} | {how} | {rule} | {critical} |"


def _indicator(node: Node) -> list[str]:
    what = node.indicator
    if what is None:
        return []
    better = "more is better" if what.direction == "up" else "less is better"
    return [
        f"## {node.title.en} ({node.title.zh})",
        "",
        f"`{node.id}`: {what.meaning}. Unit {what.unit}, {better}.",
        "",
        f"- Score: {_normalise(what.normalise)}{_treatment(what)}.",
        f"- Why: {what.reason}",
        f"- After: {what.reference}",
        f"- From: {_origin(what)}.",
        "",
    ]


def _normalise(rule: Normalise) -> str:
    log = " of the logarithm" if getattr(rule, "log", False) else ""
    match rule:
        case Thresholds():
            points = ", ".join(f"{x:g} → {y:g}" for x, y in rule.points)
            return f"straight lines{log} through {points}"
        case Goalposts():
            return f"goalposts{log} {rule.low:g} and {rule.high:g}"
        case ZScore():
            return f"z-score{log}, mean at {rule.mean:g}, a deviation is {rule.sd:g}"
        case Reference(value=None):
            return "distance to each unit's own reference"
        case Reference():
            return f"distance to the reference {rule.value:g}"
        case _:
            return f"{rule.kind}{log} among the units"


def _treatment(what: Indicator) -> str:
    text = "; without a value it does not apply" if what.optional else ""
    if what.winsorise:
        text += f"; at most {what.winsorise.points} outliers drawn in"
    if what.impute:
        kind = what.impute.kind
        stand_in = f"{what.impute.value:g}" if what.impute.value is not None else f"the {kind}"
        text += f"; {stand_in} stands in for what is missing"
    return text


def _origin(what: Indicator) -> str:
    match what.place:
        case LiveScore(part=part):
            return f"Muster's newest score `{part}` of the place"
        case LiveNodes():
            return "Muster's newest scores: planned nodes that have one"
        case LiveSites(sectors=sectors, at_least=least):
            return f"Muster's newest scores: sites ({', '.join(sectors) or 'all'}) from {least:g}"
        case Figure(indicator=name, unit=unit, source=source):
            return f"imported figure `{name}` in {unit}{f' from {source}' if source else ''}"
        case _:
            return _source(what.source) if what.source else "imported"


def _source(source: Source) -> str:
    text = _read(source)
    if source.over:
        text += f" / {_read(source.over)}"
    if source.scale != 1:
        text += f" × {source.scale:g}"
    if source.offset:
        text += f" + {source.offset:g}"
    if source.per:
        text += f", {source.combine} over {', '.join(source.per)}"
    return text


def _read(read: Read) -> str:
    text = f"{read.statistic} of `{read.measurement}` {' + '.join(f'`{f}`' for f in read.fields)}"
    kept = [f"{tag} = {_any(values)}" for tag, values in read.where.items()]
    kept += [f"{tag} not {_any(values)}" for tag, values in read.without.items()]
    return f"{text} where {', '.join(kept)}" if kept else text


def _any(values: Sequence[str]) -> str:
    """Values of a tag in words; a tag that is not there has the value ""."""
    return " or ".join(value or "empty" for value in values)


def differences(old: Scorecard, new: Scorecard) -> Iterator[str]:
    """One line for every place of the files that differs, in the order of places."""
    before, after = _flat(old), _flat(new)
    for place in sorted({*before, *after}):
        if place not in after:
            yield f"- {place} = {before[place]}"
        elif place not in before:
            yield f"+ {place} = {after[place]}"
        elif before[place] != after[place]:
            yield f"~ {place} = {before[place]} -> {after[place]}"


def _flat(card: Scorecard) -> dict[str, Any]:
    flat: dict[str, Any] = {}

    def walk(place: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, item in value.items():
                walk(f"{place}.{key}" if place else key, item)
        else:
            flat[place] = value

    document = card.document.model_dump(mode="json", exclude_defaults=True)
    document["band"] = {band.pop("grade"): band for band in document.get("band", [])}
    walk("", document)
    return flat
