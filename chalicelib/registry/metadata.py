"""The rules that metadata must keep beyond its types."""

import re
from typing import Any

from msgspec import json, structs

from chalicelib.errors import InvalidRequest
from chalicelib.paths import composed
from chalicelib.registry.naming import check_model_id, check_new_user_id, check_new_version, check_tag
from chalicelib.schema.requests import Metadata

CUSTOM_METADATA_LIMIT = 64 * 1024
"""Bytes of `custom_metadata` as JSON."""
METADATA_LIMIT = 200 * 1024
"""Bytes of all metadata as JSON: a row holds it with 10 files, and DynamoDB takes 400 KB:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html"""


def checked(request: Metadata) -> Metadata:
    """The metadata of an upload request, apart from what else the request holds; `InvalidRequest`."""
    names = [field.name for field in structs.fields(Metadata)]
    metadata = Metadata(**{name: getattr(request, name) for name in names})
    check_new_user_id(metadata.user_id)
    check_model_id(metadata.model_id)
    check_new_version(metadata.version)
    if not metadata.name.strip():
        raise InvalidRequest("name is empty: give the model a title")
    metadata.tags = clean_tags(metadata.tags)
    check_sizes(metadata, metadata.custom_metadata)
    return metadata


def clean_tags(tags: list[str]) -> list[str]:
    """Tags in NFC without repetitions, in the order given; `InvalidRequest` names one that is not allowed."""
    cleaned = list(dict.fromkeys(map(composed, tags)))
    for tag in cleaned:
        check_tag(tag)
    return cleaned


def clean_hash(value: str | None, field: str) -> str | None:
    """A declared SHA-256 in lower case; `InvalidRequest` when it is none."""
    if value is None:
        return None
    if not re.fullmatch("[0-9a-fA-F]{64}", value):
        raise InvalidRequest(
            f"{field} is {value[:80]!r}: it must be a SHA-256 in hex, 64 digits from 0-9 and a-f"
        )
    return value.lower()


def check_sizes(metadata: Any, custom_metadata: dict[str, Any]) -> None:
    """Raises `InvalidRequest` when metadata is too large to be kept."""
    custom = len(json.encode(custom_metadata))
    if custom > CUSTOM_METADATA_LIMIT:
        raise InvalidRequest(
            f"custom_metadata has {custom} bytes as JSON; at most {CUSTOM_METADATA_LIMIT} are allowed."
            " Store larger things as a file of the version"
        )
    total = len(json.encode(metadata))
    if total > METADATA_LIMIT:
        raise InvalidRequest(
            f"The metadata has {total} bytes as JSON; at most {METADATA_LIMIT} are allowed in all"
        )
