"""Options that several commands share."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

SketchFile = Annotated[
    Path,
    typer.Argument(
        help="A Parquet file, a folder of them such as an export, or a DuckDB database.", show_default=False
    ),
]
ColumnName = Annotated[str | None, typer.Option("--column", help="Only columns with this name.")]
TimeColumn = Annotated[str | None, typer.Option("--time", help="The time column, if there are several.")]
Where = Annotated[str | None, typer.Option(help="Only rows that meet this condition: \"page = 'a'\".")]

Statement = Annotated[Path, typer.Argument(help="A file with one SELECT … GROUP BY ALL.", show_default=False)]
Name = Annotated[str, typer.Argument(help="A rollup, or a coarser level of one.", show_default=False)]
Database = Annotated[
    Path, typer.Option("--database", "-d", help="The DuckDB database that holds it.", show_default=False)
]
Sources = Annotated[
    list[str] | None,
    typer.Option(
        "--source", "-s", help="Files of a table in the statement: NAME=FILES, such as bids='data/*.parquet'."
    ),
]
Cursor = Annotated[
    str | None, typer.Option(help="For --source bids=table:events: the column that grows with each row, such as id.")
]
Lag = Annotated[
    str | None,
    typer.Option(help="For a cursor of times: leave this much time before the latest row, such as '5 minutes'."),
]
Attach = Annotated[
    str | None,
    typer.Option(help="For --source bids=table:events: the database file with the table, if it is another one."),
]
TableName = Annotated[str | None, typer.Option("--name", help="Name of the rollup. Default: the name of the file.")]
TimeZone = Annotated[str | None, typer.Option(help="Time zone for truncating TIMESTAMPTZ, such as Europe/Berlin.")]
Lateness = Annotated[
    str | None, typer.Option(help="How far the watermark stays behind the latest event, such as '2 hours'.")
]
Late = Annotated[
    Literal["merge", "drop", "error"] | None,
    typer.Option(help="What to do with rows of final buckets. Default: merge."),
]
Earliest = Annotated[datetime | None, typer.Option(help="Event times before this are rejected. Default: 1900.")]
Latest = Annotated[datetime | None, typer.Option(help="Event times from this on are rejected. Default: 2200.")]
MemoryLimit = Annotated[str | None, typer.Option(help="Memory limit, such as 2GB.")]
Missing = Annotated[
    Literal["error", "null"] | None,
    typer.Option(help="What to do if a file lacks a column: raise an error, or use NULL."),
]
LookBack = Annotated[
    int | None,
    typer.Option(
        min=1, help="For object stores with folders that sort by time: how many counted folders to list again."
    ),
]
KeepChanges = Annotated[
    int,
    typer.Option(
        min=1, help="Number of batches for which `changes` keeps every change; consumers further behind fail."
    ),
]
Expand = Annotated[
    bool,
    typer.Option("--expand", help="Rewrite avg, stddev, median, count(DISTINCT x) and similar as metrics that merge."),
]
Wait = Annotated[float, typer.Option(help="Seconds to wait for another process that has the database open.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout, and JSON lines on stderr.")]
