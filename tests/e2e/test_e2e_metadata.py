"""Finding, changing and deleting versions over HTTP."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from doors import Client, eventually


def put(client: Client, path: str, **change: Any) -> requests.Response:
    return requests.put(client.url(path), json=change, timeout=60)


def names(page: Any) -> list[str]:
    return [f"{document['model_id']}/{document['version']}" for document in page["models"]]


@pytest.fixture
def shelf(client: Client) -> None:
    """Five versions of three models, the first the oldest."""
    client.upload(
        "iris", "iris.pkl", description="Blüten by petal", model_type="classification", tags="demo,small"
    )
    client.upload("iris", "iris.onnx", version="v2", algorithm="Gradient boosting", tags="demo")
    client.upload("iris", "iris.pkl", version="v10", tags="Demo,small", is_active=False)
    client.upload(
        "bert", "bert.safetensors", model_type="nlp", training_dataset="Wikipedia 2024", name="A BERT"
    )
    client.upload("gpt", "gpt.pt", model_type="nlp", name="Generatives Modell", tags="small")


@pytest.mark.also_deployed
@pytest.mark.usefixtures("shelf")
def test_lists_filters_and_pages(client: Client) -> None:
    everything = ["gpt/v1", "bert/v1", "iris/v10", "iris/v2", "iris/v1"]
    assert names(client.json()) == everything
    assert names(client.json(framework="sklearn")) == ["iris/v10", "iris/v1"]
    assert names(client.json(model_type="nlp")) == ["gpt/v1", "bert/v1"]
    assert names(client.json(model_type="nlp", framework="huggingface")) == ["bert/v1"]
    assert names(client.json(tags="demo,small")) == ["iris/v1"]
    assert names(client.json(skip=1, limit=3)) == everything[1:4]
    found, token = [], None
    while True:
        page = client.json(limit=2, next_token=token)
        assert len(page["models"]) <= 2
        found += names(page)
        if (token := page["next_token"]) is None:
            break
    assert found == everything
    assert names(client.json("/iris/versions")) == ["iris/v10", "iris/v2", "iris/v1"]
    assert client.json("/iris")["version"] == "v2"
    assert client.get("/nobody").status_code == 404
    assert "limit" in client.get(limit=1001).json()["detail"]
    assert "colour" in client.get(colour="red").json()["detail"]


@pytest.mark.also_deployed
@pytest.mark.usefixtures("shelf")
def test_searches(client: Client) -> None:
    def search(query: str, **filters: Any) -> list[str]:
        answer = requests.get(
            f"{client.door.url}/ai-models/search/{client.user}",
            params={"query": query, **filters},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        return names(answer.json())

    assert search("bluten PETAL") == ["iris/v1"]
    assert search("blü") == ["iris/v1"]
    assert search("wiki 2024") == ["bert/v1"]
    assert set(search("iris")) == {"iris/v1", "iris/v2", "iris/v10"}
    assert search("iris", framework="onnx") == ["iris/v2"]
    assert search("iris nothing") == []
    assert put(client, "/iris?version=v2", description="nothing here").status_code == 200
    assert search("iris nothing") == ["iris/v2"]


@pytest.mark.also_deployed
def test_changes_what_is_named_and_nothing_else(client: Client) -> None:
    before = client.upload(
        "m", description="old", tags="a,b", test_accuracy=0.5, custom_metadata='{"seed": 1}'
    )
    answer = put(
        client, "/m?version=v1", description="neu 新", tags=["c"], test_accuracy=None, is_active=False
    )
    assert answer.status_code == 200, answer.text
    after = answer.json()
    changed = {"description": "neu 新", "tags": ["c"], "test_accuracy": None, "is_active": False}
    assert after == {**before, **changed, "updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]
    assert client.json("/m", version="v1") == after
    assert client.get("/m").status_code == 404
    assert names(client.json(tags="c")) == ["m/v1"]
    assert names(client.json(tags="a")) == []

    for field, value in (("version", "v2"), ("file_hash", "0"), ("colour", "red"), ("test_accuracy", "high")):
        answer = put(client, "/m?version=v1", **{field: value})
        assert answer.status_code == 400
        assert field in answer.json()["detail"]
    assert client.json("/m", version="v1") == after


def test_writers_at_the_same_time_lose_nothing(client: Client) -> None:
    client.upload("m")
    fields: dict[str, Any] = {
        "algorithm": "a",
        "training_dataset": "d",
        "python_version": "p",
        "num_parameters": 7,
    }
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda field: put(client, "/m?version=v1", **{field: fields[field]}), fields))
    assert {answer.status_code for answer in answers} == {200}
    document = client.json("/m")
    assert {field: document[field] for field in fields} == fields


def test_of_many_creators_one_wins_and_its_bytes_are_published(client: Client) -> None:
    start = threading.Barrier(8)

    def create(number: int) -> int:
        start.wait()
        return client.form("single", "m", "m.bin", b"%d" % number * 1000).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(8)))
    assert sorted(answers) == [200] + [409] * 7
    assert client.content("m", filename="m.bin") == b"%d" % answers.index(200) * 1000
    assert client.door.keys(f"models/{client.user}/") == [f"models/{client.user}/m/v1/m.bin"]


@pytest.mark.also_deployed
@pytest.mark.usefixtures("shelf")
def test_a_deleted_version_leaves_nothing(client: Client) -> None:
    assert client.content("iris", version="v2").startswith(b"PK")
    answer = requests.delete(client.url("/iris"))
    assert answer.status_code == 400
    assert "all_versions" in answer.json()["detail"]
    assert requests.delete(client.url("/iris?version=v2")).json()["versions"] == ["v2"]
    assert requests.delete(client.url("/iris?version=v2")).status_code == 404
    assert client.json("/iris")["version"] == "v1"
    assert not [key for key in client.door.keys(client.user) if "/iris/v2" in key]
    assert not [row for row in client.door.rows(client.user) if "#iris#v2" in row[1] or "/iris/v2" in row[0]]
    client.upload("iris", "iris.onnx", b"anew", version="v2")
    assert client.content("iris", version="v2", filename="iris.onnx") == b"anew"

    assert sorted(requests.delete(client.url("/iris?all_versions=true")).json()["versions"]) == [
        "v1",
        "v10",
        "v2",
    ]
    assert requests.delete(client.url("/bert")).json()["versions"] == ["v1"]
    assert requests.delete(client.url("/gpt")).status_code == 200
    assert names(client.json()) == []
    eventually(lambda: client.door.traces(client.user) == [])
