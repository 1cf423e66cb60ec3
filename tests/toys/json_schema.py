"""As much of JSON Schema, draft 2020-12, as the schemas of the command line use."""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "schemas"
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "integer": int,
    "number": (int, float),
}
KEYWORDS = {
    *("$schema", "title", "description", "type", "properties", "required", "additionalProperties", "items", "minimum"),
}


def of(verb):
    """The schema of what a verb prints with --json."""
    return json.loads((FOLDER / f"{verb}.schema.json").read_text(encoding="utf-8"))


def faults(value, schema, where="$"):
    """What speaks against a value, one sentence each."""
    if schema is True or schema == {}:
        return
    if schema is False:
        yield f"{where} is not foreseen"
        return
    if unknown := schema.keys() - KEYWORDS:
        yield f"the schema at {where} says {unknown}, which nothing checks"
    kinds = schema.get("type", list(TYPES))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not any(isinstance(value, TYPES[kind]) and (kind == "boolean") >= isinstance(value, bool) for kind in kinds):
        yield f"{where} is {value!r}, and should be {' or '.join(kinds)}"
    if "minimum" in schema and isinstance(value, int | float) and value < schema["minimum"]:
        yield f"{where} is {value!r}, below {schema['minimum']}"
    if isinstance(value, dict):
        known = schema.get("properties", {})
        yield from (f"{where} has no {name}" for name in schema.get("required", ()) if name not in value)
        for name, part in value.items():
            yield from faults(part, known.get(name, schema.get("additionalProperties", True)), f"{where}.{name}")
    if isinstance(value, list):
        for i, part in enumerate(value):
            yield from faults(part, schema.get("items", True), f"{where}[{i}]")
