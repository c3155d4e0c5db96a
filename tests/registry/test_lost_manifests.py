"""A manifest that was lost, or that a backup brought back, does not keep its version from being changed."""

import pytest
from msgspec import json

from chalicelib.registry.rebuilding import rebuild
from chalicelib.store import objects, table

MANIFEST = "manifests/ana/iris/v1.json"


def lose(before):
    objects.delete([MANIFEST])


def bring_back_an_older_one(before):
    objects.put(MANIFEST, before)


def bring_back_with_another_etag(before):
    objects.put(MANIFEST, objects.get(MANIFEST) + b" ")


@pytest.mark.parametrize("accident", [lose, bring_back_an_older_one, bring_back_with_another_etag])
def test_a_change_puts_the_manifest_right(api, accident):
    api.upload()
    first = objects.get(MANIFEST)
    api.put("/ai-models/ana/iris", {"algorithm": "SVM"})
    accident(first)

    changed = api.put("/ai-models/ana/iris", {"description": "new"})
    assert changed.status == 200

    table.delete_table()
    table.create_table()
    rebuild()
    document = api.get("/ai-models/ana/iris").json
    assert document == changed.json
    assert (document["algorithm"], document["description"]) == ("SVM", "new")
    assert json.decode(objects.get(MANIFEST))["revision"] == 3
