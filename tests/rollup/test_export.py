"""Exports and imports: a folder of Parquet says what the table says, at any moment, and a rollup goes on from it."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet
import pytest
from datasketches import hll_sketch
from processes import run_python
from queries import rows
from samples import few_fast

from duckdb_sketch.rollup import (
    Level,
    LockedError,
    ManifestError,
    Rollup,
    RollupError,
    SpecificationError,
    open_level,
)

HOURLY = """
    SELECT date_trunc('hour', ts) AS hour, publisher, count(*) AS bids, sum(user_id) AS big, sum(price) AS revenue,
        max(price) AS highest, hll_sketch_agg(user_id) AS users, approx_histogram_agg(price) AS prices
    FROM bids GROUP BY ALL
"""
MONTHS = ["month=2024-01", "month=2024-02", "month=2024-03"]
NEW_IN_LABELS = ("digests", "finished", "writer", "digest")
EVERYTHING = "hour, publisher, bids, big, revenue, highest, md5(users), md5(prices)"


class Bids:
    """A folder of event files, and rollups of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir()
        self.sources = {"bids": self.data / "*.parquet"}

    def write(self, name: str, start: str, events: int = 3000, step: str = "17 minutes") -> None:
        """Events at every step after a start."""
        with duckdb.cursor() as con:
            con.execute(
                f"COPY (SELECT TIMESTAMP '{start}' + i * INTERVAL '{step}' AS ts, 'p' || (i % 3) AS publisher, "
                "9007199254740993 + i AS user_id, (i % 500 / 100)::DECIMAL(10, 2) AS price "
                f"FROM range({events}) AS r(i)) TO '{self.data / name}.parquet'"
            )

    def rollup(self, statement: str = HOURLY, database: str = "bids.duckdb", **settings: Any) -> Rollup:
        return Rollup.from_sql(
            statement, name="bids_hourly", sources=self.sources, database=self.folder / database, **settings
        )


@pytest.fixture
def bids(tmp_path: Path) -> Bids:
    """About five weeks from the middle of January, in one file, and two weeks after it in another."""
    bids = Bids(tmp_path)
    bids.write("a", "2024-01-15")
    bids.write("b", "2024-02-20", 1200)
    return bids


@pytest.fixture
def hourly(bids: Bids) -> Iterator[Rollup]:
    with bids.rollup() as rollup:
        rollup.refresh()
        yield rollup


def event(ts: str, user: int = 1) -> pyarrow.Table:
    columns = f"TIMESTAMP '{ts}' AS ts, 'late' AS publisher, {user}::BIGINT AS user_id, 1.25::DECIMAL(10, 2) AS price"
    return duckdb.sql(f"SELECT {columns}").to_arrow_table()


def in_table(level: Level, columns: str = EVERYTHING) -> list[tuple[Any, ...]]:
    return rows(level.connection, f"SELECT {columns} FROM {level.name} ORDER BY ALL")


def in_files(level: Level, files: Path, columns: str = EVERYTHING) -> list[tuple[Any, ...]]:
    source = f"read_parquet('{files}/**/*.parquet', hive_partitioning = true)"
    return rows(level.connection, f"SELECT {columns} FROM {source} ORDER BY ALL")


def partitions(folder: Path) -> list[str]:
    return sorted(path.parent.name for path in folder.glob("*/rollup.parquet"))


def versions(folder: Path) -> dict[str, tuple[int, int]]:
    """What tells whether a partition was written again."""
    found = {path.parent.name: path.stat() for path in folder.glob("*/rollup.parquet")}
    return {name: (status.st_ino, status.st_mtime_ns) for name, status in found.items()}


def label(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "_rollup.json").read_text())
    return found


# What an export holds


def test_the_files_say_what_the_table_says(hourly: Rollup, tmp_path: Path) -> None:
    exported = hourly.export(tmp_path / "out")
    assert list(exported.written) == partitions(tmp_path / "out") == MONTHS
    assert in_files(hourly, tmp_path / "out") == in_table(hourly)


def test_a_partition_is_sorted(hourly: Rollup, tmp_path: Path) -> None:
    hourly.export(tmp_path / "out")
    for path in (tmp_path / "out").glob("*/*.parquet"):
        found = pyarrow.parquet.ParquetFile(path).read(["hour", "publisher"]).to_pylist()
        assert [tuple(row.values()) for row in found] == sorted(tuple(row.values()) for row in found)


def test_plain_duckdb_reads_partitions_as_a_column(hourly: Rollup, tmp_path: Path) -> None:
    hourly.export(tmp_path / "out")
    with duckdb.connect() as con:
        source = f"read_parquet('{tmp_path}/out/**/*.parquet', hive_partitioning = true)"
        found = rows(con, f"SELECT DISTINCT month, strftime(hour, '%Y-%m') FROM {source} ORDER BY ALL")
    assert found == [("2024-01", "2024-01"), ("2024-02", "2024-02"), ("2024-03", "2024-03")]


def test_pyarrow_reads_the_folder(hourly: Rollup, tmp_path: Path) -> None:
    hourly.export(tmp_path / "out")
    table = pyarrow.parquet.read_table(tmp_path / "out")
    assert table.num_rows == len(in_table(hourly))
    assert "month" in table.column_names


def test_datasketches_reads_the_sketches(hourly: Rollup, tmp_path: Path) -> None:
    hourly.export(tmp_path / "out")
    estimates = in_table(hourly, "hour, publisher, hll_sketch_estimate(users)")
    sketches = in_files(hourly, tmp_path / "out", "hour, publisher, users")
    assert [(*key, round(hll_sketch.deserialize(sketch).get_estimate())) for *key, sketch in sketches] == estimates


def test_hugeint_is_exact(hourly: Rollup, tmp_path: Path) -> None:
    hourly.export(tmp_path / "out")
    assert in_table(hourly, "DISTINCT typeof(big)") == [("HUGEINT",)]
    assert in_files(hourly, tmp_path / "out", "DISTINCT typeof(big)") == [("DECIMAL(38,0)",)]
    assert any(total != int(float(total)) for (total,) in in_table(hourly, "big"))
    assert in_files(hourly, tmp_path / "out", "big") == in_table(hourly, "big")


def test_a_number_too_long_for_parquet_is_refused(bids: Bids, tmp_path: Path) -> None:
    statement = "SELECT date_trunc('hour', ts) AS hour, sum(user_id) AS total FROM bids GROUP BY ALL"
    with bids.rollup(statement) as rollup:
        rollup.append(event("2024-01-20 12:00"))
        rollup.connection.execute("UPDATE bids_hourly SET total = '170141183460469231731687303715884105727'")
        with pytest.raises(RollupError, match=r"month=2024-01/rollup\.parquet cannot be written: .*DECIMAL\(38,0\)"):
            rollup.export(tmp_path / "out")
        assert partitions(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1 month 2 days 3.000004 seconds", "INTERVAL"),
        ("01:02:03.000004+05:30", "TIME WITH TIME ZONE"),
        ("340282366920938463463374607431768", "UHUGEINT"),
        ("-1", "HUGEINT"),
        ("b", "ENUM('a', 'b')"),
        ("0101", "BIT"),
        ("[NULL, 1]", "INTEGER[]"),
        ("2024-01-01 00:00:00.123456789", "TIMESTAMP_NS"),
        ("\\x00\\xFF", "BLOB"),
        ("{'a': 1}", "STRUCT(a INTEGER)"),
        (None, "UUID"),
    ],
)
def test_types_come_back(bids: Bids, tmp_path: Path, text: str | None, kind: str) -> None:
    with bids.rollup(
        f"SELECT date_trunc('hour', ts) AS hour, {cast(text, kind)} AS x, count(*) AS n FROM bids GROUP BY ALL"
    ) as rollup:
        rollup.append(event("2024-01-20 12:00"))
        assert in_table(rollup, "typeof(x)") == [(kind,)]
        rollup.export(tmp_path / "out")
        with Rollup.from_export(tmp_path / "out") as imported:
            assert in_table(imported, "typeof(x), x::VARCHAR") == in_table(rollup, "typeof(x), x::VARCHAR")


def cast(text: str | None, kind: str) -> str:
    literal = "NULL" if text is None else "'" + text.replace("'", "''") + "'"
    return f"CAST({literal} AS {kind})"


def test_a_type_that_would_not_come_back_is_refused(bids: Bids, tmp_path: Path) -> None:
    with bids.rollup(
        "SELECT date_trunc('hour', ts) AS hour, [1::HUGEINT] AS x, count(*) AS n FROM bids GROUP BY ALL"
    ) as rollup:
        rollup.append(event("2024-01-20 12:00"))
        with pytest.raises(SpecificationError, match=r"column x is HUGEINT\[\]"):
            rollup.export(tmp_path / "out")


# Which partitions there are


@pytest.mark.parametrize(
    ("width", "first"),
    [
        pytest.param("hour", "2024-01-15T00", marks=pytest.mark.slow),  # some hundred partitions
        ("day", "2024-01-15"),
        ("month", "2024-01"),
        ("quarter", "2024-01"),
        ("year", "2024"),
        ("decade", "2020"),
        ("7 days", "2024-01-15"),
    ],
)
def test_widths(hourly: Rollup, tmp_path: Path, width: str, first: str) -> None:
    exported = hourly.export(tmp_path / "out", width)
    unit = {"7 days": "day", "hour": "bucket_hour"}.get(width, width)
    assert exported.written[0] == f"{unit}={first}"
    assert in_files(hourly, tmp_path / "out") == in_table(hourly)
    assert hourly.export(tmp_path / "out", width).written == ()


def test_buckets_have_to_nest(hourly: Rollup, tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match=r"its whole buckets \(hour\) do not make up a partition \(minute\)"):
        hourly.export(tmp_path / "out", "minute")
    with pytest.raises(SpecificationError, match="partition='week'"):
        hourly.coarsen("week", "bids_weekly").export(tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert rows(hourly.connection, "FROM rollup_manifest.exports") == []


def test_the_partitions_column_has_a_name_of_its_own(hourly: Rollup, tmp_path: Path) -> None:
    monthly = hourly.coarsen("month", "bids_monthly")
    monthly.export(tmp_path / "out")
    assert partitions(tmp_path / "out") == [f"bucket_{month}" for month in MONTHS]
    columns = "month, publisher, bids, md5(users)"
    assert in_files(monthly, tmp_path / "out", columns) == in_table(monthly, columns)


def test_names_collide_whatever_their_case(bids: Bids, tmp_path: Path) -> None:
    statement = (
        "SELECT date_trunc('hour', ts) AS hour, publisher AS MONTH, min(price) AS Bucket_Month FROM bids GROUP BY ALL"
    )
    with bids.rollup(statement) as rollup:
        rollup.refresh()
        rollup.export(tmp_path / "out")
        assert partitions(tmp_path / "out") == [f"bucket_month_{month[5:]}" for month in MONTHS]
        assert in_files(rollup, tmp_path / "out", "hour, MONTH, Bucket_Month") == in_table(rollup, "*")


@pytest.mark.parametrize(
    ("zone", "month", "day"),
    [("Europe/Berlin", "2013-11", "2013-11-01"), ("America/New_York", "2013-10", "2013-10-31")],
)
def test_partitions_are_those_of_the_zone(bids: Bids, tmp_path: Path, zone: str, month: str, day: str) -> None:
    statement = "SELECT date_trunc('hour', ts) AS hour, count(*) AS n FROM bids GROUP BY ALL"
    late = duckdb.sql("SELECT TIMESTAMPTZ '2013-10-31 23:30:00+00' AS ts").to_arrow_table()
    with bids.rollup(statement, time_zone=zone) as rollup:
        rollup.append(late)
        assert rollup.export(tmp_path / "months").written == (f"month={month}",)
        assert rollup.export(tmp_path / "days", "day").written == (f"day={day}",)
        rollup.append(late)
        assert rollup.export(tmp_path / "days", "day").written == (f"day={day}",)
        with Rollup.from_export(tmp_path / "months") as imported, Rollup.from_export(tmp_path / "days") as twice:
            assert in_table(imported, "epoch(hour), n") == [(1383262200 - 1800, 1)]
            assert in_table(twice, "typeof(hour), epoch(hour), n") == [
                ("TIMESTAMP WITH TIME ZONE", 1383262200 - 1800, 2)
            ]
            assert imported.status()[0].time_zone == zone


def test_the_night_that_clocks_are_set_back(bids: Bids, tmp_path: Path) -> None:
    statement = "SELECT time_bucket(INTERVAL '15 minutes', ts) AS bucket, count(*) AS n FROM bids GROUP BY ALL"
    night = "SELECT unnest(range(TIMESTAMPTZ '2013-10-26 00:00:00+00', '2013-10-29', INTERVAL 5 minutes)) AS ts"
    with bids.rollup(statement, time_zone="Europe/Berlin") as rollup:
        rollup.append(duckdb.sql(night).to_arrow_table())
        found = {}
        for width in ("day", "hour", "30 minutes"):
            rollup.export(tmp_path / width, width)
            assert in_files(rollup, tmp_path / width, "bucket, n") == in_table(rollup, "bucket, n")
            found |= {path.parent.name: path for path in (tmp_path / width).glob("*/*.parquet")}
        count = "SELECT count(*), min(epoch(bucket)) - 1382832000, max(epoch(bucket)) - 1382832000 FROM "
        assert rows(rollup.connection, f"{count} '{found['day=2013-10-27']}'") == [(100, -7200, 82800 - 900)]
        assert rows(rollup.connection, f"{count} '{found['hour=2013-10-27T02']}'") == [(8, 0, 6300)]
        assert rows(rollup.connection, f"{count} '{found['minute=2013-10-27T02-00']}'") == [(4, 0, 4500)]
        # In the second of the two hours, when the first half of the first one is over, and of the second one is not.
        rollup.expire(before=datetime(2013, 10, 27, 1, 15))
        before = versions(tmp_path / "30 minutes")
        rollup.append(duckdb.sql("SELECT TIMESTAMPTZ '2013-10-27 01:20:00+00' AS ts").to_arrow_table())
        assert rollup.export(tmp_path / "30 minutes", "30 minutes").written == ("minute=2013-10-27T02-00",)
        assert rows(rollup.connection, f"{count} '{found['minute=2013-10-27T02-00']}'") == [(4, 0, 4500)]
        assert len(before) == len(versions(tmp_path / "30 minutes"))


def test_buckets_that_are_dates(bids: Bids, tmp_path: Path) -> None:
    with bids.rollup("SELECT ts::DATE AS day, count(*) AS n FROM bids GROUP BY ALL") as rollup:
        rollup.refresh()
        assert list(rollup.export(tmp_path / "out").written) == MONTHS
        assert in_files(rollup, tmp_path / "out", "day, n") == in_table(rollup, "day, n")
        with Rollup.from_export(tmp_path / "out") as imported:
            assert in_table(imported, "typeof(day), *") == in_table(rollup, "typeof(day), *")


# What an export writes


def test_only_what_changed_is_written(hourly: Rollup, bids: Bids, tmp_path: Path) -> None:
    hourly.export(tmp_path / "out")
    before = versions(tmp_path / "out")
    hourly.append(event("2024-02-10 12:00"))
    exported = hourly.export(tmp_path / "out")
    after = versions(tmp_path / "out")
    assert (exported.written, exported.kept) == (("month=2024-02",), 2)
    assert {name for name in after if after[name] != before[name]} == {"month=2024-02"}
    assert in_files(hourly, tmp_path / "out") == in_table(hourly)


def test_nothing_new_is_no_work(hourly: Rollup, tmp_path: Path) -> None:
    hourly.export(tmp_path / "out")
    before = (versions(tmp_path / "out"), (tmp_path / "out" / "_rollup.json").stat().st_ino)
    exported = hourly.export(str(tmp_path / "data" / ".." / "out"))
    assert (exported.written, exported.kept) == ((), 3)
    assert (versions(tmp_path / "out"), (tmp_path / "out" / "_rollup.json").stat().st_ino) == before


def test_a_batch_without_rows_is_in_the_label(hourly: Rollup, tmp_path: Path) -> None:
    hourly.export(tmp_path / "out")
    before = versions(tmp_path / "out")
    hourly.append(event("2024-02-10 12:00").slice(0, 0), batch_id="empty")
    assert hourly.export(tmp_path / "out").written == ()
    assert versions(tmp_path / "out") == before
    assert label(tmp_path / "out")["batch"] == hourly.status()[0].last_batch
    with Rollup.from_export(tmp_path / "out") as imported:
        assert imported.append(event("2024-02-10 12:00"), batch_id="empty").rows == 0


def test_two_folders_are_kept_apart(hourly: Rollup, tmp_path: Path) -> None:
    hourly.export(tmp_path / "one")
    hourly.append(event("2024-02-10 12:00"))
    hourly.export(tmp_path / "two", "year")
    assert hourly.export(tmp_path / "one").written == ("month=2024-02",)
    assert hourly.export(tmp_path / "two", "year").written == ()


def test_an_emptied_partition_is_removed(hourly: Rollup, bids: Bids, tmp_path: Path) -> None:
    hourly.export(tmp_path / "out")
    bids.write("b", "2024-02-20", 400)
    hourly.refresh(on_change="rebuild")
    exported = hourly.export(tmp_path / "out")
    assert (exported.written, exported.removed) == (("month=2024-02",), ("month=2024-03",))
    assert not (tmp_path / "out" / "month=2024-03").exists()
    assert in_files(hourly, tmp_path / "out") == in_table(hourly)
    with Rollup.from_export(tmp_path / "out") as imported:
        assert in_table(imported) == in_table(hourly)


@pytest.mark.parametrize("lost", ["everything", "the label", "a partition", "a part of one"])
def test_what_was_lost_is_written_again(hourly: Rollup, tmp_path: Path, lost: str) -> None:
    out = tmp_path / "out"
    hourly.export(out)
    if lost == "everything":
        shutil.rmtree(out)
    elif lost == "the label":
        (out / "_rollup.json").unlink()
    elif lost == "a partition":
        shutil.rmtree(out / "month=2024-02")
    else:
        os.truncate(out / "month=2024-02" / "rollup.parquet", 100)
    exported = hourly.export(out)
    assert list(exported.written) == (MONTHS if lost in ("everything", "the label") else ["month=2024-02"])
    assert in_files(hourly, out) == in_table(hourly)


def test_a_database_from_a_backup_writes_everything(hourly: Rollup, bids: Bids, tmp_path: Path) -> None:
    hourly.export(tmp_path / "out")
    hourly.close()
    shutil.copy(tmp_path / "bids.duckdb", tmp_path / "backup.duckdb")
    with bids.rollup() as newer:
        newer.append(event("2024-01-20 12:00"))
        newer.export(tmp_path / "out")
    with bids.rollup(database="backup.duckdb") as older:
        older.append(event("2024-02-20 12:00"))
        assert list(older.export(tmp_path / "out").written) == MONTHS
        assert in_files(older, tmp_path / "out") == in_table(older)


# Whose folder it is


def test_a_folder_is_for_one_rollup(hourly: Rollup, tmp_path: Path) -> None:
    hourly.export(tmp_path / "out")
    with pytest.raises(RollupError, match="holds an export of bids_hourly: give bids_daily a folder of its own"):
        hourly.coarsen("day", "bids_daily").export(tmp_path / "out")
    with pytest.raises(RollupError, match="is partitioned by month: say partition='month'"):
        hourly.export(tmp_path / "out", "day")
    assert in_files(hourly, tmp_path / "out") == in_table(hourly)


def test_another_statement_does_not_mix(hourly: Rollup, bids: Bids, tmp_path: Path) -> None:
    hourly.export(tmp_path / "out")
    statement = "SELECT date_trunc('hour', ts) AS hour, count(*) AS bids FROM bids GROUP BY ALL"
    with bids.rollup(statement, database="other.duckdb") as other:
        other.refresh()
        with pytest.raises(RollupError, match="as another statement defines it"):
            other.export(tmp_path / "out")


@pytest.mark.parametrize("expires", [True, False])
def test_a_replay_with_another_statement_is_exported_anew(bids: Bids, tmp_path: Path, expires: bool) -> None:
    out = tmp_path / "out"
    with bids.rollup() as rollup:
        rollup.refresh()
        rollup.coarsen("day", "bids_daily").export(tmp_path / "daily")
        rollup.export(out)
    statement = "SELECT date_trunc('hour', ts) AS hour, count(*) AS bids FROM bids WHERE ts < '2024-03-01' GROUP BY ALL"
    with bids.rollup(statement) as rollup:
        rollup.replay()
        daily = open_level("bids_daily", rollup.connection)
        if expires:
            rollup.expire(before=datetime(2024, 2, 10, 12))
            with pytest.raises(RollupError, match="as another statement defines it"):
                rollup.export(out)
        else:
            for level, folder, columns in ((rollup, out, "hour, bids"), (daily, tmp_path / "daily", "day, bids")):
                exported = level.export(folder)
                assert (list(exported.written), list(exported.removed)) == (MONTHS[:2], MONTHS[2:])
                assert in_files(level, folder, columns) == in_table(level, columns)
                assert level.export(folder).written == ()


def test_a_replay_is_exported(hourly: Rollup, tmp_path: Path) -> None:
    hourly.export(tmp_path / "out")
    hourly.expire(before=datetime(2024, 2, 10, 12))
    expected = in_files(hourly, tmp_path / "out")
    hourly.replay()
    assert hourly.export(tmp_path / "out").written == ("month=2024-02", "month=2024-03")
    assert in_files(hourly, tmp_path / "out") == expected


def test_an_import_can_be_replayed(hourly: Rollup, bids: Bids, tmp_path: Path) -> None:
    hourly.export(tmp_path / "out")
    with Rollup.from_export(tmp_path / "out", sources=bids.sources) as imported:
        imported.connection.execute("DELETE FROM bids_hourly WHERE publisher = 'p1'")
        imported.replay()
        assert in_table(imported) == in_table(hourly)


@pytest.mark.parametrize("name", ["mine.parquet", "month=2024-01/part-0.parquet", "month=soon/rollup.parquet"])
def test_what_is_not_ours_is_left_alone(hourly: Rollup, tmp_path: Path, name: str) -> None:
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(RollupError, match="is not of this export"):
        hourly.export(tmp_path / "out")
    assert [found for found in (tmp_path / "out").rglob("*") if found.is_file()] == [path]


def test_what_readers_pass_over_is_no_matter(hourly: Rollup, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "_SUCCESS").touch()
    (tmp_path / "out" / ".crc").touch()
    hourly.export(tmp_path / "out")
    assert (tmp_path / "out" / "_SUCCESS").exists()


def test_a_url_that_nothing_is_written_to_is_refused(hourly: Rollup) -> None:
    with pytest.raises(RollupError, match="a web server, which cannot store exports"):
        hourly.export("https://host/out")
    with pytest.raises(RollupError, match="exports go to local folders, s3://, gs:// and az://"):
        hourly.export("hdfs://host/out")


def test_a_url_of_a_local_folder(hourly: Rollup, tmp_path: Path) -> None:
    assert hourly.export(f"file://{tmp_path}/a%20b").folder == tmp_path / "a b"
    with Rollup.from_export(f"file://{tmp_path}/a%20b") as imported:
        assert in_table(imported) == in_table(hourly)


def test_a_file_is_no_folder(hourly: Rollup, tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(RollupError, match="out is a file"):
        hourly.export(tmp_path / "out")
    with pytest.raises(RollupError, match="out is a file"):
        Rollup.from_export(tmp_path / "out")


# Crashes


class Killed(BaseException):
    """Stands for what ends a process, of which nothing is to be caught."""


def dying(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Let the process die at a file that is about to be put in its place, after some that were."""
    replace = os.replace
    left = iter(range(after))

    def replace_or_die(source: Any, target: Any) -> None:
        if next(left, None) is None:
            raise Killed
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_or_die)


# A label, three partitions, a label.
@pytest.mark.parametrize("first", [True, False], ids=["the first export", "a later one"])
@pytest.mark.parametrize("after", few_fast(range(5), 2))
def test_a_crash_leaves_whole_partitions(
    hourly: Rollup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: bool, after: int
) -> None:
    out = tmp_path / "out"
    if not first:
        hourly.export(out)
    old = {path.parent.name: path.read_bytes() for path in out.glob("*/*.parquet")}
    for day in ("2024-01-20", "2024-02-20", "2024-03-02"):
        hourly.append(event(f"{day} 12:00"))
    hourly.export(tmp_path / "clean")
    new = {path.parent.name: path.read_bytes() for path in (tmp_path / "clean").glob("*/*.parquet")}
    with monkeypatch.context() as patch:
        dying(patch, after)
        with pytest.raises(Killed):
            hourly.export(out)
    found = {path.parent.name: path.read_bytes() for path in out.glob("*/*.parquet")}
    replaced = MONTHS[: max(after - 1, 0)]
    assert found == old | {name: new[name] for name in replaced}
    if found:
        assert pyarrow.parquet.read_table(out).num_rows == len(in_files(hourly, out))
    if after:
        with pytest.raises(ManifestError, match="was interrupted, or is running"):
            Rollup.from_export(out)
    hourly.append(event("2024-01-21 12:00"))
    hourly.export(tmp_path / "clean")
    hourly.export(out)
    assert in_files(hourly, out) == in_table(hourly) == in_files(hourly, tmp_path / "clean")
    assert label(out) == label(tmp_path / "clean")
    assert list(out.rglob("*.tmp")) == []


def test_a_killed_process_leaves_whole_partitions(hourly: Rollup, bids: Bids, tmp_path: Path) -> None:
    hourly.close()
    code = f"""
import os
from duckdb_sketch.rollup import open_level
level = open_level("bids_hourly", {str(tmp_path / "bids.duckdb")!r})
replace, left = os.replace, iter(range(2))
os.replace = lambda *paths: os._exit(0) if next(left, None) is None else replace(*paths)
level.export({str(tmp_path / "out")!r})
print("never")
"""
    assert run_python(code) == ""
    assert partitions(tmp_path / "out") == MONTHS[:1]
    with bids.rollup() as rollup:
        assert list(rollup.export(tmp_path / "out").written) == MONTHS
        assert in_files(rollup, tmp_path / "out") == in_table(rollup)


def test_what_was_to_be_mended_is_after_a_crash(
    hourly: Rollup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hourly.export(tmp_path / "out")
    shutil.rmtree(tmp_path / "out" / "month=2024-01")
    with monkeypatch.context() as patch:
        dying(patch, 1)
        with pytest.raises(Killed):
            hourly.export(tmp_path / "out")
    assert hourly.export(tmp_path / "out").written == ("month=2024-01",)


def test_two_exports_to_one_folder_take_turns(hourly: Rollup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hourly.export(tmp_path / "out")
    hourly.append(event("2024-02-10 12:00"))
    replace = os.replace
    reached, go = threading.Event(), threading.Event()

    def pause(source: Any, target: Any) -> None:
        reached.set()
        assert go.wait(30)
        replace(source, target)

    monkeypatch.setattr(os, "replace", pause)
    thread = threading.Thread(target=hourly.export, args=[tmp_path / "out"])
    with open_level("bids_hourly", hourly.connection, wait=0) as other:
        thread.start()
        assert reached.wait(30)
        with pytest.raises(LockedError):
            other.export(tmp_path / "out")
        go.set()
        thread.join(30)
        assert other.export(tmp_path / "out").written == ()
        assert rows(other.connection, "SELECT count(*) FROM rollup_manifest.exports") == [(1,)]


def test_a_refresh_while_an_export_is_at_work(
    hourly: Rollup, bids: Bids, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = in_table(hourly)
    replace = os.replace
    hourly.coarsen("day", "bids_daily")
    with Rollup.from_sql(HOURLY, name="bids_hourly", sources=bids.sources, database=hourly.connection) as other:
        calls = iter(range(100))

        def count_meanwhile(source: Any, target: Any) -> None:
            if next(calls) == 1:
                other.append(event("2024-03-02 12:00"))
            replace(source, target)

        monkeypatch.setattr(os, "replace", count_meanwhile)
        hourly.export(tmp_path / "out")
        assert in_files(hourly, tmp_path / "out") == expected
        assert hourly.export(tmp_path / "out").written == ("month=2024-03",)
        assert in_files(hourly, tmp_path / "out") == in_table(other)


# Retention


def test_what_expired_stays_in_the_export(hourly: Rollup, tmp_path: Path) -> None:
    out = tmp_path / "out"
    hourly.export(out)
    expected = in_table(hourly)
    before = versions(out)
    hourly.expire(before=datetime(2024, 2, 10, 12))
    assert in_table(hourly, "min(hour)") == [(datetime(2024, 2, 10, 12),)]
    assert hourly.export(out).written == ()
    assert in_files(hourly, out) == expected
    hourly.append(event("2024-02-11 12:00"))
    hourly.append(event("2024-02-09 12:00"))  # expired, and dropped
    assert hourly.export(out).written == ("month=2024-02",)
    new = [row for row in in_table(hourly) if row not in expected]
    assert len(new) == 1
    assert in_files(hourly, out) == sorted([*expected, *new])
    assert {name for name, version in versions(out).items() if version != before[name]} == {"month=2024-02"}


@pytest.mark.parametrize("lost", ["the label", "the manifest's line"])
def test_what_expired_stays_in_a_full_export(hourly: Rollup, tmp_path: Path, lost: str) -> None:
    out = tmp_path / "out"
    hourly.export(out)
    expected = in_table(hourly)
    before = versions(out)
    hourly.expire(before=datetime(2024, 2, 10, 12))
    if lost == "the label":
        (out / "_rollup.json").unlink()
    else:
        hourly.connection.execute("DELETE FROM rollup_manifest.exports")
    assert hourly.export(out).written == ("month=2024-02", "month=2024-03")
    assert versions(out)["month=2024-01"] == before["month=2024-01"]
    assert in_files(hourly, out) == expected
    assert sorted(label(out)["partitions"]) == MONTHS


def test_an_import_has_what_the_table_has(hourly: Rollup, tmp_path: Path) -> None:
    hourly.expire(before=datetime(2024, 2, 10, 12))
    hourly.export(tmp_path / "out")
    hourly.expire(before=datetime(2024, 2, 20, 12))
    hourly.export(tmp_path / "out")
    with Rollup.from_export(tmp_path / "out") as imported:
        assert in_table(imported) == in_table(hourly)
        assert imported.status()[0].expired_before == datetime(2024, 2, 20, 12)
        assert imported.append(event("2024-02-20 11:00")).dropped_rows == 1
        assert imported.export(tmp_path / "again").written == ("month=2024-02", "month=2024-03")


def test_what_expired_stays_when_its_partition_empties(bids: Bids, tmp_path: Path) -> None:
    with bids.rollup() as rollup:
        rollup.refresh()
        rollup.export(tmp_path / "out")
        expected = in_table(rollup, "hour, publisher, bids")
        rollup.expire(before=datetime(2024, 3, 1, 12))
        bids.write("c", "2024-03-08")
        rollup.refresh()
        bids.write("c", "2024-04-01", 10)
        rollup.refresh(on_change="rebuild")
        rollup.export(tmp_path / "out")
        found = in_files(rollup, tmp_path / "out", "hour, publisher, bids")
        assert [row for row in found if row[0] < datetime(2024, 3, 1, 12)] == [
            row for row in expected if row[0] < datetime(2024, 3, 1, 12)
        ]
        assert [row for row in found if row[0] >= datetime(2024, 3, 1, 12)] == in_table(rollup, "hour, publisher, bids")


# Imports


def test_an_import_is_what_was_exported(hourly: Rollup, bids: Bids, tmp_path: Path) -> None:
    hourly.append(event("2024-02-10 12:00"), batch_id="x")
    hourly.append(event("1066-10-14 12:00"))
    hourly.export(tmp_path / "out")
    with Rollup.from_export(tmp_path / "out", database=tmp_path / "new.duckdb", sources=bids.sources) as imported:
        assert in_table(imported) == in_table(hourly)
        types = "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'bids_hourly' ORDER BY 1"
        assert rows(imported.connection, types) == rows(hourly.connection, types)
        (was,), (now,) = hourly.status(), imported.status()
        assert was.rejected_rows == 1
        assert now == type(was)(**{**was.__dict__, "last_batch": was.last_batch + 1})


def test_a_folder_whose_name_is_a_pattern(hourly: Rollup, tmp_path: Path) -> None:
    out = tmp_path / "it's [1] * of ? {a,b} %20 month=2"
    hourly.export(out)
    expected = in_table(hourly)
    hourly.expire(before=datetime(2024, 2, 10, 12))
    hourly.append(event("2024-02-10 12:00"))
    assert hourly.export(out).written == ("month=2024-02",)
    with Rollup.from_export(out) as imported:
        assert in_table(imported) == in_table(hourly)
    assert pyarrow.parquet.read_table(out / "month=2024-02").num_rows == 1 + sum(
        datetime(2024, 2, 1) <= row[0] < datetime(2024, 3, 1) for row in expected
    )


def test_an_import_keeps_the_settings(bids: Bids, tmp_path: Path) -> None:
    with bids.rollup(
        allowed_lateness="36 hours", late="drop", earliest=datetime(2024, 1, 20), latest=datetime(2024, 3, 2)
    ) as rollup:
        rollup.refresh()
        rollup.export(tmp_path / "out")
        line = "SELECT * EXCLUDE last_batch FROM rollup_manifest.rollups"
        with Rollup.from_export(tmp_path / "out", database=tmp_path / "new.duckdb", sources=bids.sources) as imported:
            assert rows(imported.connection, line) == rows(rollup.connection, line)
            assert imported.append(event("2024-01-21 12:00")).dropped_rows == 1
        with bids.rollup(database="new.duckdb") as reopened:
            assert reopened.refresh().rows == 0


def test_an_import_goes_on_where_the_export_was(hourly: Rollup, bids: Bids, tmp_path: Path) -> None:
    hourly.append(event("2024-02-10 12:00"), batch_id="x")
    hourly.export(tmp_path / "out")
    with Rollup.from_export(tmp_path / "out", sources=bids.sources) as imported:
        assert imported.refresh().files == 0
        assert imported.append(event("2024-02-10 12:00"), batch_id="x").rows == 0
        assert in_table(imported) == in_table(hourly)
        bids.write("c", "2024-03-05", 100)
        assert imported.refresh().rows == 100
        hourly.refresh()
        imported.append(event("2024-02-10 12:00"), batch_id="y")
        hourly.append(event("2024-02-10 12:00"), batch_id="y")
        assert in_table(imported) == in_table(hourly)


def test_an_import_of_an_import(hourly: Rollup, bids: Bids, tmp_path: Path) -> None:
    hourly.append(event("2024-02-10 12:00"), batch_id="x")
    hourly.export(tmp_path / "out")
    with Rollup.from_export(tmp_path / "out", sources=bids.sources, name="copy") as first:
        first.export(tmp_path / "again")
        with Rollup.from_export(tmp_path / "again", sources=bids.sources) as second:
            assert second.name == "copy"
            assert in_table(second) == in_table(hourly)
            assert second.refresh().rows == 0
            assert second.append(event("2024-02-10 12:00"), batch_id="x").rows == 0
            assert second.status()[0].rows == hourly.status()[0].rows


def test_files_of_an_import_can_be_rebuilt_but_not_what_was_appended(
    hourly: Rollup, bids: Bids, tmp_path: Path
) -> None:
    hourly.append(event("2024-02-10 12:00"))
    hourly.export(tmp_path / "out")
    with Rollup.from_export(tmp_path / "out", sources=bids.sources) as imported:
        bids.write("b", "2024-02-21", 1000)
        imported.refresh(on_change="rebuild")
        hourly.refresh(on_change="rebuild")
        assert in_table(imported) == in_table(hourly)
        bids.write("a", "2024-01-15", 2900)
        with pytest.raises(RollupError, match="also hold rows that were appended"):
            imported.refresh(on_change="rebuild")


def test_consumers_of_an_import_see_every_bucket(hourly: Rollup, tmp_path: Path) -> None:
    last = hourly.status()[0].last_batch
    hourly.export(tmp_path / "out")
    with Rollup.from_export(tmp_path / "out") as imported:
        changes = imported.changes(since=last)
        assert [(change.bucket,) for change in changes] == in_table(hourly, "DISTINCT hour")
        watermark = imported.status()[0].watermark
        assert watermark is not None
        assert {change.pane for change in changes if change.bucket >= watermark.replace(minute=0)} == {"early"}
        assert {change.pane for change in changes if change.bucket < watermark.replace(minute=0)} == {"on time"}


def test_an_import_coarsens(hourly: Rollup, bids: Bids, tmp_path: Path) -> None:
    hourly.coarsen("day", "bids_daily")
    hourly.export(tmp_path / "out")
    with Rollup.from_export(tmp_path / "out", sources=bids.sources) as imported:
        daily = imported.coarsen("day", "bids_daily")
        assert in_table(daily, "day, publisher, bids, md5(users)") == in_table(
            open_level("bids_daily", hourly.connection), "day, publisher, bids, md5(users)"
        )


def test_a_level_is_imported_after_its_rollup(hourly: Rollup, bids: Bids, tmp_path: Path) -> None:
    daily = hourly.coarsen("day", "bids_daily")
    monthly = daily.coarsen("month", "bids_monthly", by=[])
    hourly.expire(before=datetime(2024, 2, 10))
    levels = {"hourly": hourly, "daily": daily, "monthly": monthly}
    for name, level in levels.items():
        level.export(tmp_path / name, "year")
    with pytest.raises(ManifestError, match="import bids_hourly into this database first"):
        Level.from_export(tmp_path / "daily", database=tmp_path / "new.duckdb")
    with pytest.raises(ManifestError, match="a coarser level of bids_hourly: import bids_hourly"):
        Rollup.from_export(tmp_path / "daily", database=tmp_path / "new.duckdb")
    with pytest.raises(ManifestError, match=r"Rollup\.from_export"):
        Level.from_export(tmp_path / "hourly", database=tmp_path / "new.duckdb")
    with Rollup.from_export(tmp_path / "hourly", database=tmp_path / "new.duckdb", sources=bids.sources) as imported:
        for name in ("daily", "monthly"):
            Level.from_export(tmp_path / name, database=imported.connection).close()
        bids.write("c", "2024-02-01")  # some of it expired: the days take that up by themselves
        for rollup in (hourly, imported):
            assert rollup.refresh().rows == 3000
        for level in levels.values():
            columns = "* EXCLUDE (users, prices), md5(users), approx_histogram_stats(prices).count"
            assert in_table(level, columns) == in_table(open_level(level.name, imported.connection), columns)


def test_a_level_of_another_batch_is_not_imported(hourly: Rollup, tmp_path: Path) -> None:
    hourly.coarsen("day", "bids_daily").export(tmp_path / "daily")
    hourly.append(event("2024-02-10 12:00"))
    hourly.export(tmp_path / "hourly")
    with (
        Rollup.from_export(tmp_path / "hourly") as imported,
        pytest.raises(ManifestError, match="export both with no refresh between"),
    ):
        Level.from_export(tmp_path / "daily", database=imported.connection)


def test_an_empty_rollup(hourly: Rollup, bids: Bids, tmp_path: Path) -> None:
    with bids.rollup(database="empty.duckdb") as empty:
        empty.append(event("1066-10-14 12:00"), batch_id="x")
        assert empty.export(tmp_path / "out").written == ()
        with Rollup.from_export(tmp_path / "out", sources=bids.sources) as imported:
            assert in_table(imported) == []
            assert imported.refresh().files == 2
            assert in_table(imported) == in_table(hourly)


def remove(path: Path) -> None:
    path.unlink()


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [remove, shorten])
def test_a_torn_export_is_refused(hourly: Rollup, tmp_path: Path, damage: Callable[[Path], None]) -> None:
    hourly.export(tmp_path / "out")
    damage(tmp_path / "out" / "month=2024-02" / "rollup.parquet")
    with pytest.raises(ManifestError, match=r"month=2024-02/rollup\.parquet .*Export again"):
        Rollup.from_export(tmp_path / "out")
    hourly.export(tmp_path / "out")
    with Rollup.from_export(tmp_path / "out") as imported:
        assert in_table(imported) == in_table(hourly)


@pytest.mark.parametrize("known", [True, False], ids=["digest", "no digest"])
def test_a_damaged_partition_leaves_no_half_import(hourly: Rollup, tmp_path: Path, known: bool) -> None:
    hourly.export(tmp_path / "out")
    path = tmp_path / "out" / "month=2024-02" / "rollup.parquet"
    path.write_bytes(b"x" * path.stat().st_size)
    if not known:  # as the first labels had none
        old = {name: value for name, value in label(tmp_path / "out").items() if name not in NEW_IN_LABELS}
        (tmp_path / "out" / "_rollup.json").write_text(json.dumps(old))
    with duckdb.connect(tmp_path / "new.duckdb"):
        pass
    with pytest.raises(RollupError, match=r"month=2024-02/rollup\.parquet is damaged" if known else "cannot be read"):
        Rollup.from_export(tmp_path / "out", database=tmp_path / "new.duckdb")
    with duckdb.connect(tmp_path / "new.duckdb") as con:
        assert rows(con, "SELECT table_name FROM duckdb_tables() WHERE table_name = 'bids_hourly'") == []


def test_an_export_that_changes_while_it_is_read_is_refused(
    hourly: Rollup, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hourly.export(tmp_path / "out")

    def read_late(*arguments: Any) -> str:
        found = read(*arguments)
        hourly.append(event("2024-02-10 12:00"))
        hourly.export(tmp_path / "out")
        return found

    import duckdb_sketch.rollup.archive.restore as restoring

    read = restoring.read
    monkeypatch.setattr(restoring, "read", read_late)
    with pytest.raises(ManifestError, match="changed while it was read"):
        Rollup.from_export(tmp_path / "out")


def test_no_export(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"holds no export: there is no _rollup\.json in it"):
        Rollup.from_export(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "of version None"),
        ('{"format": 3}', "of version 3, and this duckdb_sketch knows versions up to 2"),
        ('{"format": 2}', "was changed after it was written"),
        ('{"format": 1}', "was changed after it was written"),
    ],
)
def test_a_label_that_is_none(hourly: Rollup, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "_rollup.json").write_text(text)
    with pytest.raises(ManifestError, match=message):
        Rollup.from_export(tmp_path / "out")
    with pytest.raises(ManifestError, match=message):
        hourly.export(tmp_path / "out")


def test_an_import_takes_no_name_that_is_taken(hourly: Rollup, tmp_path: Path) -> None:
    hourly.export(tmp_path / "out")
    with pytest.raises(RollupError, match="there is a rollup bids_hourly already"):
        Rollup.from_export(tmp_path / "out", database=hourly.connection)
    hourly.connection.execute("CREATE TABLE taken AS SELECT 1")
    with pytest.raises(RollupError, match="there is a table taken already"):
        Rollup.from_export(tmp_path / "out", database=hourly.connection, name="taken")
    with Rollup.from_export(tmp_path / "out", database=hourly.connection, name="beside") as imported:
        assert in_table(imported) == in_table(hourly)
