"""`duckdb-sketch rollup …`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from duckdb_sketch.cli.output import Output, log_line
from duckdb_sketch.rollup import Change, Progress, Refreshed, Rollup, RollupError, Status, open_level, rollup_names

app = typer.Typer(
    name="rollup",
    help="Tables that stay right and current: one SELECT … GROUP BY is the whole specification.",
    no_args_is_help=True,
)

Statement = Annotated[Path, typer.Argument(help="A file with one SELECT … GROUP BY ALL.", show_default=False)]
Name = Annotated[str, typer.Argument(help="A rollup, or a coarser level of one.", show_default=False)]
Database = Annotated[
    Path, typer.Option("--database", "-d", help="The DuckDB database that it is kept in.", show_default=False)
]
Sources = Annotated[
    list[str],
    typer.Option(
        "--source", "-s", help="What a table of the statement stands for: NAME=FILES, such as bids='data/*.parquet'."
    ),
]
TableName = Annotated[str | None, typer.Option("--name", help="The rollup's name, if not that of the file.")]
TimeZone = Annotated[str | None, typer.Option(help="In which TIMESTAMPTZ are truncated, such as Europe/Berlin.")]
Lateness = Annotated[str | None, typer.Option(help="How far the watermark stays behind the last event: '2 hours'.")]
Late = Annotated[
    Literal["merge", "drop", "error"] | None,
    typer.Option(help="What happens to rows of final buckets; merge at first."),
]
Earliest = Annotated[datetime | None, typer.Option(help="Event times before it are absurd; 1900 at first.")]
Latest = Annotated[datetime | None, typer.Option(help="Event times not before it are absurd; 2200 at first.")]
Memory = Annotated[str | None, typer.Option(help="That it may use, such as 2GB.")]
Wait = Annotated[float, typer.Option(help="Seconds to wait for another process that has the database open.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, and JSON lines as log on stderr.")]


@app.command()
def refresh(
    statement: Statement,
    database: Database,
    source: Sources = [],  # noqa: B006
    name: TableName = None,
    time_zone: TimeZone = None,
    allowed_lateness: Lateness = None,
    late: Late = None,
    earliest: Earliest = None,
    latest: Latest = None,
    on_change: Annotated[
        Literal["error", "rebuild"], typer.Option(help="If a counted file changed: stop, or make its buckets anew.")
    ] = "error",
    levels: Annotated[bool, typer.Option(help="Bring the coarser levels up to date as well.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the buckets that would change, and stop.")] = False,
    memory_limit: Memory = None,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Count the files that have not been counted, each exactly once."""
    output = Output(json)
    with open_rollup(locals()) as rollup:
        if dry_run:
            _print_changes(output, rollup.preview())
            return
        with _progress(output, "refresh") as progress:
            refreshed = rollup.refresh(on_change=on_change, levels=levels, progress=progress)
    print_refreshed(output, refreshed)


@app.command()
def coarsen(
    name: Name,
    database: Database,
    every: Annotated[str, typer.Option(help="The width of its buckets: day, month, '15 minutes'.", show_default=False)],
    into: Annotated[str, typer.Option("--name", help="The level's name.", show_default=False)],
    by: Annotated[
        list[str] | None, typer.Option(help="A dimension that it keeps; may be given again. All by default.")
    ] = None,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Make a coarser level of a rollup, which each refresh then keeps current, or bring it up to date."""
    with open_level(name, database, wait=wait) as level:
        level.coarsen(every, into, by)
        _print_status(Output(json), [status for status in level.status() if status.rollup == into])


@app.command()
def status(
    database: Database,
    name: Annotated[str | None, typer.Argument(help="Only this one and its levels.")] = None,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Say how the rollups of a database stand."""
    found: dict[str, Status] = {}
    for rollup in [name] if name else rollup_names(database, wait=wait):
        if rollup not in found:
            with open_level(rollup, database, wait=wait) as level:
                found |= {each.rollup: each for each in level.status()}
    _print_status(Output(json), list(found.values()))


@app.command()
def changes(
    name: Name,
    database: Database,
    since: Annotated[int, typer.Option(help="The last batch that you know.")] = 0,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """List the buckets that changed after a batch."""
    with open_level(name, database, wait=wait) as level:
        _print_changes(Output(json), level.changes(since))


@app.command()
def replay(
    statement: Statement,
    database: Database,
    source: Sources = [],  # noqa: B006
    name: TableName = None,
    time_zone: TimeZone = None,
    earliest: Earliest = None,
    latest: Latest = None,
    memory_limit: Memory = None,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Make a rollup anew from all files that it has counted, also with a changed statement."""
    output = Output(json)
    with open_rollup(locals()) as rollup, _progress(output, "replay") as progress:
        replayed = rollup.replay(progress=progress)
    print_refreshed(output, replayed)


@app.command()
def verify(
    statement: Statement,
    database: Database,
    source: Sources = [],  # noqa: B006
    name: TableName = None,
    sample: Annotated[int, typer.Option(help="How many buckets to make anew.")] = 10,
    seed: Annotated[int, typer.Option(help="Which ones: the same for the same number.")] = 0,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Make some buckets anew from the files, exactly, and say how far the rollup is off; exit with 1 if it is wrong."""
    output = Output(json)
    with open_rollup(locals()) as rollup:
        verified = rollup.verify(sample, seed)
    if output.json:
        output.document({"ok": verified.ok, **asdict(verified)})
    else:
        output.line(str(verified))
    if not verified.ok:
        raise typer.Exit(1)


@app.command()
def export(
    name: Name,
    database: Database,
    folder: Annotated[Path, typer.Argument(help="A folder of its own.", show_default=False)],
    partition: Annotated[str, typer.Option(help="How much time a file holds: day, month, year.")] = "month",
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Write a rollup or a level as partitioned Parquet; of an export that is there, only what changed."""
    output = Output(json)
    with open_level(name, database, wait=wait) as level:
        exported = level.export(folder, partition)
    if output.json:
        output.document(exported)
    else:
        output.line(str(exported))


@app.command(name="import")
def import_(
    folder: Annotated[Path, typer.Argument(help="The folder of an export.", show_default=False)],
    database: Database,
    name: TableName = None,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Make a rollup of an export; the next refresh goes on where the export was."""
    with Rollup.from_export(folder, database=database, name=name, wait=wait) as rollup:
        _print_status(Output(json), rollup.status())


@app.command()
def expire(
    name: Name,
    database: Database,
    older_than: Annotated[str | None, typer.Option(help="Counted from the watermark: '90 days'.")] = None,
    before: Annotated[datetime | None, typer.Option(help="Or the time itself.")] = None,
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Drop old buckets of one level; coarser levels keep theirs."""
    output = Output(json)
    with open_level(name, database, wait=wait) as level:
        expired = level.expire(older_than, before)
    if output.json:
        output.document({"rollup": name, "expired_before": expired})
    else:
        output.line(f"{name} has nothing before {expired}" if expired else f"nothing of {name} has expired")


def open_rollup(options: dict[str, Any]) -> Rollup:
    """The rollup that a command's options, by their names, are about."""
    sources: dict[str, Any] = {}
    for text in options["source"]:
        table, separator, files = text.partition("=")
        if not separator or not table or not files:
            raise RollupError(f"--source {text}: write NAME=FILES, such as bids='data/*.parquet'")
        sources.setdefault(table.strip(), []).append(files)
    single = {table: files[0] if len(files) == 1 else files for table, files in sources.items()}
    names = ("name", "time_zone", "allowed_lateness", "late", "earliest", "latest", "memory_limit", "wait")
    chosen = {name: options[name] for name in names if name in options}
    return Rollup.from_sql(options["statement"], sources=single, database=options["database"], **chosen)


@contextmanager
def _progress(output: Output, action: str) -> Iterator[Callable[[Progress], None]]:
    """Show how far a job is on stderr: a bar for people, lines of JSON for machines, nothing where nobody looks."""
    if output.json:
        yield lambda progress: log_line(action, progress)
        return
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("rows {task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(action, total=None, rate="")

        def show(progress: Progress) -> None:
            elapsed = bar.tasks[0].elapsed or 0
            rate = f"({progress.rows / elapsed:,.0f} a second)" if elapsed and progress.rows else ""
            description = f"{action}: file {min(progress.files + 1, progress.of_files):,} of {progress.of_files:,}"
            bar.update(task, description=description, completed=progress.rows, total=progress.of_rows, rate=rate)

        yield show


def print_refreshed(output: Output, refreshed: Refreshed) -> None:
    """Say what was counted."""
    if output.json:
        output.document(refreshed)
        return
    output.line(str(refreshed))


def _print_changes(output: Output, found: list[Change]) -> None:
    if output.json:
        output.document(found)
        return
    table = Table("batch", "bucket", "pane", "rows", box=None)
    for change in found:
        table.add_row(str(change.batch), str(change.bucket), change.pane, f"{change.rows:,}")
    output.table(table)


def _print_status(output: Output, found: list[Status]) -> None:
    if output.json:
        output.document(found)
        return
    table = Table(box=None)
    table.add_column("")
    for status in found:
        table.add_column(status.rollup, justify="right")
    labels: dict[str, Callable[[Status], str]] = {
        "made from": lambda s: s.parent or "events",
        "every": lambda s: s.every,
        "groups": lambda s: f"{s.groups:,}",
        "first bucket": lambda s: str(s.first_bucket or ""),
        "last bucket": lambda s: str(s.last_bucket or ""),
        "files": lambda s: "" if s.parent else f"{s.files:,}",
        "events": lambda s: "" if s.parent else f"{s.rows:,}",
        "late": lambda s: "" if s.parent else f"{s.late_rows:,}",
        "dropped": lambda s: "" if s.parent else f"{s.dropped_rows:,}",
        "kept out": lambda s: "" if s.parent else f"{s.rejected_rows:,}",
        "last batch": lambda s: str(s.last_batch),
        "batches behind": lambda s: str(s.behind) if s.parent else "",
        "watermark": lambda s: str(s.watermark or ""),
        "expired before": lambda s: str(s.expired_before or ""),
        "time zone": lambda s: s.time_zone or "",
    }
    for label, text in labels.items():
        table.add_row(label, *(text(status) for status in found))
    output.table(table)
