"""The same work without Weighthouse: what anybody would write with boto3 and `zipfile`."""

import zipfile
from pathlib import Path
from typing import Any


def unpack(s3: Any, bucket: str, key: str, folder: Path, prefix: str) -> None:
    """Downloads a ZIP, extracts it, and uploads what it held."""
    s3.download_file(bucket, key, str(folder / "archive.zip"))
    with zipfile.ZipFile(folder / "archive.zip") as archive:
        archive.extractall(folder / "content")
    for file in sorted((folder / "content").rglob("*")):
        if file.is_file():
            s3.upload_file(str(file), bucket, prefix + file.relative_to(folder / "content").as_posix())


def pack(s3: Any, bucket: str, prefix: str, folder: Path, key: str) -> None:
    """Downloads the files, makes a ZIP of them, uploads it, and downloads it as a client."""
    with zipfile.ZipFile(folder / "made.zip", "w") as archive:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page["Contents"]:
                file = folder / "file"
                s3.download_file(bucket, item["Key"], str(file))
                archive.write(file, item["Key"].removeprefix(prefix))
    s3.upload_file(str(folder / "made.zip"), bucket, key)
    s3.download_file(bucket, key, str(folder / "got.zip"))
