"""From the [mqtt] section to a TLS context."""

from __future__ import annotations

import ssl

from muster_collector.config import Mqtt
from muster_collector.errors import ConfigError


def context(settings: Mqtt) -> ssl.SSLContext:
    """The context for mqtts; `ConfigError` names the files when one cannot be used."""
    try:
        made = ssl.create_default_context(cafile=settings.ca_file)
        if settings.cert_file:
            made.load_cert_chain(settings.cert_file, settings.key_file)
    except OSError as error:
        files = f"{settings.ca_file}, {settings.cert_file}, {settings.key_file}"
        raise ConfigError(
            f"[mqtt] ca_file, cert_file, key_file = {files}: {error.strerror or error}"
        ) from error
    return made
