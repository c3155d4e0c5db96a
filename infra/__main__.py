"""The deployment's commands, `python -m infra …`, with their options in the environment: see the Makefile."""

import os
import sys
from collections.abc import Callable
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from devserver.console import Halt, say
from devserver.variables import check_names
from infra import package
from infra.dependencies import lambda_platform
from infra.parameters import AROUND, check_one


def _package() -> None:
    architecture = next(parameter for parameter in AROUND if parameter.name == "architecture")
    wanted = os.environ.get(architecture.variable) or architecture.default
    check_one(architecture, wanted)
    made = package.make(lambda_platform(wanted))
    say(f"{made.path}: {made.size:,} bytes, SHA-256 {made.sha256}")


def _deploy() -> None:
    from infra.deploy import deploy

    allowed = os.environ.get("I_KNOW", "")
    if allowed not in ("", "public"):
        raise Halt(f"I_KNOW is {allowed!r}: it can only be public.")
    deploy(_stage(), public=allowed == "public")


def _destroy() -> None:
    from infra.destroy import destroy

    data = os.environ.get("DATA", "")
    if data not in ("", "keep", "delete"):
        raise Halt(f"DATA is {data!r}: it must be keep or delete.")
    destroy(_stage(), data=data == "delete")


def _rebuild(*, dry_run: bool = False) -> None:
    from infra.rebuild import rebuild

    rebuild(_stage(), dry_run=dry_run)


def _stage() -> str:
    stage = os.environ.get("STAGE", "")
    if not stage:
        raise Halt("Name a stage, as in STAGE=prod.")
    return stage


_COMMANDS: dict[tuple[str, ...], Callable[[], None]] = {
    ("package",): _package,
    ("deploy",): _deploy,
    ("destroy",): _destroy,
    ("rebuild",): _rebuild,
    ("rebuild", "--dry-run"): partial(_rebuild, dry_run=True),
}


def main(arguments: list[str]) -> int:
    """Does what is asked and gives the exit status."""
    command = _COMMANDS.get(tuple(arguments))
    if command is None:
        say(f"usage: python -m infra {'|'.join(' '.join(words) for words in _COMMANDS)}")
        return 2
    try:
        check_names(os.environ)
        command()
    except Halt as reason:
        print(f"Weighthouse: {reason}", file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as refusal:
        print(f"Weighthouse: AWS refuses it: {refusal}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
