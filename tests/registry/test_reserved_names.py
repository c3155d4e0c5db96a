"""`latest` and `next` name no version, and the service's own paths no user who uploads."""

import io
import zipfile

import pytest
from each import each
from planting import plant

RESERVED = ["latest", "Latest", "LATEST"]


def doors(api):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.bin", b"a")
    body = {"model_id": "iris", "name": "N"}
    file = {"filename": "a.bin", "file_size": 1}
    return {
        "form": lambda **names: api.upload(**names),
        "ZIP form": lambda **names: api.upload_zip(packed.getvalue(), **names),
        "plan of one": lambda **names: api.post("/ai-models/upload/single", {**body, **file, **names}),
        "plan of a ZIP": lambda **names: api.post(
            "/ai-models/upload/folder", {**body, "file_size": 1, **names}
        ),
        "plan of many": lambda **names: api.post(
            "/ai-models/upload/files", {**body, "files": [file], **names}
        ),
    }


def test_no_door_takes_latest_for_a_new_version_or_a_path_of_the_service_for_a_user(api):
    for door, send in each(doors(api).items()):
        for word in RESERVED:
            refused = send(user_id="ana", version=word)
            assert refused.status == 400, (door, word)
            assert refused.json["detail"].startswith(f"version is '{word}'"), (door, word)
        refused = send(user_id="docs")
        assert refused.status == 400, door
        assert refused.json["detail"].startswith("user_id is 'docs'"), door
    assert api.get("/ai-models/ana").json["models"] == []


def test_next_in_any_case_is_the_number_after_the_highest(api):
    names = [api.upload(version=word).json["version"] for word in ("next", "Next", "NEXT")]
    assert names == ["v1", "v2", "v3"]


@pytest.mark.parametrize("word", RESERVED)
def test_latest_in_a_query_is_the_latest(api, word):
    for version in ("v1", "v2"):
        assert api.upload(version=version, filename=f"{version}.bin").status == 200
    path = "/ai-models/ana/iris"
    assert api.get(f"{path}?version={word}").json["version"] == "v2"
    [file] = api.get(f"{path}/files?version={word}").json["files"]
    assert file["filename"] == "v2.bin"
    assert api.get(f"{path}/download?version={word}&filename=v2.bin").status == 307
    assert api.get(f"{path}/downloads?version={word}").json["version"] == "v2"
    assert api.put(f"{path}?version={word}", {"is_active": False}).json["version"] == "v2"
    assert api.get(f"{path}?version={word}").json["version"] == "v1"


def test_a_deletion_takes_latest_for_a_name_alone(api):
    assert api.upload(version="v1").status == 200
    gone = api.delete("/ai-models/ana/iris?version=latest")
    assert gone.status == 404
    assert api.get("/ai-models/ana/iris").json["version"] == "v1"


def test_a_version_of_an_older_rule_is_read_and_deleted_by_its_name(api):
    plant(version="Latest")
    plant(version="v2")
    path = "/ai-models/ana/iris"
    assert api.get(f"{path}?version=Latest").json["version"] == "Latest"
    assert api.get(f"{path}?version=latest").json["version"] == "v2"
    assert api.delete(f"{path}?version=Latest").json["versions"] == ["Latest"]
    assert api.get(f"{path}?version=Latest").json["version"] == "v2"


def test_a_user_of_an_older_rule_keeps_the_models_that_are_there(api):
    plant(user_id="docs")
    path = "/ai-models/docs/iris"
    assert api.get(path).status == 200
    assert api.put(path, {"name": "New"}).json["name"] == "New"
    assert api.delete(path).status == 200
