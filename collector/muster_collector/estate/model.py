"""The estate as checked data: regions hold districts, districts hold sites, sites plan nodes.

Names are free text (quotes, markup, emoji) and must be escaped wherever they are shown; ids are
plain. A site that reports without being in the estate belongs to district and region "unassigned".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    model_validator,
)

from muster_wire.topics import NAME

UNASSIGNED = "unassigned"
"""District and region of sites that the estate does not place."""


def _identifier(value: str) -> str:
    if not NAME.fullmatch(value):
        raise ValueError("use 1 to 63 of a-z 0-9 . _ - beginning with a letter or digit")
    return value


def _own_identifier(value: str) -> str:
    if value == UNASSIGNED:
        raise ValueError(f"{UNASSIGNED!r} is kept for sites that no district claims")
    return _identifier(value)


def _zone(value: str) -> str:
    # Loading the zone data waits until a file names a zone.
    import zoneinfo  # noqa: PLC0415 - 3 ms that `import muster_collector.estate` need not pay

    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError('an IANA time zone is needed, as "Asia/Shanghai"') from error
    return value


def _midnight(day: dt.date, zone: str) -> int:
    """The beginning of a local day, in ms."""
    import zoneinfo  # noqa: PLC0415 - as in `_zone`

    begin = dt.datetime(day.year, day.month, day.day, tzinfo=zoneinfo.ZoneInfo(zone))
    return round(begin.timestamp() * 1000)


Id = Annotated[str, AfterValidator(_identifier)]
OwnId = Annotated[str, AfterValidator(_own_identifier)]
Name = Annotated[str, Field(max_length=200)]
Weight = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=100_000)]


class Part(BaseModel):
    """What all parts of an estate share: nothing unknown, nothing changed after the check."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Place(Part):
    """Anything with a name and a position (degrees, WGS 84)."""

    id: OwnId
    name: Name = ""
    name_zh: Name = ""
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None
    weight: Weight = 1.0


class Region(Place):
    """The level below the fleet."""


class District(Place):
    """The level below a region."""

    region: Id = UNASSIGNED


class Site(Place):
    """Where nodes stand; `planned` counts the nodes by role that are due from `planned_from` on."""

    id: Id
    district: Id = UNASSIGNED
    sector: Name = ""
    planned: dict[Id, Count] = Field(default_factory=dict)
    planned_from: dt.date | None = None


class Role(Part):
    """What one node of a role weighs in its site's score."""

    weight: Weight = 1.0
    name: Name = ""
    name_zh: Name = ""


class Node(Part):
    """What is settled of one node: its role, where the default one does not fit, and its site.

    A node with a site is believed nowhere else: what it sends from another site is refused.
    """

    id: Id
    role: Id | None = None
    site: Id | None = None


class Target(Part):
    """What a place (or the fleet) should have reached by a day: a score, or an imported figure.

    `score` is of the card's `part`; `value` (in `unit`) is of the imported `indicator`, from one
    `source` where it is named.
    """

    level: Literal["site", "district", "region", "fleet"] = "fleet"
    id: Id = "fleet"
    part: Id = "overall"
    score: Annotated[float, Field(ge=0, le=100)] | None = None
    indicator: Id | None = None
    value: Annotated[float, Field(ge=-1e15, le=1e15)] | None = None
    unit: Name = ""
    source: Name = ""
    direction: Literal["up", "down"] = "up"
    due: dt.date
    name: Name = ""
    name_zh: Name = ""

    @model_validator(mode="after")
    def _one_kind(self) -> Target:
        figure = (self.indicator is not None, self.value is not None, bool(self.unit))
        if any(figure) != all(figure) or (self.score is None) != all(figure):
            raise ValueError("give it a score, or else all of indicator, value and unit")
        return self


class Estate(Part):
    """The whole estate; every reference in it resolves."""

    name: Name = ""
    name_zh: Name = ""
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    example: bool = False
    default_role: Id = "node"
    roles: dict[Id, Role] = Field(default_factory=dict)
    regions: tuple[Region, ...] = ()
    districts: tuple[District, ...] = ()
    sites: tuple[Site, ...] = ()
    nodes: tuple[Node, ...] = ()
    targets: tuple[Target, ...] = ()

    _versions: tuple[tuple[int, Estate], ...] = PrivateAttr(())
    """Since when (ms) which version holds, the oldest first; empty for an estate without dates."""

    @classmethod
    def dated(cls, versions: Sequence[tuple[dt.date, Estate]]) -> Estate:
        """The last of some versions, each with the local day from which it holds, rising."""
        begun = tuple((_midnight(day, estate.timezone), estate) for day, estate in versions)
        newest = begun[-1][1].model_copy()
        newest._versions = begun  # noqa: SLF001 - a private attribute is what pydantic leaves free
        return newest

    @property
    def since(self) -> tuple[int, ...]:
        """When (ms) each version began; nothing for an estate without dates."""
        return tuple(since for since, _ in self._versions)

    def at(self, time: int) -> Estate:
        """The version that holds at a time (ms), the first before it, itself without dates."""
        found = [estate for since, estate in self._versions if since <= time]
        return found[-1] if found else next((estate for _, estate in self._versions), self)

    @model_validator(mode="before")
    @classmethod
    def _lists(cls, data: Any) -> Any:
        """Files bring lists, which strict validation would not take for tuples."""
        if not isinstance(data, dict):
            return data
        return {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}

    @cached_property
    def _sites(self) -> dict[str, Site]:
        return {site.id: site for site in self.sites}

    @cached_property
    def _districts(self) -> dict[str, District]:
        return {district.id: district for district in self.districts}

    @cached_property
    def _regions(self) -> dict[str, Region]:
        return {region.id: region for region in self.regions}

    @cached_property
    def _roles(self) -> dict[str, str]:
        return {node.id: node.role for node in self.nodes if node.role is not None}

    @cached_property
    def node_sites(self) -> dict[str, str]:
        """The nodes whose site is settled, each with it."""
        return {node.id: node.site for node in self.nodes if node.site is not None}

    def site(self, site: str) -> Site:
        """A site of the estate, or a plain one in no district for an id that it does not know."""
        return self._sites.get(site) or Site.model_construct(id=site)

    def place(self, level: str, place: str) -> Place | None:
        """The site, district or region with that id, None where the estate has none."""
        table: dict[str, Any] = {
            "site": self._sites,
            "district": self._districts,
            "region": self._regions,
        }
        found: Place | None = table.get(level, {}).get(place)
        return found

    def district_of(self, site: str) -> str:
        """The district that a site lies in."""
        found = self._sites.get(site)
        return found.district if found else UNASSIGNED

    def region_of(self, district: str) -> str:
        """The region that a district lies in."""
        found = self._districts.get(district)
        return found.region if found else UNASSIGNED

    def role_of(self, node: str) -> str:
        """The role of a node."""
        return self._roles.get(node, self.default_role)

    def role_weight(self, role: str) -> float:
        """What one node of that role weighs; 1 where the estate says nothing."""
        found = self.roles.get(role)
        return found.weight if found else 1.0

    def weight(self, level: str, place: str) -> float:
        """What a site, district or region weighs in the level above it."""
        found = self.place(level, place)
        return found.weight if found else 1.0

    def planned(self, site: str, day: dt.date) -> dict[str, int]:
        """Nodes by role that a site should have on a day."""
        found = self.site(site)
        due = found.planned_from is None or found.planned_from <= day
        return dict(found.planned) if due else {}


EMPTY = Estate()
