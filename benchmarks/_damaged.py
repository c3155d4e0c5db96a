"""Manifests and files that are damaged when the index is made again: a failure of each, and nothing else is lost."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks._people import as_user, is_refused
from benchmarks._reading import files_of, unzipped
from benchmarks._service import Client, sha256, zipped
from chalicelib.store import keys

OWNER = "damaged"
COUNT = 12
"""Files of each version: their list is an object of its own."""
GOOD, BAD = "v1", "v2"
STRAYS = {
    "manifests/stray.json": b"{}",
    "manifests/somebody/else.json": b"<Error>",
    "access/damaged/nobody.json": b"{",
    "tokens/damaged/999999999999-stray.json": b"[]",
}
"""Objects in places of ours that are none of ours."""

Damage = Callable[[Any, str, str], None]
"""Does harm to the version of a model in a bucket, with boto3's client."""


def _manifest(model: str) -> str:
    return keys.manifest_key(OWNER, model, BAD)


def _unreadable(s3: Any, bucket: str, model: str) -> None:
    s3.put_object(Bucket=bucket, Key=_manifest(model), Body=b"\x00\xff<Error>")


def _empty(s3: Any, bucket: str, model: str) -> None:
    s3.put_object(Bucket=bucket, Key=_manifest(model), Body=b"")


def _halved(s3: Any, bucket: str, model: str) -> None:
    whole = s3.get_object(Bucket=bucket, Key=_manifest(model))["Body"].read()
    s3.put_object(Bucket=bucket, Key=_manifest(model), Body=whole[: len(whole) // 2])


def _foreign(s3: Any, bucket: str, model: str) -> None:
    """The manifest of its neighbour in its place."""
    other = s3.get_object(Bucket=bucket, Key=keys.manifest_key(OWNER, model, GOOD))["Body"].read()
    s3.put_object(Bucket=bucket, Key=_manifest(model), Body=other)


def _no_list(s3: Any, bucket: str, model: str) -> None:
    s3.delete_object(Bucket=bucket, Key=keys.manifest_files_key(OWNER, model, BAD))


def _short_list(s3: Any, bucket: str, model: str) -> None:
    key = keys.manifest_files_key(OWNER, model, BAD)
    lines = s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines(keepends=True)
    s3.put_object(Bucket=bucket, Key=key, Body=b"".join(lines[:-1]))


def _no_file(s3: Any, bucket: str, model: str) -> None:
    s3.delete_object(Bucket=bucket, Key=keys.file_key(OWNER, model, BAD, "f/07.bin"))


def _short_file(s3: Any, bucket: str, model: str) -> None:
    s3.put_object(Bucket=bucket, Key=keys.file_key(OWNER, model, BAD, "f/07.bin"), Body=b"short")


DAMAGES: Mapping[str, Damage] = {
    "unreadable": _unreadable,
    "empty": _empty,
    "halved": _halved,
    "foreign": _foreign,
    "no-list": _no_list,
    "short-list": _short_list,
    "no-file": _no_file,
    "short-file": _short_file,
}


class Damaged:
    """A model for each damage, with a version that is spared and one that is not."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._contents = {f"f/{number:02d}.bin": bytes([number]) * (number + 10) for number in range(COUNT)}
        self._kept: dict[str, bytes] = {}
        """What lay there before the damage."""
        self.broken = False

    def make(self, client: Client) -> None:
        """Makes all versions."""
        owner = as_user(client, OWNER)
        for model in DAMAGES:
            for version in (GOOD, BAD):
                fields = {"user_id": OWNER, "model_id": model, "name": "<Error>", "version": version}
                owner.form("folder", fields, "f.zip", zipped(self._contents))

    def break_(self, s3: Any) -> None:
        """Does each harm to its model, and lays strays between."""
        self._kept = {
            key: s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            for model in DAMAGES
            for key in (
                _manifest(model),
                keys.manifest_files_key(OWNER, model, BAD),
                keys.file_key(OWNER, model, BAD, "f/07.bin"),
            )
        }
        for model, damage in DAMAGES.items():
            damage(s3, self._bucket, model)
        for key, data in STRAYS.items():
            s3.put_object(Bucket=self._bucket, Key=key, Body=data)
        self.broken = True

    def mend(self, s3: Any) -> None:
        """Puts everything back as it was; the next rebuild finds it."""
        for key, data in self._kept.items():
            s3.put_object(Bucket=self._bucket, Key=key, Body=data)
        for key in STRAYS:
            s3.delete_object(Bucket=self._bucket, Key=key)
        self.broken = False

    def explains(self, name: str) -> bool:
        """Whether what an audit calls so belongs to what is damaged here, or is one of the strays."""
        return f"/{OWNER}/" in name or name in STRAYS

    def check(self, client: Client, report: str) -> list[str]:
        """What is wrong after the index was made again, of which this is the report."""
        owner = as_user(client, OWNER)
        told = set(re.findall(r"^failed (\S+):", report, re.MULTILINE))
        expected = {f"{OWNER}/{model}/{BAD}" for model in DAMAGES if self.broken}
        expected |= {key for key in STRAYS if self.broken and key.startswith((keys.ACCESS, keys.TOKENS))}
        wrong = [f"the rebuild tells of {name}: {name in told}" for name in sorted(told ^ expected)]
        for model in DAMAGES:
            wrong += self._whole(owner, model, GOOD)
            if not self.broken:
                wrong += self._whole(owner, model, BAD)
            elif not is_refused(owner, (404,), "GET", f"/{OWNER}/{model}", params={"version": BAD}):
                wrong.append(f"{model} {BAD} is there, and is damaged")
        return wrong

    def _whole(self, owner: Client, model: str, version: str) -> list[str]:
        """What is wrong with a version that must be whole."""
        path = f"/{OWNER}/{model}"
        if is_refused(owner, (404,), "GET", path, params={"version": version}):
            return [f"{model} {version} is lost"]
        document = owner.ask("GET", path, params={"version": version}).json()
        expected = {name: sha256(data) for name, data in self._contents.items()}
        listed = {file["filename"]: file["file_hash"] for file in files_of(owner, document)}
        # Those that nobody has touched are not read each time.
        read = unzipped(owner.download(model, version, user=OWNER)) if version == BAD else expected
        return [] if listed == expected == read else [f"{model} {version} is not whole"]
