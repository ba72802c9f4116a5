"""A configuration from a TOML file. What is not known in it is an error: a setting that is misspelt does nothing."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

from duckdb_sketch.rollup import RollupError
from duckdb_sketch.rollup.memory import parse_bytes
from duckdb_sketch.rollup.settings import Late, Missing
from duckdb_sketch.rollup.sources.url import is_url
from duckdb_sketch.rollup.specification.granularity import Granularity, parse_span
from duckdb_sketch.service.configuration import (
    Configuration,
    ConfigurationError,
    ExportSettings,
    LevelSettings,
    Limits,
    Listen,
    RollupSettings,
    Source,
    Triggers,
)

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_CALL = re.compile(r"\s*\w+\s*\(")
_SELECT = re.compile(r"\s*(--|/\*|(SELECT|FROM|WITH)\s)", re.IGNORECASE)
_T = TypeVar("_T")
#: Of a rollup whose triggers are not said.
DEFAULT_TRIGGERS = Triggers(every=timedelta(minutes=1))


def read_configuration(
    path: Path, changed: Callable[[Configuration], Configuration] = lambda found: found
) -> Configuration:
    """Read a file. Paths in it that are not absolute are taken from its folder.

    Args:
        path: The file.
        changed: Puts what else is known in the place of what the file says.

    Raises:
        ConfigurationError: If it is not one, or is wrong.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    configuration = changed(parse_configuration(document, path.absolute().parent, str(path)))
    configuration.check()
    return configuration


def parse_configuration(document: Mapping[str, Any], folder: Path, name: str) -> Configuration:
    """A configuration from the document of such a file.

    Args:
        document: The document.
        folder: Where relative paths begin.
        name: What the document is called in errors.

    Raises:
        ConfigurationError: If it is wrong.
    """
    top = _Table(document, name, folder)
    configuration = Configuration(
        database=top.path("database", required=True),
        rollups=tuple(_rollup(table) for table in top.tables("rollup")),
        listen=_listen(top.table("listen")),
        limits=_limits(top.table("limits")),
        log=cast(Any, top.choice("log", ("warning", "info", "debug"), "info")),
    )
    top.finish()
    return configuration


def _listen(table: _Table) -> Listen:
    default = Listen()
    found = Listen(
        host=table.get("host", str, default.host),
        port=table.get("port", int, default.port),
        token=_token(table),
        certificate=table.path("certificate"),
        key=table.path("key"),
        hosts=tuple(table.texts("hosts") or ()),
        socket=table.get("socket", bool, default.socket),
    )
    table.finish()
    return found


def _token(table: _Table) -> str | None:
    file, variable = table.path("token_file"), table.get("token_variable", str, None)
    if file is not None and variable is not None:
        raise table.error("token_file", "give the token in a file or in a variable, not in both")
    if file is not None:
        return read_token(file)
    if variable is not None:
        token = os.environ.get(variable, "").strip()
        if not token:
            raise table.error("token_variable", f"the environment has no {variable}")
        return token
    return None


def read_token(file: Path) -> str:
    """The token in a file.

    Raises:
        ConfigurationError: If it cannot be read, or is empty.
    """
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the token in {file} cannot be read: {error}") from error
    if not token:
        raise ConfigurationError(f"{file} holds no token")
    return token


def _limits(table: _Table) -> Limits:
    default = Limits()
    values: dict[str, Any] = {}
    for name in ("query_time", "body_time", "header_time", "cache"):
        values[name] = table.span(name, getattr(default, name))
    for name in ("rows", "queries", "waiting", "sql", "connections", "streams"):
        values[name] = table.number(name, getattr(default, name))
    for name in ("result", "body", "append"):
        values[name] = table.amount(name, getattr(default, name))
    values["memory"] = table.get("memory", str, default.memory)
    values["temporary"] = table.get("temporary", str, default.temporary)
    table.finish()
    return Limits(**values)


def _rollup(table: _Table) -> RollupSettings:
    statement, name = _statement(table)
    triggers = table.table("triggers")
    found = RollupSettings(
        name=table.get("name", str, name) or "",
        statement=statement,
        sources=_sources(table.table("sources")),
        time_zone=table.get("time_zone", str, None),
        allowed_lateness=table.span("allowed_lateness", None),
        late=cast("Late | None", table.choice("late", get_args(Late), None)),
        missing=cast("Missing | None", table.choice("missing", get_args(Missing), None)),
        look_back=table.number("look_back", None),
        earliest=table.time("earliest"),
        latest=table.time("latest"),
        on_change=cast(Any, table.choice("on_change", ("report", "rebuild", "error"), "report")),
        expand=table.get("expand", bool, False),
        triggers=_triggers(triggers) if triggers.is_there else DEFAULT_TRIGGERS,
        levels=tuple(_level(each) for each in table.tables("level")),
        retention=table.span("retention", None),
        exports=tuple(_export(each) for each in table.tables("export")),
    )
    table.finish()
    if not found.name:
        raise table.error("name", "a statement that is not a file has no name: give one")
    return found


def _statement(table: _Table) -> tuple[str, str | None]:
    """The text of the statement, and the name that its file gives it."""
    given = table.get("statement", str, None)
    if given is None:
        raise table.error("statement", "is missing: give the path of a file with SELECT … GROUP BY ALL, or that itself")
    if _SELECT.match(given):
        return given, None
    path = table.resolve(given)
    try:
        return path.read_text(encoding="utf-8"), path.stem
    except (OSError, ValueError) as error:
        raise table.error("statement", f"{path} cannot be read: {error}") from error


def _sources(table: _Table) -> dict[str, Source]:
    found: dict[str, Source] = {}
    for name in list(table.values):
        given = table.texts(name)
        assert given is not None
        paths = [path if is_url(path) or _CALL.match(path) else str(table.resolve(path)) for path in given]
        found[name] = paths[0] if len(paths) == 1 else paths
    return found


def _triggers(table: _Table) -> Triggers:
    found = Triggers(
        every=table.span("every", None),
        files=table.get("files", bool, False),
        rows=table.number("rows", None),
        watermark=table.get("watermark", bool, False),
        marker=table.path("marker"),
        early=table.span("early", None),
        late=table.span("late", None),
    )
    table.finish()
    if found == Triggers():
        raise table.error("every", "is missing: without a trigger nothing is refreshed")
    return found


def _level(table: _Table) -> LevelSettings:
    by = table.texts("by")
    every = table.get("every", str, None)
    name = table.get("name", str, None)
    if not every or not name:
        raise table.error("every" if name else "name", "is missing: a level needs a name and a width (every)")
    found = LevelSettings(
        name=name,
        every=table.read("every", every, lambda text: str(Granularity.parse(text))),
        by=None if by is None else tuple(by),
        of=table.get("of", str, None),
        retention=table.span("retention", None),
    )
    table.finish()
    return found


def _export(table: _Table) -> ExportSettings:
    found = ExportSettings(
        folder=table.place("folder"),
        of=table.get("of", str, None),
        partition=table.get("partition", str, "month"),
    )
    table.finish()
    return found


class _Table:
    """A table of the document, of which every key has to be taken."""

    def __init__(self, values: Any, name: str, folder: Path, *, is_there: bool = True) -> None:
        if not isinstance(values, Mapping):
            raise ConfigurationError(f"{name}: is a table: write [{name.rpartition(': ')[2]}]")
        self.values = dict(values)
        self.is_there = is_there
        self._name = name
        self._folder = folder
        self._known: list[str] = []

    def error(self, key: str, what: str) -> ConfigurationError:
        return ConfigurationError(
            f"{self._name}: {key} {what}" if what.startswith("is ") else f"{self._name}: {key}: {what}"
        )

    def resolve(self, path: str) -> Path:
        return self._folder / os.path.expanduser(path)

    def get(self, key: str, kind: type, default: Any) -> Any:
        self._known.append(key)
        value = self.values.pop(key, None)
        if value is None:
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            names = {str: "text", int: "a whole number", bool: "true or false"}
            raise self.error(key, f"is {value!r}: give {names[kind]}")
        return value

    def number(self, key: str, default: int | None) -> Any:
        value = self.get(key, int, default)
        if value is not None and value < 1:
            raise self.error(key, f"is {value}: give a number from 1 on")
        return value

    def texts(self, key: str) -> list[str] | None:
        self._known.append(key)
        value = self.values.pop(key, None)
        if value is None:
            return None
        found = [value] if isinstance(value, str) else value
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise self.error(key, f"is {value!r}: give text, or a list of texts")
        return found

    def path(self, key: str, *, required: bool = False) -> Any:
        value = self.get(key, str, None)
        if value is None and required:
            raise self.error(key, "is missing")
        return None if value is None else self.resolve(value)

    def place(self, key: str) -> Path | str:
        """A path, or a URL as it is."""
        value = self.get(key, str, None)
        if value is None:
            raise self.error(key, "is missing")
        return str(value) if is_url(value) else self.resolve(value)

    def choice(self, key: str, choices: tuple[str, ...], default: str | None) -> str | None:
        value = self.get(key, str, default)
        if value is not None and value not in choices:
            raise self.error(key, f"is {value!r}: give {', '.join(choices[:-1])} or {choices[-1]}")
        return cast("str | None", value)

    def span(self, key: str, default: timedelta | None) -> Any:
        value = self.get(key, str, None)
        if value is None:
            return default
        if re.fullmatch(r"\s*0\s*\w*\s*", value) and key == "cache":
            return timedelta(0)
        return self.read(key, value, parse_span)

    def amount(self, key: str, default: int) -> int:
        value = self.values.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return int(self.number(key, default))
        text = self.get(key, str, None)
        return default if text is None else self.read(key, text, parse_bytes)

    def time(self, key: str) -> datetime | None:
        self._known.append(key)
        value = self.values.pop(key, None)
        if value is None or isinstance(value, datetime):
            return value
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day)
        raise self.error(key, f"is {value!r}: give a time, such as 2026-01-01")

    def read(self, key: str, text: str, reader: Callable[[str], _T]) -> _T:
        try:
            return reader(text)
        except RollupError as error:
            raise self.error(key, str(error)) from error

    def table(self, key: str) -> _Table:
        self._known.append(key)
        is_there = key in self.values
        return _Table(self.values.pop(key, {}), f"{self._name}: {key}", self._folder, is_there=is_there)

    def tables(self, key: str) -> list[_Table]:
        self._known.append(key)
        values = self.values.pop(key, [])
        if not isinstance(values, list):
            raise self.error(key, f"is a list of tables: write [[{key}]]")
        return [_Table(value, f"{self._name}: {key} {place}", self._folder) for place, value in enumerate(values, 1)]

    def finish(self) -> None:
        if self.values:
            unknown = next(iter(self.values))
            raise ConfigurationError(f"{self._name}: there is no {unknown}; there is {', '.join(sorted(self._known))}")
