"""`duckdb-sketch rollup refresh`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from duckdb_sketch.cli.options import (
    Attach,
    Cursor,
    Database,
    Earliest,
    Expand,
    Json,
    KeepChanges,
    Lag,
    Late,
    Lateness,
    Latest,
    LookBack,
    MemoryLimit,
    Missing,
    Sources,
    Statement,
    TableName,
    TimeZone,
    Wait,
)
from duckdb_sketch.cli.output import Output
from duckdb_sketch.cli.rollup.cluster import cluster_of
from duckdb_sketch.cli.rollup.definition import Definition
from duckdb_sketch.cli.rollup.progress import rows_counted
from duckdb_sketch.cli.rollup.tables import print_changes, print_refreshed
from duckdb_sketch.rollup import ChangedFilesError
from duckdb_sketch.rollup.pipeline.refresh import OnChange
from duckdb_sketch.rollup.settings import KEPT_CHANGES

_SPARK = "Only with --engine spark"


def refresh(
    statement: Statement,
    database: Database,
    source: Sources = None,
    cursor: Cursor = None,
    lag: Lag = None,
    attach: Attach = None,
    name: TableName = None,
    time_zone: TimeZone = None,
    allowed_lateness: Lateness = None,
    late: Late = None,
    earliest: Earliest = None,
    latest: Latest = None,
    missing: Missing = None,
    look_back: LookBack = None,
    on_change: Annotated[
        Literal["error", "rebuild"],
        typer.Option(
            help="If a counted file changed: end with exit code 3 once new files are counted, or rebuild its buckets, "
            "in this process."
        ),
    ] = "error",
    levels: Annotated[bool, typer.Option(help="Update the coarser levels as well.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the buckets that would change, and stop.")] = False,
    memory_limit: MemoryLimit = None,
    keep_changes: KeepChanges = KEPT_CHANGES,
    engine: Annotated[
        Literal["duckdb", "spark"],
        typer.Option(help="What aggregates new files: this process, or a Spark cluster, in one batch."),
    ] = "duckdb",
    master: Annotated[
        str | None,
        typer.Option(
            help="The cluster, as for spark-submit: 'local[*]', 'spark://host:7077', 'yarn'.", rich_help_panel=_SPARK
        ),
    ] = None,
    conf: Annotated[
        list[str] | None,
        typer.Option(help="A Spark setting, KEY=VALUE; may be repeated.", rich_help_panel=_SPARK),
    ] = None,
    worker_memory: Annotated[
        str | None,
        typer.Option(help="DuckDB's memory limit in each Python worker. Default: 1GB.", rich_help_panel=_SPARK),
    ] = None,
    expand: Expand = False,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Count new files, each exactly once."""
    output = Output(json)
    cluster = cluster_of(engine, master, conf or (), worker_memory)
    definition = Definition(
        statement,
        database,
        source,
        name,
        time_zone,
        allowed_lateness,
        late,
        earliest,
        latest,
        memory_limit,
        wait,
        expand,
        missing,
        keep_changes=keep_changes,
        cursor=cursor,
        lag=lag,
        look_back=look_back,
        attach=attach,
    )
    # What was counted is printed before what changed is.
    policy: OnChange = "rebuild" if on_change == "rebuild" else "report"
    with definition.open() as rollup:
        if expand and not output.json:
            output.line(rollup.specification.statement)
        if dry_run:
            print_changes(output, rollup.preview())
            return
        if cluster:
            refreshed = cluster.refresh(rollup, output, policy, levels)
        else:
            with rows_counted(output, "refresh") as progress:
                refreshed = rollup.refresh(on_change=policy, levels=levels, progress=progress)
    print_refreshed(output, refreshed)
    if refreshed.changed:
        raise ChangedFilesError(refreshed.changed)
