"""The options that define a rollup: its statement, its files and how they are counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from duckdb_sketch.cli.rollup.created import unless_empty
from duckdb_sketch.rollup import Rollup, RollupError
from duckdb_sketch.rollup.rollup import Source
from duckdb_sketch.rollup.settings import KEPT_CHANGES, Late, Missing
from duckdb_sketch.rollup.sources.table_source import TableSource


@dataclass(frozen=True)
class Definition:
    """A rollup as a command line gives it; what was left out is None, and stays as the rollup has it.

    Attributes:
        statement: The file with the statement.
        database: The file of the database.
        source: What the statement's tables stand for, each as `NAME=FILES`; a name may come several times.
        name: The rollup's name, by default that of the statement's file.
        time_zone: As for `Rollup.from_sql`, as are all that follow.
        allowed_lateness: By how much the watermark stays behind the highest event time.
        late: What happens to rows of final buckets.
        earliest: Event times before this are rejected.
        latest: Event times from this on are rejected.
        memory_limit: Such as `2GB`.
        wait: Seconds.
        expand: Whether aggregates that do not merge are written as metrics that do.
        missing: What a column is that a file lacks.
        keep_changes: For how many batches every change is kept.
        cursor: The column that the rows of a table are counted by.
        lag: How far below the greatest time of a cursor rows are counted.
        look_back: How many of the newest folders of an object store are listed again.
        attach: The database that a table is in.
    """

    statement: Path
    database: Path
    source: Sequence[str] | None = field(default=())
    name: str | None = None
    time_zone: str | None = None
    allowed_lateness: str | None = None
    late: Late | None = None
    earliest: datetime | None = None
    latest: datetime | None = None
    memory_limit: str | None = None
    wait: float = 0
    expand: bool = False
    missing: Missing | None = None
    keep_changes: int = KEPT_CHANGES
    cursor: str | None = None
    lag: str | None = None
    look_back: int | None = None
    attach: str | None = None

    @contextmanager
    def open(self) -> Iterator[Rollup]:
        """Open the database, and the rollup in it, and leave no database behind that an error keeps empty.

        Raises:
            RollupError: If a source is not written as `NAME=FILES`, and whatever `Rollup.from_sql` raises.
        """
        sources = read_sources(self.source or (), self.cursor, self.lag, self.attach)
        with (
            unless_empty(self.database),
            Rollup.from_sql(
                self.statement,
                sources=sources,
                database=self.database,
                name=self.name,
                time_zone=self.time_zone,
                allowed_lateness=self.allowed_lateness,
                late=self.late,
                earliest=self.earliest,
                latest=self.latest,
                memory_limit=self.memory_limit,
                wait=self.wait,
                expand=self.expand,
                missing=self.missing,
                keep_changes=self.keep_changes,
                look_back=self.look_back,
            ) as rollup,
        ):
            yield rollup


def read_sources(
    given: Sequence[str], cursor: str | None = None, lag: str | None = None, attach: str | None = None
) -> dict[str, Source]:
    """What tables stand for, as `--source NAME=FILES` or `--source NAME=table:TABLE --cursor COLUMN` says it.

    Raises:
        RollupError: If one is not written so.
    """
    found: dict[str, list[str]] = {}
    for text in given:
        table, separator, files = text.partition("=")
        if not separator or not table or not files:
            raise RollupError(f"--source {text}: write NAME=FILES, such as bids='data/*.parquet'")
        found.setdefault(table.strip(), []).append(files)
    sources = {
        table: _table(files[0], cursor, lag, attach) if len(files) == 1 else files for table, files in found.items()
    }
    if (cursor or lag or attach) and not any(isinstance(source, TableSource) for source in sources.values()):
        raise RollupError("--cursor, --lag and --attach are of a table: --source bids=table:events --cursor id")
    return sources


def _table(text: str, cursor: str | None, lag: str | None, attach: str | None) -> Source:
    """A table, if the text names one, as `table:events` does."""
    if not text.startswith("table:"):
        return text
    if cursor is None:
        raise RollupError(f"{text}: name the column that grows with each row, such as --cursor id")
    return TableSource(text.removeprefix("table:"), cursor, lag, attach)
