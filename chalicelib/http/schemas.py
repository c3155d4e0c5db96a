"""JSON Schemas of the structs, and what they allow in plain words.

Reading texts, explaining refusals and OpenAPI all go by the same schemas, so they can't disagree.
"""

from functools import lru_cache
from typing import Any

import msgspec

Schema = dict[str, Any]

_NULL = {"type": "null"}


@lru_cache(maxsize=128)
def struct_schema(struct: type[msgspec.Struct]) -> Schema:
    """The schema of a struct that is sent to us, with the structs it holds put in place.

    None of ours holds itself, so this ends.
    """
    schema = msgspec.json.schema(struct)
    definitions = schema.pop("$defs")
    resolved: Schema = _resolve(definitions[struct.__name__], definitions)
    return resolved


@lru_cache(maxsize=128)
def text_schema(struct: type[msgspec.Struct]) -> Schema:
    """The schema of a struct whose fields arrive as text, where nothing can be null."""
    schema = struct_schema(struct)
    return {
        **schema,
        "properties": {name: without_null(field) for name, field in schema["properties"].items()},
    }


def _resolve(node: Any, definitions: Schema) -> Any:
    if isinstance(node, list):
        return [_resolve(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _resolve(definitions[node["$ref"].removeprefix("#/$defs/")], definitions)
    return {key: _resolve(item, definitions) for key, item in node.items()}


def without_null(schema: Schema) -> Schema:
    """The schema of what a field holds when it isn't null; what is said of the field as a whole stays."""
    if _NULL not in schema.get("anyOf", ()):
        return schema
    [choice] = [choice for choice in schema["anyOf"] if choice != _NULL]
    outer = {key: value for key, value in schema.items() if key != "anyOf" and value is not None}
    return {**choice, **outer}


def allowed(schema: Schema) -> str:
    """What a value may be, to go on after "it must be": "a whole number from 1 to 1,000"."""
    if "anyOf" in schema:
        return f"{allowed(without_null(schema))}, or null"
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    kind = schema.get("type")
    if kind == "integer":
        return "a whole number" + _range(schema)
    if kind == "number":
        return "a finite number" + _range(schema)
    if kind == "boolean":
        return "true or false"
    if kind == "string":
        return _allowed_text(schema)
    if kind == "array":
        return _allowed_list(schema)
    return "a JSON object"


def _allowed_text(schema: Schema) -> str:
    if "pattern" in schema:
        example = schema.get("examples", [None])[0]
        return f"text such as {example}" if example else f"text that matches {schema['pattern']}"
    size = _size(schema.get("minLength"), schema.get("maxLength"))
    return f"text of {size} characters" if size else "text"


def _allowed_list(schema: Schema) -> str:
    things = {"integer": "whole numbers", "string": "texts"}.get(schema["items"].get("type"), "objects")
    size = _size(schema.get("minItems"), schema.get("maxItems"))
    return f"a list of {size} {things}" if size else f"a list of {things}"


def _size(low: int | None, high: int | None) -> str:
    if high is None:
        return f"{low:,} or more" if low else ""
    return f"{low:,} to {high:,}" if low else f"up to {high:,}"


def _range(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None and high is None:
        return ""
    if high is None:
        return f" of {low:,} or more"
    return f" from {low:,} to {high:,}" if low is not None else f" of up to {high:,}"
