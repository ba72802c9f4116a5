"""A soak: a job is worked on at random, under faults of every kind, and again and again all is as a clean run has it.

python tests/support/soak.py HOURS [SEED [EPOCH]]

An epoch is a job of its own, from its first files to its expiry. With EPOCH only that one is run, as it was: what
happens in a step depends on the seed, the epoch and the number of the step alone, but for the moments of `kill -9`.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from crashing import KINDS, KINDS_OF_FILES, Clock, Injector, causes, watched
from disks import full, mounted
from jobs import KILLED, STATEMENT, Job, events, faulty, rows_of_file, summary

import duckdb_sketch
from duckdb_sketch.rollup import Level, Rollup, RollupError
from duckdb_sketch.rollup.pipeline import watermark

STEPS = 40  # of an epoch
MOST_FILES = 60  # of an epoch
CUT = -25  # what a process ends with whose file became too long
APPENDED = 100  # from this number on events are in no file: weeks after all that are
LEVELS = {"daily": ("hourly", "day"), "weekly": ("daily", "week"), "monthly": ("daily", "month")}
EXPIRES = datetime(2024, 1, 31)


class SoakError(AssertionError):
    """Says which step went wrong, so that it can be done again."""


class Counts:
    """What has been done, over all epochs."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.actions: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.missed = 0  # faults that came after the end of what they were for
        self.comparisons: Counter[str] = Counter()
        self.epochs = 0
        self.largest = 0.0  # how many times a database was the size of one that has only just been written
        self.memory: list[int] = []  # of this process, in bytes, after each epoch

    def line(self) -> str:
        memory = f", {self.memory[-1] >> 20} MiB" if self.memory else ""
        return (
            f"{(time.monotonic() - self.begun) / 60:.0f} min: {self.epochs} epochs, {self.actions.total()} actions, "
            f"{self.faults.total()} faults, {self.comparisons.total()} comparisons{memory}"
        )

    def __str__(self) -> str:
        def listed(counter: Counter[str]) -> str:
            return ", ".join(f"{number} {name}" for name, number in sorted(counter.items()))

        memory = f"{self.memory[0] >> 20} MiB after the first epoch, {self.memory[-1] >> 20} after the last; "
        return (
            f"{self.line()}\nactions: {listed(self.actions)}\nfaults: {listed(self.faults)}; {self.missed} came too "
            f"late\ncomparisons: {listed(self.comparisons)}\nmemory: {memory if self.memory else ''}databases at most "
            f"{self.largest:.1f} times as large as a copy"
        )


class Epoch:
    """One job, what ought to be in it, and what is done to it."""

    def __init__(self, folder: Path, name: str, counts: Counts) -> None:
        self.name = name
        self.counts = counts
        self.random = random.Random(name)
        self.job = Job(folder, 0)
        self.out = folder / "out"
        self.files: dict[int, int] = {}  # how many rows each has
        self.appended: list[int] = []
        self.appends = self.random.random() < 0.5  # then there is no replay
        self.levels: list[str] = []

    def run(self, steps: int, over: Callable[[], bool]) -> None:
        self.new_files()
        for number in range(steps):
            if over():
                break
            self.random = random.Random(f"{self.name}/{number}")
            action = self._choose()
            where = f"epoch {self.name}, step {number}, {action.__name__}"
            try:
                action()
                self.counts.actions[action.__name__.replace("_", " ")] += 1
                if number % 4 == 3:
                    self.compare()
            except (Exception, pytest.fail.Exception) as error:
                raise SoakError(f"{where}: {error!r}") from error
        try:
            self.expire()
            self.compare_sizes()
        except (Exception, pytest.fail.Exception) as error:
            raise SoakError(f"epoch {self.name}, at its end: {error!r}") from error
        self.counts.epochs += 1

    def _choose(self) -> Callable[[], None]:
        full = len(self.files) >= MOST_FILES
        choices: list[tuple[Callable[[], None], int]] = [
            (self.new_files, 0 if full else 6),
            (self.append, 4 if self.appends else 0),
            (self.append_again, 2 if self.appended else 0),
            (self.two_refreshes, 0 if full else 2),
            (self.replay, 1 if self.appends else 3),
            (self.coarsen, 3 if len(self.levels) < len(LEVELS) else 1),
            (self.change_files, 3),
            (self.truncated_files, 0 if full else 3),
            (self.export, 5),
        ]
        actions, weights = zip(*choices, strict=True)
        chosen: Callable[[], None] = self.random.choices(actions, weights)[0]
        return chosen

    # What is done

    def new_files(self) -> None:
        self._write(self._unused(self.random.randint(1, 4)))
        self._under_fire(self.job.refreshing(), lambda rollup: rollup.refresh())

    def append(self) -> None:
        number = APPENDED + self.random.randrange(100)
        if number not in self.appended:
            self.appended.append(number)
        self._under_fire(
            self.job.appending(number, f"batch {number}"),
            lambda rollup: rollup.append(events(number), batch_id=f"batch {number}"),
        )

    def append_again(self) -> None:
        number = self.random.choice(self.appended)
        self._in_process(lambda rollup: self._none(rollup.append(events(number), batch_id=f"batch {number}").rows))

    def two_refreshes(self) -> None:
        self._write(self._unused(3))
        processes = [self.job.start([*self.job.refreshing(), "--wait", "120"]) for _ in range(2)]
        if self.random.random() < 0.5:
            time.sleep(self.random.uniform(0, 2))
            if processes[0].poll() is None:
                processes[0].kill()
                self.counts.faults["kills beside another process"] += 1
        codes = [process.wait() for process in processes]
        assert codes[0] in (0, KILLED), codes
        assert codes[1] == 0, (codes, self.job.errors.read_text())

    def replay(self) -> None:
        if not self.appended:
            self._under_fire(self.job.replaying(), lambda rollup: rollup.replay())
            self._in_process(lambda rollup: self._none(self._leftovers(rollup)))
            return
        with pytest.raises(RollupError, match=r"(was|were) appended"):
            self._in_process(lambda rollup: rollup.replay())

    def coarsen(self) -> None:
        missing = [
            name for name, (of, _) in LEVELS.items() if name not in self.levels and of in (*self.levels, "hourly")
        ]
        name = self.random.choice(missing or list(LEVELS))
        of, every = LEVELS[name]
        self._under_fire(
            self.job.coarsening(of, every, name), lambda rollup: self._level(rollup, of).coarsen(every, name)
        )
        if name not in self.levels:
            self.levels.append(name)

    def change_files(self) -> None:
        changed = self.random.sample(sorted(self.files), min(len(self.files), self.random.randint(1, 2)))
        self._write(changed)
        self.counts.faults["changed files"] += len(changed)
        self._refused(self.job.refreshing(), f"{min(changed):03}.parquet", 3)
        self._under_fire(
            self.job.refreshing("--on-change", "rebuild"), lambda rollup: rollup.refresh(on_change="rebuild")
        )

    def truncated_files(self) -> None:
        new = self._unused(3)
        self._write(new)
        bad = self.random.choice(new)
        path = self._path(bad)
        good = path.read_bytes()
        kept = self.random.choice([0, 3, self.random.randrange(len(good)), len(good) - 1])
        path.write_bytes(good[:kept])
        self.counts.faults["truncated files"] += 1
        self._refused(self.job.refreshing(), path.name)
        self._touch(path, good)
        self._under_fire(self.job.refreshing(), lambda rollup: rollup.refresh())

    def export(self) -> None:
        level = self.random.choice(["hourly", *self.levels])
        folder = self.out / level
        partition = "day" if level in ("hourly", "daily") else "month" if level == "monthly" else "week"
        folder.parent.mkdir(exist_ok=True)
        self._under_fire(
            self.job.exporting(folder, level, partition),
            lambda rollup: self._level(rollup, level).export(folder, partition),
            folder,
        )
        self.compare_export(level, folder)

    def expire(self) -> None:
        """The end of an epoch: the old hours go, their days stay."""
        self._under_fire(
            self.job.expiring(), lambda rollup: rollup.expire(before=EXPIRES), settled=lambda: self.compare(EXPIRES)
        )
        self.compare(EXPIRES)

    # How it fails

    def _under_fire(
        self,
        arguments: list[str],
        act: Callable[[Rollup], Any],
        exported: Path | None = None,
        settled: Callable[[], None] | None = None,
    ) -> None:
        """Do something that may fail, look at what there is, and do it again until it is done."""
        for _ in range(self.random.choice([0, 1, 1, 2])):
            kinds = ["statement", "moment", "write", "exception", "exception"]
            if os.path.ismount(self.job.folder.parent):
                kinds.append("room")
            if exported:
                kinds += ["file", "file", "file exception", "file exception"]
            if self._fail(self.random.choice(kinds), arguments, act, exported):
                return
            if self.random.random() < 0.5:
                self.job.look()  # which checks it
                self.counts.comparisons["manifests with the tables, after a fault"] += 1
        if self.random.random() < 0.5:
            self._run_well(arguments)
        else:
            self._in_process(act)

    def _fail(self, kind: str, arguments: list[str], act: Callable[[Rollup], Any], exported: Path | None) -> bool:
        """Do it with a fault; whether it came to its end."""
        at, job = self.random.randint(1, 150), self.job
        when = self.random.choice(["before", "after"])
        moment = self.random.uniform(0.3, 3)
        size = self.random.choice([4096, 20_000, 100_000, 300_000, 1_000_000])
        error = self.random.choice(KINDS if kind == "exception" else KINDS_OF_FILES)()
        operation = self.random.randint(1, 40)
        room = self.random.choice([0, 4096, 20_000, 100_000, 300_000, 1_000_000])
        if kind.endswith("exception"):
            watch = exported if kind.startswith("file") else None
            raised = self._in_process(act, at if watch is None else operation, when, error, watch)
            return self._counted("exceptions at files" if watch else "exceptions at statements", raised)
        if kind == "room":
            with full(job.folder, room):
                code = job.run(arguments)
            assert code in (0, 1), job.errors.read_text()
            return self._counted("full disks", code != 0)
        if kind == "moment":
            process = job.start(arguments)
            time.sleep(moment)
            process.kill()
            code = process.wait()
        elif kind == "write":
            code = job.run(arguments, size, "write")
        elif kind == "file":
            code = job.run(arguments, operation, str(exported))
        else:
            code = job.run(arguments, at, when)
        assert code in (0, KILLED, CUT), (code, job.errors.read_text())
        return self._counted(f"kills at a {kind}", code != 0)

    def _counted(self, name: str, failed: bool) -> bool:
        if failed:
            self.counts.faults[name] += 1
        else:
            self.counts.missed += 1
        return not failed

    def _in_process(
        self,
        act: Callable[[Rollup], Any],
        at: int = 0,
        when: str = "before",
        error: BaseException | None = None,
        folder: Path | None = None,
    ) -> bool:
        """Do it in this process, perhaps under a clock that is wrong; whether the fault came up."""
        conflict = isinstance(error, duckdb.TransactionException)
        with pytest.MonkeyPatch.context() as patch:
            if self.random.random() < 0.3:
                Clock.year_now = self.random.choice([1970, 2023, 2024, 2199])
                patch.setattr(watermark, "datetime", Clock)
                self.counts.faults["clocks that were wrong"] += 1
            statement = error if folder is None else None
            with faulty(patch, at, when, statement, 10 if conflict else 0) as make:
                rollup = make(self.job)
                try:
                    if folder is None:
                        act(rollup)
                    else:
                        with watched(folder, Injector(at, "before", error)):
                            act(rollup)
                except BaseException as caught:
                    if error is None or error not in causes(caught):
                        raise
                    return True
                finally:
                    proxy: Any = rollup._connection
                    proxy.inner.execute("BEGIN")  # fails if a transaction is open
                    proxy.inner.execute("ROLLBACK")
        return False

    def _run_well(self, arguments: list[str]) -> None:
        self.job.run_well(arguments)

    def _refused(self, arguments: list[str], name: str, code: int = 1) -> None:
        assert self.job.run(arguments) == code, f"{name} was not refused"
        (error,) = (line for line in map(json.loads, self._lines()) if line["event"] == "error")
        assert name in error["message"], (name, error)

    def _lines(self) -> list[str]:
        return [line for line in self.job.errors.read_text().splitlines() if line.startswith("{")]

    # Files

    def _unused(self, number: int) -> list[int]:
        return sorted(self.random.sample([n for n in range(MOST_FILES + 10) if n not in self.files], number))

    def _path(self, number: int) -> Path:
        return self.job.data / f"{number:03}.parquet"

    def _write(self, numbers: list[int]) -> None:
        with duckdb.connect() as connection:
            for number in numbers:
                rows = self.random.choice([n for n in range(440, 500) if n != self.files.get(number)])
                away = self.job.data / "away"
                connection.execute(f"COPY ({rows_of_file(number, rows)}) TO '{away}' (FORMAT parquet)")
                self._touch(self._path(number), away.read_bytes())
                self.files[number] = rows
        away.unlink()

    def _touch(self, path: Path, content: bytes) -> None:
        """Write a file at a time that some clock shows, later or earlier than that of the file before."""
        path.write_bytes(content)
        now = time.time_ns() + self.random.randint(-(10**18), 10**18)
        os.utime(path, ns=(now, now))

    # What ought to be

    def compare(self, expired: datetime | None = None) -> None:
        """See that each table is what its statement makes of all files and batches at once."""
        self._run_well(self.job.refreshing())
        tables, _ = self.job.look()
        self.counts.comparisons["manifests with the tables"] += 1
        assert sorted(tables) == sorted(["hourly", *self.levels])
        sources = [f"FROM ({rows_of_file(number, rows)})" for number, rows in sorted(self.files.items())]
        with duckdb_sketch.connect() as connection:
            for number in self.appended:
                connection.register(f"appended_{number}", events(number))
                sources.append(f"FROM appended_{number}")
            connection.execute(f"CREATE TEMP TABLE bids AS {' UNION ALL BY NAME '.join(sources)}")
            for name, rows in tables.items():
                every = "hour" if name == "hourly" else LEVELS[name][1]
                unit = STATEMENT.replace("'hour', ts) AS hour", f"'{every}', ts) AS {every}")
                old = f"AND date_trunc('hour', ts) >= TIMESTAMP '{expired}'" if expired and name == "hourly" else ""
                query = unit.replace("FROM bids", f"FROM bids WHERE ts IS NOT NULL {old}")
                expected = connection.execute(summary(f"({query})")).fetchall()
                # DuckDB before 2.0 truncates a TIMESTAMP to a DATE.
                found, wanted = (
                    {(str(row[0])[:19].removesuffix(" 00:00:00"), *row[1:]) for row in each}
                    for each in (rows, expected)
                )
                assert found == wanted, (name, sorted(map(repr, found ^ wanted))[:4], len(found ^ wanted))
                assert len(rows) == len(expected)
                self.counts.comparisons["tables with a clean run"] += 1

    def compare_export(self, level: str, folder: Path) -> None:
        """See that an export is whole, that plain Parquet is what the table is, and that its import is."""
        assert json.loads((folder / "_rollup.json").read_text())["complete"]
        assert list(folder.rglob("*.tmp")) == []
        tables, _ = self.job.look()
        with duckdb_sketch.connect() as connection:
            files = f"read_parquet('{folder}/*/*.parquet', hive_partitioning = false)"
            assert connection.execute(summary(files)).fetchall() == tables[level], level
            self.counts.comparisons["exports with the table"] += 1
        if level == "hourly":
            with Rollup.from_export(folder, database=":memory:") as imported:
                assert imported.connection.execute(summary("hourly")).fetchall() == tables[level]
                self.counts.comparisons["imports with the table"] += 1

    def compare_sizes(self) -> None:
        """See that what was done again and again has left nothing in the database."""
        self._in_process(lambda rollup: self._none(self._leftovers(rollup)))
        copy = self.job.folder / "small.duckdb"
        with duckdb.connect(str(self.job.database)) as connection:
            connection.execute(f"ATTACH '{copy}' AS small")
            (name,) = connection.execute("SELECT current_database()").fetchall()[0]
            connection.execute(f"COPY FROM DATABASE {name} TO small")
        size, fresh = self.job.database.stat().st_size, copy.stat().st_size
        self.counts.largest = max(self.counts.largest, size / fresh)
        assert size < 5 * fresh + 5_000_000, (size, fresh)
        known = {"data", "out", "stderr", "hourly.sql", "copy.duckdb", "small.duckdb", self.job.database.name}
        found = {path.name for path in self.job.folder.iterdir()} - known
        # A kill while the first, empty database was made leaves that.
        assert {name for name in found if not name.startswith(f".{self.job.database.name}.")} == set(), found
        gc.collect()
        self.counts.memory.append(resident())

    def _leftovers(self, rollup: Rollup) -> int:
        found = rollup.connection.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE table_name LIKE '%replay%' AND NOT temporary"
        ).fetchall()
        return int(found[0][0])

    def _level(self, rollup: Rollup, name: str) -> Level:
        return rollup if name == "hourly" else Level(rollup._connection, name, shared=True)

    def _none(self, number: int) -> None:
        assert number == 0


def resident() -> int:
    """The bytes of memory that this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def soak(folder: Path, seed: int, over: Callable[[], bool], counts: Counts, *, only: int | None = None) -> None:
    """Run epochs until it is over, or one of them. What failed is kept beside the folder.

    Raises:
        SoakError: If anything is not as a clean run has it.
    """
    said = time.monotonic()
    folder.mkdir(exist_ok=True)

    def told() -> bool:
        nonlocal said
        if time.monotonic() >= said + 60:
            said = time.monotonic()
            print(counts.line(), flush=True)
        return over()

    for number in itertools.count() if only is None else [only]:
        if over():
            break
        with mounted(folder, "256m") as problem:
            if problem and not number:
                print(f"no disk will be full: {problem}", flush=True)
            place = folder / str(number)
            try:
                Epoch(place, f"{seed}/{number}", counts).run(STEPS, told)
            except SoakError:
                shutil.copytree(place, folder.with_name(f"{folder.name}-failed"))
                raise
            shutil.rmtree(place)
        # Ten epochs are time enough for what is kept once.
        if len(counts.memory) > 10 and counts.memory[-1] > 1.5 * max(counts.memory[5:10]) + 200_000_000:
            raise SoakError(f"memory grows: {counts.memory}")


def main() -> None:
    hours, *more = sys.argv[1:]
    seed, only = (*map(int, more), None, None)[:2]
    seed = time.time_ns() % 100_000 if seed is None else seed
    end = time.monotonic() + float(hours) * 3600
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    print(f"seed {seed}, in {folder}", flush=True)
    counts = Counts()
    soak(folder, seed, lambda: time.monotonic() >= end, counts, only=only)
    print(counts)
    folder.rmdir()


if __name__ == "__main__":
    main()
