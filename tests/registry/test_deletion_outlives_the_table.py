"""A version that was deleted stays deleted when the table is lost before the worker has removed the bytes."""

from api import everything

from chalicelib.registry import deleting
from chalicelib.registry.rebuilding import rebuild
from chalicelib.store import table


def test_a_deletion_outlives_the_table(api, monkeypatch):
    monkeypatch.setattr(deleting, "REQUEST_FILES", 0)
    api.upload()
    assert api.delete("/ai-models/ana/iris").status == 200

    table.delete_table()
    table.create_table()
    rebuild()

    assert api.get("/ai-models/ana/iris", version="v1").status == 404
    found, parts, rows = everything()
    assert (parts, rows) == (set(), set())
    # Without the table nobody knows that they were to be removed.
    assert [key.partition("Z/")[2] for key in found] == ["models/ana/iris/v1/model.pkl"]
