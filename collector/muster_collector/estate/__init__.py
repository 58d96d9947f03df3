"""The estate: which places and nodes are planned, what they are called, and what they weigh."""

from muster_collector.estate.differences import differences
from muster_collector.estate.files import check, load
from muster_collector.estate.model import EMPTY, UNASSIGNED, Estate, Site

__all__ = ["EMPTY", "UNASSIGNED", "Estate", "Site", "check", "differences", "load"]
