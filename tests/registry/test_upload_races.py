"""Clients at the same time: real threads, and one request put into the middle of another at every call."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier

import pytest
from api import everything
from each import each
from interleaving import just_before
from uploading import AFTER_EXPIRY

from chalicelib.registry import finishing
from chalicelib.registry.publishing import publish
from chalicelib.registry.sweeping import sweep
from chalicelib.settings import MIB, settings

ONE = {"model.pt": b"weights"}


def at_once(actions):
    """What these give when all begin together."""
    barrier = Barrier(len(actions))

    def run(action):
        barrier.wait()
        return action()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, actions))


def in_the_middle(prepare, action, other):
    """Yields the answers of `action`, and of `other` which comes right before each of its calls in turn."""
    for number in count():
        prepare()
        answers = []
        with just_before(number, lambda answers=answers: answers.append(other())):
            answer = action()
        if not answers:
            break
        yield answer, answers[0]
    assert number > 2


@pytest.mark.parametrize("round_", range(3))
def test_of_twelve_creators_one_wins(api, round_):
    sent = [f"bytes of creator {at}".encode() for at in range(12)]
    answers = at_once([lambda data=data: api.upload(data, tags=data.decode()) for data in sent])
    assert sorted(answer.status for answer in answers) == [200] + [409] * 11
    (winner,) = [data for data, answer in zip(sent, answers, strict=True) if answer.status == 200]
    answer = api.get("/ai-models/ana/iris/download", filename="model.pkl", accept="application/octet-stream")
    assert answer.content == winner
    assert api.get("/ai-models/ana/iris").json["tags"] == [winner.decode()]
    objects, parts, _ = everything()
    assert (objects, parts) == ({"models/ana/iris/v1/model.pkl", "manifests/ana/iris/v1.json"}, set())
    api.delete("/ai-models/ana/iris")
    assert everything() == (set(), set(), set())


def test_of_forms_and_plans_one_wins(uploader):
    body = {"user_id": "ana", "model_id": "m", "name": "M", "filename": "p.bin", "file_size": 3}
    plan = lambda: uploader.api.post("/ai-models/upload/single", body)  # noqa: E731
    answers = at_once([uploader.form, plan, uploader.form_folder] * 4)
    assert sorted(answer.status for answer in answers) == [200] + [409] * 11
    (winner,) = [answer.json for answer in answers if answer.status == 200]
    if "upload_id" in winner:
        assert uploader.api.delete(f"/ai-models/uploads/{winner['upload_id']}").status == 204
    uploader.remove()


def test_everyone_who_asks_for_the_next_version_gets_one(api):
    answers = at_once([lambda at=at: api.upload(str(at).encode(), version="next") for at in range(8)])
    assert [answer.status for answer in answers] == [200] * 8
    versions = {answer.json["version"]: at for at, answer in enumerate(answers)}
    assert sorted(versions) == [f"v{number}" for number in range(1, 9)]
    for version, at in each(versions.items()):
        query = {"version": version, "filename": "model.pkl", "accept": "application/octet-stream"}
        assert api.get("/ai-models/ana/iris/download", **query).content == str(at).encode()


def test_everyone_may_complete(uploader):
    uploader.plan_files(ONE)
    uploader.send()
    answers = at_once([uploader.complete] * 4)
    assert {answer.status for answer in answers} <= {200, 202}
    assert 200 in [answer.status for answer in answers]
    assert uploader.complete().status == 200
    uploader.check_whole(ONE)
    uploader.remove()


def test_a_completion_in_the_middle_of_another(uploader):
    @uploader.once
    def prepare():
        uploader.plan_files(ONE)
        uploader.send()

    for answer, other in in_the_middle(prepare, uploader.complete, uploader.complete):
        assert {answer.status, other.status} <= {200, 202}
        assert uploader.complete().status == 200
        uploader.check_whole(ONE)
        uploader.remove()


def test_giving_up_in_the_middle_of_completing(uploader):
    @uploader.once
    def prepare():
        uploader.plan_files(ONE)
        uploader.send()

    for answer, other in in_the_middle(prepare, uploader.complete, uploader.abort):
        if other.status == 204:
            assert answer.status in (400, 404, 409), answer.content
            assert uploader.state()["detail"].startswith("There is no upload")
            uploader.check_empty()
        else:
            assert (answer.status, other.status) == (200, 409)
            uploader.check_whole(ONE)
        uploader.remove()


@pytest.mark.parametrize("kind", ["files", "folder"])
def test_giving_up_in_the_middle_of_handing_over(uploader, monkeypatch, kind):
    monkeypatch.setenv("WEIGHTHOUSE_REQUEST_VERIFY_LIMIT", "1")
    settings.cache_clear()

    @uploader.once
    def prepare():
        uploader.plan_files(ONE) if kind == "files" else uploader.plan_folder()
        uploader.send()

    for answer, other in in_the_middle(prepare, uploader.complete, uploader.abort):
        assert other.status == 204
        assert answer.status in (202, 400, 404, 409), answer.content
        uploader.api.deliver()
        uploader.check_empty()


def test_completing_in_the_middle_of_giving_up(uploader):
    @uploader.once
    def prepare():
        uploader.plan_files(ONE)
        uploader.send()

    for answer, other in in_the_middle(prepare, uploader.abort, uploader.complete):
        if answer.status == 204:
            assert other.status in (202, 400, 404, 409), other.content
            uploader.check_empty()
        else:
            assert (answer.status, other.status) == (409, 200)
            uploader.check_whole(ONE)
        uploader.remove()


def test_the_sweep_in_the_middle_of_completing(uploader, monkeypatch):
    monkeypatch.setenv("WEIGHTHOUSE_UPLOAD_TTL", "30")
    settings.cache_clear()

    @uploader.once
    def prepare():
        uploader.plan_files(ONE)
        uploader.send()

    def expire():
        uploader.late += 31  # Over the upload's time, but within the lease of who completes it.
        sweep()

    statuses = []
    for answer, _ in in_the_middle(prepare, uploader.complete, expire):
        statuses.append(answer.status)
        if answer.status == 200:
            uploader.check_whole(ONE)
        else:
            assert (answer.status, uploader.state()["state"]) == (409, "expired"), answer.content
            uploader.check_empty()
        uploader.remove()
    assert statuses == sorted(statuses, reverse=True)
    assert set(statuses) == {200, 409}


@pytest.mark.parametrize("form", [False, True])
def test_a_completion_that_slept_longer_than_its_lease_publishes_nothing(uploader, monkeypatch, form):
    def sleep(*arguments):
        uploader.late += AFTER_EXPIRY
        sweep()
        return publish(*arguments)

    monkeypatch.setattr(finishing, "publish", sleep)
    if form:
        answer = uploader.form()
        assert answer.status == 503, answer.content
    else:
        # Of more than ten files the list has rows and an object of its own.
        uploader.plan_files({f"{at}.txt": b"" for at in range(12)})
        answer = uploader.complete()
        assert answer.status == 409, answer.content
        assert "expired" in answer.json["detail"]
    uploader.check_empty()


def test_two_that_ask_for_urls_get_the_same_multipart_uploads(uploader):
    sizes = {"a.bin": 600 * 8 * MIB, "b.bin": 600 * 8 * MIB, "c.bin": 8 * MIB, "d.bin": 1}
    listed = [{"filename": name, "file_size": size} for name, size in sizes.items()]
    body = {"user_id": "ana", "model_id": "m", "name": "M", "files": listed}
    asked = {"files": [{"filename": "c.bin"}, {"filename": "d.bin"}]}

    @uploader.once
    def prepare():
        uploader.plan = uploader.api.post("/ai-models/upload/files", body).json

    def ask():
        return uploader.api.post(f"{uploader.upload}/parts", asked)

    def urls(answer):
        return [part["url"].partition("uploadId=")[2].partition("&")[0] for part in parts_of(answer)]

    def parts_of(answer):
        return [part for file in answer.json["files"] for part in file["parts"]]

    for answer, other in in_the_middle(prepare, ask, ask):
        assert urls(answer) == urls(other)
        assert everything()[1] == {f"models/ana/m/v1/{name}" for name in sizes}
        assert uploader.abort().status == 204
        uploader.check_empty()
    answers = at_once([ask] * 4)
    assert len({tuple(urls(answer)) for answer in answers}) == 1
    uploader.abort()
    uploader.check_empty()


def test_asking_for_urls_in_the_middle_of_giving_up(uploader):
    listed = [{"filename": "a.bin", "file_size": 1_000 * 8 * MIB}, {"filename": "c.bin", "file_size": 1}]
    body = {"user_id": "ana", "model_id": "m", "name": "M", "files": listed}
    asked = {"files": [{"filename": "c.bin"}]}

    @uploader.once
    def prepare():
        uploader.plan = uploader.api.post("/ai-models/upload/files", body).json

    def ask():
        return uploader.api.post(f"{uploader.upload}/parts", asked)

    for answer, other in in_the_middle(prepare, uploader.abort, ask):
        assert answer.status == 204
        assert other.status in (200, 400, 404, 409), other.content
        uploader.check_empty()
    for answer, other in in_the_middle(prepare, ask, uploader.abort):
        assert other.status == 204
        assert answer.status in (200, 400, 404, 409), answer.content
        uploader.check_empty()
