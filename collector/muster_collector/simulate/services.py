"""What a made-up node finds when it probes services and looks at its clock and certificate."""

from __future__ import annotations

import random

from muster_wire.messages import Metric

DAY = 86_400
FRESH, NEGLECTED = 60, 9
"""Days that the certificate of a node has left, well kept or not."""


def probes(draw: random.Random, load: float, loss: float) -> list[Metric]:
    """One round of probes over a link that loses `loss` of its packets."""
    delay = 4.0 + 60 * loss + draw.expovariate(1.0)
    lost = 100.0 * sum(draw.random() < loss for _ in range(5)) / 5
    answer = 0.06 + 0.3 * load**3 + delay / 1000
    failed = draw.random() < loss / 10
    return [
        Metric(
            "ping",
            {"url": "hub.example", "peer_site": "hub"},
            {
                "packets_transmitted": 5,
                "packets_received": 5 - round(lost / 20),
                "percent_packet_loss": lost,
                "average_response_ms": delay,
                "result_code": 0,
            },
        ),
        Metric(
            "http_response",
            {
                "server": "https://service.example/health",
                "method": "GET",
                "status_code": "503" if failed else "200",
                "result": "response_status_code_mismatch" if failed else "success",
            },
            {
                "response_time": answer,
                "http_response_code": 503 if failed else 200,
                "result_code": int(failed),
            },
        ),
        Metric(
            "net_response",
            {"server": "hub.example", "port": "8883", "protocol": "tcp", "result": "success"},
            {"response_time": delay / 1000, "result_code": 0},
        ),
        Metric(
            "dns_query",
            {
                "server": "ns.example",
                "domain": "service.example",
                "record_type": "A",
                "rcode": "NOERROR",
                "result": "success",
            },
            {"query_time_ms": delay * 1.3, "result_code": 0, "rcode_value": 0},
        ),
    ]


def standing(neglect: int, now: float) -> list[Metric]:
    """The clock's offset and the node's certificate; `neglect` is its pending security updates."""
    left = (NEGLECTED if neglect > 10 else FRESH) * DAY
    offset = 0.0004 + neglect * 0.0003
    return [
        Metric(
            "chrony",
            {"leap_status": "normal", "reference_id": "0A000001", "stratum": "3"},
            {"last_offset": offset, "rms_offset": offset},
        ),
        Metric(
            "x509_cert",
            {"source": "/etc/muster/tls/cert.pem", "common_name": "node", "serial_number": "1"},
            {"expiry": left, "age": 90 * DAY - left, "enddate": int(now) + left},
        ),
    ]
