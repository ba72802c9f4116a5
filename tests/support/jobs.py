"""Jobs that keep a rollup: files, a statement and a database; and what is in that, checked, as it can be compared."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pytest
from crashing import Faulty, Injector
from nursery import NURSERY
from processes import PROJECT

import duckdb_sketch
from duckdb_sketch.rollup import Rollup, given_source, open_level
from duckdb_sketch.rollup import rollup as rollup_module

STATEMENT = """
SELECT date_trunc('hour', ts) AS hour, publisher, count(*) AS bids, sum(price) AS revenue, sum(clicks) AS clicks,
       min(price) AS lowest, max(ts) AS latest, hll_sketch_agg(user_id) AS users,
       approx_histogram_agg(CAST(price AS DOUBLE)) AS prices
FROM bids GROUP BY ALL
"""
FILES = 16
FIRST = 4  # files that there are before the coarser levels
ROWS = 500  # a file
A_FILE = 1  # rows that a batch may have, unless it is a file: each is one then, however few groups there are
KILLED = -9
# What differs from run to run.
LEFT_OUT = {
    "batches": "EXCLUDE (finished)",
    "rollups": "EXCLUDE (source)",  # where the files of a job lie
    "sources": "EXCLUDE (source, slice, moved, waiting, error, failed)",
    # Which files and folders, and what they hold, but not when they were written, nor how many bytes an export has.
    "slices": "EXCLUDE (fingerprint) REPLACE (parse_filename(slice) AS slice, "
    "CASE WHEN kind <> 'import' THEN size END AS size)",
}
NOTHING: list[Any] = [{}, {}]
# Where child processes find modules: another version of DuckDB as well, if this process has it from there.
PATH = os.pathsep.join(filter(None, [str(PROJECT), str(PROJECT / "tests" / "support"), os.environ.get("PYTHONPATH")]))


def rows_of_file(number: int, rows: int = ROWS) -> str:
    """SQL of a file's rows: some are for days that are over, and a few have no time."""
    return (
        f"SELECT CASE WHEN r % 97 = 0 THEN NULL ELSE TIMESTAMP '2024-01-30 00:00:00' "
        f"+ to_minutes(CAST({number * 240} + hash(r + {number * 1000}) % 1500 AS BIGINT)) "
        f"- to_hours(CASE WHEN r % 13 = 0 THEN 48 ELSE 0 END) END AS ts, "
        "CASE WHEN r % 11 > 0 THEN 'p' || (hash(r) % 2) END AS publisher, "
        f"hash(r * 7 + {number}) % 5000 AS user_id, CAST(hash(r + 5) % 10000 / 100 AS DECIMAL(9, 2)) AS price, "
        f"CAST(r % 7 AS INTEGER) AS clicks FROM range({rows}) AS t(r)"
    )


def write_events(folder: Path, numbers: range) -> None:
    """Files that overlap in time."""
    with duckdb.cursor() as connection:
        for number in numbers:
            connection.execute(f"COPY ({rows_of_file(number)}) TO '{folder}/{number:03}.parquet'")


def events(number: int) -> pyarrow.Table:
    """What such a file holds, as data."""
    with duckdb.connect() as connection:
        return connection.sql(
            f"SELECT TIMESTAMP '2024-02-01' + to_minutes(CAST(r * 7 + {number * 600} AS BIGINT)) AS ts, "
            "'p' || (r % 2) AS publisher, CAST(r AS UBIGINT) AS user_id, CAST(r AS DECIMAL(9, 2)) AS price, "
            f"CAST(1 AS INTEGER) AS clicks FROM range({ROWS}) AS t(r)"
        ).to_arrow_table()


class Job:
    """A folder with a statement, files and a database."""

    def __init__(self, folder: Path, files: int = FILES) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.statement = folder / "hourly.sql"
        self.statement.write_text(STATEMENT)
        self.data = folder / "data"
        self.data.mkdir()
        self.database = folder / "rollups.duckdb"
        self.errors = folder / "stderr"
        self.put(range(files))

    def put(self, numbers: range) -> None:
        write_events(self.data, numbers)

    def own_data(self) -> None:
        """Give a copy of a job files of its own, which are those that it has counted."""
        data = self.folder / "data"
        shutil.copytree(self.data, data, copy_function=shutil.copy2)
        with duckdb.connect(str(self.database)) as connection:
            connection.execute(
                "UPDATE rollup_manifest.slices SET slice = replace(slice, ?, ?)",
                [str(self.data.resolve()), str(data.resolve())],
            )
        self.data = data

    def refreshing(self, *options: str) -> list[str]:
        files = f"bids={self.data}/*.parquet"
        return self._command("refresh", str(self.statement), "--source", files, *options)

    def replaying(self) -> list[str]:
        files = f"bids={self.data}/*.parquet"
        return self._command("replay", str(self.statement), "--source", files)

    def coarsening(self, level: str, every: str, into: str) -> list[str]:
        return self._command("coarsen", level, "--every", every, "--name", into)

    def expiring(self) -> list[str]:
        return self._command("expire", "hourly", "--before", "2024-01-31")

    def exporting(self, folder: Path, level: str = "hourly", partition: str = "day") -> list[str]:
        return self._command("export", level, str(folder), "--partition", partition)

    def appending(self, number: int, batch_id: str) -> list[str]:
        return ["append", str(self.statement), str(self.database), str(number), batch_id]

    def _command(self, name: str, *arguments: str) -> list[str]:
        return ["rollup", name, *arguments, "--database", str(self.database), "--json"]

    def start(
        self, arguments: list[str], at: int = 0, when: str = "before", rows: int = A_FILE, **more: Any
    ) -> subprocess.Popen[str]:
        script = str(Path(__file__).with_name("crashing.py"))
        with self.errors.open("w") as errors:
            return subprocess.Popen(
                [sys.executable, script, str(rows), str(at), when, *arguments],
                cwd=PROJECT,
                env={**os.environ, "PYTHONPATH": PATH},
                text=True,
                **{"stdout": subprocess.DEVNULL, "stderr": errors, **more},
            )

    def run(self, arguments: list[str], at: int = 0, when: str = "before", rows: int = A_FILE) -> int:
        return NURSERY.run("crashing", [str(rows), str(at), when, *arguments], self.errors)

    def run_well(self, arguments: list[str]) -> None:
        assert self.run(arguments) == 0, self.errors.read_text()

    def open(self, **settings: Any) -> Rollup:
        """The rollup, in this process."""
        sources = {"bids": f"{self.data}/*.parquet"}
        return Rollup.from_sql(self.statement, sources=sources, database=self.database, **settings)

    def levels(self) -> None:
        with open_level("hourly", self.database) as hourly:
            hourly.coarsen("day", "daily").coarsen("month", "monthly")

    def was_counting(self) -> bool:
        """Whether the last process that was started was in the midst of its batches when it ended."""
        lines = [json.loads(line) for line in self.errors.read_text().splitlines() if line.endswith("}")]
        return bool(lines) and lines[-1].get("files", 0) < lines[-1].get("of_files", 0)

    def look(self) -> list[Any]:
        """The tables and the manifest, as the next process would find them; the database stays as it is."""
        copy = self.folder / "copy.duckdb"
        for suffix in ("", ".wal"):
            copied = copy.with_name(copy.name + suffix)
            copied.unlink(missing_ok=True)
            original = self.database.with_name(self.database.name + suffix)
            if original.exists():
                shutil.copy(original, copied)
        if not copy.exists():
            return NOTHING
        with duckdb_sketch.connect(copy) as connection:
            return look(connection)


def look(connection: duckdb.DuckDBPyConnection) -> list[Any]:
    """The rows of all rollups, sketches as what they say, and the manifest but for the time of day. Checked as well."""
    manifest = {}
    known = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'rollup_manifest' AND database_name = "
        "current_database() ORDER BY ALL"
    ).fetchall()
    if not known:
        return NOTHING
    for (name,) in known:
        manifest[name] = connection.execute(
            f"SELECT * {LEFT_OUT.get(name, '')} FROM rollup_manifest.{name} ORDER BY ALL"
        ).fetchall()
    tables = {}
    for (name,) in connection.execute("SELECT rollup FROM rollup_manifest.rollups ORDER BY ALL").fetchall():
        tables[name] = connection.execute(summary(name)).fetchall()
    check(connection)
    return [tables, manifest]


def summary(rows: str) -> str:
    """SQL of rows in order: sketches are their hashes, and of histograms there is what every order of merging keeps."""
    return (
        "SELECT * EXCLUDE (s, prices) REPLACE (md5(users) AS users), s.count, s.min, s.max, s.non_finite "
        f"FROM (SELECT *, approx_histogram_stats(prices) AS s FROM {rows}) ORDER BY ALL"
    )


def same(found: list[Any], expected: list[Any]) -> None:
    """Compare, and name the first rows that differ, not all."""
    for these, those in zip(found, expected, strict=True):
        assert these.keys() == those.keys()
        for name in those:
            pairs = zip_longest(these[name], those[name])
            different = [pair for pair in pairs if pair[0] != pair[1]]
            assert not different, (name, len(different), different[:3])


def check(connection: duckdb.DuckDBPyConnection) -> None:
    """See that the manifest agrees with itself and with the tables."""

    def none(query: str) -> None:
        assert connection.execute(query).fetchall() == []

    m = "rollup_manifest"
    none(f"SELECT rollup, path FROM {m}.files GROUP BY ALL HAVING count(*) > 1")
    none(f"SELECT rollup, batch FROM {m}.batches GROUP BY ALL HAVING count(*) > 1")
    none(f"SELECT rollup, kind, slice FROM {m}.slices GROUP BY ALL HAVING count(*) > 1")
    none(f"SELECT s.* FROM {m}.slices s ANTI JOIN {m}.batches b USING (rollup, batch)")
    none(f"SELECT rollup, batch, bucket FROM {m}.changes GROUP BY ALL HAVING count(*) > 1")
    none(
        f"SELECT r.rollup FROM {m}.rollups r LEFT JOIN {m}.batches b USING (rollup) GROUP BY r.rollup, r.last_batch "
        "HAVING (r.last_batch <> count(b.batch) AND NOT bool_or(kind = 'import')) "
        "OR r.last_batch <> coalesce(max(b.batch), 0)"
    )
    none(
        f"SELECT r.rollup FROM {m}.rollups r JOIN {m}.rollups p ON r.parent = p.rollup "
        "WHERE r.consumed > p.last_batch OR (r.consumed = p.last_batch AND r.watermark IS DISTINCT FROM p.watermark)"
    )
    none(
        f"SELECT rollup, batch FROM {m}.batches b LEFT JOIN (SELECT rollup, batch, sum(rows) AS changed "
        f"FROM {m}.changes GROUP BY ALL) USING (rollup, batch) WHERE kind NOT IN ('expire', 'import') "
        "AND rows <> coalesce(changed, 0)"
    )
    # Files are counted by batches, all their rows; a rebuild takes a file out of the batch that it was in.
    none(
        f"SELECT f.* FROM (SELECT rollup, batch, sum(rows) AS rows FROM {m}.files GROUP BY ALL) f "
        f"JOIN {m}.batches b USING (rollup, batch) "
        "WHERE kind = 'refresh' AND f.rows <> b.rows + b.dropped_rows + b.rejected_rows "
        f"AND rollup NOT IN (SELECT rollup FROM {m}.batches WHERE kind = 'rebuild')"
    )
    names = connection.execute(
        f"SELECT r.rollup, r.parent, r.expired_before, r.consumed = p.last_batch FROM {m}.rollups r "
        f"LEFT JOIN {m}.rollups p ON r.parent = p.rollup"
    ).fetchall()
    for name, parent, expired, current in names:
        # How bins are cut depends on the order of rows, which threads make; what they hold together does not.
        none(f"SELECT * FROM {name} WHERE abs(approx_histogram_stats(prices).mean - revenue / bids) > 1e-6")
        (bids,) = connection.execute(f"SELECT coalesce(sum(bids), 0) FROM {name}").fetchall()[0]
        if parent is None and expired is None:
            kinds = connection.execute(
                f"SELECT kind, rows FROM {m}.batches WHERE rollup = ? ORDER BY batch", [name]
            ).fetchall()
            last = max((place for place, (kind, _) in enumerate(kinds) if kind == "replay"), default=0)
            if not any(kind in ("rebuild", "import") for kind, _ in kinds[last:]):
                assert bids == sum(rows for _, rows in kinds[last:])
        elif current and not any(gone for _, _, gone, _ in names):
            assert [(bids,)] == connection.execute(f"SELECT sum(bids) FROM {parent}").fetchall()


def copied(job: Job, folder: Path) -> Job:
    """The same job with a database of its own."""
    folder.mkdir(parents=True)
    other = Job.__new__(Job)
    other.__dict__ = {**job.__dict__, "folder": folder, "database": folder / "rollups.duckdb"}
    other.errors = folder / "stderr"
    shutil.copy(job.database, other.database)
    return other


@contextmanager
def faulty(
    monkeypatch: pytest.MonkeyPatch, at: int, when: str, error: BaseException | None, wait: float
) -> Iterator[Callable[[Job], Rollup]]:
    """Opens rollups of which one statement fails; statements before the first call are not counted."""
    opened = rollup_module.open_database
    rollups = []

    def make(job: Job) -> Rollup:
        connection = opened(job.database, None, 0)
        with monkeypatch.context() as patch:
            patch.setattr(rollup_module, "open_database", lambda *_: Faulty(connection, lambda *_: None))
            rollup = job.open(wait=wait)
        proxy: Any = rollup._connection
        proxy.texts, proxy.fault = [], Injector(at, when, error)
        rollups.append(rollup)
        return rollup

    with monkeypatch.context() as patch:
        patch.setattr(given_source, "rows_that_fit", lambda *_: A_FILE)
        yield make
    for rollup in rollups:
        rollup.close()
