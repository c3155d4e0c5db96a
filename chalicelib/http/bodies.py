"""JSON bodies into structs."""

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from chalicelib.errors import InvalidRequest
from chalicelib.http.refusals import explain, plain, whole_numbers
from chalicelib.http.schemas import struct_schema, without_null

Body = TypeVar("Body", bound=msgspec.Struct)

NESTING_LIMIT = 100
"""Levels that an open JSON object such as `custom_metadata` may nest: far from Python's own limit
(1,000 frames), so that what was accepted can always be written out again."""

_TOO_DEEP = f"The body nests too deeply; objects and lists may nest {NESTING_LIMIT} levels"


def parse_json(raw: bytes, struct: type[Body]) -> Body:
    """The struct that a JSON body describes.

    Raises `InvalidRequest` which names the field, what it holds and what it may hold, or says what is
    wrong with the JSON.
    """
    if not raw.strip():
        raise InvalidRequest("The body is empty; send a JSON object")
    try:
        parsed: Body = _decoder(struct).decode(raw)
    except msgspec.ValidationError as error:
        parsed = _with_whole_numbers(error, raw, struct)
    except RecursionError:
        raise InvalidRequest(_TOO_DEEP) from None
    except UnicodeDecodeError:
        raise InvalidRequest("The body is not valid UTF-8") from None
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"The body is not valid JSON: {_complaint(error, raw)}") from None
    _check_nesting(parsed, struct)
    return parsed


@lru_cache(maxsize=64)
def _decoder(struct: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(struct)


def _with_whole_numbers(error: msgspec.ValidationError, raw: bytes, struct: type[Body]) -> Body:
    """The struct of a body that was refused, if that was for an integer that is written as `3.0` or `2e6`.

    JSON Schema counts these as integers (https://json-schema.org/draft/2020-12/json-schema-core#section-4.2.2), msgspec
    does not. Raises `InvalidRequest` for all else.
    """
    if "Expected `int" not in str(error):
        raise _explained(error, raw, struct) from None
    try:
        document = whole_numbers(plain(raw), struct_schema(struct))
        return msgspec.convert(document, struct)
    except msgspec.ValidationError as other:
        raise _explained(other, raw, struct) from None
    except RecursionError:
        raise InvalidRequest(_TOO_DEEP) from None
    except ValueError as broken:
        raise InvalidRequest(f"The body is not valid JSON: {broken}") from None


def _explained(error: msgspec.ValidationError, raw: bytes, struct: type[Body]) -> InvalidRequest:
    # msgspec stops at the first fault, so what follows it may still be broken.
    try:
        return explain(error, plain(raw), struct_schema(struct))
    except RecursionError:
        return InvalidRequest(_TOO_DEEP)
    except ValueError as broken:
        return InvalidRequest(f"The body is not valid JSON: {broken}")


def _complaint(error: msgspec.DecodeError, raw: bytes) -> str:
    complaint = str(error).removeprefix("JSON is malformed: ")
    try:
        json.loads(raw)
    except (ValueError, RecursionError):
        return "it ends too early" if complaint == "Input data was truncated" else complaint
    # Python's own parser takes more than JSON is.
    return "it has NaN, Infinity or one half of a surrogate pair"


def _check_nesting(parsed: msgspec.Struct, struct: type[msgspec.Struct]) -> None:
    for name, schema in struct_schema(struct)["properties"].items():
        if without_null(schema).get("type") == "object":
            check_nesting(name, getattr(parsed, name))


def check_nesting(field: str, value: Any) -> None:
    """Raises `InvalidRequest` when objects and lists nest more than `NESTING_LIMIT` levels."""
    level = [value]
    for _ in range(NESTING_LIMIT):
        level = [inner for outer in level for inner in _contents(outer) if isinstance(inner, dict | list)]
        if not level:
            return
    raise InvalidRequest(f"{field} nests too deeply; objects and lists may nest {NESTING_LIMIT} levels")


def _contents(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
