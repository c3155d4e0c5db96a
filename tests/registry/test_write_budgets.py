"""What uploads and changes write at the documented limits of metadata: bytes, write units, and each row once."""

import json

from agreement import assert_agreement
from writing import writes_watched

from chalicelib.registry import words
from chalicelib.store import table

ONE = "/ai-models/ana/" + "m" * 128
FIRST = f"{ONE}?version=" + "v" * 64
TAGS = [f"{n:02}" + "🏷" * 126 for n in range(50)]
DESCRIPTION = " ".join(f"{n:04x}" for n in range(4_000))[:20_000]
INDEXED = words.MAX_INDEX_WORDS
LIMITS = {
    "model_id": "m" * 128,
    "version": "v" * 64,
    "name": "n" * 256,
    "description": DESCRIPTION,
    "algorithm": "a" * 1_000,
    "training_dataset": "d" * 1_000,
    "tags": ",".join(TAGS),
    "dependencies": json.dumps([f"{n:03}".ljust(128, "x") for n in range(500)]),
    "custom_metadata": json.dumps({"notes": "x" * 60_000}),
}
DOCUMENT = 200 * 1024
"""Bytes of metadata at most. They are in the version's row, in the active one, and in three indexes."""
COPIES = 5


CHANGES = [
    ({"framework": "onnx"}, INDEXED + len(TAGS)),
    ({"description": DESCRIPTION.replace("000f", "new")}, 2),
    ({"tags": TAGS[::-1]}, 2),
    ({"tags": TAGS[1:]}, len(TAGS) + 2),
    ({"num_parameters": 1}, 0),
    ({"dependencies": []}, 0),
    ({"custom_metadata": {"notes": "y" * 60_000}}, 0),
    ({"is_active": False}, 0),
    ({"description": DESCRIPTION[::-1]}, 2 * INDEXED),
]
"""Changes at the limits, and how many rows of tags and words each may put and remove."""


def test_what_uploads_and_changes_write(api):
    with writes_watched() as written:
        answer = api.upload(**LIMITS)
    assert answer.status == 200, answer.content
    assert len(written.rows) == len(set(written.rows)) == INDEXED + len(TAGS)
    assert written.largest <= 1_536
    assert written.bytes <= COPIES * DOCUMENT + 1_000_000
    assert written.units <= 7 * DOCUMENT // 1_024 + 1_500
    for change, rows in CHANGES:
        with writes_watched() as written:
            assert api.put(FIRST, change).status == 200
        assert len(written.rows) == len(set(written.rows)), change
        assert len(written.rows) <= rows, change
        # The document in all its copies, and the note of the rows in the journal.
        assert written.bytes <= COPIES * DOCUMENT + 400 * 1_024 + 600 * rows, change
        assert written.units <= 7 * DOCUMENT // 1_024 + 800 + 2 * rows, change
    with writes_watched() as written:
        assert api.put(FIRST, {"description": DESCRIPTION[::-1], "tags": TAGS[1:]}).status == 200
    assert (written.bytes, written.units) == (0, 0)
    assert_agreement()


def test_a_change_in_the_way_of_another_writes_no_row_of_an_index(api, monkeypatch):
    """Only what was committed is written to the index: a loser of a race closes its note and begins again."""
    assert api.upload().status == 200
    original, lost = table.transact, []

    def first_loses(changes):
        if not lost:
            lost.append(changes)
            raise table.ConditionFailed
        return original(changes)

    monkeypatch.setattr(table, "transact", first_loses)
    monkeypatch.setattr(table, "TRANSACTION", 8)
    with writes_watched() as written:
        assert api.put("/ai-models/ana/iris", {"description": "many words of a description"}).status == 200
    assert len(written.rows) == len(set(written.rows)) == 5
    assert_agreement()
