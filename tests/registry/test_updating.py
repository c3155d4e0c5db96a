"""Changes of metadata: what they do, what they leave, and that two writers lose nothing."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from agreement import assert_agreement, sweep_later
from faults import Fault, Killed
from interleaving import just_before
from planting import names, plant, plant_all

from chalicelib.registry import rebuilding
from chalicelib.store import objects, table

ONE = "/ai-models/ana/iris"
FIRST = f"{ONE}?version=v1"
CHANGES = {
    "name": ("New name", None),
    "description": ("New words", "cleared"),
    "framework": ("keras", "sklearn"),
    "model_type": ("nlp", "other"),
    "algorithm": ("SVM", "cleared"),
    "primary_file_path": ("b.pkl", "cleared"),
    "input_shape": ([-1, 3, 224, 224], "cleared"),
    "output_shape": ([], "cleared"),
    "num_parameters": (2**63 - 1, "cleared"),
    "training_dataset": ("CIFAR", "cleared"),
    "training_accuracy": (0.5, "cleared"),
    "validation_accuracy": (1, "cleared"),
    "test_accuracy": (-1e300, "cleared"),
    "training_loss": (0, "cleared"),
    "python_version": ("3.13", "cleared"),
    "dependencies": (["torch"], []),
    "hardware_requirements": ("GPU", "cleared"),
    "tags": (["new", "newer"], []),
    "custom_metadata": ({"deep": [{"a": None}]}, {}),
    "is_active": (False, None),
    "is_production_ready": (True, None),
}
FULL = {
    "description": "old",
    "framework": "onnx",
    "model_type": "regression",
    "algorithm": "old",
    "input_shape": [1],
    "output_shape": [1],
    "num_parameters": 1,
    "training_dataset": "old",
    "training_accuracy": 0.1,
    "validation_accuracy": 0.1,
    "test_accuracy": 0.1,
    "training_loss": 0.1,
    "python_version": "old",
    "dependencies": ["old"],
    "hardware_requirements": "old",
    "tags": ["old"],
    "custom_metadata": {"old": 1},
    "primary_file_path": "a.pkl",
}


@pytest.fixture
def full(api):
    """A version of two files with every field set."""
    from planting import made_up_files

    plant("iris", "v1", files=[*made_up_files(1, "a.pkl"), *made_up_files(1, "b.pkl")], **FULL)
    return api


@pytest.mark.parametrize("field", CHANGES)
def test_a_field_is_changed_and_the_others_stay(full, field):
    before = full.get(FIRST).json
    changed, _ = CHANGES[field]
    after = full.put(FIRST, {field: changed})
    assert after.status == 200, after.content
    assert after.json[field] == changed
    assert after.json["updated_at"] > before["updated_at"]
    own = {field, "updated_at", "files"}
    assert {k: v for k, v in after.json.items() if k not in own} == {
        k: v for k, v in before.items() if k not in own
    }
    assert full.get(FIRST).json == after.json
    assert full.get("/ai-models/ana").json["models"] == [after.json]
    assert_agreement()


@pytest.mark.parametrize("field", [name for name, (_, cleared) in CHANGES.items() if cleared is not None])
def test_null_clears_a_field(full, field):
    cleared = CHANGES[field][1]
    after = full.put(FIRST, {field: None})
    assert after.status == 200, after.content
    assert after.json[field] == (None if cleared == "cleared" else cleared)
    assert full.get(FIRST).json == after.json
    assert_agreement()


@pytest.mark.parametrize("field", ["name", "is_active", "is_production_ready"])
def test_null_can_not_clear_what_must_have_a_value(full, field):
    answer = full.put(FIRST, {field: None})
    assert answer.status == 400
    assert field in answer.json["detail"]


def test_every_field_that_may_change_is_tested(api):
    schema = api.get("/openapi.json").json["components"]["schemas"]["MetadataChange"]
    assert set(schema["properties"]) == set(CHANGES)


def test_many_fields_change_at_once(full):
    wanted = {field: changed for field, (changed, _) in CHANGES.items()}
    after = full.put(FIRST, wanted).json
    assert {field: after[field] for field in wanted} == wanted
    assert_agreement()


@pytest.mark.parametrize("change", [{}, {"description": "old", "tags": ["old"]}])
def test_what_changes_nothing_changes_no_timestamp(full, change):
    before = full.get(FIRST).json
    assert full.put(FIRST, change).json == before
    assert full.get(FIRST).json == before


@pytest.mark.parametrize(
    "field",
    [
        "user_id",
        "model_id",
        "version",
        "files",
        "files_total",
        "model_size_mb",
        "file_size",
        "file_hash",
        "hash_verified",
        "created_at",
        "updated_at",
        "upload_id",
        "revision",
        "colour",
    ],
)
def test_other_fields_are_refused_by_name(full, field):
    before = full.get(FIRST).json
    answer = full.put(FIRST, {"description": "new", field: before.get(field, 1)})
    assert answer.status == 400
    assert f"'{field}'" in answer.json["detail"]
    assert "custom_metadata" in answer.json["detail"]
    assert full.get(FIRST).json == before


@pytest.mark.parametrize(
    ("change", "mentioned"),
    [
        ({"name": ""}, "name"),
        ({"name": " \n"}, "name"),
        ({"name": "n" * 257}, "name"),
        ({"name": 7}, "name"),
        ({"description": "d" * 20_001}, "description"),
        ({"framework": "torch"}, "pytorch"),
        ({"model_type": "vision"}, "computer_vision"),
        ({"tags": "a,b"}, "tags"),
        ({"tags": ["a,b"]}, "tags"),
        ({"tags": [""]}, "tags"),
        ({"tags": [" a"]}, "tags"),
        ({"tags": ["a\n"]}, "tags"),
        ({"tags": [f"t{n}" for n in range(51)]}, "tags"),
        ({"is_active": "true"}, "is_active"),
        ({"is_active": 1}, "is_active"),
        ({"training_accuracy": "0.9"}, "training_accuracy"),
        ({"num_parameters": -1}, "num_parameters"),
        ({"num_parameters": 1.5}, "num_parameters"),
        ({"num_parameters": 2**63}, "num_parameters"),
        ({"input_shape": [1.5]}, "input_shape"),
        ({"input_shape": [2**31]}, "input_shape"),
        ({"custom_metadata": []}, "custom_metadata"),
        ({"custom_metadata": {"x": "y" * 65_537}}, "custom_metadata"),
        ({"dependencies": ["x" * 257]}, "dependencies"),
        ({"primary_file_path": "c.pkl"}, "c.pkl"),
        ({"primary_file_path": "A.pkl"}, "A.pkl"),
        ({"primary_file_path": ""}, "primary_file_path"),
        ({"primary_file_path": "../a.pkl"}, "primary_file_path"),
        ({"primary_file_path": "p" * 3_000}, "primary_file_path"),
        ([], "object"),
        ('"text"', "object"),
        (None, "object"),
    ],
)
def test_values_that_are_not_allowed_are_refused_and_change_nothing(full, change, mentioned):
    before = full.get(FIRST).json
    answer = full.request("PUT", FIRST, json_body={} if change is None else change)
    if change is None:
        answer = full.put(FIRST, None)
    assert answer.status == 400
    assert mentioned in answer.json["detail"]
    assert full.get(FIRST).json == before


@pytest.mark.parametrize("path", [f"{ONE}?version=v2", "/ai-models/ana/nope", "/ai-models/bob/iris"])
def test_what_is_not_there_can_not_be_changed(full, path):
    assert full.put(path, {"name": "N"}).status == 404


def test_without_a_version_the_latest_is_changed(api):
    plant_all([("iris", "v9", {}), ("iris", "v10", {})])
    assert api.put(ONE, {"name": "N"}).json["version"] == "v10"
    assert api.get(f"{ONE}?version=v9").json["name"] == "Iris"


def test_the_primary_file_moves(full):
    after = full.put(FIRST, {"primary_file_path": "b.pkl"}).json
    assert [file["is_primary"] for file in after["files"]] == [False, True]
    cleared = full.put(FIRST, {"primary_file_path": None}).json
    assert [file["is_primary"] for file in cleared["files"]] == [False, False]
    files = full.get(f"{ONE}/files").json["files"]
    assert files == cleared["files"]


def test_without_a_framework_it_follows_from_the_primary_file(full):
    assert full.put(FIRST, {"framework": None}).json["framework"] == "sklearn"
    assert full.put(FIRST, {"framework": None, "primary_file_path": None}).json["framework"] == "other"


def test_without_a_framework_an_only_file_tells_it_as_on_upload(api):
    api.upload(filename="m.onnx", is_primary="false", framework="other")
    assert api.put(FIRST, {"framework": None}).json["framework"] == "onnx"


class TestLists:
    def test_follow_a_change_at_once(self, api):
        plant_all(
            [
                ("iris", "v1", {"tags": ["a", "b"], "framework": "onnx", "description": "cats"}),
                ("x", "v1", {}),
            ]
        )
        api.put(FIRST, {"tags": ["b", "c"], "framework": "keras", "model_type": "nlp", "description": "dogs"})
        expected = {
            "?tags=a": 0,
            "?tags=b": 1,
            "?tags=c": 1,
            "?tags=b,c": 1,
            "?framework=onnx": 0,
            "?framework=keras": 1,
            "?model_type=nlp": 1,
            "?model_type=other": 1,
            "?tags=b&framework=onnx": 0,
            "?tags=b&framework=keras&model_type=nlp": 1,
        }
        assert {q: len(api.get(f"/ai-models/ana{q}").json["models"]) for q in expected} == expected
        searches = {
            "cats": 0,
            "dogs": 1,
            "a": 0,
            "c": 1,
            "dogs&framework=onnx": 0,
            "dogs&framework=keras&model_type=nlp&tags=b,c": 1,
            "dogs&tags=a": 0,
        }
        found = {q: len(api.get(f"/ai-models/search/ana?query={q}").json["models"]) for q in searches}
        assert found == searches

    def test_the_ranking_follows_too(self, api):
        plant_all([("a", "v1", {"name": "cat"}), ("b", "v1", {"description": "cat"})])
        api.put("/ai-models/ana/a", {"name": "x", "description": "category"})
        assert names(api.get("/ai-models/search/ana?query=cat").json) == ["b/v1", "a/v1"]

    def test_the_order_of_age_stays(self, api):
        plant_all([("a", "v1", {}), ("b", "v1", {})])
        api.put("/ai-models/ana/a", {"name": "changed"})
        assert names(api.get("/ai-models/ana").json) == ["b/v1", "a/v1"]


def test_descriptions_of_very_many_words(api):
    plant()
    for beginning in ("alpha", "beta"):
        text = " ".join(f"{beginning}{n}" for n in range(500)).ljust(20_000, ".")
        assert api.put(FIRST, {"description": text, "tags": [beginning]}).status == 200
        for query, count in [
            ("alpha499", beginning == "alpha"),
            ("beta499", beginning == "beta"),
            ("iris", 1),
        ]:
            found = api.get("/ai-models/search/ana", query=query, tags=beginning).json["models"]
            assert len(found) == count, (beginning, query)
    assert_agreement()


def test_the_note_of_a_change_fits_a_row_whatever_the_names(api, monkeypatch):
    """A row has at most 400 KB, and 4,000 words with their whole keys would take 1.5 MB."""
    user_id, model_id, version = "u" * 128, "m" * 128, "v" * 64
    plant(model_id, version, user_id=user_id)
    monkeypatch.setattr(table, "write_many", lambda puts=(), deletes=(): list(puts))
    text = " ".join(f"{n:04}" for n in range(4_000))
    path = f"/ai-models/{user_id}/{model_id}?version={version}"
    assert api.put(path, {"description": text}).status == 200


@pytest.fixture(params=[100, 8], ids=["in one transaction", "by the journal"])
def way(request, monkeypatch):
    """Both ways of a change: all in one transaction, and with too many rows for one."""
    monkeypatch.setattr(table, "TRANSACTION", request.param)


CALLS = [(100, number) for number in range(4)] + [(8, number) for number in range(9)]
"""Every call of a change that takes 3 of them in one transaction, or 8 by the journal, and one after the last."""


@pytest.fixture(params=CALLS, ids=str)
def number(request, monkeypatch):
    """The number of a call, counted from 0, in each way of a change."""
    transaction, number = request.param
    monkeypatch.setattr(table, "TRANSACTION", transaction)
    return number


class TestTwoWriters:
    MINE = {"description": "mine of many words indeed", "algorithm": "mine", "tags": ["mine"]}  # noqa: RUF012
    THEIRS = {"name": "Theirs is long as well", "training_dataset": "theirs", "is_active": False}  # noqa: RUF012

    def test_none_loses_a_field_wherever_the_other_comes_between(self, api, number):
        plant()

        def theirs():
            assert api.put(FIRST, self.THEIRS).status == 200

        with just_before(number, theirs) as made:
            answer = api.put(FIRST, self.MINE)
        assert answer.status == 200
        if len(made) <= number:
            theirs()
        wanted = {**self.MINE, **self.THEIRS}
        document = api.get(FIRST).json
        assert {name: document[name] for name in wanted} == wanted
        assert_agreement()

    def test_a_deletion_wins_wherever_it_comes_between(self, api, number):
        plant()

        def deleted():
            assert api.delete(ONE, version="v1").status == 200

        with just_before(number, deleted) as made:
            answer = api.put(FIRST, self.MINE)
        assert answer.status in (200, 404)
        if len(made) <= number:
            deleted()
        assert api.get(FIRST).status == 404
        assert_agreement()

    def test_a_new_version_of_that_name_is_not_touched_by_a_change_of_the_old(self, api, number):
        plant()

        def replaced():
            assert api.delete(ONE, version="v1").status == 200
            assert api.upload(name="Reborn").status == 200

        with just_before(number, replaced) as made:
            answer = api.put(FIRST, self.MINE)
        assert answer.status in (200, 404)
        if len(made) <= number:
            replaced()
        assert api.get(FIRST).json["name"] == "Reborn"
        assert_agreement()

    @pytest.mark.usefixtures("way")
    def test_many_threads_lose_nothing(self, api):
        plant()
        fields = [
            "description",
            "algorithm",
            "training_dataset",
            "hardware_requirements",
            "python_version",
            "name",
        ]
        with ThreadPoolExecutor(len(fields)) as pool:
            answers = list(pool.map(lambda field: api.put(FIRST, {field: f"by {field}"}), fields))
        assert {answer.status for answer in answers} == {200}
        document = api.get(FIRST).json
        assert {field: document[field] for field in fields} == {field: f"by {field}" for field in fields}
        assert_agreement()


class TestAWriterWhoDies:
    CHANGE = {"description": "new words so many of them", "tags": ["new"], "is_active": False}  # noqa: RUF012

    def die(self, api, number):
        """Gives the call before which the writer died, None when there were not so many."""
        plant(description="old", tags=["old"])
        fault = Fault(number, kill=True)
        with suppress(Killed), fault.acting():
            api.put(FIRST, self.CHANGE)
        return fault.failed

    def test_at_any_call_the_next_writer_and_the_sweep_make_it_whole(self, api, number):
        died = self.die(api, number)
        document = api.put(FIRST, {"name": "Next"}).json
        assert document["name"] == "Next"
        assert [document[name] for name in self.CHANGE] in (
            ["old", ["old"], True],
            list(self.CHANGE.values()),
        )
        if died not in ("GetItem", "PutObject"):
            assert document["description"] == self.CHANGE["description"]
        sweep_later()
        assert_agreement()
        assert api.get(FIRST).json == document

    def test_at_any_call_the_sweep_alone_mends_the_table(self, api, number):
        self.die(api, number)
        document = api.get(FIRST).json
        sweep_later()
        assert api.get(FIRST).json == document
        assert_agreement(manifests_too=False)

    def test_at_any_call_a_rebuild_gives_the_old_or_the_new(self, api, number):
        self.die(api, number)
        # A rebuild restores only what has its files.
        objects.put("models/ana/iris/v1/part-00000.bin", b"")
        table.delete_table()
        table.create_table()
        rebuilding.rebuild()
        document = api.get(FIRST).json
        assert [document[name] for name in self.CHANGE] in (
            ["old", ["old"], True],
            list(self.CHANGE.values()),
        )
        assert_agreement()


def test_a_manifest_that_was_lost_is_written_again(api):
    from chalicelib.store import objects

    plant()
    objects.delete(["manifests/ana/iris/v1.json"])
    assert api.put(FIRST, {"name": "N"}).json["name"] == "N"
    assert_agreement()
