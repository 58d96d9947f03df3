"""What the spool keeps of a report, compressed once; what only sending knows is added behind it.

A report that is told against another one is kept as the message that goes out at once, and made
whole again when it is wanted later. Every other has a body: a zlib stream (RFC 1950) of the
report's beginning, flushed so that it may go on, without its end, and 4 bytes Adler-32 of the text
so far. Sending appends the deflated rest and the checksum of all, which costs a tenth of
compressing the whole again. Epoch and seq come with the rest, so that a body can be given another
number.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from muster_agent.compact import Full
from muster_wire import VERSION, deltas, dictionaries
from muster_wire.codec import FDICT, JSON_ZLIB, WITH_DICTIONARY, Encoded, open_payload
from muster_wire.messages import Lost, Metric

CHECKSUM = 4
NEEDED = ("node", "site", "epoch", "seq", "oldest", "sent")
"""What every report says."""


ENCODER = json.JSONEncoder(
    separators=(",", ":"), ensure_ascii=False, allow_nan=False, check_circular=False
)


class Envelope(NamedTuple):
    """What is known of a report only when it is sent; see `muster_wire.messages.Report`."""

    node: str
    site: str
    epoch: int
    seq: int
    oldest: int
    sent: int
    lost: Sequence[Lost] = ()
    keep: bool = False
    wait: float = 0.0

    def fields(self) -> dict[str, Any]:
        """For JSON, without what is as it is by itself."""
        fields = {key: value for key, value in self._asdict().items() if value or key in NEEDED}
        if self.lost:
            told = [{"first": r.first, "last": r.last, "reason": r.reason} for r in self.lost]
            fields["lost"] = told
        return fields


def make(*, ts: int, every: float, metrics: Sequence[Metric]) -> bytes:
    """The body of a report; raises ValueError for a number that is not finite."""
    head = {"v": VERSION, "ts": ts, "every": every, "metrics": [row(m) for m in metrics]}
    begun = _text(head)[:-1]
    deflate = compressor(6, begun)
    stream: bytes = deflate.compress(begun) + deflate.flush(zlib.Z_FULL_FLUSH)
    return stream + zlib.adler32(begun).to_bytes(CHECKSUM, "big")


def payload(body: bytes, envelope: Envelope) -> bytes:
    """The whole message, of the body's `content_type`."""
    rest = b"," + _text(envelope.fields())[1:]
    checksum = zlib.adler32(rest, int.from_bytes(body[-CHECKSUM:], "big"))
    deflate = zlib.compressobj(6, wbits=-9, memLevel=1)  # a small window costs no start-up
    end = deflate.compress(rest) + deflate.flush()
    return body[:-CHECKSUM] + end + checksum.to_bytes(CHECKSUM, "big")


def told(report: Full, base: Full, envelope: Envelope) -> Encoded:
    """The message of a report that is told against another one."""
    known = base.known or deltas.known(base.metrics)
    delta, fresh, _ = deltas.tell_known(report.metrics, known)
    return _message(
        {
            "v": VERSION,
            "ts": report.ts,
            "every": report.every,
            "base": base.key[1],
            "delta": delta,
            "metrics": [row(metric) for metric in fresh],
            **envelope.fields(),
        }
    )


def whole(message: bytes, base: bytes) -> bytes:
    """The body in full of a report that was told against another one, whose body `base` is.

    Raises ValueError where either is damaged.
    """
    try:
        report = json.loads(open_payload(message, content_type(message)))
        former = text(base)
        if zlib.adler32(former[:-1]) != int.from_bytes(base[-CHECKSUM:], "big"):
            raise ValueError("the base's checksum is wrong")
        known = [Metric(**row) for row in json.loads(former)["metrics"]]
        metrics = deltas.restore(report["delta"], known)
        metrics += [Metric(**row) for row in report["metrics"]]
        return make(ts=report["ts"], every=report["every"], metrics=metrics)
    except (zlib.error, LookupError, TypeError) as error:
        raise ValueError(f"not as it was made: {error!r}") from error


def together(bodies: Sequence[tuple[int, bytes]], envelope: Envelope) -> tuple[Encoded, int]:
    """One message of several reports (seq and body), oldest first, and the bytes of its text.

    The first is in full, each later one is told against that before it. Raises ValueError for
    reports of different intervals, because a message has one, and for more than the centre takes.
    """
    reports = [json.loads(text(body)) for _, body in bodies]
    if sum(len(m["fields"]) for report in reports for m in report["metrics"]) > deltas.MOST_VALUES:
        raise ValueError(f"more than {deltas.MOST_VALUES} values")
    if len({report["every"] for report in reports}) > 1:
        raise ValueError("reports of different intervals")
    former = [Metric(**row) for row in reports[0]["metrics"]]
    later = []
    for (seq, _), report in zip(bodies[1:], reports[1:], strict=True):
        metrics = [Metric(**row) for row in report["metrics"]]
        delta, fresh, former = deltas.tell(metrics, former)
        entry = {"seq": seq, "ts": report["ts"], "delta": delta}
        later.append(entry | {"metrics": [row(m) for m in fresh]} if fresh else entry)
    whole = reports[0] | envelope.fields() | {"later": later}
    return _message(whole), len(_text(whole))


def text(body: bytes) -> bytes:
    """The JSON of a body, without what only sending knows."""
    name = body[2:6].hex() if body[1] & FDICT else None
    inflate = zlib.decompressobj(zdict=dictionaries.load(name)) if name else zlib.decompressobj()
    return inflate.decompress(body[:-CHECKSUM]) + b"}"


def row(metric: Metric) -> dict[str, Any]:
    """A metric for JSON."""
    return {"name": metric.name, "tags": metric.tags, "fields": metric.fields}


def content_type(body: bytes) -> str:
    """How a body is encoded, which another version of the agent may have done its own way."""
    return WITH_DICTIONARY + body[2:6].hex() if body[1] & FDICT else JSON_ZLIB


def compressor(level: int, text: bytes) -> Any:
    """Deflates a text with the dictionary, in no more memory than both need: mostly 80 kB, not 270.

    What is not touched need not be cleared, nor stay in the process.
    """
    known = dictionaries.load(dictionaries.NEWEST)
    window = 14 if len(known) + len(text) <= 1 << 14 else 15
    return zlib.compressobj(level, zlib.DEFLATED, window, 5, zdict=known)


def _message(report: dict[str, Any]) -> Encoded:
    """A report that is compressed as a whole."""
    text = _text(report)
    deflate = compressor(9, text)
    stream = deflate.compress(text) + deflate.flush()
    return Encoded(stream, WITH_DICTIONARY + dictionaries.NEWEST)


def _text(value: object) -> bytes:
    return ENCODER.encode(value).encode()
