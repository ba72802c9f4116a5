"""`duckdb-sketch serve`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from duckdb_sketch.cli.options import (
    Earliest,
    Expand,
    Late,
    Lateness,
    Latest,
    Missing,
    Sources,
    TableName,
    TimeZone,
)
from duckdb_sketch.cli.rollup.definition import read_sources
from duckdb_sketch.errors import MissingDependencyError
from duckdb_sketch.rollup import RollupError

if TYPE_CHECKING:
    from duckdb_sketch.service.configuration import Configuration, Listen, Triggers

_SIMPLE = "Only with a statement"


def serve(
    file: Annotated[
        Path, typer.Argument(help="rollups.toml, or a file with one SELECT … GROUP BY ALL.", show_default=False)
    ],
    database: Annotated[
        Path | None, typer.Option("--database", "-d", help="The DuckDB database.", rich_help_panel=_SIMPLE)
    ] = None,
    source: Sources = None,
    name: TableName = None,
    refresh_every: Annotated[
        str | None, typer.Option(help="Interval for counting new files, such as '30 s'.", rich_help_panel=_SIMPLE)
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Count new files as they arrive.", rich_help_panel=_SIMPLE)
    ] = False,
    time_zone: TimeZone = None,
    allowed_lateness: Lateness = None,
    late: Late = None,
    missing: Missing = None,
    earliest: Earliest = None,
    latest: Latest = None,
    expand: Expand = False,
    memory: Annotated[str | None, typer.Option(help="Memory limit, such as 2GB.", rich_help_panel=_SIMPLE)] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 picks a free one. Default: 8123.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="File with the token that clients have to send.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Check the configuration, and stop.")] = False,
) -> None:
    """Refresh rollups on their triggers, and answer queries over HTTP at the same time."""
    try:
        from duckdb_sketch.service.server import serve as run
        from duckdb_sketch.service.toml_file import read_configuration, read_token
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"the service needs {error.name}: pip install {error.name}", name=error.name
        ) from error
    from dataclasses import replace

    from duckdb_sketch.service.configuration import Listen

    token = None if token_file is None else read_token(token_file)

    def moved(listen: Listen) -> Listen:
        given = {"host": host, "port": port, "token": token}
        return replace(listen, **{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]

    def read() -> Configuration:
        return read_configuration(file, lambda found: replace(found, listen=moved(found.listen)))

    counting: dict[str, Any] = {
        "time_zone": time_zone,
        "allowed_lateness": allowed_lateness,
        "late": late,
        "missing": missing,
    }
    counting |= {"earliest": earliest, "latest": latest, "expand": expand}
    is_toml = file.suffix == ".toml"
    if is_toml:
        given = {"database": database, "source": source, "name": name, "refresh_every": refresh_every, "watch": watch}
        _refuse(file, {**given, **counting, "memory": memory})
        configuration = read()
    else:
        triggers = _triggers(refresh_every, watch)
        configuration = _simple(file, database, source, triggers, moved(Listen()), memory, {"name": name, **counting})
    configuration.check()
    if check:
        from duckdb_sketch.service.service import check_rollups

        check_rollups(configuration)
        typer.echo(f"{file} is right: {', '.join(rollup.name for rollup in configuration.rollups)}")
        return
    run(configuration, read if is_toml else None)


def _simple(
    file: Path,
    database: Path | None,
    source: list[str] | None,
    triggers: Triggers,
    listen: Listen,
    memory: str | None,
    options: dict[str, Any],
) -> Configuration:
    """A configuration of one rollup."""
    from duckdb_sketch.rollup.specification.granularity import parse_span
    from duckdb_sketch.rollup.specification.statement_file import read_statement
    from duckdb_sketch.service.configuration import Configuration, Limits, RollupSettings

    if database is None:
        raise RollupError("name the database of the rollup: --database rollups.duckdb")
    text, stem = read_statement(file)
    options["allowed_lateness"] = parse_span(options["allowed_lateness"])
    options["name"] = options["name"] or stem
    rollup = RollupSettings(
        statement=text,
        sources=_plain_sources(source),
        triggers=triggers,
        **options,
    )
    return Configuration(database, (rollup,), listen, Limits(memory=memory))


def _refuse(file: Path, options: Mapping[str, object]) -> None:
    """See that what the file says is not said on the command line."""
    given = [name for name, value in options.items() if value]
    if given:
        raise RollupError(f"--{given[0].replace('_', '-')} is for a statement: set it in {file}")


def _plain_sources(source: list[str] | None) -> dict[str, str | list[str]]:
    found = read_sources(source or ())
    return {name: files if isinstance(files, str) else [str(file) for file in files] for name, files in found.items()}  # type: ignore[union-attr]


def _triggers(refresh_every: str | None, watch: bool) -> Triggers:
    from duckdb_sketch.rollup.specification.granularity import parse_span
    from duckdb_sketch.service.configuration import Triggers
    from duckdb_sketch.service.toml_file import DEFAULT_TRIGGERS

    if refresh_every is None and not watch:
        return DEFAULT_TRIGGERS
    return Triggers(every=parse_span(refresh_every), files=watch)
