"""Commands whose modules are imported when they are called, and not when they are listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True)
class Command:
    """Where a command is.

    Attributes:
        place: `module:name` of its function, or of the `typer.Typer` of a group of commands.
        summary: Its line in the list of commands: the first of its docstring.
        short_for: Where it only stands for another command: that one, and options that come before those given. Such
            a command is not listed.
    """

    place: str = ""
    summary: str = ""
    short_for: Sequence[str] = field(default=())

    def load(self, name: str) -> Any:
        """Import the command."""
        module, _, attribute = self.place.partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        app = new_app()
        app.command(name)(found)
        return typer.main.get_command(app)


class LazyGroup(TyperGroup):
    """A group of such commands; a subclass names them in `lazy`."""

    lazy: ClassVar[Mapping[str, Command]]

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, command in self.lazy.items():
            if not command.short_for:
                self.add_command(TyperCommand(name, help=command.summary))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is called, and import it."""
        command = self.lazy.get(args[0])
        if command and command.short_for:
            args = [*command.short_for, *args[1:]]
            command = self.lazy[args[0]]
        if command:
            self.add_command(command.load(args[0]), args[0])
        return super().resolve_command(ctx, args)


def new_app(**options: Any) -> typer.Typer:
    """A `typer.Typer` with what is common to all of them."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, **options)
