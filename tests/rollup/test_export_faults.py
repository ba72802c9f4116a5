"""Exports and imports that fail, at any statement and any file: partitions stay whole, and the next one mends all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from crashing import KINDS, KINDS_OF_FILES, Faulty, Injector, causes, watched
from disks import full, limited, small_disk
from jobs import KILLED, Job, copied, faulty, rows_of_file, same
from samples import every

from duckdb_sketch.rollup import ManifestError, Rollup
from duckdb_sketch.rollup import rollup as rollup_module

pytestmark = pytest.mark.thorough

CUT = -25  # what a process ends with whose file became too long
KEPT, FAR = 50, 100  # the numbers of files that are alone in their days


class Exports:
    """A job, what it was exported as, and what a clean export makes of it now: new days, changed ones, old ones, gone.

    Attributes:
        job: To be copied.
        old: The folder of the export before.
        clean: What the next export makes of it.
        first: What an export to a new folder makes.
    """

    def __init__(self, folder: Path) -> None:
        self.job = job = Job(folder / "job", 2)
        job.put(range(KEPT, KEPT + 1))
        job.put(range(FAR, FAR + 1))
        job.run_well(job.refreshing())
        self.old, self.clean, self.first = (folder / name for name in ("old", "clean", "first"))
        job.run_well(job.exporting(self.old))
        job.put(range(2, 8))
        with duckdb.connect() as connection:
            connection.execute(f"COPY ({rows_of_file(FAR, 0)}) TO '{job.data}/{FAR}.parquet'")
        job.run_well(job.refreshing("--on-change", "rebuild"))
        for kept in (self.clean, self.first):
            case = self.case(folder / f"case {kept.name}", kept == self.clean)
            case.job.run_well(case.job.exporting(case.out))
            shutil.copytree(case.out, kept)
        before, now = content(self.old), content(self.clean)
        assert now == content(self.first)
        assert before.keys() - now.keys()
        assert now.keys() - before.keys()
        assert {now[day] == before[day] for day in now.keys() & before.keys()} == {True, False}

    def case(self, folder: Path, later: bool) -> Case:
        """A copy of the job, which was exported before or not."""
        job = copied(self.job, folder)
        out = folder / "out"
        if later:
            # The manifest knows the folder by its path.
            shutil.copytree(self.old, out)
            with duckdb.connect(str(job.database)) as connection:
                connection.execute("UPDATE rollup_manifest.exports SET folder = ?", [str(out.resolve())])
        else:
            with duckdb.connect(str(job.database)) as connection:
                connection.execute("DELETE FROM rollup_manifest.exports")
        return Case(self, job, out, later)


class Case:
    """One export that fails."""

    def __init__(self, exports: Exports, job: Job, out: Path, later: bool) -> None:
        self.exports = exports
        self.job = job
        self.out = out
        self.later = later
        self.tables = job.look()[0]

    def check(self, where: str) -> bool:
        """See that what a reader finds is whole; whether all of it is new."""
        found, new = content(self.out), content(self.exports.first)
        old = content(self.exports.old) if self.later else {}
        for day, file in found.items():
            assert file in (old.get(day), new.get(day)), f"{where}: {day} is of neither export"
        assert old.keys() & new.keys() <= found.keys(), where
        if found:
            with duckdb.connect() as reader:
                rows = reader.execute(f"SELECT count(*), sum(bids) FROM '{self.out}/**/*.parquet'").fetchall()
            assert rows[0][0] > 0
        try:
            with Rollup.from_export(self.out):
                pass
        except ManifestError as error:
            if "was interrupted" in str(error) or ("holds no export" in str(error) and not found):
                return False
            raise AssertionError(where) from error
        assert found in (old, new), f"{where}: an import took a mixture"
        return found == new

    def finish(self, where: str) -> None:
        """See that the next export makes what a clean one does."""
        self.job.run_well(self.job.exporting(self.out))
        self.same_as_clean(where)

    def same_as_clean(self, where: str) -> None:
        assert content(self.out) == content(self.exports.clean), where
        assert label(self.out) == label(self.exports.clean), where
        assert list(self.out.rglob("*.tmp")) == [], where
        assert self.job.look()[0] == self.tables, where
        with duckdb.connect(str(self.job.database)) as connection:
            lines = connection.execute("SELECT folder, batch FROM rollup_manifest.exports").fetchall()
        assert lines == [(str(self.out.resolve()), label(self.out)["batch"])], where


def content(folder: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in folder.glob("*/rollup.parquet")}


def label(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "_rollup.json").read_text())
    return found


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Exports:
    return Exports(tmp_path_factory.mktemp("exports"))


def act(case: Case) -> Callable[[Rollup], object]:
    return lambda rollup: rollup.export(case.out, "day")


# Exceptions


def count(exports: Exports, folder: Path, later: bool) -> tuple[list[str], list[str]]:
    """What statements an export is made of, and what it does to files."""
    case = exports.case(folder, later)
    with pytest.MonkeyPatch.context() as patch, faulty(patch, 0, "before", None, 0) as make:
        rollup = make(case.job)
        with watched(case.out, lambda *_: None) as done:
            act(case)(rollup)
        proxy: Any = rollup._connection
        texts: list[str] = proxy.texts
    case.same_as_clean("no fault")
    assert len({operation.split()[0] for operation in done}) >= (6 if later else 4), done
    return texts, done


def inject(exports: Exports, folder: Path, later: bool, step: int) -> tuple[int, int]:
    """Let every `step`-th statement fail, and what is done to every `step`-th file; how many of each failed."""
    texts, done = count(exports, folder / "count", later)
    at_statements = [(number, when) for number in range(1, len(texts) + 1) for when in ("before", "after")]
    faults = [(number, when, KINDS) for number, when in at_statements[::step]]
    faults += [(number, "file", KINDS_OF_FILES) for number in range(1, len(done) + 1)[:: max(step // 4, 1)]]
    for place, (number, when, kinds) in enumerate(faults):
        error = kinds[place % len(kinds)]()
        what = done[number - 1] if when == "file" else texts[number - 1][:60]
        where = f"{error!r} {when} {number}, {what}"
        case = exports.case(folder / f"{when}-{number}", later)
        raised: BaseException | None = None
        conflict = isinstance(error, duckdb.TransactionException)
        with pytest.MonkeyPatch.context() as patch:
            statement = None if when == "file" else error
            with faulty(patch, number, when, statement, 10 if conflict else 0) as make:
                rollup = make(case.job)
                with watched(case.out, Injector(number, "before", error if when == "file" else None)):
                    try:
                        act(case)(rollup)
                    except BaseException as caught:
                        raised = caught
                assert raised is None or error in causes(raised), where
                proxy: Any = rollup._connection
                proxy.inner.execute("BEGIN")  # fails if one is open
                proxy.inner.execute("ROLLBACK")
                whole = case.check(where)
                assert whole or raised is not None, where
                if place % 2:
                    act(case)(rollup)
        if place % 2:
            case.same_as_clean(where)
        else:
            case.finish(where)
        shutil.rmtree(case.job.folder)
    return len(at_statements[::step]), len(faults) - len(at_statements[::step])


def test_after_an_exception_the_next_export_is_that_of_a_clean_run(exports: Exports, tmp_path: Path) -> None:
    assert min(inject(exports, tmp_path, True, 40)) > 0


@pytest.mark.slow
@pytest.mark.parametrize("later", [False, True], ids=["the first", "a later one"])
def test_after_an_exception_at_any_statement_or_file_the_next_export_is_that_of_a_clean_run(
    exports: Exports, tmp_path: Path, later: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    statements, operations = inject(exports, tmp_path, later, every(20))
    with capsys.disabled():
        print(f"\nexport: {statements} exceptions at statements, {operations} at files")


# Kills


def kill(exports: Exports, folder: Path, later: bool, step: int) -> dict[str, int]:
    """Kill exports before every `step`-th statement and file, and in the midst of writing files; how many were."""
    kills = {}
    sizes = iter(range(1000, 12_000, 1000 * step))
    for kind in ("before", "after", "file", "write"):
        number, kills[kind] = 1, 0
        while True:
            case = exports.case(folder / f"{kind}-{number}", later)
            if kind == "write":
                # Not the database, which is larger: COPY, the label.
                size = next(sizes, None)
                if size is None:
                    break
                code = case.job.run(case.job.exporting(case.out), size, "write")
            else:
                code = case.job.run(case.job.exporting(case.out), number, str(case.out) if kind == "file" else kind)
            where = f"killed: {kind} {number}"
            assert code in (0, KILLED, CUT), case.job.errors.read_text()
            case.check(where)
            if code == 0:
                case.same_as_clean(where)
                break
            kills[kind] += 1
            case.finish(where)
            shutil.rmtree(case.job.folder)
            number += step
    return kills


def test_after_a_kill_the_next_export_is_that_of_a_clean_run(exports: Exports, tmp_path: Path) -> None:
    assert min(kill(exports, tmp_path, True, 60).values()) > 0


@pytest.mark.slow
@pytest.mark.parametrize("later", [False, True], ids=["the first", "a later one"])
def test_after_a_kill_at_any_statement_or_file_the_next_export_is_that_of_a_clean_run(
    exports: Exports, tmp_path: Path, later: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    kills = kill(exports, tmp_path, later, every(20))
    with capsys.disabled():
        print(f"\nexport: kills {kills}")


# Full disks


@pytest.mark.parametrize(
    "bytes_a_file", [9000, *(pytest.param(size, marks=pytest.mark.slow) for size in (0, 700, 3000, 6000))]
)
def test_an_export_whose_files_may_not_grow_goes_on_when_they_may(
    exports: Exports, tmp_path: Path, bytes_a_file: int
) -> None:
    case = exports.case(tmp_path / "case", True)
    case.job.run_well(case.job.refreshing())  # whatever the database has to write of itself
    code = case.job.start(case.job.exporting(case.out), preexec_fn=limited(bytes_a_file)).wait()
    assert code == 1, bytes_a_file
    assert "Traceback" not in case.job.errors.read_text()
    case.check(str(bytes_a_file))
    case.finish(str(bytes_a_file))


def test_an_export_to_a_full_disk_goes_on_when_there_is_room(exports: Exports, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "4m") as disk:
        case = exports.case(tmp_path / "case", True)
        shutil.move(case.out, disk / "out")
        case.out = disk / "out"
        with duckdb.connect(str(case.job.database)) as connection:
            connection.execute("UPDATE rollup_manifest.exports SET folder = ?", [str(case.out.resolve())])
        for room in (0, 4096, 16_384):
            with full(disk, room):
                assert case.job.run(case.job.exporting(case.out)) == 1, room
            text = case.job.errors.read_text()
            assert "No space left on device" in text
            assert str(case.out) in text
            assert not case.check(f"{room} bytes") or room == 0
        case.finish("room")


# Imports


class Import:
    """An import into a database in which there is a rollup already."""

    def __init__(self, exports: Exports, folder: Path) -> None:
        self.exports = exports
        self.job = copied(exports.job, folder)
        self.before = self.job.look()

    def run(self, database: Any = None) -> None:
        with Rollup.from_export(self.exports.clean, database=database or self.job.database, name="again", wait=0):
            pass

    def arguments(self) -> list[str]:
        return ["rollup", "import", str(self.exports.clean), "--name", "again", "--database", str(self.job.database)]


def fail_imports(exports: Exports, folder: Path, step: int) -> tuple[int, int]:
    """Let every `step`-th statement of an import fail, and kill some; how many failed, how many were killed."""
    clean = Import(exports, folder / "clean")
    opened = rollup_module.open_database
    proxies: list[Faulty] = []

    def open_faulty(at: int, when: str, error: BaseException | None) -> Callable[..., Faulty]:
        def opening(*arguments: Any) -> Faulty:
            proxies.append(Faulty(opened(*arguments), Injector(at, when, error)))
            return proxies[-1]

        return opening

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rollup_module, "open_database", open_faulty(0, "", None))
        clean.run()
    expected = clean.job.look()
    assert len(expected[0]["again"]) == len(expected[0]["hourly"]) > 0
    places = [(number, when) for number in range(1, len(proxies[0].texts) + 1) for when in ("before", "after")]
    for place, (number, when) in enumerate(places[::step]):
        error = KINDS[place % len(KINDS)]()
        case = Import(exports, folder / f"{number}-{when}")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rollup_module, "open_database", open_faulty(number, when, error))
            try:
                case.run()
                failed = False
            except BaseException as caught:
                if error not in causes(caught):
                    raise
                failed = True
            found = case.job.look()
        if failed and found == case.before:
            case.run()
            found = case.job.look()
        same(found, expected)
        shutil.rmtree(case.job.folder)
    kills = 0
    for number in range(1, len(places), max(step // 2, 3)):
        case = Import(exports, folder / f"{number}-kill")
        code = case.job.run(case.arguments(), number, ("before", "after")[number % 2])
        assert code in (0, KILLED), case.job.errors.read_text()
        kills += code == KILLED
        found = case.job.look()
        if found == case.before:
            case.job.run_well(case.arguments())
            found = case.job.look()
        same(found, expected)
        shutil.rmtree(case.job.folder)
    return len(places[::step]), kills


def test_an_import_that_fails_leaves_nothing_and_can_be_done_again(exports: Exports, tmp_path: Path) -> None:
    assert min(fail_imports(exports, tmp_path, 30)) > 0


@pytest.mark.slow
def test_an_import_that_fails_anywhere_leaves_nothing_and_can_be_done_again(
    exports: Exports, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    failed, kills = fail_imports(exports, tmp_path, every(10))
    with capsys.disabled():
        print(f"\nimport: {failed} exceptions, {kills} kills")
