"""The journal notes work of any size, in rows that DynamoDB takes, and what is noted is found again."""

from contextlib import suppress

import pytest
from agreement import assert_agreement, sweep_later
from each import each
from faults import Fault, Killed
from planting import plant
from stealing import stolen

from chalicelib.registry import updating
from chalicelib.store import journal, keys, table
from chalicelib.store.table import Range

VERSION = ("u" * 128, "m" * 128, "v" * 64)
CREATED = keys.created_key("2026-01-01T00:00:00.000000Z", *VERSION[1:])
LARGEST = 400 * 1024


def entries():
    return list(table.rows(Range(keys.JOURNAL_PK)))


def touched(words, tags=()):
    found = [(keys.words_pk(VERSION[0]), keys.word_sk(word, CREATED)) for word in words]
    return found + [(keys.tag_pk(VERSION[0], tag), CREATED) for tag in tags]


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        (["word"], 1),
        ([f"{number:064}" for number in range(2_000)], range(2, 9)),
        ([f"{number:05}" + "🦊" * 59 for number in range(2_000)], range(2, 20)),
        # What only an index from before could hold.
        ([f"{number:05}" + "🦊" * 5_000 for number in range(100)], range(2, 40)),
        ([], 1),
    ],
)
def test_every_row_fits_and_all_is_found_again(aws, words, rows):
    wanted = touched(words, [f"{number:03}" + '"' * 125 for number in range(100)] if words else [])
    entry = journal.open_entry("reindex", VERSION, wanted)
    found = entries()
    assert len(found) in (rows if isinstance(rows, range) else [rows, rows + 1])
    for row in each(found):
        assert sum(len(value) for value in (row.pk, row.sk, row.body.encode())) < LARGEST - 1_000
    due = list(journal.due(2**40))
    assert sorted(key for one in due for key in one.keys) == sorted(wanted)
    assert {one.version for one in due} == {VERSION}
    assert {one.kind for one in due} == {"reindex"}
    journal.close(entry)
    assert entries() == []


def test_a_change_noted_in_several_rows_is_made_whole_after_any_kill(api, monkeypatch):
    monkeypatch.setattr(journal, "ROW", 300)
    monkeypatch.setattr(table, "TRANSACTION", 8)
    for at in range(20):
        model = f"m{at}"
        plant(model, description="old words", tags=["old"])
        change = {"description": " ".join(f"new{number}" for number in range(12)), "tags": ["new"]}
        with Fault(at, kill=True, reads=False).acting(), suppress(Killed):
            answer = api.put(f"/ai-models/ana/{model}", change)
            assert answer.status == 200
            break
        sweep_later()
        assert_agreement(manifests_too=False)
        assert entries() == []
    assert at > 4


def test_a_process_that_slept_until_its_note_was_closed_changes_nothing(api, monkeypatch):
    monkeypatch.setattr(table, "TRANSACTION", 8)
    plant("net", description="old words")
    change = {"description": " ".join(f"new{number}" for number in range(12))}
    commits = []

    def end_at_the_commit(*_):
        commits.append(1)
        raise Killed

    def sweep(_):
        assert len(entries()) == 1
        sweep_later()
        monkeypatch.setattr(updating, "reindex", end_at_the_commit)

    with stolen(lambda key: key[1].startswith("version#"), sweep), suppress(Killed):
        api.put("/ai-models/ana/net", change)
    assert commits == [1]
    # It began again with a note of its own: the sweep finds that one.
    assert len(entries()) == 1
    sweep_later()
    assert_agreement(manifests_too=False)
    assert entries() == []
