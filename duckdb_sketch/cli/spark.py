"""`duckdb-sketch rollup spark`."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from duckdb_sketch.cli.output import Output, log_line
from duckdb_sketch.cli.rollup import (
    Database,
    Earliest,
    Json,
    Late,
    Lateness,
    Latest,
    Sources,
    Statement,
    TableName,
    TimeZone,
    Wait,
    open_rollup,
    print_refreshed,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from duckdb_sketch.spark.tasks import Tasks


def spark(
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
        Literal["error", "rebuild"],
        typer.Option(help="If a counted file changed: stop, or make its buckets anew, on this machine."),
    ] = "error",
    levels: Annotated[bool, typer.Option(help="Bring the coarser levels up to date as well.")] = True,
    master: Annotated[
        str | None, typer.Option(help="The cluster, as for spark-submit: 'local[*]', 'spark://host:7077', 'yarn'.")
    ] = None,
    conf: Annotated[
        list[str] | None, typer.Option(help="A setting of Spark, KEY=VALUE. May be given more than once.")
    ] = None,
    worker_memory: Annotated[str, typer.Option(help="That DuckDB may use in each Python worker.")] = "1GB",
    wait: Wait = 0,
    json: Json = False,
) -> None:
    """Count the files that have not been counted on a Spark cluster, each exactly once, in one batch."""
    from duckdb_sketch.spark import refresh  # only here: PySpark is an extra
    from duckdb_sketch.spark.tasks import watched

    output = Output(json)
    with (
        open_rollup(locals()) as rollup,
        _session(output, master, conf or []) as session,
        _progress(output) as tell,
        watched(session, tell),
    ):
        refreshed = refresh(session, rollup, on_change=on_change, levels=levels, memory_limit=worker_memory)
    print_refreshed(output, refreshed)


@contextmanager
def _session(output: Output, master: str | None, conf: list[str]) -> Iterator[SparkSession]:
    from duckdb_sketch.spark.errors import SparkError, require_pyspark, running

    require_pyspark()
    from pyspark.sql import SparkSession

    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise SparkError("Spark needs Java 17 or later: install it, or set JAVA_HOME to where it is")
    warnings.filterwarnings("ignore", category=FutureWarning, module="pyspark")  # what it says of pandas is not for us
    settings = {"spark.app.name": "duckdb-sketch", "spark.ui.showConsoleProgress": "false"}
    for text in conf:
        key, separator, value = text.partition("=")
        if not separator:
            raise SparkError(f"--conf {text}: write KEY=VALUE, such as spark.executor.memory=4g")
        settings[key.strip()] = value
    if master is not None:
        settings["spark.master"] = master
    if settings.get("spark.master", "local").startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # or whatever python3 is in the PATH
    builder = SparkSession.builder
    for key, value in settings.items():
        builder = builder.config(key, value)
    with running(), _without_stderr() if output.json else nullcontext():
        session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield session
    finally:
        session.stop()


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Start Spark's process without the standard error of this one, which is for lines of JSON alone."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def _progress(output: Output) -> Iterator[Callable[[Tasks], None]]:
    """Show how far the job is on stderr: a bar for people, lines of JSON for machines."""
    if output.json:
        yield lambda tasks: log_line("spark", tasks)
        return
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("tasks"))
    with Bar(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("spark", total=None)
        yield lambda now: bar.update(task, description=f"stage {now.stage}", completed=now.tasks, total=now.of_tasks)
