"""The command and its subcommands, each of which is loaded when it is used."""

from __future__ import annotations

from importlib import import_module

import click

from weighthouse.cli.session import common

# The section, and for each command its module and what it does.
SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Transfer": {
        "push": ("transfers", "Send a file or a folder as a new version."),
        "pull": ("transfers", "Fetch the files of a version."),
    },
    "Find": {
        "ls": ("listing", "List a user's versions, or those of a model."),
        "search": ("listing", "Search a user's versions by words."),
        "versions": ("listing", "List every version of a model."),
        "info": ("showing", "Show what is known of a version."),
        "files": ("showing", "List the files of a version."),
        "diff": ("differing", "Compare two versions."),
        "url": ("showing", "Print a link to a file, or to all files as a ZIP."),
    },
    "Change": {
        "set": ("changing", "Change what is said of a version."),
        "rm": ("changing", "Delete a version, or a model."),
    },
    "Set up": {
        "login": ("access", "Keep a service's address and your token for it."),
        "logout": ("access", "Forget the token and the address."),
        "doctor": ("doctor", "Check the connection, and say what to do."),
        "completion": ("completing", "Print a script that completes commands and names in a shell."),
    },
}
_COMMANDS = {name: about for section in SECTIONS.values() for name, about in section.items()}


class _Commands(click.Group):
    """Knows its commands by name, and loads one when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"weighthouse.cli.{_COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, _COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, (_, text) in commands.items()])


@click.group(
    cls=_Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@common
@click.version_option(package_name="weighthouse", message="%(package)s %(version)s")
@click.pass_context
def app(ctx: click.Context) -> None:
    """Push model files to a Weighthouse registry, pull them, and find them.

    Models are named user/model, versions user/model:version; without a version it is the latest.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
