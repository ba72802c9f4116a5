"""Files that changed after they were counted: refused by name, or their buckets made anew."""

from __future__ import annotations

import hashlib
import os
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
from events import EVENTS, HOURLY, everything, hourly, of_raw, table, write, write_events
from samples import few_fast_rows

from duckdb_sketch.rollup import ChangedFilesError, Rollup, RollupError, SourceError

DAYS = HOURLY.replace("'hour', ts) AS hour", "'day', ts) AS day")


def three_files(folder: Path, **options: object) -> Rollup:
    """Files that overlap, each with the next."""
    for part in range(3):
        write_events(folder / f"{part}.parquet", part * 100, part * 100 + 150)
    hours = hourly(folder, **options)
    hours.refresh()
    hours.coarsen("day", "days")
    return hours


def check(hours: Rollup, folder: Path) -> None:
    assert table(hours) == of_raw(hours, str(folder / "*.parquet"))
    assert table(hours.coarsen("day", "days")) == of_raw(hours, str(folder / "*.parquet"), DAYS)


def refused(hours: Rollup, message: str, **options: object) -> None:
    before = everything(hours.connection)
    with pytest.raises(RollupError, match=message):
        hours.refresh(**options)  # type: ignore[arg-type]
    assert everything(hours.connection) == before


def test_a_file_that_changed_is_reported_by_name_and_does_not_block_new_ones(tmp_path: Path) -> None:
    hours = three_files(tmp_path)
    write_events(tmp_path / "1.parquet", 100, 120, age=1)
    write_events(tmp_path / "3.parquet", 300, 400)
    before = hours.status()[0].rows
    with pytest.raises(ChangedFilesError, match=r"changed since counted: .*1\.parquet.*on_change='rebuild'") as raised:
        hours.refresh()
    assert raised.value.changed == [str(tmp_path / "1.parquet")]
    assert hours.status()[0].rows == before + 100
    refused(hours, r"1\.parquet")  # there is nothing new now
    assert hours.refresh(on_change="report").changed == [str(tmp_path / "1.parquet")]
    hours.refresh(on_change="rebuild")
    check(hours, tmp_path)


def test_a_file_that_cannot_be_rebuilt_does_not_block_new_ones(tmp_path: Path) -> None:
    hours = three_files(tmp_path)
    write_events(tmp_path / "1.parquet", 100, 120, age=1)
    (tmp_path / "2.parquet").unlink()
    write_events(tmp_path / "3.parquet", 300, 400)
    before = hours.status()[0].rows
    with pytest.raises(RollupError, match=r"2\.parquet.*no longer exists"):
        hours.refresh(on_change="rebuild")
    assert hours.status()[0].rows == before + 100


def test_a_touched_file_is_no_change(tmp_path: Path) -> None:
    hours = three_files(tmp_path)
    for age in (1, 10**9):
        os.utime(tmp_path / "1.parquet", (age, age))
        assert hours.verify().ok
        hours.replay()
        assert hours.refresh().batches == []
    query = "SELECT modified FROM rollup_manifest.files WHERE path LIKE '%1.parquet'"
    assert hours.connection.execute(query).fetchall() == [(10**18,)]  # so that it need not be read again
    write_events(tmp_path / "0.parquet", 0, 100, age=1)
    hours.refresh(on_change="rebuild")
    check(hours, tmp_path)


@pytest.mark.parametrize("is_same", [True, False])
def test_a_digest_of_an_older_ledger_is_compared(tmp_path: Path, is_same: bool) -> None:
    hours = three_files(tmp_path)
    path = tmp_path / "1.parquet"
    content, status = path.read_bytes(), path.stat()
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    hours.connection.execute(
        "UPDATE rollup_manifest.slices SET fingerprint = ? WHERE slice = ?",
        [f"{status.st_size}:{status.st_mtime_ns}:{digest}", str(path)],
    )
    if not is_same:
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, (1, 1))
    assert hours.refresh(on_change="report").changed == ([] if is_same else [str(path)])


def test_a_touched_file_that_is_too_large_to_be_read_twice_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duckdb_sketch.rollup.sources.file.HASHED_BYTES", 0)
    hours = three_files(tmp_path)
    os.utime(tmp_path / "1.parquet", (1, 1))
    refused(hours, r"1\.parquet")


@pytest.mark.parametrize("how", ["size", "time"])
def test_a_change_is_seen_by_size_or_time(tmp_path: Path, how: str) -> None:
    hours = three_files(tmp_path)
    path = tmp_path / "1.parquet"
    if how == "time":
        size = path.stat().st_size
        write(path, EVENTS.format(first=100, last=250).replace("'a'", "'c'"), age=1)
        assert path.stat().st_size == size
    else:
        modified = path.stat().st_mtime_ns
        write_events(path, 100, 120)
        os.utime(path, ns=(modified, modified))
    refused(hours, r"1\.parquet")


def test_a_change_is_seen_whose_time_is_before_that_of_the_file_before(tmp_path: Path) -> None:
    hours = three_files(tmp_path)
    write_events(tmp_path / "1.parquet", 100, 250)
    hours.refresh(on_change="rebuild")
    modified = (tmp_path / "1.parquet").stat().st_mtime_ns
    size = (tmp_path / "1.parquet").stat().st_size
    for back in (1, 10**9, modified - 1, modified + 10**18):  # by a nanosecond, to 1970, and before
        write(tmp_path / "1.parquet", EVENTS.format(first=100, last=250).replace("'a'", "'c'"))
        os.utime(tmp_path / "1.parquet", ns=(modified - back, modified - back))
        assert (tmp_path / "1.parquet").stat().st_size == size
        refused(hours, r"changed since counted: .*1\.parquet")
        hours.refresh(on_change="rebuild")
        check(hours, tmp_path)
        write_events(tmp_path / "1.parquet", 100, 250)
        os.utime(tmp_path / "1.parquet", ns=(modified, modified))
        hours.refresh(on_change="rebuild")
        check(hours, tmp_path)


@pytest.mark.parametrize(
    ("first", "last"),
    few_fast_rows([(100, 120), (100, 250), (0, 400), (500, 600), (0, 0), (240, 260)], (0, 400), (0, 0)),
    ids=str,
)
@pytest.mark.parametrize("part", [0, 1])
def test_a_rebuild_gives_what_a_clean_run_does(tmp_path: Path, part: int, first: int, last: int) -> None:
    hours = three_files(tmp_path)
    write_events(tmp_path / f"{part}.parquet", first, last, age=1)
    write_events(tmp_path / "3.parquet", 300, 400)
    since = hours.status()[0].last_batch
    before = set(table(hours))
    refreshed = hours.refresh(on_change="rebuild")
    touched = (part, first, last) == (1, 100, 250)  # the same bytes as before
    assert (refreshed.rebuilt, refreshed.files) == (0 if touched else 1, 1)
    check(hours, tmp_path)
    changed = {row[0] for row in before ^ set(table(hours))}
    assert changed <= {str(change.bucket) for change in hours.changes(since=since)}
    assert hours.refresh().batches == []
    assert hours.status()[0].rows == sum(
        duckdb.sql(f"SELECT count(*) FROM '{path}'").fetchall()[0][0] for path in tmp_path.glob("*.parquet")
    )


def test_an_event_at_the_start_of_the_next_bucket_is_not_counted_again(tmp_path: Path) -> None:
    """DuckDB 1.4 takes `date_trunc('hour', ts) <= '10:00'` for `ts <= '11:00'`."""
    events = "SELECT unnest({})::TIMESTAMP AS ts, 'a' AS publisher, 1 AS user_id, 1::DECIMAL(10, 2) AS price"
    write(tmp_path / "1.parquet", events.format(["2024-01-01 09:10", "2024-01-01 10:20"]))
    write(tmp_path / "2.parquet", events.format(["2024-01-01 10:50", "2024-01-01 11:00", "2024-01-01 11:30"]))
    hours = hourly(tmp_path)
    hours.refresh()
    write(tmp_path / "1.parquet", events.format(["2024-01-01 10:40"]), age=1)
    hours.refresh(on_change="rebuild")
    assert table(hours) == of_raw(hours, str(tmp_path / "*.parquet"))


def test_a_file_that_shrinks_to_nothing_leaves_nothing(tmp_path: Path) -> None:
    write_events(tmp_path / "0.parquet", 0, 100)
    hours = hourly(tmp_path)
    hours.refresh()
    days = hours.coarsen("day", "days")
    write_events(tmp_path / "0.parquet", 0, 0, age=1)
    hours.refresh(on_change="rebuild")
    assert (table(hours), table(days)) == ([], [])
    write_events(tmp_path / "0.parquet", 0, 10, age=2)
    hours.refresh(on_change="rebuild")
    assert table(hours) == of_raw(hours, str(tmp_path / "*.parquet"))


def test_files_of_several_kinds_are_rebuilt_together(tmp_path: Path) -> None:
    statement = "SELECT date_trunc('hour', ts) AS hour, count(*) AS n, sum(user_id) AS x FROM bids GROUP BY ALL"
    write_events(tmp_path / "0.parquet", 0, 50)
    write_events(tmp_path / "1.csv", 20, 70)
    write_events(tmp_path / "2.json", 40, 90)
    sources = {"bids": [tmp_path / "*.parquet", tmp_path / "*.csv", tmp_path / "*.json"]}
    level = Rollup.from_sql(statement, name="mixed", sources=sources)
    level.refresh()
    write_events(tmp_path / "1.csv", 10, 60, age=1)
    write_events(tmp_path / "2.json", 45, 90, age=1)
    assert level.refresh(on_change="rebuild").rebuilt == 2
    clean = Rollup.from_sql(statement, name="mixed", sources=sources)
    clean.refresh()
    assert table(level) == table(clean)


def test_a_rebuild_keeps_to_where_and_dimensions(tmp_path: Path) -> None:
    statement = HOURLY.replace("GROUP BY", "WHERE price < 5 OR user_id = 3 GROUP BY")
    hours = three_files(tmp_path, statement=statement)
    write_events(tmp_path / "1.parquet", 110, 240, age=1)
    hours.refresh(on_change="rebuild")
    assert table(hours) == of_raw(hours, str(tmp_path / "*.parquet"))


def test_rows_that_were_appended_are_not_lost(tmp_path: Path) -> None:
    hours = three_files(tmp_path)
    with duckdb.connect() as connection:
        hours.append(connection.sql(EVENTS.format(first=120, last=125)).to_arrow_table())
    write_events(tmp_path / "1.parquet", 100, 120, age=1)
    refused(hours, r"1\.parquet.*appended", on_change="rebuild")


def test_a_file_that_is_gone_is_missed_where_it_is_needed(tmp_path: Path) -> None:
    hours = three_files(tmp_path)
    (tmp_path / "2.parquet").rename(tmp_path / "away")
    hours.refresh()  # what is gone has been counted
    write_events(tmp_path / "1.parquet", 100, 120, age=1)
    refused(hours, r"2\.parquet.*no longer exists", on_change="rebuild")
    write_events(tmp_path / "0.parquet", 0, 50, age=1)
    (tmp_path / "1.parquet").unlink()
    refused(hours, r"1\.parquet.*no longer exists", on_change="rebuild")


def test_expired_buckets_are_not_rebuilt(tmp_path: Path) -> None:
    hours = three_files(tmp_path)
    hours.expire(before=datetime(2024, 3, 1))
    write_events(tmp_path / "0.parquet", 0, 10, age=1)
    refused(hours, r"0\.parquet.*expired", on_change="rebuild")
    write_events(tmp_path / "0.parquet", 0, 150)


@pytest.mark.parametrize("bad", ["no Parquet", "another column"])
def test_a_file_that_is_now_bad_is_named(tmp_path: Path, bad: str) -> None:
    hours = three_files(tmp_path)
    if bad == "no Parquet":
        (tmp_path / "1.parquet").write_text(bad)
    else:
        write(tmp_path / "1.parquet", "SELECT 1 AS other")
    before = everything(hours.connection)
    with pytest.raises(SourceError, match=r"1\.parquet"):
        hours.refresh(on_change="rebuild")
    assert everything(hours.connection) == before
