"""The one list of metrics: name, type, unit, kind and meaning of every field that agents send.

Names, types and units are Telegraf's wherever Telegraf has the metric (`source` names the input
plugin); what Telegraf lacks is named in the same style and has `source` "muster".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

Type = Literal["int", "float", "bool", "str"]
Kind = Literal["gauge", "counter", "info"]


class Field(NamedTuple):
    """One field of a measurement; `unit` is UCUM-like ("percent", "bytes", "ms", "s", "1")."""

    name: str
    type: Type
    unit: str
    kind: Kind
    meaning: str


class Measurement(NamedTuple):
    """A measurement: the tags that tell its series apart (beside host and site) and its fields."""

    name: str
    tags: tuple[str, ...]
    fields: tuple[Field, ...]
    source: str = "telegraf"


def _fields(kind: Kind, type_: Type, unit: str, /, **meanings: str) -> Iterable[Field]:
    """Fields that have all but name and meaning in common; a trailing "_" saves Python's words."""
    return (Field(n.removesuffix("_"), type_, unit, kind, m) for n, m in meanings.items())


CATALOGUE: tuple[Measurement, ...] = (
    Measurement(
        "cpu",
        ("cpu",),
        (
            *_fields(
                "gauge",
                "float",
                "percent",
                usage_user="programs, without guests",
                usage_system="kernel",
                usage_idle="nothing to do",
                usage_nice="programs of lowered priority, without guests",
                usage_iowait="idle while a disk request was in flight",
                usage_irq="hardware interrupts",
                usage_softirq="deferred interrupt work, the network's above all",
                usage_steal="taken by the hypervisor for others",
                usage_guest="running guests",
                usage_guest_nice="running guests of lowered priority",
            ),
        ),
    ),
    Measurement(
        "mem",
        (),
        (
            *_fields(
                "gauge",
                "int",
                "bytes",
                total="memory that the kernel manages",
                available="what programs can get without swapping",
                used="total - available",
                free="used for nothing at all",
                cached="page cache and reclaimable slab",
                buffered="raw disk blocks in memory",
                active="used lately, reclaimed last",
                inactive="not used lately, reclaimed first",
                shared="tmpfs and shared memory",
                mapped="files mapped into programs",
                dirty="waiting to be written to disk",
                write_back="being written to disk",
                slab="the kernel's own objects",
                sreclaimable="slab that can be given back",
                sunreclaim="slab that cannot be given back",
                page_tables="page tables",
                swap_cached="swapped out and still in memory",
                commit_limit="most that may be promised under strict overcommit",
                committed_as="promised to programs",
                high_free="free high memory (32-bit kernels)",
                high_total="high memory (32-bit kernels)",
                huge_page_size="size of a huge page",
                low_free="free low memory (32-bit kernels)",
                low_total="low memory (32-bit kernels)",
                swap_free="swap that is free",
                swap_total="swap",
                vmalloc_chunk="largest free block of the vmalloc area",
                vmalloc_total="address space of the vmalloc area",
                vmalloc_used="used of the vmalloc area",
                write_back_tmp="write-back buffers of FUSE",
            ),
            *_fields(
                "gauge",
                "int",
                "1",
                huge_pages_total="huge pages in the pool",
                huge_pages_free="huge pages not in use",
            ),
            *_fields(
                "gauge",
                "float",
                "percent",
                available_percent="available of total",
                used_percent="used of total",
            ),
        ),
    ),
    Measurement(
        "swap",
        (),
        (
            *_fields(
                "gauge",
                "int",
                "bytes",
                total="swap space",
                used="swap in use",
                free="swap not in use",
            ),
            *_fields("gauge", "float", "percent", used_percent="used of total, 0 without swap"),
            *_fields(
                "counter",
                "int",
                "bytes",
                in_="read from swap since boot",
                out="written to swap since boot",
            ),
        ),
    ),
    Measurement(
        "system",
        (),
        (
            *_fields(
                "gauge",
                "float",
                "1",
                load1="tasks running or waiting for CPU or disk, mean of a minute",
                load5="the same, of five minutes",
                load15="the same, of fifteen minutes",
            ),
            *_fields(
                "gauge",
                "int",
                "1",
                n_cpus="logical CPUs online",
                n_physical_cpus="cores that they share",
                n_users="login sessions, where utmp or logind counts them",
                n_unique_users="different users among them",
            ),
            *_fields("counter", "int", "s", uptime="since boot"),
        ),
    ),
    Measurement(
        "disk",
        ("device", "fstype", "mode", "path"),
        (
            *_fields(
                "gauge",
                "int",
                "bytes",
                total="size of the filesystem",
                free="what ordinary users may still use",
                used="in use",
            ),
            *_fields(
                "gauge",
                "float",
                "percent",
                used_percent="used of used + free",
                inodes_used_percent="inodes in use",
            ),
            *_fields(
                "gauge",
                "int",
                "1",
                inodes_total="inodes (0 where the filesystem has no fixed number)",
                inodes_free="inodes not in use",
                inodes_used="inodes in use",
            ),
        ),
    ),
    Measurement(
        "diskio",
        ("name",),
        (
            *_fields(
                "counter",
                "int",
                "1",
                reads="reads completed",
                writes="writes completed",
                merged_reads="reads joined with a neighbour",
                merged_writes="writes joined with a neighbour",
            ),
            *_fields("counter", "int", "bytes", read_bytes="read", write_bytes="written"),
            *_fields(
                "counter",
                "int",
                "ms",
                read_time="all reads' durations together",
                write_time="all writes' durations together",
                io_time="time with any request in flight",
                weighted_io_time="all requests' time in flight together",
            ),
            *_fields("gauge", "int", "1", iops_in_progress="requests in flight now"),
            *_fields(
                "gauge",
                "float",
                "ms",
                io_await="mean duration of a request since the last sample",
                io_svctm="mean busy time of a request since the last sample",
            ),
            *_fields("gauge", "float", "percent", io_util="time busy since the last sample"),
        ),
    ),
    Measurement(
        "net",
        ("interface",),
        (
            *_fields("counter", "int", "bytes", bytes_sent="sent", bytes_recv="received"),
            *_fields(
                "counter",
                "int",
                "1",
                packets_sent="packets sent",
                packets_recv="packets received",
                err_in="receive errors",
                err_out="transmit errors",
                drop_in="received packets dropped",
                drop_out="packets to send dropped",
            ),
            *_fields("gauge", "int", "Mbit/s", speed="of the link, -1 unknown"),
        ),
    ),
    Measurement(
        "processes",
        (),
        (
            *_fields(
                "gauge",
                "int",
                "1",
                total="processes",
                total_threads="threads of all processes",
                running="running or ready to",
                sleeping="waiting, may be interrupted",
                blocked="waiting, mostly for a disk",
                zombies="ended, not yet waited for",
                stopped="stopped by a signal or a debugger",
                idle="idle kernel threads",
                dead="going away",
                paging="paging (kernels before 2.6)",
                parked="parked kernel threads",
                unknown="in a state that has no name here",
            ),
        ),
    ),
    Measurement(
        "kernel",
        (),
        (
            *_fields(
                "counter",
                "int",
                "1",
                interrupts="interrupts served since boot",
                context_switches="context switches since boot",
                processes_forked="processes and threads made since boot",
            ),
            *_fields("gauge", "int", "s", boot_time="Unix time of the boot"),
            *_fields("gauge", "int", "bits", entropy_avail="entropy in the kernel's pool"),
        ),
    ),
    Measurement(
        "pressure",
        ("resource", "type"),
        (
            *_fields(
                "gauge",
                "float",
                "percent",
                avg10="of time in which tasks waited for the resource, over 10 s",
                avg60="the same, over 60 s",
                avg300="the same, over 300 s",
            ),
            *_fields("counter", "int", "us", total="time in which tasks waited since boot"),
        ),
    ),
)


def types(catalogue: tuple[Measurement, ...] = CATALOGUE) -> dict[str, dict[str, Type]]:
    """Measurement to field to type, for validation."""
    return {m.name: {f.name: f.type for f in m.fields} for m in catalogue}
