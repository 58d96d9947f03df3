"""Links from a row of a table to the board of what it shows."""

from __future__ import annotations

from muster_collector.boards.kit.tongue import Tongue

NODE_LINK = "${__data.fields.host:percentencode}"
SITE_LINK = "${__data.fields.site:percentencode}"
UNIT_LINK = "${__data.fields.id:percentencode}"


def node_link(t: Tongue, field: str = NODE_LINK) -> tuple[str, str]:
    """To the board of the row's node."""
    return t("Open this node", "打开此节点"), t.link("node", node=field)


def site_link(t: Tongue, field: str = UNIT_LINK) -> tuple[str, str]:
    """To the board of the row's site."""
    return t("Open this site", "打开此站点"), t.link("site", site=field)
