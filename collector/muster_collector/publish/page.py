"""The monthly report as one HTML file: no scripts, nothing from elsewhere, made for A4."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import resources
from typing import Any

from muster_collector.publish import cells, svg
from muster_collector.publish.cells import NOTHING
from muster_collector.publish.month import Month
from muster_collector.publish.source import COUNTS, Row
from muster_collector.publish.words import WORDS, date
from muster_collector.publish.words import month as month_name

SHOWN = 10
"""Indicators that the account of a change names."""
NAMED = 12
"""Sites without a score that are named."""
CHIPS = {"on course": "course", "at risk": "risk"}
DAYS_A_MONTH = 30.4375


class Page:
    """One month in one language."""

    def __init__(self, month: Month, lang: str) -> None:
        self.month = month
        self.lang = lang
        self.words = WORDS[lang]

    def render(self) -> str:
        """The whole file; the same month gives the same bytes."""
        style = (resources.files("muster_collector.publish") / "report.css").read_text("utf-8")
        month, words = self.month, self.words
        title = f"{words['title']} · {month_name(month.span.first, self.lang)}"
        parts = [self._head(), *self._body(), self._method()]
        return (
            f'<!doctype html>\n<html lang="{"zh-Hans" if self.lang == "zh" else "en"}">\n'
            '<meta charset="utf-8">\n'
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
            " style-src 'unsafe-inline'\">\n"
            '<meta name="viewport" content="width=device-width">\n'
            f"<title>{title}</title>\n<style>\n{style}</style>\n<body>\n"
            + "\n".join(part for part in parts if part)
            + "\n</body>\n</html>\n"
        )

    def _body(self) -> Iterator[str]:
        if self.month.fleet is None:
            words = self.words
            yield f'<div class="empty"><strong>{words["empty"]}</strong>{words["empty_more"]}</div>'
            return
        yield self._hero(self.month.fleet)
        yield self._pillars()
        yield self._change()
        yield self._districts()
        yield self._sites()
        yield self._targets()
        yield self._completeness()
        yield self._unmeasured(self.month.fleet)

    def _head(self) -> str:
        month, words, estate = self.month, self.words, self.month.source.estate
        name = self._own(estate) or "Muster"
        notes = [words["example"]] if estate.get("example") else []
        if not month.is_whole:
            notes.append(words["partial"].format(last=date(month.span.last, self.lang)))
        return (
            f'<header><div><p class="kicker">{words["title"]}</p>'
            f"<h1>{month_name(month.span.first, self.lang)}</h1></div>"
            f'<div class="place">{cells.name(name)}</div></header>'
            + "".join(f'<p class="note">{note}</p>' for note in notes)
        )

    def _hero(self, fleet: Row) -> str:
        words, days = self.words, len(self.month.whole)
        grade = self._grade(fleet["score"])
        since = words["no_former"] if fleet["gain"] is None else cells.signed(fleet["gain"])
        facts = (
            (words["interval"], f"{cells.number(fleet['low'])} – {cells.number(fleet['high'])}"),
            (words["coverage"], cells.percent(fleet["coverage"])),
            (words["since"], since),
            (words["scored_days"], words["of"].format(n=fleet["scored_days"], all=days)),
        )
        listed = "".join(f"<dt>{term}</dt><dd>{value}</dd>" for term, value in facts)
        score, low, high = (_series(fleet, field) for field in ("score", "low", "high"))
        plot = svg.month(score, low, high, days, label=words["daily"])
        return (
            f'<section class="hero"><div><div class="label">{words["summary"]}</div>'
            f'<div class="score">{cells.number(fleet["score"])}{grade}</div><dl>{listed}</dl></div>'
            f"<figure><figcaption>{words['daily']}</figcaption>{plot}</figure></section>"
        )

    def _grade(self, score: float) -> str:
        """The grade of a score as a chip, coloured by its rank among the bands."""
        bands = sorted(self.month.source.card["bands"], key=lambda band: -float(band["at_least"]))
        for rank, band in enumerate(bands, start=1):
            if score >= band["at_least"]:
                title, grade = cells.text(band["title"][self.lang]), cells.text(band["grade"])
                return f'<span class="grade g{rank}" title="{title}">{grade}</span>'
        return ""

    def _pillars(self) -> str:
        names = {pillar["id"]: pillar["title"][self.lang] for pillar in self.month.pillars}
        return self._units("pillars", self.month.pillars, names.__getitem__, members=False)

    def _districts(self) -> str:
        ordered = sorted(
            self.month.districts, key=lambda unit: (unit["score"] is None, -(unit["score"] or 0.0))
        )
        return self._units("districts", ordered, lambda unit: self._place("district", unit))

    def _units(
        self, title: str, units: Sequence[Row], name: Callable[[str], str], *, members: bool = True
    ) -> str:
        """A table of units with their scores, intervals and days."""
        heads = ("name", "score", "range", "month", "gained", "measured", "sites_scored")
        rows = [
            (
                cells.name(name(unit["id"])),
                f'<span class="strong">{cells.number(unit["score"])}</span>',
                svg.interval(unit["score"], unit["low"], unit["high"]),
                svg.spark(_series(unit, "score"), len(self.month.whole)),
                cells.signed(unit["gain"]),
                cells.percent(unit["coverage"]),
                f"{cells.count(unit['scored'])} / {cells.count(unit['planned'])}",
            )[: None if members else -1]
            for unit in units
        ]
        widths = (44, 15, 39, 30, 15, 17, 18)[: None if members else -1]
        return self._section(title, self._table(heads, rows, widths, numbers={1, 4, 5, 6}))

    def _change(self) -> str:
        words, change = self.words, self.month.change
        if change["change"] is None:
            why = words.get(change["why"], cells.text(change["why"]))
            return self._section("change", f"<p>{words['no_change'].format(why=why)}</p>")
        lead = words["change_lead"].format(
            before=cells.number(change["before"]),
            after=cells.number(change["after"]),
            from_=self._moment(change["from"]),
            to=self._moment(change["to"]),
            sum=cells.signed(change["change"], 2),
        )
        parts = list(self._parts(change))
        most = max((abs(points) for _, points in parts), default=0.0)
        rows = [
            (cells.name(name), svg.gain(points, most), cells.signed(points, 2))
            for name, points in parts
        ]
        table = self._table(("", "", "points"), rows, (84, 70, 24), numbers={2})
        return self._section("change", f'<p class="lead">{lead}</p>{table}')

    def _parts(self, change: Any) -> Iterator[tuple[str, float]]:
        """Names and points that sum to the change, the greatest indicators first."""
        moved = [part for part in change["indicators"] if part["points"]]
        for part in moved[:SHOWN]:
            yield part["title"][self.lang], part["points"]
        if rest := moved[SHOWN:]:
            points = sum(part["points"] for part in rest)
            yield self.words["others"].format(n=len(rest)), points
        for name in ("coverage", "members"):
            # What arithmetic leaves over is no part.
            if abs(change[name]) > 1e-9:
                yield self.words[f"{name}_part"], change[name]

    def _sites(self) -> str:
        words, month = self.words, self.month
        worst = [
            (self._site(site), f'<span class="strong">{cells.number(site["score"])}</span>')
            for site in month.worst
        ]
        improved = [(self._site(site), cells.signed(site["gain"])) for site in month.improved]
        halves = ""
        for title, column, rows in (("worst", "score", worst), ("improved", "gained", improved)):
            table = self._table(("name", column), rows, (64, 20), numbers={1})
            body = table if rows else f"<p>{words[f'none_{title}']}</p>"
            halves += f'<section class="keep"><h2>{words[title]}</h2>{body}</section>'
        return f'<div class="two">{halves}</div>'

    def _site(self, site: Row) -> str:
        about = f'<span class="id">{cells.text(site["id"])}</span>'
        return cells.name(self._place("site", site["id"])) + about

    def _targets(self) -> str:
        if not self.month.targets:
            return self._section("targets", f"<p>{self.words['no_targets']}</p>")
        heads = ("name", "target", "due", "now", "gap", "pace", "likely", "chance", "status")
        rows = [tuple(self._target(target)) for target in self.month.targets]
        widths = (34, 17, 26, 13, 13, 22, 26, 14, 17)
        table = self._table(heads, rows, widths, numbers={1, 3, 4, 5, 7}, wrap={2, 6})
        return self._section("targets", f'<div class="targets">{table}</div>')

    def _target(self, target: Row) -> Iterator[str]:
        words = self.words
        unit = words["points"] if target["unit"] == "points" else target["unit"]
        yield cells.name(self._own(target) or f"{target['id']} {target['part']}")
        yield f'{cells.figure(target["target"])}<br><span class="id">{cells.text(unit)}</span>'
        yield self._day(target["due"])
        yield cells.figure(target["value"])
        yield cells.figure(target["gap"])
        paces = (target["pace_seen"], target["pace_needed"])
        yield " / ".join(cells.figure(p * DAYS_A_MONTH if p is not None else None) for p in paces)
        yield self._likely(target)
        yield cells.percent(target["probability"])
        kind = CHIPS.get(target["status"], target["status"])
        yield f'<span class="chip {kind}">{words[target["status"]]}</span>'

    def _likely(self, target: Row) -> str:
        """The likely date and its interval; no date is made up."""
        if target["status"] in ("reached", "missed", "unknown"):
            return NOTHING
        if target["likely"] is None:
            return self.words["never"]
        ends = [
            self._day(day) if day else self.words["never"]
            for day in (target["earliest"], target["latest"])
        ]
        interval = f'<span class="id">{ends[0]}<br>– {ends[1]}</span>'
        return f"{self._day(target['likely'])}<br>{interval}"

    def _day(self, day: dt.date) -> str:
        return f'<span class="day">{date(day, self.lang)}</span>'

    def _completeness(self) -> str:
        words, days = self.words, self.month.completeness
        if not days:
            return self._section("completeness", f"<p>{words['no_reports']}</p>")
        sums = {name: sum(day[name] for day in days) for name in COUNTS}
        sums["absent"] = sums["down"] + sums["silent"]
        lead = words["complete_lead"].format(**{name: f"{n:,}" for name, n in sums.items()})
        values = [
            (d["day"].day, float(d["stored"]), float(max(d["expected"] - d["stored"], 0)))
            for d in days
        ]
        plot = svg.bars(values, len(self.month.whole), label=words["complete_plot"])
        caption = f"<figcaption>{words['complete_plot']}</figcaption>"
        body = f'<p class="lead">{lead}</p><figure>{caption}{plot}</figure>'
        return self._section("completeness", body, keep=True)

    def _unmeasured(self, fleet: Row) -> str:
        words, month = self.words, self.month
        lines = []
        if (share := fleet["coverage"]) is not None and share < 1:
            lines.append(words["unmeasured_plan"].format(share=cells.percent(1 - share)))
        if silent := len(month.span) - fleet["scored_days"]:
            lines.append(words["unmeasured_days"].format(n=silent))
        pillars = [cells.text(p["title"][self.lang]) for p in month.pillars if p["score"] is None]
        if pillars:
            lines.append(words["unmeasured_pillars"].format(names=words["sep"].join(pillars)))
        if sites := month.unscored:
            names = [cells.bare(self._place("site", site)) for site in sites[:NAMED]]
            if len(sites) > NAMED:
                names.append(words["more"].format(n=len(sites) - NAMED))
            joined = words["sep"].join(names)
            lines.append(words["unmeasured_sites"].format(n=len(sites), names=joined))
        lines.append(words["unmeasured_rest"])
        body = "<ul>" + "".join(f"<li>{line}</li>" for line in lines) + "</ul>"
        return self._section("unmeasured", body, keep=True)

    def _method(self) -> str:
        card, span = self.month.source.card, self.month.span
        facts = {
            "card": f"{cells.text(card['title'][self.lang])} ({cells.text(card['id'])})",
            "version": cells.text(card["version"]),
            "id": f"<code>{card['method']}</code>",
            "zone": cells.text(span.zone.key),
        }
        command = f"muster publish --from {span.first} --to {span.last} --out DIR"
        return self._section(
            "method",
            f'<div class="method"><p>{self.words["method_text"].format(**facts)}</p>'
            f"<p>{self.words['rebuild']}: <code>{command}</code></p></div>",
            keep=True,
        )

    def _section(self, title: str, body: str, *, keep: bool = False) -> str:
        about = ' class="keep"' if keep else ""
        return f"<section{about}><h2>{self.words[title]}</h2>{body}</section>"

    def _table(
        self,
        heads: Sequence[str],
        rows: Iterable[Sequence[str]],
        widths: Sequence[int],
        *,
        numbers: set[int],
        wrap: Iterable[int] = (),
    ) -> str:
        """A table; widths in mm are shares of the whole."""
        about = dict.fromkeys(numbers, ' class="n"') | dict.fromkeys(wrap, ' class="wrap"')
        columns = "".join(f'<col style="width:{w / sum(widths):.1%}">' for w in widths)
        head = "".join(
            f"<th{about.get(n, '')}>{self.words.get(name, '')}</th>"
            for n, name in enumerate(heads[: len(widths)])
        )
        body = "".join(
            "<tr>" + "".join(f"<td{about.get(n, '')}>{c}</td>" for n, c in enumerate(row)) + "</tr>"
            for row in rows
        )
        return f"<table><colgroup>{columns}</colgroup><thead><tr>{head}</tr></thead>{body}</table>"

    def _own(self, about: Any) -> str:
        """A name in the page's language, or in the other one."""
        names = [about.get("name") or "", about.get("name_zh") or ""]
        ordered = reversed(names) if self.lang == "zh" else names
        return next(filter(None, ordered), "")

    def _place(self, level: str, unit: str) -> str:
        return self._own(self.month.places.get((level, unit), {})) or unit

    def _moment(self, text: str) -> str:
        time = dt.datetime.fromisoformat(text).astimezone(self.month.span.zone)
        return f"{date(time.date(), self.lang)} {time:%H:%M}"


def _series(unit: Row, field: str) -> list[tuple[int, float]]:
    """A field by day of the month, on the days that have a score."""
    return sorted(
        (day.day, row[field])
        for day, row in unit["days"].items()
        if row.get("score") is not None and row.get(field) is not None
    )
