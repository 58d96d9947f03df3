"""What the agent can measure, one file a sensor; modules are imported only when they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from itertools import chain
from math import isfinite
from typing import Any, ClassVar

from muster_agent.host import Host
from muster_wire.messages import Metric, Value

SENSORS: dict[str, str] = {
    "cpu": "Cpu",
    "mem": "Mem",
    "swap": "Swap",
    "system": "System",
    "disk": "Disk",
    "diskio": "DiskIo",
    "net": "Net",
    "processes": "Processes",
    "kernel": "Kernel",
    "pressure": "Pressure",
    "netstat": "Netstat",
    "tcp_states": "TcpStates",
    "nstat": "Nstat",
    "conntrack": "Conntrack",
    "softnet": "Softnet",
    "interrupts": "Interrupts",
    "kernel_vmstat": "KernelVmstat",
    "linux_sysctl_fs": "LinuxSysctlFs",
    "temp": "Temp",
    "sensors": "Sensors",
    "mdstat": "Mdstat",
    "multipath": "Multipath",
    "bond": "Bond",
    "wireless": "Wireless",
    "modem": "Modem",
    "ethtool": "Ethtool",
    "timex": "Timex",
    "chrony": "Chrony",
    "systemd_units": "SystemdUnits",
    "updates": "Updates",
    "containers": "Containers",
    "powerstat": "Powerstat",
    "nvidia_smi": "NvidiaSmi",
    "procstat": "Procstat",
    "x509_cert": "X509Cert",
    "smart": "Smart",
}
"""Sensor (and module) to class, in the order of the readings in a report; all are on by default."""

INT_LIMIT = 1 << 63
"""What a signed integer of 64 bits holds, which is what databases have."""


class SensorAbsentError(Exception):
    """The machine has not got what the sensor measures: silence, not a failure.

    `back` is a quick look whether that may have changed; without one the sensor is read again.
    """

    def __init__(self, why: str = "", back: Callable[[], object] | None = None) -> None:
        super().__init__(why)
        self.back = back


class PartlyError(Exception):
    """Some of what a sensor measures failed, for the reason in the text; `metrics` is the rest."""

    def __init__(self, error: Exception, metrics: list[Metric]) -> None:
        super().__init__(str(error))
        self.metrics = metrics


class Sensor:
    """One thing that can be measured; keyword arguments of a subclass are its options."""

    name: ClassVar[str]
    every: ClassVar[float | None] = None
    """Seconds between readings of a costly sensor; None = each sample."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def read(self) -> list[Metric]:
        """Measure now.

        Raises `SensorAbsentError` where there is nothing to measure, OSError or ValueError when
        measuring failed, and `PartlyError` when it failed for some of many things.
        """
        raise NotImplementedError


def load(
    host: Host,
    names: Iterable[str] | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Sensor]:
    """Build the sensors `names` (None = all default ones) with `options` by sensor name.

    Sensors that need a difference take their first reading here. Raises ValueError for a sensor or
    an option that does not exist and for a value of the wrong type.
    """
    options = options or {}
    wanted = list(SENSORS) if names is None else list(names)
    for name in [*wanted, *options]:
        if name not in SENSORS:
            raise ValueError(f"sensor {name!r}: use {', '.join(SENSORS)}")
    return [_build(host, name, options.get(name, {})) for name in dict.fromkeys(wanted)]


def _build(host: Host, name: str, options: Mapping[str, Any]) -> Sensor:
    made: type[Sensor] = getattr(import_module(f"{__name__}.{name}"), SENSORS[name])
    known = made.__init__.__kwdefaults__ or {}
    for key, value in options.items():
        if key not in known:
            raise ValueError(f"sensor {name}: option {key!r}: use {', '.join(known) or 'none'}")
        _check(f"sensor {name}: {key} = {value!r}", known[key], value)
    return made(host, **options)


def _check(what: str, default: object, value: object) -> None:
    """A value must be of its default's type; a tuple stands for a list of strings."""
    if isinstance(default, tuple):
        if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
            raise ValueError(f"{what}: use a list of strings")
    elif type(value) is not type(default):
        raise ValueError(f"{what}: use a {type(default).__name__}")


def storable(metrics: list[Metric]) -> list[Metric]:
    """The metrics without values that no database takes: beyond 64 bits, not finite.

    The kernel prints some counters that slipped below zero as 18446744073709551615.
    """
    if _all_storable(metrics):
        return metrics
    for metric in metrics:
        if not _all_storable([metric]):
            fields = metric.fields.items()
            metric.fields = {name: value for name, value in fields if _storable(value)}
    return [metric for metric in metrics if metric.fields]


def _all_storable(metrics: list[Metric]) -> bool:
    """Whether all values can be seen at a glance to be storable: numbers within 64 bits."""
    fields = [metric.fields for metric in metrics]
    values: Any = [*chain.from_iterable([one.values() for one in fields])]
    try:
        # One that is not finite makes the sum so too.
        good = isfinite(sum(values)) and min(values) >= -INT_LIMIT and max(values) < INT_LIMIT
    except (TypeError, ValueError, OverflowError):
        return False  # a text, nothing, or a number beyond all floats: look at each
    return good and all(fields)


def _storable(value: Value) -> bool:
    if isinstance(value, int):
        return -INT_LIMIT <= value < INT_LIMIT
    return isinstance(value, str) or isfinite(value)


def finite(text: str | bytes) -> float:
    """A float of a text; ValueError also for "nan" and "inf", which no report may hold."""
    value = float(text)
    if not isfinite(value):
        raise ValueError(f"no finite number: {text!r}")
    return value


def percent(part: float, whole: float) -> float:
    """`part` of `whole` in percent to three places (0.0 of nothing): more digits are wire only."""
    return round(100 * part / whole, 3) if whole else 0.0
