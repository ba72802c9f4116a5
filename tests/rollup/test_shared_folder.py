"""Two machines, one shared folder: they read the same files, and export to it; no export is ever a mixture of two."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from jobs import PATH, Job, events, summary, write_events
from processes import PROJECT
from samples import samples

import duckdb_sketch
from duckdb_sketch.rollup import LockedError, ManifestError, Rollup, RollupError
from duckdb_sketch.rollup.archive import local_place

pytestmark = pytest.mark.thorough

FILES = 4


class Machines:
    """Two databases, each with a rollup of the same statement over the files of one folder."""

    def __init__(self, folder: Path) -> None:
        self.first = Job(folder / "first", FILES)
        self.second = Job(folder / "second", 0)
        self.second.data.rmdir()
        self.second.data = self.first.data
        self.out = folder / "out"


@pytest.fixture
def machines(tmp_path: Path) -> Machines:
    return Machines(tmp_path)


@pytest.fixture
def both(machines: Machines) -> Iterator[tuple[Rollup, Rollup]]:
    """Both rollups; in each day the second has what the first has not, and it has a few days more."""
    with machines.first.open() as first, machines.second.open() as second:
        first.refresh()
        second.refresh()
        second.append(duckdb.sql(f"FROM '{machines.first.data}/*.parquet'").to_arrow_table())
        second.append(events(0))
        yield first, second


def in_table(rollup: Rollup) -> list[tuple[Any, ...]]:
    return rollup.connection.execute(summary(rollup.name)).fetchall()


def in_files(folder: Path) -> list[tuple[Any, ...]]:
    with duckdb_sketch.connect() as reader:
        files = f"read_parquet('{folder}/*/rollup.parquet', hive_partitioning = false)"
        return reader.execute(summary(files)).fetchall()


def test_each_exports_to_a_folder_of_its_own(machines: Machines, tmp_path: Path) -> None:
    with machines.first.open() as first, machines.second.open() as second:
        for rollup, name in ((first, "a"), (second, "b")):
            rollup.refresh()
            rollup.export(tmp_path / name, "day")
        assert in_files(tmp_path / "a") == in_files(tmp_path / "b") == in_table(first) == in_table(second)


def test_the_last_of_two_databases_that_export_to_one_folder_has_all_of_it(
    both: tuple[Rollup, Rollup], machines: Machines
) -> None:
    first, second = both
    for _ in range(2):
        first.append(events(2))
    assert first.status()[0].last_batch == second.status()[0].last_batch  # which tells them apart no more
    for rollup in (first, second, first, second, second):
        rollup.export(machines.out, "day")
        assert in_files(machines.out) == in_table(rollup)
        with Rollup.from_export(machines.out) as imported:
            assert in_table(imported) == in_table(rollup)
    # The manifest says of the folder what it did when the label was of the same batch here.
    first.append(events(3))
    first.export(machines.out, "day")
    assert in_files(machines.out) == in_table(first)
    assert first.export(machines.out, "day").written == ()


def test_what_is_in_the_archive_alone_is_not_overwritten_by_another_database(
    both: tuple[Rollup, Rollup], machines: Machines
) -> None:
    first, second = both
    first.export(machines.out, "day")
    first.expire(before=datetime(2024, 1, 31))
    first.export(machines.out, "day")
    archive = in_files(machines.out)
    with pytest.raises(RollupError, match=r"of another database.*2024-01-31.*Give another folder, or import"):
        second.export(machines.out, "day")
    assert in_files(machines.out) == archive
    with Rollup.from_export(machines.out) as imported:  # as the error says
        imported.append(events(5))
        imported.export(machines.out, "day")
        found = in_files(machines.out)
        assert [row for row in found if row[0] < datetime(2024, 1, 31)] == [
            row for row in archive if row[0] < datetime(2024, 1, 31)
        ]
        assert [row for row in found if row[0] >= datetime(2024, 1, 31)] == in_table(imported)


@contextmanager
def paused(monkeypatch: pytest.MonkeyPatch, at: int, action: Callable[[], object]) -> Iterator[None]:
    """Do something as a file is put in place for the `at`-th time; 0 stands for before there is a file to put."""
    place, name = (os, "replace") if at else (local_place, "write_manifest")
    original = getattr(place, name)
    calls = iter(range(1, 1000))

    def meanwhile(*arguments: Any) -> None:
        if next(calls) == max(at, 1):
            action()
        original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(place, name, meanwhile)
        yield


def test_databases_that_export_to_one_folder_take_turns(
    both: tuple[Rollup, Rollup], machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = both
    second._wait = 0

    def export() -> None:
        with pytest.raises(LockedError, match=f"another export to {machines.out} is running"):
            second.export(machines.out, "day")

    with paused(monkeypatch, 3, export):
        first.export(machines.out, "day")
    assert in_files(machines.out) == in_table(first)
    second._wait = 30
    threads: list[threading.Thread] = []

    def start() -> None:
        threads.append(threading.Thread(target=second.export, args=(machines.out, "day")))
        threads[0].start()
        time.sleep(0.2)

    first.append(events(2))
    with paused(monkeypatch, 2, start):
        first.export(machines.out, "day")
    threads[0].join()
    assert in_files(machines.out) == in_table(second)


@pytest.mark.parametrize("at", [0, 2, 4])
@pytest.mark.parametrize("apart", [True, False])
def test_where_locks_are_not_shared_a_mixture_does_not_pass_for_an_export(
    both: tuple[Rollup, Rollup], machines: Machines, monkeypatch: pytest.MonkeyPatch, at: int, apart: bool
) -> None:
    first, second = both

    def export() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(local_place, "lock_or_fail", lambda path: path.open("w"))
            if apart:  # what they have in common may give them away sooner
                patch.setattr(local_place, "_TEMPORARY", ".second.tmp")
            second.export(machines.out, "day")
        left.update(contents())

    def contents() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in machines.out.glob("*/rollup.parquet")}

    left: dict[Path, bytes] = {}
    message = "something else, such as an export" if apart or not at else "is not writable"
    with paused(monkeypatch, at, export), pytest.raises(RollupError, match=message):
        first.export(machines.out, "day")
    found = contents()
    if at:  # it has noticed at once, and left the others alone
        assert len([path for path, content in left.items() if found[path] != content]) <= 1
    try:
        with Rollup.from_export(machines.out) as imported:
            rows = in_table(imported)
        assert rows == in_files(machines.out) == in_table(second)
    except ManifestError as error:
        if not re.search("was interrupted|damaged|has [0-9]", str(error)):
            raise
    first.export(machines.out, "day")
    assert in_files(machines.out) == in_table(first)


def test_an_import_during_exports_is_of_one_of_them(both: tuple[Rollup, Rollup], machines: Machines) -> None:
    first, _ = both
    first.export(machines.out, "day")
    states = [in_table(first)]
    over = threading.Event()

    def export() -> None:
        for number in range(10, 16):
            first.append(events(number % 3))
            states.append(in_table(first))
            first.export(machines.out, "day")
        over.set()

    thread = threading.Thread(target=export)
    thread.start()
    found, refused = 0, 0
    while not over.is_set():
        try:
            with Rollup.from_export(machines.out) as imported:
                rows = in_table(imported)
            assert rows in states
            found += 1
        except ManifestError as error:
            refused += 1
            if "was interrupted, or is running" not in str(error) and "changed while it was read" not in str(error):
                raise
    thread.join()
    assert found + refused > 0
    with Rollup.from_export(machines.out) as imported:
        assert in_table(imported) == states[-1]


# Processes that do not see each other


def namespace(number: int) -> list[str]:
    """What puts a process on a machine of its own, as far as it can tell: with its own processes and name."""
    name = f'hostname machine{number} && exec "$@"'
    return ["unshare", "--pid", "--fork", "--kill-child", "--uts", "--mount-proc", "sh", "-c", name, "sh"]


@pytest.fixture(scope="module")
def _namespaces() -> None:
    try:
        tried = subprocess.run([*namespace(0), "true"], capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no unshare here to make machines with")
    if tried.returncode:
        pytest.skip(f"machines cannot be made: {tried.stderr.strip()}")


def start(machine: int, job: Job, arguments: list[str], errors: Path) -> subprocess.Popen[str]:
    script = str(PROJECT / "tests" / "support" / "crashing.py")
    with errors.open("w") as file:
        return subprocess.Popen(
            [*namespace(machine), sys.executable, script, "1", "0", "before", *arguments],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": PATH},
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=file,
        )


@pytest.mark.usefixtures("_namespaces")
def test_machines_that_export_to_one_folder_at_once_leave_the_export_of_one(machines: Machines, tmp_path: Path) -> None:
    exports_at_once(machines, tmp_path, 1)


@pytest.mark.slow
@pytest.mark.usefixtures("_namespaces")
def test_machines_that_export_to_one_folder_again_and_again_leave_the_export_of_one(
    machines: Machines, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed = exports_at_once(machines, tmp_path, rounds := samples(4))
    with capsys.disabled():
        print(f"\n{rounds} exports of two machines at once, {killed} killed")


def exports_at_once(machines: Machines, folder: Path, rounds: int) -> int:
    """Export from both at once, and kill one now and then; how many were."""
    jobs = (machines.first, machines.second)
    for job in jobs:
        with job.open() as rollup:
            rollup.refresh()
    killed = 0
    for number in range(rounds):
        for place, job in enumerate(jobs):
            with job.open() as rollup:
                rollup.append(events(number * 2 + place))
        started = [
            start(place, job, [*job.exporting(machines.out), "--wait", "60"], folder / f"errors {place}")
            for place, job in enumerate(jobs)
        ]
        if number % 2:
            time.sleep(0.1 + number / 20)
            killed += started[0].poll() is None
            started[0].kill()
        codes = [process.wait() for process in started]
        assert codes[1] == 0, (folder / "errors 1").read_text()
        tables = []
        for job in jobs:
            with job.open() as rollup:
                tables.append(in_table(rollup))
        assert tables[0] != tables[1]
        try:
            with Rollup.from_export(machines.out) as imported:
                assert in_table(imported) in tables
            assert in_files(machines.out) in tables
        except ManifestError as error:
            if "was interrupted" not in str(error) or not number % 2:
                raise
            machines.second.run_well(machines.second.exporting(machines.out))
            assert in_files(machines.out) == tables[1]
    return killed


@pytest.mark.usefixtures("_namespaces")
def test_a_database_that_is_open_on_another_machine_is_locked(machines: Machines, tmp_path: Path) -> None:
    code = (
        "import sys, duckdb_sketch; c = duckdb_sketch.connect(sys.argv[1]); print('open', flush=True); "
        "sys.stdin.readline()"
    )
    job = machines.first
    job.run_well(job.refreshing())
    write_events(job.data, range(FILES, FILES + 1))
    holder = subprocess.Popen(
        [*namespace(1), sys.executable, "-c", code, str(job.database)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": PATH},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    errors = tmp_path / "errors"
    # Which of the two processes has it cannot be told by its number.
    assert start(2, job, [*job.refreshing(), "--wait", "0"], errors).wait() == 75
    assert "is open in another process" in errors.read_text()
    waiting = start(2, job, [*job.refreshing(), "--wait", "60"], errors)
    time.sleep(1)
    holder.communicate("\n")
    assert waiting.wait() == 0, errors.read_text()
    with duckdb.connect(str(job.database)) as connection:
        assert connection.execute("SELECT count(*) FROM rollup_manifest.files").fetchall() == [(FILES + 1,)]
