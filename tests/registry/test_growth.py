"""What a request costs grows no faster than what its sender puts into it, and not with what else is stored.

Each route is asked with so much of an input and with four times as much. Each case says which status it wants, and
whether its calls to AWS, and the data that these and the answer carry, may grow as the input does or not at all.
"""

import pytest
import stores
from each import each
from growing import CONSTANT, LINEAR, TIMES, Growth, cost_of, excess
from guarding import WRITE, bearer, guard
from planting import plant, plant_all
from uploading import zipped

from chalicelib.registry import clock, history
from chalicelib.schema.history import Actor
from chalicelib.schema.tokens import TokenDocument
from chalicelib.store import table
from chalicelib.store.api_tokens import TokenRecord, rows

PLAN = {"user_id": "ana", "model_id": "m", "name": "M"}
SINGLE, FILES = "/ai-models/upload/single", "/ai-models/upload/files"
EMPTY = {**PLAN, "filename": "a", "file_size": 0}
IRIS = "/ai-models/ana/iris"
RARE = {"description": "rare", "tags": ["rare"]}
CASES = {}
"""By name: the smaller size, what prepares a request of any size, the status it is answered with, and its growth."""


def case(few, *, wanted=200, calls=CONSTANT, data=LINEAR, timed=False):
    """Holds the request that the function below prepares."""

    def added(prepare):
        CASES[prepare.__name__] = few, prepare, wanted, Growth(calls, data, timed)
        return prepare

    return added


def post(path, body):
    return "POST", path, {"json_body": body}


def put(path, body):
    return "PUT", path, {"json_body": body}


def get(path, **query):
    return "GET", path, query


def texts(number):
    return [f"t{at}" for at in range(number)]


def planned(api, files, **fields):
    """The address of an upload that is planned."""
    answer = api.post(FILES, {**PLAN, "files": files, **fields})
    assert answer.status == 200, answer.content
    return f"/ai-models/uploads/{answer.json['upload_id']}"


def some_files(number, **fields):
    return [{"filename": f"f{at:04}", "file_size": 0, **fields} for at in range(number)]


# What a body has.


@case(5_000, wanted=400, data=CONSTANT, timed=True)
def keys_that_come_twice(api, number):
    pairs = [f'"key{at}": 1' for at in range(number)] * 2
    return post(SINGLE, "{" + ", ".join(pairs) + "}")


@case(1_000, wanted=400, data=CONSTANT, timed=True)
def unknown_fields(api, number):
    return post(SINGLE, {**EMPTY, **dict.fromkeys(texts(number), 1)})


@case(10_000, wanted=400, data=CONSTANT, timed=True)
def levels_of_a_body(api, number):
    return post(SINGLE, "[" * number + "]" * number)


@case(1_000, timed=True)
def keys_of_metadata(api, number):
    return post(SINGLE, {**EMPTY, "custom_metadata": dict.fromkeys(texts(number), 1)})


@case(20, timed=True)
def levels_of_metadata(api, number):
    nested = 1
    for _ in range(number):
        nested = {"key": nested}
    return post(SINGLE, {**EMPTY, "custom_metadata": nested})


@case(120)
def dependencies(api, number):
    return post(SINGLE, {**EMPTY, "dependencies": texts(number)})


@case(12)
def tags_of_a_plan(api, number):
    return post(SINGLE, {**EMPTY, "tags": texts(number)})


@case(200, calls=LINEAR, timed=True)
def files_of_a_plan(api, number):
    return post(FILES, {**PLAN, "files": some_files(number)})


@case(10, calls=LINEAR)
def files_with_hashes(api, number):
    listed = [{**file, "file_hash": f"{at:064x}"} for at, file in enumerate(some_files(number, file_size=1))]
    return post(FILES, {**PLAN, "files": listed})


@case(200, calls=LINEAR, timed=True)
def files_of_a_bundle(api, number):
    return post(FILES, {**PLAN, "files": some_files(number, file_size=1), "bundle": True})


@case(200, wanted=400, data=CONSTANT, timed=True)
def files_of_one_name(api, number):
    return post(FILES, {**PLAN, "files": some_files(1) * number})


@case(100, calls=LINEAR, timed=True)
def words_of_a_change(api, number):
    plant()
    return put(IRIS, {"description": " ".join(texts(number))})


@case(12, calls=LINEAR)
def tags_of_a_change(api, number):
    plant()
    return put(IRIS, {"tags": texts(number)})


@case(1_000, timed=True)
def metadata_of_a_change(api, number):
    plant()
    return put(IRIS, {"custom_metadata": dict.fromkeys(texts(number), 1)})


@case(50, calls=LINEAR)
def users_of_a_share(api, number):
    plant()
    return put(f"{IRIS}/access", {"users": texts(number)})


@case(100, wanted=400, data=CONSTANT, timed=True)
def fields_of_a_form(api, number):
    return "POST", SINGLE, {"form": [(name, (None, "1")) for name in texts(number)]}


@case(10, calls=LINEAR)
def members_of_a_zip(api, number):
    packed = zipped(dict.fromkeys(texts(number), b"1"))
    form = [("zip_file", ("f.zip", packed)), *((name, (None, text)) for name, text in PLAN.items())]
    return "POST", "/ai-models/upload/folder", {"form": form}


# What an address has.


@case(4, calls=LINEAR)
def words_of_a_query(api, number):
    plant(description=" ".join(texts(16)))
    return get("/ai-models/search/ana", query=" ".join(texts(number)))


@case(12)
def tags_of_a_filter(api, number):
    plant(tags=texts(48))
    return get("/ai-models/ana", tags=",".join(texts(number)))


@case(5_000, wanted=400, data=CONSTANT, timed=True)
def length_of_a_token(api, number):
    return get("/ai-models/ana", next_token="9" * number)


@case(2_500, wanted=400, data=CONSTANT, timed=True)
def length_of_a_path(api, number):
    plant()
    return get(f"{IRIS}/download", filename="a/" * number)


# Uploads.


@case(100, timed=True)
def ranges_of_one_file(api, number):
    upload = planned(api, [{"filename": "a", "file_size": 10_000 * 2**20}])
    ranges = [{"filename": "a", "first_part": at, "last_part": at} for at in range(1, 2 * number, 2)]
    return post(f"{upload}/parts", {"files": ranges})


@case(100, data=CONSTANT)
def files_behind_a_page_of_parts(api, number):
    path = f"{planned(api, some_files(number))}/parts"
    token = api.get(path, limit=10).json["next_token"]
    return get(path, limit=10, next_token=token)


@case(10, wanted=400, calls=LINEAR)
def files_that_are_not_sent(api, number):
    return "POST", f"{planned(api, some_files(number, file_size=1))}/complete", {}


# What is stored.


def plant_others(number, user_id="ana"):
    """A rare version of each of two models, the oldest and the newest; the others have a word and a tag in common."""
    fields = {"description": "common", "tags": ["common"]}
    plant("rare", **RARE)
    plant_all([("many", f"v{at}", fields) for at in range(number)], user_id=user_id)
    plant_all([(f"other{at}", "v1", fields) for at in range(number)], user_id=user_id)
    plant("many", "last", **RARE)


@case(4, data=CONSTANT)
def models_that_are_not_shared(api, number):
    plant_others(number)
    assert api.put("/ai-models/ana/rare/access", {"users": ["ben"]}).status == 200
    api.token = bearer("ben", WRITE)
    return get("/ai-models/ana")


@case(10)
def versions_that_a_search_ranks(api, number):
    plant_all([("m", f"v{at}", {"description": "common"}) for at in range(number)])
    return get("/ai-models/search/ana", query="common", limit=1)


@case(25)
def users_who_may_read(api, number):
    plant()
    assert api.put(f"{IRIS}/access", {"users": texts(number)}).status == 200
    return get(f"{IRIS}/access")


@case(5)
def versions_to_skip(api, number):
    plant_all([("m", f"v{at}", {}) for at in range(number + 1)])
    return get("/ai-models/ana", skip=number)


@case(2_000, data=CONSTANT)
def length_of_what_is_skipped(api, number):
    plant("shown", description="short")
    plant_all([("m", f"v{at}", {"description": "a" * number}) for at in range(5)])
    return get("/ai-models/ana", skip=5)


@case(200, data=CONSTANT)
def files_behind_a_page_of_files(api, number):
    plant(files=number)
    token = api.get(f"{IRIS}/files", version="v1", limit=60).json["next_token"]
    return get(f"{IRIS}/files", version="v1", limit=60, next_token=token)


@case(25)
def api_tokens_of_a_user(api, number):
    until = clock.now() + 86_400
    for at in range(number):
        document = TokenDocument(
            token_id=f"{at:012}",
            label="ci",
            scopes=["models:read"],
            created_at=clock.timestamp(),
            expires_at=clock.timestamp(until),
        )
        table.write_many(
            rows(TokenRecord(document=document, user_id="ana", token_hash="0" * 64, expires_at=until))
        )
    return get("/tokens")


@case(25, data=CONSTANT)
def entries_behind_a_page_of_history(api, number):
    plant()
    actor = Actor(user_id="ana")
    noted = [history.entry("update", actor, "v1", fields=["name"]) for _ in range(number)]
    table.write_many(history.row("ana", "iris", entry) for entry in noted)
    return get(f"{IRIS}/history", limit=10)


@case(5, data=CONSTANT)
def downloads_so_far(api, number):
    plant()
    for _ in each(range(number)):
        assert api.get(f"{IRIS}/download", filename="part-00000.bin").status == 307
    return get(f"{IRIS}/downloads")


@case(2, calls=LINEAR)
def versions_to_delete(api, number):
    plant_all([("iris", f"v{at}", {}) for at in range(number)])
    return "DELETE", IRIS, {"all_versions": "true"}


READS = {
    "a version": (200, get("/ai-models/ana/many", version="last")),
    "the latest": (200, get("/ai-models/ana/many")),
    "versions of a model": (200, get("/ai-models/ana/many/versions", limit=1)),
    "a list": (200, get("/ai-models/ana", limit=2)),
    "a list by tag": (200, get("/ai-models/ana", tags="rare", limit=1)),
    "a list by a common tag": (200, get("/ai-models/ana", tags="common", limit=1)),
    "a search": (200, get("/ai-models/search/ana", query="rare", limit=1)),
    "a download": (307, get("/ai-models/ana/many/download", filename="part-00000.bin")),
}
"""What costs the same however many other versions there are."""


@pytest.fixture
def ana(api, monkeypatch, tmp_path):
    """A client whose requests are ana's."""
    guard(monkeypatch, tmp_path)
    api.token = bearer("ana", WRITE)
    return api


@pytest.mark.parametrize("name", CASES)
def test_a_request_costs_in_proportion_to_what_is_in_it(ana, name):
    few, prepare, wanted, growth = CASES[name]
    costs = []
    for size in (few, few * TIMES):
        tries = []
        for _ in range(2 if growth.timed else 1):
            stores.clear()
            ana.token = bearer("ana", WRITE)
            tries.append(cost_of(ana, prepare(ana, size), wanted))
        costs.append({kind: min(cost[kind] for cost in tries) for kind in tries[0]})
    assert excess(growth, *costs) == {}


@pytest.mark.parametrize("user_id", ["ana", "ben"])
def test_a_read_costs_the_same_however_many_other_versions_there_are(ana, user_id):
    costs = []
    for number in (4, 4 * TIMES):
        stores.clear()
        plant_others(number, user_id)
        costs.append({name: cost_of(ana, request, wanted) for name, (wanted, request) in READS.items()})
    few, many = costs
    assert {name: grown for name in READS if (grown := excess(Growth(), few[name], many[name]))} == {}
