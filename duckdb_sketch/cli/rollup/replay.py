"""`duckdb-sketch rollup replay`."""

from __future__ import annotations

from duckdb_sketch.cli.options import (
    Attach,
    Cursor,
    Database,
    Earliest,
    Expand,
    Json,
    Lag,
    Latest,
    MemoryLimit,
    Missing,
    Sources,
    Statement,
    TableName,
    TimeZone,
    Wait,
)
from duckdb_sketch.cli.output import Output
from duckdb_sketch.cli.rollup.definition import Definition
from duckdb_sketch.cli.rollup.progress import rows_counted
from duckdb_sketch.cli.rollup.tables import print_refreshed


def replay(
    statement: Statement,
    database: Database,
    source: Sources = None,
    cursor: Cursor = None,
    lag: Lag = None,
    attach: Attach = None,
    name: TableName = None,
    time_zone: TimeZone = None,
    earliest: Earliest = None,
    latest: Latest = None,
    missing: Missing = None,
    memory_limit: MemoryLimit = None,
    expand: Expand = False,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Rebuild a rollup from all files that it has counted, possibly with a changed statement."""
    output = Output(json)
    definition = Definition(
        statement,
        database,
        source,
        name,
        time_zone,
        earliest=earliest,
        latest=latest,
        memory_limit=memory_limit,
        wait=wait,
        expand=expand,
        missing=missing,
        cursor=cursor,
        lag=lag,
        attach=attach,
    )
    with definition.open() as rollup, rows_counted(output, "replay") as progress:
        replayed = rollup.replay(progress=progress)
    print_refreshed(output, replayed)
