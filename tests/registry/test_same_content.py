"""What is read, copied or recorded in several steps is one and the same object: each step names its ETag."""

from types import SimpleNamespace

import pytest
from msgspec import structs

from chalicelib.registry import bundles, manifests, unpacking, verifying
from chalicelib.registry.leases import LeaseLost
from chalicelib.schema.records import ExpectedFile, StoredContent
from chalicelib.settings import settings
from chalicelib.store import keys, multipart, objects, wire
from chalicelib.store.bucket import ObjectChanged

KEY = "models/ana/m/v1/a"
OTHER = '"' + "0" * 32 + '"'
LEASE = SimpleNamespace(check=lambda: None, advance_bytes=lambda size: None)
FILE = ExpectedFile(path="a", size=5, content_type="a/b", bundle_offset=0)
UPLOAD = SimpleNamespace(kind="files", upload_id="0" * 32, id=("ana", "m", "v1"))


def cut_out(etag):
    objects.put(keys.bundle_key(UPLOAD.upload_id), b"bytes")
    return bundles.unbundle(UPLOAD, LEASE, etag, [FILE])


def read_archive(etag):
    source = unpacking.StoredSource(KEY)
    source.etag = etag
    return source.read(0, 5)


@pytest.mark.parametrize(
    "use",
    [
        cut_out,
        read_archive,
        lambda etag: objects.digest(KEY, etag),
    ],
)
def test_another_object_in_its_place_is_not_used(aws, use):
    etag = objects.put(KEY, b"bytes")
    with pytest.raises(ObjectChanged):
        use(OTHER)
    assert use(etag)


@pytest.mark.parametrize(
    "copy",
    [
        lambda: objects.copy(KEY, OTHER, "models/ana/m/v2/a", "a/b"),
        lambda: multipart.copy_part("zips/x", "id", 1, KEY, OTHER, 0, 5),
    ],
)
def test_a_copy_names_the_etag_of_its_source(aws, monkeypatch, copy):
    # moto copies whatever it finds.
    sent = []
    monkeypatch.setattr(
        wire, "send", lambda *_, headers, **__: sent.append(headers) or SimpleNamespace(data=b"")
    )
    copy()
    assert [headers["x-amz-copy-source-if-match"] for headers in sent] == [OTHER]


@pytest.mark.parametrize("limit", [1, 5])
def test_the_record_of_a_file_names_its_etag_whether_or_not_it_is_read(aws, monkeypatch, limit):
    settings.cache_clear()
    monkeypatch.setenv("WEIGHTHOUSE_VERIFY_LIMIT", str(limit))
    etag = objects.put(KEY, b"bytes")
    stored = objects.head(KEY)._replace(crc32=7)
    monkeypatch.setattr(objects, "head", lambda key: stored)
    record = verifying._checked(LEASE, FILE, KEY, etag)
    assert (record.etag, record.verified) == (etag, limit == 5)


def test_the_record_of_a_copy_names_the_etag_of_the_copy(aws):
    source = StoredContent(model_id="m", version="v1", path="a", etag=objects.put(KEY, b"bytes"), crc32=7)
    upload = SimpleNamespace(
        upload_id="0" * 32, id=("ana", "m", "v2"), metadata=SimpleNamespace(user_id="ana")
    )
    copied = verifying._copied(upload, structs.replace(FILE, copy_of=source), "models/ana/m/v2/a")
    assert copied.etag == objects.head("models/ana/m/v2/a").etag
    within = verifying.copied_within(UPLOAD, LEASE, structs.replace(FILE, path="b"), copied)
    assert within.etag == objects.head("models/ana/m/v1/b").etag


def test_a_list_of_files_is_not_written_over_anothers(aws):
    key = keys.manifest_files_key("ana", "m", "v1")
    objects.put(key, b"another's")

    def lost():
        raise LeaseLost

    with pytest.raises(LeaseLost):
        manifests.write_files(SimpleNamespace(id=("ana", "m", "v1")), [{}] * 11, lost)
    assert objects.get(key) == b"another's"
