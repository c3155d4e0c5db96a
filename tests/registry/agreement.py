"""Whether the two stores agree with themselves: every row follows from a version, every manifest tells the same."""

import time
from unittest.mock import patch

from chalicelib.registry import clock, manifests
from chalicelib.registry.sweeping import sweep
from chalicelib.schema.records import VersionRecord
from chalicelib.store import table, versions


def serialized(rows):
    """Rows by key, comparable: the members of a set come in any order."""
    return {
        (row.pk, row.sk): {
            name: sorted(value["SS"]) if "SS" in value else value for name, value in row.serialize().items()
        }
        for row in rows
    }


def assert_agreement(*, manifests_too=True):
    """Every version has exactly the rows it is to be found by, and no row is there without a version.

    With `manifests_too` each manifest holds just what its version's row does, as after every finished change.
    """
    rows = list(table.scan(""))
    found = [row.read(VersionRecord) for row in rows if row.state == versions.READY and row.body]
    expected = {}
    for record in found:
        expected |= serialized([versions.version_row(record), *versions.index_rows(record).values()])
        expected |= serialized([versions.active_row(record)] if record.document.is_active else [])
    kinds = ("model#", "tag#", "words#", "journal")
    present = serialized(row for row in rows if row.pk.startswith(kinds))
    assert {
        key: present.get(key) for key in present | expected if present.get(key) != expected.get(key)
    } == {}
    if manifests_too:
        assert {record.id for record in found} == set(manifests.names())
        assert [record.id for record in found if manifests.read(*record.id) != record] == []


def sweep_later():
    """Runs the sweep as it will run in an hour, when everything that was left is due."""
    with patch.object(clock, "now", lambda: int(time.time()) + 3_600):
        return sweep()
