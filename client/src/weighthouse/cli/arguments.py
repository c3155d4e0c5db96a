"""Arguments that several commands take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from weighthouse.errors import InvalidInput
from weighthouse.names import Name, parse_name

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class NameType(click.ParamType):  # type: ignore[type-arg] # it takes arguments from click 8.2 on
    """``user/model`` or ``user/model:version``, with completion of what the service knows."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Name:
        if isinstance(value, Name):
            return value
        try:
            return parse_name(value)
        except InvalidInput as error:
            self.fail(error.detail, param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from weighthouse.cli.completing import names

        return names(ctx, incomplete)


class ModelType(NameType):
    """``user/model``, without a version."""

    name = "model"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Name:
        found = super().convert(value, param, ctx)
        if found.version:
            self.fail(f"{value!r} names a version; write {found.user_id}/{found.model_id}", param, ctx)
        return found


version_argument = click.argument("target", metavar="USER/MODEL[:VERSION]", type=NameType())
model_argument = click.argument("target", metavar="USER/MODEL", type=ModelType())
