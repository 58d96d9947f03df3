"""What the doctor finds out by running each probe once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from muster_agent.config import Config
from muster_agent.doctor.finding import Finding
from muster_agent.errors import ConfigError
from muster_agent.host import Host
from muster_agent.sensors import SensorAbsentError
from muster_agent.settings import Probe
from muster_wire.messages import Metric

REASONS = {
    "timeout": "no answer within the timeout: is it up, and does every firewall let it through?",
    "connection_failed": "no connection: is the service running there, and is the port right?",
    "dns_error": "no such name: check the url, and DNS",
    "refused": "the other agent refuses: is the secret the same, or are there too many tests?",
    "busy": "another test was going on there all the time: give them different times by jitter",
    "read_failed": "it connects, but ends without an answer: is it the right port?",
    "string_mismatch": "it answers, but without the text in expect",
    "response_string_mismatch": "it answers, but without the text in expect",
    "body_read_error": "its answer is cut short, or longer than max_kb",
    "error": "the DNS server answers with an error: check the name in the url",
}
PINGS = {1: "no answer, or no such host", 2: "echoes could not be sent: is there a route?"}


def tried(settings: Config, host: Host) -> Iterator[Finding]:
    """Each probe once, all at the same time, in the order in which they end."""
    if not settings.probe:
        return
    from muster_agent.probes.prober import Prober

    prober = Prober({n: replace(p, jitter=0.0) for n, p in settings.probe.items()}, host)
    waiting = list(prober.probes)
    try:
        while waiting:
            prober.turn()
            for asked in [asked for asked in waiting if asked.runs]:
                waiting.remove(asked)
                what = asked.name.replace(".", " ", 1)
                try:
                    yield judged(what, asked.probe, asked.read())
                except SensorAbsentError as error:
                    yield Finding(what, None, str(error))
                except ConfigError as error:
                    yield Finding(what, False, str(error))
                except (OSError, ValueError) as error:
                    yield Finding(what, False, f"{asked.probe.url.url}: {error}")
    finally:
        prober.close()


def judged(what: str, probe: Probe, metrics: list[Metric]) -> Finding:
    """What a run's metrics say to people."""
    metric = metrics[0]
    url = probe.url.url
    good = metric.fields["result_code"] == 0
    if good:
        return Finding(what, True, f"{url}: {measured(metric)}")
    return Finding(what, False, f"{url}: {reason(probe, metrics)}")


def measured(metric: Metric) -> str:
    """The times of an answer."""
    fields = metric.fields
    if metric.name == "ping":
        lost, mean = fields["percent_packet_loss"], fields["average_response_ms"]
        return f"answers in {mean} ms, {lost:g} % lost"
    if metric.name == "throughput":
        return (
            f"{fields['upload']} Mbit/s there, {fields['download']} Mbit/s back, "
            f"held to {fields['limit']:g}"
        )
    if "query_time_ms" in fields:
        return f"answers in {fields['query_time_ms']:.0f} ms"
    return f"answers in {1000 * float(fields['response_time']):.0f} ms"


def reason(probe: Probe, metrics: list[Metric]) -> str:
    """Why a run failed, and what to look at."""
    metric = metrics[0]
    for other in metrics[1:]:
        if wrong := other.fields.get("verification_error"):
            return f"its certificate is not trusted: {wrong}: name who signs it in ca_file"
    if metric.name == "ping":
        return PINGS[int(metric.fields["result_code"])]
    result = metric.tags["result"]
    if result == "response_status_code_mismatch":
        return f"status {metric.fields['http_response_code']} instead of {probe.status}"
    return REASONS.get(result, result)
