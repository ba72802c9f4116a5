"""The commands of `duckdb-sketch`, as Markdown made from their help."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer

from duckdb_sketch.cli.app import app
from duckdb_sketch.cli.lazy import LazyGroup


def commands() -> dict[str, str]:
    """A page for each command, by its name."""
    return dict(_pages(typer.main.get_command(app), "duckdb-sketch"))


def _pages(group: Any, path: str) -> Iterator[tuple[str, str]]:
    assert isinstance(group, LazyGroup)
    for name, command in group.lazy.items():
        if command.short_for:
            continue
        found = command.load(name)
        if isinstance(found, LazyGroup):
            yield from _pages(found, f"{path} {name}")
        else:
            title = f"{path} {name}".removeprefix("duckdb-sketch ")
            yield title, _page(found, f"{path} {name}")


def _page(command: Any, path: str) -> str:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    options = [each for each in command.params if each.param_type_name == "option" and not each.hidden]
    usage = " ".join([path, *(["[OPTIONS]"] if options else []), *(_metavar(each) for each in arguments)])
    lines = [f"# {path}", "", _text(command.help), "", "```", usage, "```"]
    for title, found in (("Arguments", arguments), ("Options", options)):
        if found:
            lines += ["", f"## {title}", "", f"| {title.lower()[:-1]} | |", "|---|---|"]
            lines += [f"| {_name(each)} | {_cell(each)} |" for each in found]
    return "\n".join(lines) + "\n"


def _metavar(parameter: Any) -> str:
    name = (parameter.metavar or parameter.name).upper()
    name += "…" if parameter.nargs == -1 else ""
    return name if parameter.required else f"[{name}]"


def _name(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{_metavar(parameter)}`"
    return ", ".join(f"`{each}`" for each in [*parameter.opts, *parameter.secondary_opts])


def _cell(parameter: Any) -> str:
    text = _text(getattr(parameter, "help", None)).replace("\n", " ").replace("|", "\\|")
    default = parameter.default
    if parameter.param_type_name == "option" and isinstance(default, (str, int, float)) and default not in ("", False):
        text += f" Default: `{default}`."
    return text


def _text(text: str | None) -> str:
    """A help text as Markdown: Rich takes what is in brackets for markup, and it may be escaped."""
    return re.sub(r"\\\[", "[", (text or "").replace("\b", "")).strip()
