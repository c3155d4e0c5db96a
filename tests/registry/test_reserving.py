"""Reserving a version while another publishes it."""

from chalicelib.store import versions


def test_a_version_that_is_published_between_two_looks_stays(api, monkeypatch):
    first = api.upload(b"first")
    assert first.status == 200
    published = versions.find("ana", "iris", "v1")
    outdated = versions.find("ana", "iris", "v1")
    outdated.state = versions.UPLOADING
    looks = [outdated, published]

    with monkeypatch.context() as patched:
        patched.setattr(versions, "find", lambda *names: looks.pop(0))
        second = api.upload(b"second")

    assert second.status == 409
    assert api.get("/ai-models/ana/iris").json == first.json
