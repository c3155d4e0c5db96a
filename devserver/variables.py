"""Refuses variables that look like settings and are none: a setting that is misspelt would be ignored."""

from collections.abc import Iterable
from dataclasses import fields
from difflib import get_close_matches

from chalicelib.settings import Settings
from devserver.console import Halt

PREFIX = "WEIGHTHOUSE_"
_OF_OTHERS = ("CACHE", "EMULATOR_PYTHON", "TOKEN", "URL")
"""What the client and the tests read; a shell may have them too."""


def known() -> frozenset[str]:
    """All that the service, `make run`, `make deploy` and the client read under the prefix."""
    from infra.parameters import PARAMETERS

    names = {*_OF_OTHERS, *(field.name.upper() for field in fields(Settings))}
    return frozenset({PREFIX + name for name in names} | {parameter.variable for parameter in PARAMETERS})


def check_names(environment: Iterable[str]) -> None:
    """Raises `Halt` for a variable with the prefix that nothing reads; it says what is like it."""
    names = known()
    for name in sorted(environment):
        if name.startswith(PREFIX) and name not in names:
            like = get_close_matches(name, names, 1)
            advice = f"did you mean {like[0]}?" if like else "docs/operating.md lists those there are."
            raise Halt(f"There is no setting {name}: {advice}")
