"""InfluxQL queries for panels and variables: the one kind of query that every InfluxDB answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

SOURCE = DataSourceRef(type_val="influxdb", uid="${datasource}")
"""The data source of every panel: a variable, so that one board serves several stores."""

SITES = '"region" =~ /^$region$/ AND "district" =~ /^$district$/'
"""Scores inside the chosen regions and districts."""
HOSTS = '"site" =~ /^$site$/ AND "host" =~ /^$node$/'
"""What the chosen nodes sent; the sites on offer already follow region and district."""
LINKS = f'"interface" !~ /^(lo|all)$/ AND {HOSTS} AND $timeFilter'
"""What their interfaces carried, in the time chosen."""
BUCKET = "GROUP BY time($__interval)"
"""One value for each step of a plot."""


class Influxql(Dataquery):
    """The JSON of one InfluxQL target (the SDK has no type for it)."""

    def __init__(self, query: str, *, form: Literal["time_series", "table"], alias: str) -> None:
        self.query = query
        self.form = form
        self.alias = alias
        self.ref_id = "A"

    def to_json(self) -> dict[str, object]:
        """The target as Grafana stores it."""
        named = {"alias": self.alias} if self.alias else {}
        return {
            "datasource": SOURCE,
            "query": self.query,
            "rawQuery": True,
            "refId": self.ref_id,
            "resultFormat": self.form,
            **named,
        }


@dataclass(frozen=True, slots=True)
class Series(Builder[Dataquery]):
    """A query whose answer is lines over time, each named by `alias` (`$col`, `$tag_pillar`)."""

    query: str
    alias: str = "$col"

    def build(self) -> Influxql:
        """The target."""
        return Influxql(self.query, form="time_series", alias=self.alias)


@dataclass(frozen=True, slots=True)
class Rows(Builder[Dataquery]):
    """A query whose answer is a table: the tags of the grouping, then the fields."""

    query: str

    def build(self) -> Influxql:
        """The target."""
        return Influxql(self.query, form="table", alias="")


Query = Series | Rows


def latest(
    measurement: str, fields: tuple[str, ...], where: str, group: str, *, by: str = "coverage"
) -> str:
    """The newest point of each group: the `fields` that stand in it, and `by`.

    `by` is a field that every point has. A field that the newest point lacks is empty, even if an
    older point has it: a score that is missing now must not be shown as the present one.
    """
    reads = "".join(f', "{name}"' for name in fields if name != by)
    select = f'SELECT last("{by}") AS "{by}"{reads} FROM "{measurement}"'
    return f"{select} WHERE {where} AND $timeFilter GROUP BY {group}"


def newest(fields: Mapping[str, str], where: str) -> str:
    """Fields of the newest score of one unit under the names given; nothing where it has none."""
    inner = latest("readiness", tuple(fields), where, '"id"')
    named = ", ".join(f'"{name}" AS "{shown}"' for name, shown in fields.items())
    return f"SELECT {named} FROM ({inner})"


def highest(value: str, source: str, where: str, tags: tuple[str, ...], count: int = 10) -> str:
    """The `count` series with the highest `value` (an aggregate) in the range, with their tags."""
    names = ", ".join(f'"{name}"' for name in tags)
    inner = f'SELECT {value} AS "used" FROM "{source}" WHERE {where} AND $timeFilter'
    return f'SELECT top("used", {count}) AS "used", {names} FROM ({inner} GROUP BY {names})'
