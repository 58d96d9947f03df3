"""The variables of every board, in one order: data source, region, district, site, node."""

from __future__ import annotations

from typing import NamedTuple

from grafana_foundation_sdk.builders.dashboard import DatasourceVariable, QueryVariable
from grafana_foundation_sdk.models.dashboard import (
    VariableHide,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from muster_collector.boards.kit.influxql import SITES, SOURCE
from muster_collector.boards.kit.tongue import Tongue

Variable = DatasourceVariable | QueryVariable
UID = "muster-influxdb"
"""The uid of the provisioned data source, in every variant."""


class _Choice(NamedTuple):
    name: str
    query: str
    all_value: str


CHOICES = (
    _Choice("region", 'SHOW TAG VALUES FROM "readiness" WITH KEY = "region"', ".*"),
    _Choice(
        "district",
        'SHOW TAG VALUES FROM "readiness" WITH KEY = "district" WHERE "region" =~ /^$region$/',
        ".*",
    ),
    # No pattern for "all sites": the list itself is what limits nodes to the region and district.
    _Choice(
        "site",
        f'SHOW TAG VALUES FROM "readiness" WITH KEY = "id" WHERE "level" = \'site\' AND {SITES}',
        "",
    ),
    _Choice(
        "node",
        'SHOW TAG VALUES FROM "completeness" WITH KEY = "host" WHERE "site" =~ /^$site$/',
        ".*",
    ),
)


def variables(t: Tongue, *, single: str = "") -> list[Variable]:
    """All variables; of `single` exactly one value is chosen at a time."""
    source = DatasourceVariable("datasource").type("influxdb").label(t("Store", "数据源"))
    source.current(VariableOption(text=UID, value=UID)).hide(VariableHide.HIDE_VARIABLE)
    return [source, *(_choice(choice, t, one=choice.name == single) for choice in CHOICES)]


def _choice(choice: _Choice, t: Tongue, *, one: bool) -> QueryVariable:
    labels = {
        "region": (t("Region", "大区"), t("Regions of the estate file.", "资产文件中的大区。")),
        "district": (t("District", "区县"), t("Districts of the region.", "大区内的区县。")),
        "site": (t("Site", "站点"), t("Sites that have been scored.", "已评分的站点。")),
        "node": (t("Node", "节点"), t("Nodes that ever reported.", "曾上报的节点。")),
    }
    label, about = labels[choice.name]
    empty = t(" May be empty: no estate file.", " 可为空 (may be empty)：未提供资产文件。")
    about += empty if choice.name in {"region", "district"} else ""
    variable = QueryVariable(choice.name).label(label).description(about).datasource(SOURCE)
    variable.query(choice.query).refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    variable.sort(VariableSort.NATURAL_ASC).multi(not one).include_all(not one)
    if one:
        return variable
    if choice.all_value:
        variable.all_value(choice.all_value)
    return variable.current(VariableOption(text=t("All", "全部"), value="$__all"))
