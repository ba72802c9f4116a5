"""`duckdb-sketch query`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from duckdb_sketch.cli.options import Sources, TimeZone, Wait
from duckdb_sketch.cli.output import Output, plain
from duckdb_sketch.cli.rollup.definition import read_sources
from duckdb_sketch.cube import Answer, Cube, CubeError
from duckdb_sketch.rows import csv_lines, documents, texts

if TYPE_CHECKING:
    from duckdb_sketch.remote import ServiceClient

_MOST_ROWS = 1_000  # that are printed for people


def query(
    database: Annotated[
        Path | None,
        typer.Option("--database", "-d", help="The database with the rollups.", show_default=False),
    ] = None,
    query: Annotated[
        str | None, typer.Argument(help="A query over the events. Without one, a prompt opens.", show_default=False)
    ] = None,
    source: Sources = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Print which tables would be read, and why not others.")
    ] = False,
    exact: Annotated[bool, typer.Option("--exact", help="Read raw events instead of estimating.")] = False,
    raw: Annotated[bool, typer.Option(help="Read raw events if no rollup answers.")] = True,
    errors: Annotated[bool, typer.Option("--errors", help="Append the bounds of estimates: x_lower, x_upper.")] = False,
    edges: Annotated[
        Literal["exact", "buckets"],
        typer.Option(help="If the file of a partial bucket is gone: stop, or widen the range to whole buckets."),
    ] = "exact",
    time_zone: TimeZone = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout.")] = False,
    parquet: Annotated[Path | None, typer.Option(help="Write the rows to this Parquet file.")] = None,
    wait: Wait = 0,
    url: Annotated[
        str | None,
        typer.Option(
            help="Query a service instead of a database; its token is DUCKDB_SKETCH_TOKEN.", show_default=False
        ),
    ] = None,
) -> None:
    """Query the events, answered from the rollups that read least, and from raw files for the rest."""
    if sum((as_json, as_csv, parquet is not None, explain)) > 1 and not (explain and as_json):
        raise CubeError("choose one of --json, --csv, --parquet and --explain")
    with Cube(_asked(database, url), read_sources(source or ()), time_zone=time_zone, wait=wait) as cube:
        if query is None:
            from duckdb_sketch.cli.prompt import run_prompt

            def answer_one(text: str) -> None:
                _show(Output(False), cube.answer(text, exact=exact, raw=raw, errors=errors, edges=edges))

            run_prompt(cube, answer_one)
            return
        if explain:
            explanation = cube.explain(query, exact=exact, edges=edges)
            output = Output(as_json)
            if as_json:
                output.document(explanation.document())
            else:
                output.line(str(explanation))
            return
        answer = cube.answer(query, exact=exact, raw=raw, errors=errors, edges=edges)
        _write(answer, as_json=as_json, as_csv=as_csv, parquet=parquet)


def _asked(database: Path | None, url: str | None) -> Path | ServiceClient:
    """Whom to ask: a database, or a service."""
    if (database is None) == (url is None):
        raise CubeError("choose a database or a service: --database rollups.duckdb or --url http://127.0.0.1:8123")
    if database is not None:
        return database
    from duckdb_sketch.remote import connect_service  # only here: HTTP takes time to import

    assert url is not None
    return connect_service(url)


def _write(answer: Answer, *, as_json: bool, as_csv: bool, parquet: Path | None) -> None:
    relation = answer.relation
    if parquet is not None:
        relation.write_parquet(str(parquet))
    elif as_json:
        Output(True).document(documents(relation))
    elif as_csv:
        for line in csv_lines(relation):
            print(line)
    else:
        _show(Output(False), answer)


def _show(output: Output, answer: Answer) -> None:
    """Print the rows for people, with a tilde before the names of estimates."""
    relation = answer.relation
    table = Table(box=None)
    for name, kind in zip(relation.columns, relation.types, strict=True):
        title = f"~{name}" if name in answer.explanation.approximate else name
        table.add_column(plain(title), justify="right" if kind.id in _NUMBERS else "left")
    rows = texts(relation.limit(_MOST_ROWS + 1))
    for row in rows[:_MOST_ROWS]:
        table.add_row(*(plain("NULL" if value is None else value) for value in row))
    output.rows(table)
    if len(rows) > _MOST_ROWS:
        output.line(f"… only the first {_MOST_ROWS:,} rows: take --csv, --json or --parquet for all of them")
    for note in answer.explanation.notes:
        output.line(note)


_NUMBERS = frozenset(
    [f"{sign}{width}" for sign in ("", "u") for width in ("tinyint", "smallint", "integer", "bigint", "hugeint")]
    + ["float", "double", "decimal"]
)
