"""docs/reference/api.md, written from the application's own OpenAPI description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from muster_collector.api.app import make_routes

HEAD = """\
# HTTP API

Generated from the OpenAPI description, which a running collector serves at `/api/v1/openapi.json`.

Times are ISO 8601 (`2026-03-01T08:00:00Z`; without an offset UTC is meant) or relative to now
(`now-1h`, `now-7d`). Durations are written `10s`, `5m`, `1h`, `30d`. A wrong request gets one line:
`{"error": "..."}` with status 400, 404 or 422; 503 means that the store does not answer or that
there are no scores yet. With `[api] token_file` every request below `/api/` and `/metrics` needs
`Authorization: Bearer TOKEN`. Names from the estate are free text: escape them where you show them.
"""


def pages() -> Mapping[str, str]:
    """The page by its path in the repository."""
    description = make_routes().openapi()
    parts = [HEAD]
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            parts.append("\n".join(_operation(method, path, operation)))
    parts.append("\n".join(_models(description["components"]["schemas"])))
    return {"docs/reference/api.md": "\n".join(parts)}


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {method.upper()} {path}\n"
    yield operation.get("description", "").strip() + "\n"
    if model := _model(operation["responses"].get("200", {})):
        yield f"Answers with [{model}](#{model.lower()}).\n"
    parameters = operation.get("parameters", [])
    if not parameters:
        return
    yield "| parameter | is | default | meaning |"
    yield "|---|---|---|---|"
    for parameter in parameters:
        schema = parameter["schema"]
        default = "needed" if parameter["required"] else _code(schema.get("default"))
        meaning = parameter.get("description", "")
        yield f"| `{parameter['name']}` | {_kind(schema)} | {default} | {meaning} |"
    yield ""


def _model(response: Mapping[str, Any]) -> str:
    """The name of the model that JSON answers have; "" where none is promised."""
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _models(schemas: Mapping[str, Any]) -> Iterator[str]:
    """What the answers consist of."""
    yield "# Answers\n"
    for name, schema in schemas.items():
        # What the framework adds for errors is not what is sent.
        if name in ("HTTPValidationError", "ValidationError"):
            continue
        yield f"## {name}\n"
        yield schema.get("description", "").strip() + "\n"
        yield "| field | is | meaning |"
        yield "|---|---|---|"
        for field, about in schema.get("properties", {}).items():
            yield f"| `{field}` | {_kind(about)} | {about.get('description', '')} |"
        yield ""


def _kind(schema: Mapping[str, Any]) -> str:
    """A type in words: the values it may have, a list of something, or its name."""
    if reference := schema.get("$ref"):
        name = reference.rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return ", ".join(_kind(one) for one in schema["anyOf"] if one.get("type") != "null")
    if values := schema.get("enum", [schema["const"]] if "const" in schema else []):
        return ", ".join(f"`{value}`" for value in values)
    if schema.get("type") == "object" and "additionalProperties" in schema:
        return f"by id: {_kind(schema['additionalProperties'])}"
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    limits = [f"{word} {schema[key]}" for key, word in LIMITS.items() if key in schema]
    return " ".join([str(schema.get("type", "any")), *limits])


LIMITS = {"minimum": "from", "maximum": "to"}


def _code(value: object) -> str:
    return "" if value is None else f"`{str(value).lower() if isinstance(value, bool) else value}`"
