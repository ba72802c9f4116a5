"""Damaged files: of the source, of an export, of the database. What is wrong is named, and once mended nothing is."""

from __future__ import annotations

import random
import re
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pyarrow.parquet
import pytest
from jobs import Job, copied, faulty, same
from samples import samples

import duckdb_sketch
from duckdb_sketch.rollup import DamagedError, ManifestError, Rollup, RollupError, SourceError

pytestmark = pytest.mark.thorough

FILES = 6


def cut(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def emptied(content: bytes, chance: random.Random) -> bytes:
    return b""


def replaced(content: bytes, chance: random.Random) -> bytes:
    return b"ts,publisher,user_id\n" * chance.randint(1, 1000)


def flipped(content: bytes, chance: random.Random) -> bytes:
    """A few bits that are others, near each other."""
    changed = bytearray(content)
    place = chance.randrange(len(changed))
    for _ in range(chance.randint(1, 4)):
        changed[min(place + chance.randrange(20), len(changed) - 1)] ^= 1 << chance.randrange(8)
    return bytes(changed)


Damage = Callable[[bytes, random.Random], bytes]


# Files of the source


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A job that has counted all its files, and has two levels. To be copied."""
    job = Job(tmp_path_factory.mktemp("clean") / "job", FILES)
    job.run_well(job.refreshing())
    job.levels()
    return job


def damage_sources(clean: Job, folder: Path, damage: Damage, seeds: range) -> Counter[str]:
    """Damage one file or two of several before they are counted, refresh, mend them; how that went."""
    expected = clean.look()
    outcomes: Counter[str] = Counter()
    for seed in seeds:
        chance = random.Random(seed)
        job = Job(folder / str(seed), 0)
        bad = chance.sample(range(FILES), chance.choice([1, 1, 2]))
        for path in sorted(clean.data.glob("*.parquet")):
            content = path.read_bytes()
            number = int(path.stem)
            (job.data / path.name).write_bytes(damage(content, chance) if number in bad else content)
        with pytest.MonkeyPatch.context() as patch, faulty(patch, 0, "", None, 0) as make:
            rollup = make(job)  # a file is a batch
            try:
                rollup.refresh()
                outcomes["could not be seen"] += 1
            except SourceError as error:
                outcomes["refused"] += 1
                named = {int(name) for name in re.findall(r"(\d{3})\.parquet", str(error))}
                _, manifest = job.look()
                counted = {int(Path(row[2]).stem) for row in manifest.get("slices", ())}
                if not named or named & counted or not named <= set(bad):
                    raise
            for number in bad:
                shutil.copy(clean.data / f"{number:03}.parquet", job.data)
            rollup.refresh(on_change="rebuild")
        job.levels()
        tables, _ = job.look()
        same([tables], [expected[0]])
        shutil.rmtree(job.folder)
    return outcomes


@pytest.mark.parametrize("damage", [cut, emptied, replaced, flipped])
def test_a_damaged_source_file_is_named_and_counted_once_it_is_mended(
    clean: Job, tmp_path: Path, damage: Damage
) -> None:
    outcomes = damage_sources(clean, tmp_path, damage, range(2))
    assert damage is flipped or outcomes == {"refused": 2}


@pytest.mark.slow
@pytest.mark.parametrize("damage", [cut, replaced, flipped])
def test_any_damage_of_a_source_file_is_gone_once_it_is_mended(
    clean: Job, tmp_path: Path, damage: Damage, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = damage_sources(clean, tmp_path, damage, range(2, 2 + samples(6)))
    assert damage is flipped or outcomes == {"refused": samples(6)}
    with capsys.disabled():
        print(f"\nsource files {damage.__name__}: {dict(outcomes)}")


@pytest.mark.parametrize("year", [2300, 50_000])
def test_a_time_that_the_statistics_of_its_file_say_is_not_there_is_damage(tmp_path: Path, year: int) -> None:
    microseconds = [1_704_067_200_000_000 + number * 1_000_003 for number in range(100)]
    times = pyarrow.array(microseconds, pyarrow.timestamp("us"))
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(
        pyarrow.table({"ts": times, "who": ["a", "b"] * 50}), path, use_dictionary=False, compression="none"
    )
    good = path.read_bytes()
    other = (year - 1970) * 31_556_952_000_000
    assert good.count(microseconds[50].to_bytes(8, "little")) == 1  # neither the first nor the last
    path.write_bytes(good.replace(microseconds[50].to_bytes(8, "little"), other.to_bytes(8, "little")))
    statement = "SELECT date_trunc('hour', ts) AS hour, who, count(*) AS n FROM bids GROUP BY ALL"
    with Rollup.from_sql(statement, sources={"bids": path}, name="hours") as hours:
        with pytest.raises(SourceError, match=r"a\.parquet is corrupt"):
            hours.refresh()
        path.write_bytes(good)
        assert hours.refresh().rows == 100


# Files of an export


def exported(clean: Job, folder: Path) -> tuple[Job, Path]:
    job = copied(clean, folder)
    export(job, folder / "out")
    return job, folder / "out"


def export(job: Job, folder: Path) -> None:
    with job.open() as rollup:
        rollup.export(folder, "day")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("[!.]*") if path.is_file()}


@pytest.mark.parametrize("damage", [cut, emptied, replaced, flipped])
def test_a_damaged_partition_is_not_imported_and_written_again(clean: Job, tmp_path: Path, damage: Damage) -> None:
    job, out = exported(clean, tmp_path / "job")
    good = contents(out)
    for seed, path in enumerate(sorted(out.glob("*/rollup.parquet"))[:3]):
        path.write_bytes(damage(path.read_bytes(), random.Random(seed)))
        with pytest.raises(ManifestError, match=rf"{path.parent.name}/rollup\.parquet (has|is damaged)"):
            Rollup.from_export(out)
        if damage is flipped:
            path.unlink()  # as the error says: that a file has its length is all that an export looks at
        export(job, out)
        assert contents(out) == good


@pytest.mark.parametrize("damage", [cut, emptied, replaced, flipped])
def test_a_damaged_label_is_no_label(clean: Job, tmp_path: Path, damage: Damage) -> None:
    job, out = exported(clean, tmp_path / "job")
    good = contents(out)
    path = out / "_rollup.json"
    for seed in range(20 if damage is flipped else 3):
        damaged = damage(path.read_bytes(), random.Random(seed))
        if damaged.replace(b" ", b"") == path.read_bytes().replace(b" ", b""):
            continue
        path.write_bytes(damaged)
        for act in (lambda: Rollup.from_export(out), lambda: export(job, out)):
            with pytest.raises(ManifestError, match=r"_rollup\.json .*(delete it, and export again|of version)"):
                act()
        path.unlink()
        if not seed:
            export(job, out)
            assert contents(out) == good
        path.write_bytes(good["_rollup.json"])


def test_a_damaged_archive_is_not_merged_with_what_is_there(clean: Job, tmp_path: Path) -> None:
    job = copied(clean, tmp_path / "job")
    out = tmp_path / "out"
    with job.open() as rollup:
        rollup.export(out)
        rollup.expire(before=datetime(2024, 1, 31))
    path = out / "month=2024-01" / "rollup.parquet"
    good = path.read_bytes()
    # Rows of the 31st of January, which has not expired, in the month of which the first days have.
    with job.open() as rollup:
        rollup.append(duckdb.sql(f"FROM '{job.data}/000.parquet' WHERE ts >= '2024-01-31'").to_arrow_table())
        path.write_bytes(flipped(good, random.Random(3)))
        damaged = contents(out)
        with pytest.raises(RollupError, match=r"month=2024-01/rollup\.parquet is damaged.*restore a copy"):
            rollup.export(out)
        assert contents(out)["month=2024-01/rollup.parquet"] == damaged["month=2024-01/rollup.parquet"]
        path.write_bytes(good)
        assert "month=2024-01" in rollup.export(out).written
        expired = "hour < '2024-01-31'"
        assert duckdb.sql(f"SELECT sum(bids) FROM '{path}' WHERE {expired}").fetchall() == (
            clean_rows(clean, f"SELECT sum(bids) FROM hourly WHERE {expired}")
        )


def clean_rows(clean: Job, query: str) -> list[tuple[Any, ...]]:
    with duckdb_sketch.connect(clean.database, read_only=True) as connection:
        return connection.execute(query).fetchall()


# The database


def damage_databases(clean: Job, folder: Path, seeds: range) -> Counter[str]:
    """Damage a database, and go on with it, or with a new one of its export; how that went."""
    before = copied(clean, folder / "before")
    before.own_data()
    export(before, folder / "out")
    before.put(range(FILES, FILES + 2))
    after = copied(before, folder / "after")
    with after.open() as rollup:
        rollup.refresh()
    tables, _ = after.look()
    good = before.database.read_bytes()
    outcomes: Counter[str] = Counter()
    for seed in seeds:
        chance = random.Random(seed)
        job = copied(before, folder / str(seed))
        # Every third in what DuckDB reads first.
        content = flipped(good[:12_288], chance) + good[12_288:] if seed % 3 == 0 else flipped(good, chance)
        job.database.write_bytes(content)
        try:
            with job.open() as rollup:
                rollup.refresh()
            outcome = "not in use"
        except RollupError as error:
            if isinstance(error, SourceError) or not re.search("database is damaged|cannot be opened", str(error)):
                raise
            outcome = type(error).__name__
        if outcome == "not in use":
            try:
                found, _ = job.look()
            except duckdb.Error:
                outcome = "not in use by a refresh"
        if outcome != "not in use":
            job.database.unlink()
            job.database.with_name(f"{job.database.name}.wal").unlink(missing_ok=True)
            sources = {"bids": f"{job.data}/*.parquet"}
            with Rollup.from_export(folder / "out", database=job.database, sources=sources) as rollup:
                rollup.refresh()
            job.levels()
            found, _ = job.look()
        outcomes[outcome] += 1
        same([found], [tables])
        shutil.rmtree(job.folder)
    return outcomes


def test_a_damaged_database_is_said_to_be_and_comes_back_from_its_export(clean: Job, tmp_path: Path) -> None:
    outcomes = damage_databases(clean, tmp_path, range(8))
    assert outcomes["DamagedError"] > 0, outcomes


@pytest.mark.slow
def test_any_damage_of_a_database_is_seen(clean: Job, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = damage_databases(clean, tmp_path, range(8, 8 + samples(12)))
    assert outcomes["DamagedError"] > 0, outcomes
    with capsys.disabled():
        print(f"\ndatabases: {dict(outcomes)}")


def test_a_reader_of_a_damaged_database_is_told(clean: Job, tmp_path: Path) -> None:
    job = copied(clean, tmp_path / "job")
    content = bytearray(job.database.read_bytes())
    for place in range(12_288 + 8, len(content), 4096):
        content[place] ^= 0xFF
    job.database.write_bytes(content)
    with pytest.raises(DamagedError, match=r"rollups\.duckdb: the database is damaged.*export.*source files"):
        Rollup.from_sql(job.statement, database=job.database)


def damage_logs(clean: Job, folder: Path, damage: Damage, seeds: range) -> Counter[str]:
    """Damage the write-ahead log that a refresh leaves that was killed; how the next one went."""
    job = copied(clean, folder / "job")
    job.own_data()
    job.put(range(FILES, FILES + 3))
    done = copied(job, folder / "done")
    with done.open() as rollup:
        rollup.refresh()
    tables, _ = done.look()
    at = 50
    log = job.database.with_name(job.database.name + ".wal")
    while not log.exists() or log.stat().st_size < 20_000:  # until it is killed after its second batch, or later
        at += 60
        job.run(job.refreshing(), at)
        assert at < 1000
    outcomes: Counter[str] = Counter()
    for seed in seeds:
        other = copied(job, folder / str(seed))
        other.database.with_name(log.name).write_bytes(damage(log.read_bytes(), random.Random(seed)))
        try:
            with other.open() as rollup:
                rollup.refresh()
            outcomes["what is behind the damage is counted again"] += 1
        except DamagedError:
            # Without its log the database is what it was before.
            other.database.with_name(log.name).unlink()
            with other.open() as rollup:
                rollup.refresh()
            outcomes["refused"] += 1
        same([other.look()[0]], [tables])
        shutil.rmtree(other.folder)
    return outcomes


@pytest.mark.parametrize("damage", [cut, flipped])
def test_a_damaged_log_loses_no_row(clean: Job, tmp_path: Path, damage: Damage) -> None:
    assert damage_logs(clean, tmp_path, damage, range(3)).total() == 3


@pytest.mark.slow
@pytest.mark.parametrize("damage", [cut, flipped])
def test_any_damage_of_a_log_loses_no_row(
    clean: Job, tmp_path: Path, damage: Damage, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = damage_logs(clean, tmp_path, damage, range(3, 3 + samples(6)))
    with capsys.disabled():
        print(f"\nlogs {damage.__name__}: {dict(outcomes)}")
