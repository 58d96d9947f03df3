"""What the alerting knows, kept in one file over restarts: alerts, silences, who was told what."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from muster_collector.alerts.grouping import Group, Sent
from muster_collector.alerts.silences import Silence
from muster_collector.alerts.state import Alert, Alerts
from muster_collector.errors import MusterError

FILE_NAME = "alerts.json"
VERSION = 1


@dataclass(slots=True)
class Book:
    """All of it; `sent` by the receiver's name."""

    alerts: Alerts = field(default_factory=dict)
    silences: dict[str, Silence] = field(default_factory=dict)
    sent: dict[str, dict[Group, Sent]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The book as JSON has it: lists, since keys of JSON are texts."""
        return {
            "version": VERSION,
            "alerts": [asdict(alert) for alert in self.alerts.values()],
            "silences": [asdict(silence) for silence in self.silences.values()],
            "sent": [
                {"to": to, "group": group, "at": told.at, "firing": sorted(told.firing)}
                for to, groups in self.sent.items()
                for group, told in groups.items()
            ],
        }


ALERTS, SILENCES = TypeAdapter(list[Alert]), TypeAdapter(list[Silence])
FIRING = TypeAdapter(set[tuple[str, tuple[tuple[str, str], ...]]])


def load(path: Path) -> Book:
    """The book in a file, an empty one where there is none; `MusterError` names a damaged one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        book = Book(
            alerts={alert.key: alert for alert in ALERTS.validate_python(found["alerts"])},
            silences={s.id: s for s in SILENCES.validate_python(found["silences"])},
        )
        for row in found["sent"]:
            told = Sent(row["at"], FIRING.validate_python(row["firing"]))
            kind, name = row["group"]
            book.sent.setdefault(row["to"], {})[kind, name] = told
    except FileNotFoundError:
        return Book()
    except OSError as error:
        raise MusterError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise MusterError(f"{path}: damaged; move it away to begin anew") from error
    return book


def save(path: Path, content: str) -> None:
    """Replace the file by one that is whole; `OSError` when it cannot be written."""
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
