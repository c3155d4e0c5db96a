"""Versions put straight into the two stores, as `rebuild` puts them there: many of them, or with many files.

Their files have no content, and no rows that a plan would find contents by.
"""

import hashlib
from itertools import count

from chalicelib.registry import clock, documents, manifests
from chalicelib.schema.documents import VersionDocument
from chalicelib.schema.records import INLINE_FILES, FileRecord, VersionRecord
from chalicelib.store import keys, objects, table, versions

_seconds = count(1_700_000_000)


def made_up_files(number, name="part-{:05}.bin"):
    """Records of files that nobody has stored."""
    return [
        FileRecord(
            path=name.format(at),
            size=at,
            sha256=hashlib.sha256(str(at).encode()).hexdigest(),
            crc32=at,
            etag=f'"{at}"',
            content_type="application/octet-stream",
        )
        for at in range(number)
    ]


def plant(model_id="iris", version="v1", *, user_id="ana", files=1, **fields):
    """A published version with these fields and so many made-up files; each is newer than the one before."""
    plant_all([(model_id, version, fields)], user_id=user_id, files=files)


def plant_all(wanted, *, user_id="ana", files=1, stored=False):
    """Many of them at once: (model_id, version, fields) of each, the oldest first.

    With `stored` each has its one file, which is empty, so that a rebuild restores it.
    """
    listed = made_up_files(files) if isinstance(files, int) else files
    rows = []
    for model_id, version, fields in wanted:
        created = clock.timestamp(next(_seconds))
        document = VersionDocument(
            **{
                "user_id": user_id,
                "model_id": model_id,
                "version": version,
                "name": "Iris",
                "framework": "other",
                "model_type": "other",
                "files_total": len(listed),
                "created_at": created,
                "updated_at": created,
                **fields,
            }
        )
        record = VersionRecord(
            document=document,
            files=listed[:INLINE_FILES],
            upload_id=f"{next(_seconds):032x}",
            content_id=documents.content_id(listed),
        )
        if stored:
            objects.put(keys.file_key(*record.id, listed[0].path), b"")
        manifests.write_files(record, listed, bool)
        record.manifest_etag = manifests.write_first(record, bool)
        rows += [versions.version_row(record), *versions.index_rows(record).values()]
        rows += versions.file_rows(record, listed)
        if document.is_active:
            rows.append(versions.active_row(record))
    table.write_many(rows)


def walk(api, path, **query):
    """The pages of a list up to its end."""
    pages, token = [], {}
    while True:
        answer = api.get(path, **query, **token)
        assert answer.status == 200, answer.content
        pages.append(answer.json)
        if answer.json["next_token"] is None:
            return pages
        assert len(pages) < 1_000, "the list never ends"
        token = {"next_token": answer.json["next_token"]}


def names(page):
    """`model_id/version` of each version on a page."""
    return [f"{found['model_id']}/{found['version']}" for found in page["models"]]
