"""How far a job is, on stderr: a bar for people, lines of JSON for machines, nothing where nobody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from duckdb_sketch.cli.output import Output, log_line
from duckdb_sketch.rollup import Progress

if TYPE_CHECKING:
    from duckdb_sketch.spark.tasks import Tasks


@contextmanager
def rows_counted(output: Output, action: str) -> Iterator[Callable[[Progress], None]]:
    """Show the files and rows of a job that counts in this process; yields what it is to call."""
    if output.json:
        yield lambda progress: log_line(action, progress)
        return
    rate = TextColumn("rows {task.fields[rate]}")
    with _bar(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn()) as bar:
        task = bar.add_task(action, total=None, rate="")

        def show(progress: Progress) -> None:
            elapsed = bar.tasks[0].elapsed or 0
            rate = f"({progress.rows / elapsed:,.0f} a second)" if elapsed and progress.rows else ""
            description = f"{action}: file {min(progress.files + 1, progress.of_files):,} of {progress.of_files:,}"
            bar.update(task, description=description, completed=progress.rows, total=progress.of_rows, rate=rate)

        yield show


@contextmanager
def tasks_done(output: Output) -> Iterator[Callable[[Tasks], None]]:
    """Show the tasks of a job on Spark; yields what it is to call."""
    if output.json:
        yield lambda tasks: log_line("spark", tasks)
        return
    with _bar(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("tasks")) as bar:
        task = bar.add_task("spark", total=None)
        yield lambda now: bar.update(task, description=f"stage {now.stage}", completed=now.tasks, total=now.of_tasks)


def _bar(*columns: ProgressColumn) -> Bar:
    console = Console(stderr=True)
    return Bar(*columns, console=console, disable=not console.is_terminal, transient=True)
