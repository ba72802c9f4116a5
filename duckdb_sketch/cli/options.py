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
ColumnName = Annotated[str | None, typer.Option("--column", help="Only the columns of this name.")]
TimeColumn = Annotated[str | None, typer.Option("--time", help="The column of times, where there are several.")]
Where = Annotated[str | None, typer.Option(help="Only rows that meet this condition: \"page = 'a'\".")]

Statement = Annotated[Path, typer.Argument(help="A file with one SELECT … GROUP BY ALL.", show_default=False)]
Name = Annotated[str, typer.Argument(help="A rollup, or a coarser level of one.", show_default=False)]
Database = Annotated[
    Path, typer.Option("--database", "-d", help="The DuckDB database that it is kept in.", show_default=False)
]
Sources = Annotated[
    list[str] | None,
    typer.Option(
        "--source", "-s", help="What a table of the statement stands for: NAME=FILES, such as bids='data/*.parquet'."
    ),
]
Cursor = Annotated[
    str | None, typer.Option(help="Of --source bids=table:events: the column that grows with each row, such as id.")
]
Lag = Annotated[
    str | None,
    typer.Option(help="Of a cursor of times: count rows up to this long before the latest, such as '5 minutes'."),
]
Attach = Annotated[
    str | None,
    typer.Option(help="Of --source bids=table:events: the database file that the table is in, if it is another one."),
]
TableName = Annotated[str | None, typer.Option("--name", help="The rollup's name, if not that of the file.")]
TimeZone = Annotated[
    str | None, typer.Option(help="The time zone in which TIMESTAMPTZ are truncated, such as Europe/Berlin.")
]
Lateness = Annotated[str | None, typer.Option(help="How far the watermark stays behind the last event: '2 hours'.")]
Late = Annotated[
    Literal["merge", "drop", "error"] | None,
    typer.Option(help="What happens to rows of final buckets; merge at first."),
]
Earliest = Annotated[datetime | None, typer.Option(help="Event times before this are rejected; 1900 at first.")]
Latest = Annotated[datetime | None, typer.Option(help="Event times from this on are rejected; 2200 at first.")]
MemoryLimit = Annotated[str | None, typer.Option(help="Memory limit, such as 2GB.")]
Missing = Annotated[
    Literal["error", "null"] | None,
    typer.Option(help="What a column is that a file lacks and others have: an error, or NULL."),
]
LookBack = Annotated[
    int | None,
    typer.Option(
        min=1, help="Of object stores with folders that sort by time: list so many of the counted ones again, not all."
    ),
]
KeepChanges = Annotated[
    int, typer.Option(min=1, help="For how many batches `changes` keeps every change; consumers further behind fail.")
]
Expand = Annotated[
    bool,
    typer.Option("--expand", help="Write avg, stddev, median, count(DISTINCT x) and the like as metrics that merge."),
]
Wait = Annotated[float, typer.Option(help="Seconds to wait for another process that has the database open.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and JSON lines as log on stderr.")]
