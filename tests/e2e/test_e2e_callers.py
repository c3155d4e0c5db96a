"""People and machines with tokens, through `make run` and through what is deployed: the same scenario."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from callers import KNOWN, SECRET, token
from doors import DeployedDoor, eventually, pieces, put

from devserver.process import LocalService


@pytest.fixture(params=["local", "deployed"])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a service that knows its callers by JWT."""
    if request.param == "local":
        running: LocalService = request.getfixturevalue("guarded_service")
        yield running.url
        return
    deployed: DeployedDoor = request.getfixturevalue("deployed")
    cloud = deployed.cloud
    secrets = boto3.client("secretsmanager", endpoint_url=cloud.url, region_name="us-east-1", **cloud.keys)
    arn = secrets.create_secret(Name="guarded-jwt", SecretString=SECRET)["ARN"]
    yield cloud.deploy("guarded", WEIGHTHOUSE_JWT_SECRET=arn, **KNOWN).url
    cloud.run("destroy", STAGE="guarded", DATA="delete")


class Caller:
    """Someone with a token."""

    def __init__(self, address: str, token: str | None) -> None:
        self.address = address
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, method: str, path: str, **request: Any) -> requests.Response:
        """The answer to a request with the token; redirects are not followed, they need none."""
        url = self.address + path
        return requests.request(
            method, url, headers=self.headers, timeout=60, allow_redirects=False, **request
        )


def person(address: str, user: str) -> Caller:
    return Caller(address, token(user, "models:write"))


def test_everybody_has_a_door_of_their_own(address: str, tmp_path: Path) -> None:
    ana, ben, nobody = person(address, "ana"), person(address, "ben"), Caller(address, None)
    assert nobody.ask("GET", "/health").status_code == 200
    unknown = nobody.ask("GET", "/ai-models/ana")
    assert (unknown.status_code, unknown.headers["WWW-Authenticate"]) == (401, 'Bearer realm="weighthouse"')

    fields = {"user_id": "ana", "model_id": "iris", "name": "Iris"}
    made = ana.ask("POST", "/ai-models/upload/single", data=fields, files={"file": ("m.pkl", b"weights")})
    assert made.status_code == 200, made.text
    assert ben.ask("POST", "/ai-models/upload/single", json=fields).status_code == 400
    theirs = {**fields, "filename": "m.pkl", "file_size": 7}
    assert ben.ask("POST", "/ai-models/upload/single", json=theirs).status_code == 403
    assert ben.ask("GET", "/ai-models/ana/iris").status_code == 404

    # A presigned upload by a machine with an API token; the URLs need no token.
    request = {"label": "training", "scopes": ["models:write"]}
    made = ana.ask("POST", "/tokens", json=request).json()
    machine = Caller(address, made["token"])
    plan = machine.ask(
        "POST", "/ai-models/upload/single", json={**theirs, "version": "v2", "file_size": 9}
    ).json()
    upload = f"/ai-models/uploads/{plan['upload_id']}"
    put(pieces(plan, {"m.pkl": b"presigned"}), tmp_path)
    assert ben.ask("POST", f"{upload}/complete").status_code == 404
    assert machine.ask("POST", f"{upload}/complete").status_code == 200

    access = ana.ask("PUT", "/ai-models/ana/iris/access", json={"users": ["ben"]})
    assert access.status_code == 200, access.text
    assert [one["version"] for one in ben.ask("GET", "/ai-models/ana").json()["models"]] == ["v2", "v1"]
    link = ben.ask("GET", "/ai-models/ana/iris/download?filename=m.pkl")
    assert link.status_code == 307
    assert requests.get(link.headers["Location"], timeout=60).content == b"presigned"
    assert ben.ask("GET", "/ai-models/ana/iris/downloads").json()["downloads"] == 1
    assert ben.ask("DELETE", "/ai-models/ana/iris?version=v1").status_code == 403

    assert ana.ask("DELETE", f"/tokens/{made['token_id']}").status_code == 204
    # Another process of the function may have used it in these seconds.
    eventually(lambda: machine.ask("GET", "/ai-models/ana").status_code == 401, 10)

    told = ana.ask("GET", "/ai-models/ana/iris/history").json()["history"]
    assert [(entry["action"], entry["actor"]["user_id"]) for entry in told] == [
        ("share", "ana"),
        ("create", "ana"),
        ("create", "ana"),
    ]
    assert told[1]["actor"]["token_id"] == made["token_id"]
    assert ana.ask("DELETE", "/ai-models/ana/iris?all_versions=true").status_code == 200


def test_a_killed_emulator_loses_neither_tokens_nor_sharing(guarded_service: LocalService) -> None:
    ana = person(guarded_service.url, "ana")
    fields = {"user_id": "ana", "model_id": "kept", "name": "Kept"}
    ana.ask("POST", "/ai-models/upload/single", data=fields, files={"file": ("m.pkl", b"weights")})
    ana.ask("PUT", "/ai-models/ana/kept/access", json={"everyone": True})
    made = [ana.ask("POST", "/tokens", json={"label": "t", "scopes": ["models:read"]}).json() for _ in "ab"]
    assert ana.ask("DELETE", f"/tokens/{made[1]['token_id']}").status_code == 204
    guarded_service.kill()
    guarded_service.start()
    address = guarded_service.url
    assert person(address, "ben").ask("GET", "/ai-models/ana/kept").status_code == 200
    statuses = [Caller(address, one["token"]).ask("GET", "/ai-models/ana/kept").status_code for one in made]
    assert statuses == [200, 401]
