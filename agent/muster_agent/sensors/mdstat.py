"""Software RAID by Telegraf's `mdstat`, from /proc/mdstat."""

from __future__ import annotations

import re
from collections.abc import Iterator

from muster_agent.sensors import Sensor, SensorAbsentError
from muster_wire.messages import Metric, Value

MDSTAT = "proc/mdstat"
BLOCKS = re.compile(r"(\d+) blocks")
DISKS = re.compile(r"\[(\d+)/(\d+)\] \[([U_]+)\]")
MEMBER = re.compile(r"(\S+)\[\d+\]")
SYNC = re.compile(
    r"(recovery|resync|check|reshape) *= *([\d.]+)% *\((\d+)/\d+\)"
    r" *finish=([\d.]+)min *speed=(\d+)K/sec"
)
WAITING = re.compile(r"(recovery|resync|check|reshape) *= *(PENDING|DELAYED)")
STATES = {
    "recovery": "recovering",
    "resync": "resyncing",
    "check": "checking",
    "reshape": "reshaping",
}
FULL = ("raid0", "linear")
"""Levels without redundancy: the file shows no member's state, all are needed and there."""


class Mdstat(Sensor):
    """Blocks of 1 KiB, minutes, KiB/s; Telegraf's names begin with capitals."""

    name = "mdstat"

    def read(self) -> list[Metric]:
        """One metric an array; absent where there is none."""
        try:
            arrays = self.host.parse(MDSTAT, parse_mdstat)
        except FileNotFoundError as error:
            raise SensorAbsentError("no software RAID") from error
        if not arrays:
            raise SensorAbsentError("no software RAID arrays")
        return arrays


def parse_mdstat(data: bytes) -> list[Metric]:
    """The arrays of /proc/mdstat."""
    return [array(head, "\n".join(rest)) for head, rest in paragraphs(data.decode())]


def paragraphs(text: str) -> Iterator[tuple[str, list[str]]]:
    """An array's first line and those below it, which begin with blanks."""
    head, rest = "", list[str]()
    for line in text.splitlines():
        if line[:1].isspace():
            rest.append(line)
        elif " : " in line and not line.startswith("Personalities"):
            if head:
                yield head, rest
            head, rest = line, []
    if head:
        yield head, rest


def array(head: str, rest: str) -> Metric:
    """One array; ValueError when its lines are not as the kernel writes them."""
    name, _, state, *words = head.split()
    blocks = BLOCKS.search(rest)
    if blocks is None:
        raise ValueError(f"{name}: no number of blocks")
    size = int(blocks[1])
    active_state, sync = progress(rest, size)
    fields: dict[str, Value] = {
        **disks(name, state, words, rest),
        "DisksFailed": head.count("(F)"),
        "DisksSpare": head.count("(S)"),
        "BlocksTotal": size,
        **sync,
    }
    members = sorted(match[1] for word in words if (match := MEMBER.match(word)))
    tags = {
        "Name": name,
        "ActivityState": active_state or state,
        "Devices": ",".join(members),
    }
    return Metric("mdstat", tags, fields)


def disks(name: str, state: str, words: list[str], rest: str) -> dict[str, Value]:
    """How many members there should be, are active and are down."""
    if state == "inactive":
        return {"DisksTotal": 0, "DisksActive": 0, "DisksDown": 0}
    if counts := DISKS.search(rest):
        total, active, marks = int(counts[1]), int(counts[2]), counts[3]
        return {"DisksTotal": total, "DisksActive": active, "DisksDown": marks.count("_")}
    if any(level in words for level in FULL):
        members = sum(MEMBER.match(word) is not None for word in words)
        return {"DisksTotal": members, "DisksActive": members, "DisksDown": 0}
    raise ValueError(f"{name}: no member states")


def progress(rest: str, size: int) -> tuple[str, dict[str, Value]]:
    """State and progress of a rebuild or check; "" and all blocks in step when there is none."""
    synced, percent, finish, speed, state = size, 0.0, 0.0, 0.0, ""
    if running := SYNC.search(rest):
        state = STATES[running[1]]
        percent, synced = float(running[2]), int(running[3])
        finish, speed = float(running[4]), float(running[5])
    elif waiting := WAITING.search(rest):
        state, synced = STATES[waiting[1]], 0
    return state, {
        "BlocksSynced": synced,
        "BlocksSyncedPct": percent,
        "BlocksSyncedFinishTime": finish,
        "BlocksSyncedSpeed": speed,
    }
