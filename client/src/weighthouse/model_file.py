"""`model.yaml`: the metadata of a version beside its files, and how other tools' files of that name differ from it."""

from __future__ import annotations

import re
from functools import cache
from math import isinf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weighthouse.errors import InvalidInput
from weighthouse.metadata import FIELDS, checked, is_almost_a_field

if TYPE_CHECKING:
    import yaml

MODEL_FILE = "model.yaml"
"""The file beside a model's files that holds its metadata."""
_LONGEST = 1 << 20
# Numbers as YAML 1.2 has them, and with underscores: https://yaml.org/spec/1.2.2/#1032-tag-resolution. YAML 1.1 takes
# 2e-5 for text, 1:30 for 90, and 010 for 8.
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|0b[01_]+)")
_NUMBER = re.compile(
    r"[-+]?(\.[0-9]+|(0|[1-9][0-9_]*)(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)


def read_model_file(path: Path, *, given: bool = True) -> dict[str, Any] | None:
    """The metadata in a YAML file; None where nobody has `given` its name, and it is a file of another tool.

    Raises `InvalidInput` with the line for what is not YAML, and for wrong fields.
    """
    import yaml

    try:
        with path.open("rb") as file:
            content = file.read(_LONGEST + 1)
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}") from error
    if not given and not _is_ours(content):
        return None
    if len(content) > _LONGEST:
        raise InvalidInput(f"{path} has more than 1 MiB; it should hold the metadata only")
    try:
        loaded = yaml.load(content, _loader())  # noqa: S506 (a safe one)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        other = "" if given else "; if it is another tool's, name a file of metadata with --model-file"
        raise InvalidInput(f"{path} is not YAML: {error}{other}") from error
    if loaded is None:
        return {}
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        raise InvalidInput(f"{path} must hold fields, as in `description: A small net`")
    return checked(loaded, str(path))


def _is_ours(content: bytes) -> bool:
    """Whether a file holds metadata, as far as that can be said: one that can't be read may.

    At least half of the keys are fields, or almost: BentoML's file has a `name` as well, and ours may be misspelt.
    """
    import yaml

    if len(content) > _LONGEST:
        return False
    try:
        documents = list(yaml.compose_all(content, yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError):
        return True
    if not documents or (len(documents) == 1 and not documents[0].value):
        return True
    if len(documents) > 1 or not isinstance(documents[0], yaml.MappingNode):
        return False
    keys = [key.value for key, _ in documents[0].value if isinstance(key, yaml.ScalarNode)]
    return 2 * sum(key in FIELDS or is_almost_a_field(key) for key in keys) >= len(documents[0].value)


@cache
def _loader() -> type[yaml.SafeLoader]:
    """Reads numbers as YAML 1.2 does, and times as texts: JSON has none."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Made here, as YAML takes long to import."""

    changed = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp")
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in changed]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float | str:
        value = loader.construct_yaml_float(node)
        # 12e4567 is the beginning of a hash rather than a number that no float holds.
        return node.value if isinf(value) and node.value[-1].isdigit() else value

    Loader.add_constructor("tag:yaml.org,2002:float", number)
    for tag, pattern in (("int", _WHOLE), ("float", _NUMBER)):
        whole = re.compile(f"(?:{pattern.pattern})$")
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", whole, list("-+0123456789."))
    return Loader
