"""Exactly once: whatever is killed, fails or runs twice, the tables come out as those of one clean run."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pytest
from crashing import KINDS, Clock, causes
from disks import limited, resize, small_disk
from jobs import FILES, FIRST, KILLED, PATH, Job, copied, events, faulty, look, same, write_events
from processes import PROJECT
from samples import every, samples

from duckdb_sketch.rollup import Rollup
from duckdb_sketch.rollup.pipeline import watermark

pytestmark = [pytest.mark.newest_duckdb, pytest.mark.thorough]

# Killed processes


class Clean:
    """What the tables hold after one clean run, by the rule for late rows; how long a start took, and a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.found: dict[str, Any] = {}
        self.start = self.a_file = 0.0

    def tables(self, late: str) -> Any:
        if late not in self.found:
            job = Job(self.folder / late, FIRST)
            job.run_well(job.refreshing("--allowed-lateness", "6 hours", "--late", late))
            job.levels()
            job.put(range(FIRST, FILES))
            took = self._timed(job)
            self.start = self._timed(job)
            self.a_file = max(took - self.start, 0.1) / (FILES - FIRST)
            self.found[late] = job.look()
        return self.found[late]

    def _timed(self, job: Job) -> float:
        begun = time.monotonic()
        job.run_well(job.refreshing())
        return time.monotonic() - begun


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Clean:
    return Clean(tmp_path_factory.mktemp("clean"))


class Killer:
    """Kills at random moments, and keeps count."""

    def __init__(self, seed: int, clean: Clean) -> None:
        self.random = random.Random(seed)
        self.clean = clean
        self.kills = self.counting = self.leftovers = 0

    def run(self, job: Job, arguments: list[str], files: int) -> bool:
        """Start it, and kill it somewhere on its way if it has not come to its end by then; whether it has."""
        # A process is busy with imports for a good part of its life: most kills wait for one of its batches.
        spread = self.random.random() < 0.25 or "refresh" not in arguments
        batches = 0 if spread else self.random.randint(1, files)
        moment = self.random.uniform(0, self.clean.start if spread else self.clean.a_file)
        process = job.start(arguments)
        while process.poll() is None and job.errors.read_text().count("of_files") < batches:
            time.sleep(0.002)
        try:
            code = process.wait(moment)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        assert code in (0, KILLED), job.errors.read_text()
        if code == KILLED:
            self.kills += 1
            self.counting += job.was_counting()
            self.leftovers += job.database.with_name(job.database.name + ".wal").exists()
        return code == 0

    def __str__(self) -> str:
        return (
            f"{self.kills} kills: {self.counting} while a refresh was counting files, the others before or after; "
            f"{self.leftovers} left a write-ahead log"
        )


def refresh_under_fire(folder: Path, killer: Killer, late: str, most: int) -> Any:
    """Two refreshes, with two levels made between them, of which any is killed on its way until there were enough."""
    job = Job(folder, FIRST)
    first = job.refreshing("--allowed-lateness", "6 hours", "--late", late)
    steps = [
        (first, FIRST),
        (job.coarsening("hourly", "day", "daily"), 2),
        (job.coarsening("daily", "month", "monthly"), 2),
        (job.refreshing(), FILES - FIRST),
    ]
    for arguments, files in steps:
        if arguments is steps[-1][0]:
            job.put(range(FIRST, FILES))
        elif "coarsen" in arguments and killer.random.random() < 0.8:
            files = 0  # most kills are for refreshes
        while files and killer.kills < most and not killer.run(job, arguments, files):
            counted = len(job.look()[1].get("slices", ()))  # which checks what is there after each kill
            left = (FILES if arguments is steps[-1][0] else FIRST) - counted
            files = max(left, 1)
            # On a busy machine a process takes longer to end than to be killed, once there is nothing left to count.
            if (not left or arguments is not steps[-1][0]) and killer.random.random() < 0.6:
                break
        job.run_well(arguments)
    return job.look()


def test_a_killed_refresh_goes_on(tmp_path: Path, clean: Clean, capsys: pytest.CaptureFixture[str]) -> None:
    expected = clean.tables("merge")
    killer = Killer(4, clean)
    same(refresh_under_fire(tmp_path / "job", killer, "merge", 7), expected)
    with capsys.disabled():
        print(f"\n{killer}")


@pytest.mark.slow
def test_many_killed_refreshes_go_on(tmp_path: Path, clean: Clean, capsys: pytest.CaptureFixture[str]) -> None:
    assert clean.tables("merge") != clean.tables("drop")
    killer = Killer(2024, clean)
    rounds = 0
    kills = samples(16)
    while killer.kills < kills:
        late = ("merge", "drop")[rounds % 2]
        same(refresh_under_fire(tmp_path / str(rounds), killer, late, kills), clean.tables(late))
        shutil.rmtree(tmp_path / str(rounds))
        rounds += 1
    with capsys.disabled():
        print(f"\n{killer}; {rounds} rounds")
    assert killer.counting >= kills // 4


# Killed at a statement: replay, coarsen, expire and append are one transaction at the end of some work, and what is
# there is the old or the new.


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A job that has counted its files, and has two levels. To be copied."""
    job = Job(tmp_path_factory.mktemp("kept") / "job", 4)
    job.run_well(job.refreshing())
    job.levels()
    return job


def killable(job: Job, action: str) -> list[str]:
    if action == "replay":
        return job.replaying()
    if action == "coarsen":
        return job.coarsening("hourly", "week", "weekly")
    return job.expiring()


def kill_at_statements(kept: Job, folder: Path, action: str, step: int) -> int:
    """Kill an action before or after every `step`-th of its statements."""
    clean = copied(kept, folder / "clean")
    old = clean.look()
    clean.run_well(killable(clean, action))
    new = clean.look()
    assert old != new
    kills = 0
    number = 1
    while True:
        when = ("after", "before")[number % 2]
        job = copied(kept, folder / str(number))
        code = job.run(killable(job, action), number, when)
        found = job.look()
        if code == 0:
            same(found, new)
            return kills
        assert code == KILLED, job.errors.read_text()
        kills += 1
        same(found, new if found == new else old)
        if found == old:
            job.run_well(killable(job, action))
            same(job.look(), new)
        number += step
        shutil.rmtree(job.folder)


def test_a_killed_replay_did_all_or_nothing(kept: Job, tmp_path: Path) -> None:
    assert kill_at_statements(kept, tmp_path, "replay", 61) > 0


@pytest.mark.slow
@pytest.mark.parametrize("action", ["replay", "coarsen", "expire"])
def test_an_action_killed_at_any_statement_did_all_or_nothing(
    kept: Job, tmp_path: Path, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    kills = kill_at_statements(kept, tmp_path, action, every(31))
    with capsys.disabled():
        print(f"\n{action}: {kills} kills")
    assert kills > 0


# Several processes


def test_two_refreshes_at_the_same_time_count_everything_once(tmp_path: Path) -> None:
    clean, job = Job(tmp_path / "clean", 6), Job(tmp_path / "job", 6)
    clean.run_well(clean.refreshing())
    processes = [job.start(job.refreshing("--wait", "60")) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0], job.errors.read_text()
    same(job.look(), clean.look())


def test_a_refresh_that_does_not_wait_names_the_process_that_it_met(tmp_path: Path) -> None:
    job = Job(tmp_path / "job", 1)
    code = "import sys, duckdb_sketch; c = duckdb_sketch.connect(sys.argv[1]); print('open', flush=True); input()"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(job.database)],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": PATH},
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        assert job.run(job.refreshing()) == 75
        assert f"process {holder.pid}" in job.errors.read_text()
    finally:
        holder.kill()
        holder.communicate()
    job.run_well(job.refreshing())


# Exceptions at each statement, in one process


def change_a_file(job: Job) -> None:
    """Two more rows in one of the files, whose folder becomes the job's own."""
    job.own_data()
    file = job.data / "001.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t AS FROM '{file}'")
        connection.execute("INSERT INTO t FROM t WHERE ts IS NOT NULL LIMIT 2")
        connection.execute(f"COPY t TO '{file}'")


def add_files(job: Job) -> None:
    data = job.folder / "data"
    data.mkdir()
    write_events(data, range(4, 6))
    job.data = data


def no_change(job: Job) -> None:
    pass


def reader(number: int) -> pyarrow.RecordBatchReader:
    """The events as a stream, which can be read once."""
    return events(number).to_reader(100)


#: How statements begin that change nothing which another connection could see.
READING = ("SELECT", "DESCRIBE", "FROM", "WITH")
#: What is prepared, and what is done then.
ACTIONS: dict[str, tuple[Callable[[Job], None], Callable[[Rollup], Any]]] = {
    "refresh": (add_files, lambda rollup: rollup.refresh()),
    "catch up": (no_change, lambda rollup: (rollup.append(events(1), batch_id="a", levels=False), rollup.refresh())),
    "append": (no_change, lambda rollup: rollup.append(events(1), batch_id="a")),
    "append a stream": (no_change, lambda rollup: rollup.append(reader(1), batch_id="a")),
    "replay": (no_change, lambda rollup: rollup.replay()),
    "rebuild": (change_a_file, lambda rollup: rollup.refresh(on_change="rebuild")),
    "coarsen": (no_change, lambda rollup: rollup.coarsen("week", "weekly")),
    "expire": (no_change, lambda rollup: rollup.expire(before=datetime(2024, 1, 31))),
}


def inject(kept: Job, folder: Path, monkeypatch: pytest.MonkeyPatch, action: str, step: int) -> int:
    """Let every `step`-th statement of an action fail, and do it again; how many failed."""
    prepare, act = ACTIONS[action]
    prepared = copied(kept, folder / "prepared")
    prepare(prepared)
    states = [prepared.look()]

    with faulty(monkeypatch, 0, "before", None, 0) as make:
        job = copied(prepared, folder / "clean")
        rollup = make(job)
        begun: Any = rollup._connection
        begun.texts = []

        def after_commit(number: int, when: str) -> None:
            if when == "before" or begun.texts[-1].lstrip().startswith(READING):
                return
            with begun.inner.cursor() as cursor:
                found = look(cursor)
            if found != states[-1]:
                states.append(found)

        begun.fault = after_commit
        act(rollup)
        # After one statement is before the next, but where a transaction begins or ends.
        faults_at = [
            (number, when)
            for number, text in enumerate(begun.texts, 1)
            for when in ("before", "after")
            if when == "before" or text in ("BEGIN TRANSACTION", "COMMIT")
        ]
    assert len(states) > 1

    for faults, (at, when) in enumerate(faults_at[::step]):
        error = KINDS[faults % len(KINDS)]()
        if when == "after" and isinstance(error, duckdb.TransactionException):
            error = KINDS[0]()  # what has been committed had no conflict
        conflict = isinstance(error, duckdb.TransactionException)
        where = f"{action}: {error!r} {when} statement {at}"
        job = copied(prepared, folder / f"{at}-{when}")
        with faulty(monkeypatch, at, when, error, 10 if conflict else 0) as make:
            rollup = make(job)
            proxy: Any = rollup._connection
            raised = None
            try:
                act(rollup)
            except BaseException as caught:
                raised = caught
            assert raised is None or error in causes(raised), where
            proxy.inner.execute("BEGIN")  # fails if one is open
            proxy.inner.execute("ROLLBACK")
            with proxy.inner.cursor() as cursor:
                found = look(cursor)
            assert found in states, where
            if found != states[-1]:
                act(rollup)
                with proxy.inner.cursor() as cursor:
                    found = look(cursor)
            try:
                same(found, states[-1])
            except AssertionError as different:
                raise AssertionError(where) from different
        shutil.rmtree(job.folder)
    return len(faults_at[::step])


@pytest.mark.parametrize("action", ACTIONS)
def test_after_an_exception_the_next_call_succeeds(
    kept: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    assert inject(kept, tmp_path, monkeypatch, action, 61) > 0


@pytest.mark.slow
@pytest.mark.parametrize("action", ACTIONS)
def test_after_an_exception_at_any_statement_the_next_call_succeeds(
    kept: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = inject(kept, tmp_path, monkeypatch, action, every(10))
    with capsys.disabled():
        print(f"\n{action}: {faults} faults")


# Full disks


def test_a_refresh_that_met_a_full_disk_goes_on_when_there_is_room(tmp_path: Path) -> None:
    clean = Job(tmp_path / "clean", FIRST)
    clean.run_well(clean.refreshing())
    clean.levels()
    clean.put(range(FIRST, 10))
    clean.run_well(clean.refreshing())
    with small_disk(tmp_path / "disk") as disk:
        job = Job(tmp_path / "job", FIRST)
        job.database = disk / "rollups.duckdb"
        codes = [job.run(job.refreshing())]
        resize(disk, "4m")
        job.run_well(job.refreshing())
        job.levels()
        job.put(range(FIRST, 10))
        full = disk / "full"
        full.write_bytes(bytes(shutil.disk_usage(disk).free // 4096 * 4096))
        for room in (0, 40_000, 100_000):
            with full.open("r+b") as filler:
                filler.truncate(full.stat().st_size - room)
            codes.append(job.run(job.refreshing()))
            assert codes[-1] in (0, 1), job.errors.read_text()
        assert codes[:2] == [1, 1]
        full.unlink()
        resize(disk, "64m")
        job.run_well(job.refreshing())
        same(job.look(), clean.look())


@pytest.mark.parametrize(
    "bytes_a_file",
    [60_000, *(pytest.param(size, marks=pytest.mark.slow) for size in (4096, 12_288, 30_000, 120_000, 270_000))],
)
def test_a_refresh_whose_files_may_not_grow_goes_on_when_they_may(tmp_path: Path, bytes_a_file: int, kept: Job) -> None:
    job = Job(tmp_path / "job", 4)
    with job.start(job.refreshing(), preexec_fn=limited(bytes_a_file), stderr=subprocess.PIPE) as process:
        _, errors = process.communicate()
    assert process.returncode in (0, 1), errors
    assert "Traceback" not in errors
    assert process.returncode == 1 or bytes_a_file > 100_000
    job.run_well(job.refreshing())
    job.levels()
    same(job.look(), kept.look())


# The same batch again


def append_in_a_child(job: Job, at: int) -> int:
    code = job.run(job.appending(3, "third"), at)
    assert code in (0, KILLED), job.errors.read_text()
    return code


def append_and_be_killed(kept: Job, folder: Path, step: int) -> int:
    clean = copied(kept, folder / "clean")
    old = clean.look()
    assert append_in_a_child(clean, 0) == 0
    new = clean.look()
    assert append_in_a_child(clean, 0) == 0
    same(clean.look(), new)
    at, kills = 1, 0
    while True:
        job = copied(kept, folder / str(at))
        code = append_in_a_child(job, at)
        found = job.look()
        assert found in (old, new)
        if code == 0:
            return kills
        kills += 1
        assert append_in_a_child(job, 0) == 0
        same(job.look(), new)
        at += step


def test_a_batch_appended_again_after_a_crash_is_counted_once(kept: Job, tmp_path: Path) -> None:
    assert append_and_be_killed(kept, tmp_path, 50) > 0


@pytest.mark.slow
def test_a_batch_appended_again_after_any_crash_is_counted_once(
    kept: Job, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kills = append_and_be_killed(kept, tmp_path, every(25))
    with capsys.disabled():
        print(f"\nappend: {kills} kills")


# Clocks


def test_a_clock_that_jumps_back_moves_no_watermark_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watermark, "datetime", Clock)
    job = Job(tmp_path / "job", 2)
    with Rollup.from_sql(
        job.statement, sources={"bids": f"{job.data}/*.parquet"}, database=job.database, allowed_lateness=timedelta(0)
    ) as rollup:
        highest = rollup.refresh().watermark
        rollup.coarsen("day", "daily")
        assert highest is not None
        for year in (2023, 1999, 2024, 2022):
            Clock.year_now = year
            assert rollup.append(events(year - 1990), batch_id=str(year)).watermark >= highest
            assert rollup.append(events(0), batch_id=str(year)).rows == 0
            watermarks = {status.watermark for status in rollup.status()}
            assert len(watermarks) == 1
            (now,) = watermarks
            assert now is not None
            assert now >= highest
            highest = now
        Clock.year_now = 2000
        assert rollup.refresh().watermark == highest
        look(rollup.connection)


def test_clocks_that_jump_between_refreshes_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watermark, "datetime", Clock)
    found = []
    for years in ((2024, 2024, 2024), (2024, 1999, 2024), (2100, 2024, 2031), (1999, 2024, 2024)):
        job = Job(tmp_path / "-".join(map(str, years)), 0)
        for number, Clock.year_now in enumerate(years):
            new = range(number * 2, number * 2 + 2)
            job.put(new)
            for each in new:  # the times of files are of such clocks as well
                os.utime(job.data / f"{each:03}.parquet", (datetime(Clock.year_now, 2, 3).timestamp(),) * 2)
            with job.open() as rollup:
                assert rollup.refresh().files == 2
                rollup.coarsen("day", "daily")
                assert rollup.export(job.folder / "out").written
                assert rollup.refresh().batches == []
                assert rollup.export(job.folder / "out").written == ()
        found.append(job.look()[0])
        with job.open() as rollup:
            found[-1]["status"] = [(status.rollup, status.rows, status.watermark) for status in rollup.status()]
    for other in found[1:]:
        same([other], [found[0]])
