"""NVIDIA's GPUs by Telegraf's `nvidia_smi`: the essentials, asked beside the sampling."""

from __future__ import annotations

from muster_agent.host import Host
from muster_agent.sensors import Sensor, SensorAbsentError, finite
from muster_agent.sensors.program import Program
from muster_wire.messages import Metric, Value

TAGS = {
    "index": "index",
    "name": "name",
    "uuid": "uuid",
    "pstate": "pstate",
    "compute_mode": "compute_mode",
}
FIELDS = {
    "fan_speed": "fan.speed",
    "memory_total": "memory.total",
    "memory_used": "memory.used",
    "memory_free": "memory.free",
    "utilization_gpu": "utilization.gpu",
    "utilization_memory": "utilization.memory",
    "temperature_gpu": "temperature.gpu",
    "power_draw": "power.draw",
    "power_limit": "power.limit",
}
FLOATS = frozenset(["power_draw", "power_limit"])
"""The fields that Telegraf has as floats."""
QUERY = ",".join([*TAGS.values(), *FIELDS.values()])


class NvidiaSmi(Sensor):
    """Percent, MiB, degrees Celsius, W; as of the last half minute."""

    name = "nvidia_smi"
    every = 30.0

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.program = Program(
            host,
            *("nvidia-smi", f"--query-gpu={QUERY}", "--format=csv,noheader,nounits"),
            every=30,
            timeout=25,
        )

    def read(self) -> list[Metric]:
        """One metric a GPU, none before nvidia-smi's first answer."""
        if not self.program.installed():
            raise SensorAbsentError("no nvidia-smi", self.program.installed)
        output = self.program.latest()
        return [] if output is None else parse_gpus(output)


def parse_gpus(data: bytes) -> list[Metric]:
    """The lines of the query; what a card has not got ("[N/A]", "[Not Supported]") is left out."""
    found: list[Metric] = []
    for line in data.decode("utf-8", "replace").splitlines():
        columns = [column.strip() for column in line.split(",")]
        if len(columns) != len(TAGS) + len(FIELDS):
            raise ValueError(f"nvidia-smi: {line[:80]!r} has {len(columns)} columns")
        tags = dict(zip(TAGS, columns, strict=False))
        values = zip(FIELDS, columns[len(TAGS) :], strict=True)
        known = {field: text for field, text in values if not text.startswith("[")}
        fields: dict[str, Value] = {
            field: finite(text) if field in FLOATS else int(text) for field, text in known.items()
        }
        found.append(Metric("nvidia_smi", tags, fields))
    return found
