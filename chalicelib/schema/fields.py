"""The types of single fields, with the bounds that requests are checked against and OpenAPI shows."""

from typing import Annotated, Any, Literal

from msgspec import Meta

Framework = Literal["pytorch", "tensorflow", "sklearn", "onnx", "keras", "huggingface", "other"]
ModelType = Literal[
    "classification",
    "regression",
    "clustering",
    "nlp",
    "computer_vision",
    "recommendation",
    "time_series",
    "reinforcement_learning",
    "other",
]

UserId = Annotated[
    str,
    Meta(
        description="The owner of the models. `upload`, `uploads` and `search` are reserved.",
        examples=["ana"],
        extra_json_schema={"pattern": "^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$"},
    ),
]
ModelId = Annotated[
    str,
    Meta(
        description="A named line of versions.",
        examples=["iris"],
        extra_json_schema={"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"},
    ),
]
VersionName = Annotated[
    str,
    Meta(
        description="A version's name; versions are ordered naturally (v2 before v10).",
        examples=["v1"],
        extra_json_schema={"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"},
    ),
]
UploadId = Annotated[str, Meta(description="An upload's id, as the plan gave it.")]
NewUploadId = Annotated[
    str,
    Meta(
        description="The id that the upload shall have, at random, so that its client knows it before the answer.",
        examples=["9f86d081884c7d659a2feaa0c55ad015"],
        extra_json_schema={"pattern": "^[0-9a-f]{32}$"},
    ),
]
FilePath = Annotated[
    str,
    Meta(
        description="A path inside the version: `/`-separated, relative, at most 512 bytes in UTF-8.",
        examples=["model.onnx"],
        min_length=1,
    ),
]
FileSize = Annotated[int, Meta(description="Bytes.", examples=[1_048_576], ge=0)]
FileHash = Annotated[
    str,
    Meta(
        description="SHA-256 of the content, in hex.",
        extra_json_schema={"pattern": "^[0-9a-fA-F]{64}$"},
    ),
]
ContentType = Annotated[
    str,
    Meta(
        description="A media type.",
        examples=["application/octet-stream"],
        pattern=r"^[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}\Z",
    ),
]

Name = Annotated[
    str, Meta(description="A title for people.", examples=["Iris species"], min_length=1, max_length=256)
]
Description = Annotated[str, Meta(description="What the model is and does.", max_length=20_000)]
FileDescription = Annotated[str, Meta(description="What this file is.", max_length=500)]
Text = Annotated[str, Meta(max_length=1_000)]
Shape = Annotated[list[Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]], Meta(max_length=64)]
Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Tag = Annotated[str, Meta(min_length=1, max_length=128)]
Tags = Annotated[list[Tag], Meta(description="Labels; in a form, separated by commas.", max_length=50)]
Dependencies = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=256)]],
    Meta(
        description="Packages the model needs, one requirement each; in a form a JSON list or separated by commas.",
        max_length=500,
    ),
]
CustomMetadata = Annotated[
    dict[str, Any], Meta(description="Any JSON object of up to 64 KB: the place for fields of your own.")
]
