"""Completion in a shell: its script, and the names that the service knows."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import click

from weighthouse.cli.session import Session, common

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_PATIENCE = 1.5
"""Seconds that a person waits for a completion."""
_MOST = 200
"""Versions that are asked for."""
_BEFORE = {
    "bash": """\
# A name may have a colon, which bash takes for the end of a word otherwise.
COMP_WORDBREAKS=${COMP_WORDBREAKS//:}
""",
    "zsh": """\
# Without settings zsh completes nothing.
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
""",
    "fish": "",
}
"""What a shell must be told before click's script."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@common
def completion_command(shell: str) -> None:
    """Print a script that completes commands and names in a shell.

    \b
      bash:  echo 'eval "$(weighthouse completion bash)"' >> ~/.bashrc
      zsh:   echo 'eval "$(weighthouse completion zsh)"' >> ~/.zshrc
      fish:  echo 'weighthouse completion fish | source' >> ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    from weighthouse.cli.app import app

    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(app, {}, "weighthouse", "_WEIGHTHOUSE_COMPLETE").source()
    click.echo(_BEFORE[shell] + script)


def names(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """The models of a user, or the versions of a model, that begin so; nothing when the service does not answer."""
    from click.shell_completion import CompletionItem

    found: list[str] = []
    # The thread ends with the process: no answer is worth waiting for longer.
    asking = threading.Thread(target=_ask, args=(ctx.ensure_object(Session), incomplete, found), daemon=True)
    asking.start()
    asking.join(_PATIENCE)
    return [CompletionItem(name) for name in found if name.startswith(incomplete)]


def _ask(session: Session, incomplete: str, found: list[str]) -> None:
    from weighthouse.answers import VERSION_DOCUMENT, fields, listed, read
    from weighthouse.errors import WeighthouseError

    user, slash, rest = incomplete.partition("/")
    if not slash:
        return
    model, colon, _ = rest.partition(":")
    path = f"/ai-models/{user}/{model}/versions" if colon else f"/ai-models/{user}"
    try:
        answer = session.client.transport.ask("GET", path, query={"limit": _MOST})
        versions = read(answer, fields(models=listed(VERSION_DOCUMENT)))["models"]
    except WeighthouseError:
        return
    for version in versions:
        name = f"{version['user_id']}/{version['model_id']}"
        name = f"{name}:{version['version']}" if colon else name
        if name not in found:
            found.append(name)
