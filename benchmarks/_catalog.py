"""Versions as a user might have them: 200 models, some words and tags on every other version and some on three.

The version at place `k` by age (0 is the newest) is the same whatever the size of the catalog, so that pages
from its head are equal at all sizes; what is rare is spread over its whole age.
"""

import hashlib
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from chalicelib.registry.documents import content_id
from chalicelib.schema.documents import VersionDocument
from chalicelib.schema.fields import Framework, ModelType
from chalicelib.schema.records import FileRecord, VersionRecord
from chalicelib.store import versions
from chalicelib.store.rows import Row

MODELS = 200
NEWEST_NUMBER = 1_000
"""What the version that each model got last is called, after a v."""
RARE_TAG, COMMON_TAG = "champion", "production"
RARE_WORD, OTHER_RARE_WORD, COMMON_WORD = "glioblastoma", "tractography", "forecast"
FRAMEWORK: Framework = "sklearn"
MODEL_TYPE: ModelType = "classification"

_NEWEST = datetime(2026, 3, 1, tzinfo=UTC)
_FRAMEWORKS: list[Framework] = ["pytorch", "tensorflow", "onnx", "keras", "huggingface", "other"]
_TYPES: list[ModelType] = ["regression", "clustering", "nlp", "computer_vision", "time_series", "other"]
_EXTENSIONS = {"sklearn": "pkl", "pytorch": "pt", "onnx": "onnx", "keras": "keras"}
_WORDS = [
    "baseline",
    "boosted",
    "calibrated",
    "churn",
    "claims",
    "credit",
    "daily",
    "demand",
    "detector",
    "drift",
    "ensemble",
    "fraud",
    "hourly",
    "image",
    "latency",
    "maintenance",
    "margin",
    "night",
    "online",
    "price",
    "quality",
    "ranking",
    "regional",
    "retrained",
    "revenue",
    "risk",
    "sales",
    "segment",
    "sensor",
    "shelf",
    "store",
    "supply",
    "tabular",
    "turbine",
    "vision",
    "weekly",
    "yield",
]


def catalog(user_id: str, count: int) -> Iterator[VersionRecord]:
    """A user's versions, the newest first."""
    rare = {int(count * share) for share in (0.1, 0.5, 0.9)}
    for place in range(count):
        yield record(user_id, place, rare=place in rare)


def record(user_id: str, place: int, *, rare: bool) -> VersionRecord:
    """The version at this place by age."""
    chance = random.Random(place)
    model = place % MODELS
    framework = FRAMEWORK if place % 2 == 0 else chance.choice(_FRAMEWORKS)
    path = f"model.{_EXTENSIONS.get(framework, 'bin')}"
    size = chance.randrange(10_000, 50_000_000)
    file = FileRecord(
        path=path,
        size=size,
        sha256=hashlib.sha256(f"{user_id}/{place}".encode()).hexdigest(),
        crc32=chance.getrandbits(32),
        etag=f'"{chance.getrandbits(128):032x}"',
        content_type="application/octet-stream",
    )
    created = (_NEWEST - timedelta(minutes=place)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    tags = [f"team-{chance.randrange(12)}"] + [COMMON_TAG] * (place % 5 < 3) + [RARE_TAG] * rare
    description = " ".join(chance.sample(_WORDS, 6)) + f" {COMMON_WORD}" * (rare or place % 2)
    document = VersionDocument(
        model_id=f"model-{model:03d}",
        user_id=user_id,
        name=f"Model {model} {_WORDS[model % len(_WORDS)]}",
        description=f"{description} {RARE_WORD} {OTHER_RARE_WORD}" if rare else description,
        version=f"v{NEWEST_NUMBER - place // MODELS}",
        framework=framework,
        model_type=MODEL_TYPE if place % 2 == 0 else chance.choice(_TYPES),
        algorithm=chance.choice(["xgboost", "lightgbm", "resnet", "transformer"]),
        files_total=1,
        primary_file_path=path,
        num_parameters=chance.randrange(1_000, 10**9),
        model_size_mb=size / 2**20,
        training_dataset=f"dataset-{chance.randrange(40)}",
        test_accuracy=round(chance.random(), 4),
        python_version="3.11",
        dependencies=["numpy==2.1.0", "scikit-learn==1.6.0"],
        tags=tags,
        custom_metadata={"run": place, "commit": f"{chance.getrandbits(160):040x}"},
        created_at=created,
        updated_at=created,
    )
    return VersionRecord(
        document=document,
        files=[file],
        upload_id=f"{chance.getrandbits(128):032x}",
        content_id=content_id([file]),
        manifest_etag=file.etag,
    )


def rows(record: VersionRecord) -> list[Row]:
    """The rows that publishing this version writes."""
    return [
        versions.version_row(record),
        versions.active_row(record),
        *versions.index_rows(record).values(),
        *versions.content_rows(record, record.files).values(),
    ]
