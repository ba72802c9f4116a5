"""What version 1 left: its databases are migrated, whole or not at all, and its exports can be imported."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import pytest
from crashing import Faulty, Injector
from events import content
from jobs import PATH

import duckdb_sketch
from duckdb_sketch import Rollup
from duckdb_sketch.rollup import Level, LockedError, ManifestError, open_level, rollup_names
from duckdb_sketch.rollup.ledger.migration import migrate, version_of

V1 = Path(__file__).with_name("v1")
ROLLUPS = ["hourly", "daily", "monthly", "imported", "replayed", "replayed_daily"]


def load_make() -> ModuleType:
    """The script that made the fixtures, whose steps this version can take as well."""
    specification = importlib.util.spec_from_file_location("make_v1", V1 / "make.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


make = load_make()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as version 1 left it: `events`, `export`, `export_daily` and `rollups.duckdb`."""
    folder = tmp_path.resolve() / "v1"
    for name in ("events", "export", "export_daily"):
        shutil.copytree(V1 / name, folder / name)
    for path in (folder / "events").iterdir():
        os.utime(path, ns=(make.MODIFIED, make.MODIFIED))
    for path in folder.glob("*/_rollup.json"):
        relabel(path, path.read_text().replace("{folder}", str(folder)))
    with duckdb.connect(str(folder / "rollups.duckdb")) as connection:
        connection.execute((V1 / "database.sql").read_text().replace("{folder}", str(folder)))
    return folder


def relabel(path: Path, text: str) -> None:
    """Write a manifest of version 1 with its digest."""
    lines = json.loads(text)
    del lines["digest"]
    digest = hashlib.sha256(json.dumps(lines).encode()).hexdigest()
    path.write_text(json.dumps({**lines, "digest": digest}, indent=1))


def rollup(folder: Path, name: str, files: str, **settings: Any) -> Rollup:
    result: Rollup = make.rollup(folder / "rollups.duckdb", folder / "events", name, files, **settings)
    return result


def all_tables(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    """Every table of a database."""
    names = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT temporary ORDER BY ALL"
    ).fetchall()
    return {name: content(connection, f"SELECT * FROM {schema}.{name}") for schema, name in names}


def copy_database(database: Path, to: Path) -> Path:
    """What a process would find of a database if the one that has it open were killed now."""
    to.mkdir()
    for suffix in ("", ".wal"):
        path = database.with_name(database.name + suffix)
        if path.exists():
            shutil.copy(path, to / path.name)
    return to / database.name


def test_a_migrated_database_is_one_that_this_version_would_have_made(folder: Path, tmp_path: Path) -> None:
    fresh = tmp_path.resolve() / "fresh"
    fresh.mkdir()
    make.make(fresh)
    assert rollup_names(folder / "rollups.duckdb") == ROLLUPS
    found, expected = ledger_and_tables(folder), ledger_and_tables(fresh)
    assert found == expected
    assert len(found["slices"]) == 13


def ledger_and_tables(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What is in a database but for the clock, with paths relative to its folder."""
    queries = {name: f"SELECT * FROM {name}" for name in ROLLUPS}
    queries |= {name: f"SELECT * FROM rollup_manifest.{name}" for name in ("changes", "exports", "version")}
    # Version 1 did not keep how a source was declared.
    queries["rollups"] = "SELECT * EXCLUDE source FROM rollup_manifest.rollups"
    queries["batches"] = "SELECT * EXCLUDE finished FROM rollup_manifest.batches WHERE rollup <> 'imported'"
    # An import of version 1 kept a batch for each id that was appended; now the id is a slice, and the batch a sum.
    queries["imported batches"] = (
        "SELECT kind, sum(rows) AS rows, sum(late_rows) AS late, sum(rejected_rows) AS rejected, "
        "min(first_event) AS first, max(last_event) AS last "
        "FROM rollup_manifest.batches WHERE rollup = 'imported' GROUP BY ALL"
    )
    # How long files are depends on DuckDB's version.
    queries["slices"] = (
        "SELECT * EXCLUDE (fingerprint, size, batch), if(rollup <> 'imported', batch, 0) AS batch, "
        "fingerprint LIKE '%:1700000000123456789%' AS counted, size > 0 AS has_size "
        "FROM rollup_manifest.slices WHERE kind <> 'import'"
    )
    with duckdb_sketch.connect(folder / "rollups.duckdb") as connection:
        return {
            name: [tuple(str(value).replace(str(folder), "") for value in row) for row in content(connection, query)]
            for name, query in queries.items()
        }


def test_files_are_listed_as_before(folder: Path) -> None:
    query = "SELECT * FROM rollup_manifest.files ORDER BY ALL"
    with duckdb.connect(str(folder / "rollups.duckdb")) as connection:
        described = connection.execute(f"DESCRIBE {query}").fetchall()
        before = connection.execute(query).fetchall()
    with open_level("hourly", folder / "rollups.duckdb") as level:
        assert level.connection.execute(query).fetchall() == before
        kinds = [(name, kind) for name, kind, *_ in level.connection.execute(f"DESCRIBE {query}").fetchall()]
        assert kinds == [(name, kind) for name, kind, *_ in described]


def test_a_migrated_rollup_goes_on(folder: Path) -> None:
    with rollup(folder, "hourly", "a*") as hourly:
        assert hourly.refresh().rows == 0
        assert hourly.append(make.event("2024-02-08 12:00:00"), batch_id="monday").rows == 0
        assert hourly.append(make.event("2024-02-08 12:00:00"), batch_id="hastings").rows == 0
        assert hourly.append(make.event("2024-02-08 12:00:00"), batch_id="tuesday").rows == 1
        assert hourly.append(make.event("2024-01-28 12:00:00")).rows == 1  # expired, but its day and month are not
        make.write(folder / "events", "a4", "2024-02-10 00:10:00", 12)
        assert hourly.refresh().rows == 12
        assert hourly.coarsen("week", "weekly").status()[0].groups == 4
        assert [status.behind for status in hourly.status()] == [0, 0, 0, 0]
        assert hourly.verify(1000).ok
        (rows, bids) = hourly.connection.execute(
            "SELECT (SELECT sum(bids) FROM daily), (SELECT sum(bids) FROM monthly)"
        ).fetchall()[0]
        assert rows == bids == 60 + 60 + 30 + 30 + 12 + 4
        exported = hourly.export(folder / "export")
        assert exported.written == ("month=2024-02",)
        assert exported.kept == 1
        with pytest.raises(duckdb_sketch.rollup.RollupError, match="3 batches of hourly were appended"):
            hourly.replay()


def test_a_migrated_rollup_is_replayed_and_rebuilt(folder: Path) -> None:
    with rollup(folder, "replayed", "b*") as replayed:
        before = content(replayed.connection, "SELECT * FROM replayed")
        assert replayed.replay().rows == 110
        assert content(replayed.connection, "SELECT * FROM replayed") == before
        make.write(folder / "events", "b1", "2024-03-06 00:10:00", 55)
        with pytest.raises(duckdb_sketch.rollup.SourceError, match=r"changed since counted: .*b1\.parquet"):
            replayed.refresh()
        assert replayed.refresh(on_change="rebuild").rows == 55
        assert replayed.connection.execute("SELECT sum(bids) FROM replayed_daily").fetchall() == [(115,)]


def test_a_migrated_import_goes_on(folder: Path) -> None:
    with rollup(folder, "imported", "a*") as imported:
        assert imported.refresh().rows == 30  # a3 came after the export
        assert imported.append(make.event("2024-02-08 12:00:00"), batch_id="monday").rows == 0
        assert imported.append(make.event("2024-02-08 12:00:00"), batch_id="hastings").rows == 0
        hourly = content(imported.connection, "SELECT * FROM hourly")
        assert content(imported.connection, "SELECT * FROM imported") == hourly


@pytest.mark.parametrize("first", ["status", "names"])
def test_reading_migrates_as_well(folder: Path, first: str) -> None:
    if first == "status":
        with open_level("hourly", folder / "rollups.duckdb") as level:
            assert level.status()[0].rows == 182
    else:
        assert rollup_names(folder / "rollups.duckdb") == ROLLUPS
    with duckdb.connect(str(folder / "rollups.duckdb")) as connection:
        assert version_of(connection) == 2


def test_a_database_that_is_read_only_is_not_migrated(folder: Path) -> None:
    with duckdb_sketch.connect(folder / "rollups.duckdb", read_only=True) as connection:
        before = all_tables(connection)
        with pytest.raises(ManifestError, match=r"version 1, .* read-only: open it once for writing"):
            open_level("hourly", connection)
        assert all_tables(connection) == before


def test_a_migration_waits_for_others(folder: Path) -> None:
    with duckdb_sketch.connect(folder / "rollups.duckdb") as other:
        other.execute("BEGIN")
        other.execute("UPDATE rollup_manifest.version SET version = 2")  # as another migration begins
        with pytest.raises(LockedError):
            open_level("hourly", other, wait=0)
        other.execute("ROLLBACK")
        with open_level("hourly", other, wait=0) as level:
            assert level.status()[0].files == 4


@pytest.mark.thorough
def test_killed_at_any_statement_a_migration_is_done_or_has_not_begun(folder: Path, tmp_path: Path) -> None:
    database = folder / "rollups.duckdb"
    copies = []

    def copy(number: int, when: str) -> None:
        copies.append(copy_database(database, tmp_path / f"{number} {when}"))

    with duckdb.connect(str(database)) as connection:
        before = all_tables(connection)
        faulty: Any = Faulty(connection, copy)
        migrate(faulty)
        after = all_tables(connection)
    assert after["version"] == [(2,)]
    assert len(copies) > 30
    states = [found_and_completed(copied, before, after) for copied in copies]
    assert states == sorted(states)
    assert states[-1]


def found_and_completed(
    database: Path, before: dict[str, list[tuple[Any, ...]]], after: dict[str, list[tuple[Any, ...]]]
) -> bool:
    """Whether a database is found migrated; it is completed if not, and has to be the one or the other."""
    with duckdb.connect(str(database)) as connection:
        found = all_tables(connection)
        assert found in (before, after), database
        migrate(connection)
        assert all_tables(connection) == after, database
    return found == after


def test_a_migration_that_fails_at_any_statement_leaves_all_as_it_was(folder: Path) -> None:
    with duckdb.connect(str(folder / "rollups.duckdb")) as connection:
        before = all_tables(connection)
        number = 0
        while True:
            number += 1
            injector = Injector(number, "before", duckdb.IOException("IO Error: Could not write file: No space left"))
            faulty: Any = Faulty(connection, injector)
            with suppress(duckdb.IOException):
                migrate(faulty)
            if injector.error is not None:  # there was no such statement
                break
            assert all_tables(connection) == before, number
        assert number > 15
        assert all_tables(connection)["version"] == [(2,)]


CHILD = """
import os, signal, sys
import duckdb
from crashing import Faulty
from duckdb_sketch.rollup.ledger.migration import migrate

def kill(number, when):
    if (number, when) == (int(sys.argv[2]), sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

migrate(Faulty(duckdb.connect(sys.argv[1]), kill))
os._exit(0)
"""


@pytest.mark.slow
def test_a_process_that_is_killed_as_it_migrates(folder: Path, tmp_path: Path) -> None:
    database = folder / "rollups.duckdb"
    clean = copy_database(database, tmp_path / "clean")
    with duckdb.connect(str(clean)) as connection:
        before = all_tables(connection)
        migrate(connection)
        after = all_tables(connection)
    environment = {**os.environ, "PYTHONPATH": PATH}
    done = []
    code = -signal.SIGKILL
    while code == -signal.SIGKILL:
        number = len(done) + 1
        copied = copy_database(database, tmp_path / str(number))
        code = subprocess.run([sys.executable, "-c", CHILD, copied, str(number), "after"], env=environment).returncode
        done.append(found_and_completed(copied, before, after))
    assert code == 0
    assert done == sorted(done)
    # Killed before the COMMIT, killed after it, and not killed.
    assert done[-3:] == [False, True, True]


def test_an_export_of_version_1_is_imported(folder: Path) -> None:
    sources = {"bids": folder / "events" / "a*.parquet"}
    with Rollup.from_export(folder / "export", database=folder / "new.duckdb", sources=sources) as imported:
        (status,) = imported.status()
        assert status.rows == 152
        assert (status.late_rows, status.rejected_rows, status.files) == (32, 1, 3)
        assert status.expired_before == datetime(2024, 1, 29)
        assert imported.append(make.event("2024-02-08 12:00:00"), batch_id="monday").rows == 0
        assert imported.append(make.event("2024-02-08 12:00:00"), batch_id="hastings").rows == 0
        with Level.from_export(folder / "export_daily", database=imported.connection) as daily:
            assert daily.status()[0].parent == "hourly"
        assert imported.refresh().rows == 30
        found = {name: content(imported.connection, f"SELECT * FROM {name}") for name in ("hourly", "daily")}
    with open_level("hourly", folder / "rollups.duckdb") as hourly:
        for name, rows in found.items():
            assert rows == content(hourly.connection, f"SELECT * FROM {name}")


def test_an_export_to_a_folder_of_version_1_goes_on_in_the_new_form(folder: Path) -> None:
    with rollup(folder, "hourly", "a*") as hourly:
        exported = hourly.export(folder / "export")
        assert (exported.written, exported.kept) == (("month=2024-02",), 1)
        table = content(hourly.connection, "SELECT * FROM hourly")
    with open_level("daily", folder / "rollups.duckdb") as daily:
        daily.export(folder / "export_daily")
    manifest = json.loads((folder / "export" / "_rollup.json").read_text())
    assert manifest["format"] == 2  # of which version 1 says that a later version wrote it
    assert [counted["kind"] for counted in manifest["slices"]] == ["file"] * 4 + ["batch"] * 2
    assert manifest["rollup"]["name"] == "hourly"
    assert json.loads((folder / "export_daily" / "_rollup.json").read_text())["level"]["parent"] == "hourly"
    with Rollup.from_export(folder / "export") as imported:
        assert content(imported.connection, "SELECT * FROM hourly") == table
        slices = imported.connection.execute(
            "SELECT slice, rows FROM rollup_manifest.slices WHERE kind = 'import'"
        ).fetchall()
        assert slices == [(str(folder / "export"), 1)]  # the row that was appended without an id


def test_an_export_of_version_1_without_changes_is_rewritten_in_the_new_form(folder: Path) -> None:
    with rollup(folder, "imported", "a[012]*") as imported:
        imported.export(folder / "out")
        path = folder / "out" / "_rollup.json"
        new = path.read_text()
        assert imported.export(folder / "out").written == ()
        assert path.read_text() == new
    with open_level("daily", folder / "rollups.duckdb") as daily:
        daily.export(folder / "export_daily")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace('"monday"', '"sunday"'), "is damaged, or was changed by hand"),
        (lambda text: text.replace('"batches"', '"batch"'), "is damaged"),
        (lambda text: text.replace('"format": 1', '"format": 7'), "of version 7, and .* knows versions up to 2"),
    ],
)
def test_an_export_of_version_1_that_is_damaged(folder: Path, change: Any, message: str) -> None:
    path = folder / "export" / "_rollup.json"
    path.write_text(change(path.read_text()))
    with pytest.raises(ManifestError, match=message):
        Rollup.from_export(folder / "export")


def test_the_first_manifests_of_version_1_had_no_digests(folder: Path) -> None:
    path = folder / "export" / "_rollup.json"
    lines = json.loads(path.read_text())
    kept = {name: lines[name] for name in lines if name not in ("digests", "finished", "writer", "digest")}
    path.write_text(json.dumps(kept))
    with Rollup.from_export(folder / "export") as imported:
        assert imported.status()[0].rows == 152
