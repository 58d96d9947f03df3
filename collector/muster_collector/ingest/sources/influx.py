"""InfluxDB's line protocol, as Telegraf's `data_format = "influx"` writes it: one metric a line."""

from __future__ import annotations

from line_protocol_parser import LineFormatError, parse_line

from muster_collector.ingest.sources.sample import Bad, Decoded, Precision, Sample, milliseconds


def decode(payload: bytes, precision: Precision) -> Decoded:
    """The samples of all lines; one that is wrong costs only itself."""
    for line in payload.split(b"\n"):
        text = line.strip(b" \r")
        if text and not text.startswith(b"#"):
            yield _line(text, precision)


def _line(line: bytes, precision: Precision) -> Sample | Bad:
    try:
        found = parse_line(line.decode())
    except UnicodeDecodeError as error:
        return Bad("encoding", f"byte {error.start} of the line is not UTF-8", line)
    except LineFormatError as error:
        return Bad("line", f"not line protocol: {error}", line)
    if found["time"] is None:
        # Written again after a resend it would have another time, and be stored twice.
        return Bad("time", "the line has no timestamp", line)
    time = milliseconds(found["time"], precision)
    return Sample(found["measurement"], found["tags"], found["fields"], time, line)
