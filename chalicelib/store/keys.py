"""Names of objects in the bucket and of rows in the table; nothing else builds one.

No user, model or version name contains `/` or `#`, so no two names can run into each other.
"""

import base64
import hashlib
import re

MODELS = "models/"
UPLOADS = "uploads/"
MANIFESTS = "manifests/"
ZIPS = "zips/"
TASKS = "tasks/"
ACCESS = "access/"
TOKENS = "tokens/"
QUARANTINE = "quarantine/"
WORKER_PREFIXES = (UPLOADS, TASKS)
"""The bucket calls the worker function for each object that appears here."""
FILES_SUFFIX = ".files.jsonl"


def version_prefix(user_id: str, model_id: str, version: str) -> str:
    """Where a version's files lie in the bucket."""
    return f"{MODELS}{user_id}/{model_id}/{version}/"


def file_key(user_id: str, model_id: str, version: str, path: str) -> str:
    """Where one file of a version lies in the bucket."""
    return version_prefix(user_id, model_id, version) + path


def upload_prefix(upload_id: str) -> str:
    """Where lies what an upload needs on its way."""
    return f"{UPLOADS}{upload_id}/"


def archive_key(upload_id: str) -> str:
    """Where an uploaded ZIP lies until it is unpacked."""
    return f"{upload_prefix(upload_id)}archive.zip"


def bundle_key(upload_id: str) -> str:
    """Where the small files of an upload lie that travel together."""
    return f"{upload_prefix(upload_id)}bundle"


def manifest_key(user_id: str, model_id: str, version: str) -> str:
    """Where a version's manifest lies."""
    return f"{MANIFESTS}{user_id}/{model_id}/{version}.json"


def manifest_files_key(user_id: str, model_id: str, version: str) -> str:
    """Where the list of a version's files lies when it is too long for the manifest."""
    return f"{MANIFESTS}{user_id}/{model_id}/{version}{FILES_SUFFIX}"


def zip_prefix(user_id: str, model_id: str, version: str) -> str:
    """Where the ZIPs of a version lie."""
    return f"{ZIPS}{user_id}/{model_id}/{version}/"


def zip_key(user_id: str, model_id: str, version: str, content_id: str, form: int) -> str:
    """Where the ZIP of this very content of a version lies, in this form: one key never has two sequences of bytes."""
    return f"{zip_prefix(user_id, model_id, version)}{content_id}-{form}.zip"


def task_key(kind: str, name: str) -> str:
    """The object whose creation makes the bucket call the worker function with this task."""
    return f"{TASKS}{kind}/{name}"


def share_name(upload_id: str, number: int) -> str:
    """What the task of a share of an archive is called."""
    return f"{upload_id}/{number}"


def access_key(user_id: str, model_id: str) -> str:
    """Where it lies who may read a model, beside its owner."""
    return f"{ACCESS}{user_id}/{model_id}.json"


def tokens_prefix(user_id: str) -> str:
    """Where a user's API tokens lie: what is known of them, never they themselves."""
    return f"{TOKENS}{user_id}/"


def token_key(user_id: str, token_id: str, expires_at: int) -> str:
    """Where an API token lies that expires then, in seconds since the epoch."""
    return f"{tokens_prefix(user_id)}{expires_at:012d}-{token_id}.json"


def model_of_access_key(key: str) -> tuple[str, str] | None:
    """`user_id` and `model_id` of the model that this object is about; None for one that is not ours."""
    named = re.fullmatch(rf"{ACCESS}([^/]+)/([^/]+)\.json", key)
    return (named[1], named[2]) if named else None


def token_expiry(key: str) -> int | None:
    """When the token of this object expires, in seconds since the epoch; None for one that is not ours."""
    named = re.fullmatch(rf"{TOKENS}[^/]+/([0-9]{{12}})-[0-9A-Za-z]+\.json", key)
    return int(named[1]) if named else None


def quarantine_key(run: str, key: str) -> str:
    """Where an object lies that a rebuild took for one that belongs to nothing; `run` names the rebuild."""
    return f"{QUARANTINE}{run}/{key}"


def model_pk(user_id: str, model_id: str) -> str:
    """The partition of a model's versions."""
    return f"model#{user_id}/{model_id}"


def version_sk(natural_key: str) -> str:
    """The row of a version, in natural order among its model's."""
    return f"version#{natural_key}"


def active_sk(natural_key: str) -> str:
    """The second row of a version that is ready and active: the highest of them is the latest."""
    return f"active#{natural_key}"


def files_pk(user_id: str, model_id: str, version: str) -> str:
    """The partition of a version's file list; its rows are sorted by the first path each holds."""
    return f"files#{user_id}/{model_id}/{version}"


def created_key(created_at: str, model_id: str, version: str) -> str:
    """Sorts a user's versions by age and names one of them."""
    return f"{created_at}#{model_id}#{version}"


def split_created_key(key: str) -> tuple[str, str, str]:
    """`created_at`, `model_id` and `version` of a created key; `ValueError` when it is none."""
    created_at, model_id, version = key.split("#")
    return created_at, model_id, version


def tag_pk(user_id: str, tag: str) -> str:
    """The partition of a user's versions with this tag."""
    return f"tag#{user_id}#{tag}"


def tag_mark(tag: str) -> str:
    """What stands for a tag in the rows of a version's other tags: 8 characters, which two tags can share."""
    return base64.b64encode(hashlib.sha256(tag.encode()).digest()[:6]).decode()


def words_pk(user_id: str) -> str:
    """The partition of the words that a user's versions are found by."""
    return f"words#{user_id}"


def word_sk(word: str, created: str) -> str:
    """The row of a word in a version."""
    return f"{word}#{created}"


def contents_pk(user_id: str) -> str:
    """The partition of the contents that a user has stored, by SHA-256."""
    return f"contents#{user_id}"


def content_sk(sha256: str, model_id: str, version: str) -> str:
    """The row that says that a version holds this content."""
    return f"{sha256}#{model_id}#{version}"


def access_pk(user_id: str) -> str:
    """The partition of the models that a user has shared; its rows are sorted by model."""
    return f"access#{user_id}"


def token_pk(token_id: str) -> str:
    """The partition of an API token's row, by which it is found when it is used."""
    return f"token#{token_id}"


def tokens_pk(user_id: str) -> str:
    """The partition of a user's API tokens."""
    return f"tokens#{user_id}"


def history_pk(user_id: str, model_id: str) -> str:
    """The partition of what was done to a model's versions."""
    return f"{HISTORY}{user_id}/{model_id}"


def token_history_pk(user_id: str) -> str:
    """The partition of what was done to a user's API tokens."""
    return f"{HISTORY}{user_id}"


def history_sk(at: str, entry_id: str) -> str:
    """The row of one thing that was done, by its time."""
    return f"{at}#{entry_id}"


def downloads_pk(upload_id: str, shard: int) -> str:
    """The partition of a share of the downloads of the version that this upload brought."""
    return f"{DOWNLOADS}{upload_id}#{shard}"


def upload_pk(upload_id: str) -> str:
    """The partition of an upload: its own row, the files it expects, the files that are finished."""
    return f"upload#{upload_id}"


HISTORY = "history#"
DOWNLOADS = "downloads#"
DOWNLOADS_SK = "downloads"
TOKEN_SK = "token"  # noqa: S105 - the name of a row
UPLOAD_SK = "upload"
EXPECTED = "expected#"
FINISHED = "finished#"
SHARE = "share#"
JOURNAL_PK = "journal"
TOKEN_KEY = ("secret#next_tokens", "key")
"""The row of the key that seals every `next_token`."""


def journal_sk(due_at: int, kind: str, name: str) -> str:
    """The row of unfinished work that is to be looked at from `due_at` (seconds since the epoch)."""
    return f"{due_at:012d}#{kind}#{name}"
