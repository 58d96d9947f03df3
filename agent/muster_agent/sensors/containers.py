"""How many containers run here, by runtime, counted in the control groups."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator

from muster_agent.sensors import Sensor, SensorAbsentError
from muster_wire.messages import Metric

ROOTS = ("sys/fs/cgroup", "sys/fs/cgroup/systemd")
"""Where the hierarchy of version 2 is, and the one of version 1 that has every group."""
V2_MARK = "sys/fs/cgroup/cgroup.controllers"
LEAF = re.compile(r".*\.(scope|mount|socket|swap)|(?!user@).*\.service|[0-9a-f]{64}")
"""Groups that hold no containers' groups: looking into each of them would cost milliseconds."""
KINDS = {
    "docker": re.compile(r"docker[-/][0-9a-f]{64}(\.scope)?"),
    "podman": re.compile(r"libpod-[0-9a-f]{64}(\.scope)?"),
    "containerd": re.compile(r"cri-containerd-[0-9a-f]{64}\.scope"),
    "crio": re.compile(r"crio-[0-9a-f]{64}\.scope"),
    "lxc": re.compile(r"lxc\.payload\.[^/]+|lxc/[^/]+"),
    "nspawn": re.compile(r"machine\.slice/(systemd-nspawn@|machine-)[^/]+"),
}


class Containers(Sensor):
    """Containers that run, and control groups (services, scopes, slices); once a minute."""

    name = "containers"
    every = 60.0

    def read(self) -> list[Metric]:
        """One metric; absent where no control groups are shown."""
        root = self._root()
        if not root:
            raise SensorAbsentError("no control groups", self._root)
        names = list(groups(self.host.path(root), ""))
        return [Metric("containers", {}, {"cgroups": len(names), **count(names)})]

    def _root(self) -> str:
        if self.host.exists(V2_MARK):
            return ROOTS[0]
        return ROOTS[1] if self.host.exists(ROOTS[1]) else ""


def groups(root: str, parent: str) -> Iterator[str]:
    """The paths of the control groups below `parent`, but not those inside a service."""
    for path in folders(root, parent):
        yield path
        if not LEAF.fullmatch(path.rpartition("/")[2]):
            yield from groups(root, path)


def folders(root: str, parent: str) -> list[str]:
    """The folders in one folder; none when it has just gone."""
    try:
        with os.scandir(f"{root}/{parent}") as entries:
            inside = [e.name for e in entries if e.is_dir(follow_symlinks=False)]
    except OSError:
        return []
    return [f"{parent}/{name}" if parent else name for name in inside]


def count(names: list[str]) -> dict[str, int]:
    """Containers by runtime, and all together; every kind is there, so that 0 is said."""
    found = Counter(kind for name in names if (kind := kind_of(name)))
    return {"running": found.total(), **{kind: found[kind] for kind in KINDS}}


def kind_of(name: str) -> str:
    """The runtime of a control group's path that is a container's own, else ""."""
    parent, _, last = name.rpartition("/")
    end = f"{parent.rpartition('/')[2]}/{last}" if parent else last
    return next((k for k, p in KINDS.items() if p.fullmatch(last) or p.fullmatch(end)), "")
