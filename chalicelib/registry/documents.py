"""The documents that clients see, made from the records that are kept."""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import islice

from msgspec import json, structs

from chalicelib.registry.frameworks import file_type_of
from chalicelib.schema.documents import FileDocument, VersionDocument
from chalicelib.schema.records import FileRecord, VersionRecord
from chalicelib.store import keys, versions

DOCUMENT_FILES = 1_000
"""Files that a version's document carries at most; in lists it carries those of its own row."""
ANSWER_LIMIT = 4_500_000
"""Bytes of documents in one answer: with what is around them it stays below the 5 MB of the contract."""


def file_document(record: VersionRecord, file: FileRecord) -> FileDocument:
    """One file as clients see it."""
    return FileDocument(
        filename=file.path,
        file_path=keys.file_key(*record.id, file.path),
        file_size=file.size,
        file_type=file_type_of(file.path),
        file_hash=file.sha256,
        hash_verified=file.verified,
        crc32=None if file.crc32 is None else f"{file.crc32:08x}",
        content_type=file.content_type,
        is_primary=file.path == record.document.primary_file_path,
        description=file.description,
    )


def document(record: VersionRecord, files: Iterable[FileRecord]) -> VersionDocument:
    """The version's document with these files."""
    return structs.replace(record.document, files=[file_document(record, file) for file in files])


def full_document(record: VersionRecord) -> VersionDocument:
    """The version's document with its first 1,000 files. One Query when its row does not hold them all."""
    first = islice(versions.files_from(record, count=DOCUMENT_FILES), DOCUMENT_FILES)
    return fitting(document(record, first))


def fitting(whole: VersionDocument) -> VersionDocument:
    """The document with as many of its files as an answer may hold, should very long names outgrow it."""
    room = ANSWER_LIMIT - len(json.encode(whole))
    while room < 0 and whole.files:
        room += len(json.encode(whole.files.pop())) + 1
    return whole


def list_document(record: VersionRecord) -> VersionDocument:
    """The version's document as lists carry it, with its first 10 files."""
    return document(record, record.files)


def content_id(files: Sequence[FileRecord]) -> str:
    """Names the content of a version: equal for equal paths and bytes, in hex."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.path}\0{file.size}\0{file.sha256}\0{file.crc32}\0{file.etag}\n".encode())
    return digest.hexdigest()
