"""Refreshes: what is new is counted, once, and said."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from events import HOURLY, everything, hourly, of_raw, table, write_events

from duckdb_sketch.rollup import ManifestError, Progress, Rollup, SpecificationError


@pytest.mark.parametrize("most_rows", [1, 150, 10**6])
def test_files_count_once_in_batches_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most_rows: int
) -> None:
    monkeypatch.setattr("duckdb_sketch.rollup.given_source.rows_that_fit", lambda *_: most_rows)
    for part in range(5):
        write_events(tmp_path / f"{part}.parquet", part * 60, part * 60 + 70)
    rollup = hourly(tmp_path)
    refreshed = rollup.refresh()
    batches = {1: 5, 150: 3, 10**6: 1}[most_rows]
    assert (refreshed.files, refreshed.rows, refreshed.batches) == (5, 350, list(range(1, batches + 1)))
    before = everything(rollup.connection)
    assert rollup.refresh().batches == []
    assert everything(rollup.connection) == before
    assert table(rollup) == of_raw(rollup, str(tmp_path / "*.parquet"))
    (status,) = rollup.status()
    assert (status.files, status.rows, status.last_batch, status.every) == (5, 350, batches, "hour")
    assert status.groups == len(table(rollup))


def test_progress_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duckdb_sketch.rollup.given_source.rows_that_fit", lambda *_: 1)
    for part in range(3):
        write_events(tmp_path / f"{part}.parquet", 0, 10 * (part + 1))
    told: list[Progress] = []
    hourly(tmp_path).refresh(progress=told.append)
    assert told == [Progress(0, 3, 0, 60), Progress(1, 3, 10, 60), Progress(2, 3, 30, 60), Progress(3, 3, 60, 60)]


def test_a_refresh_that_is_interrupted_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duckdb_sketch.rollup.given_source.rows_that_fit", lambda *_: 1)
    for part in range(3):
        write_events(tmp_path / f"{part}.parquet", part * 60, part * 60 + 70)
    database = tmp_path / "r.duckdb"

    def interrupt(progress: Progress) -> None:
        if progress.files == 2:
            raise KeyboardInterrupt

    with hourly(tmp_path, database=database) as rollup, pytest.raises(KeyboardInterrupt):
        rollup.refresh(progress=interrupt)
    with hourly(tmp_path, database=database) as rollup:
        assert rollup.status()[0].files == 2
        assert rollup.refresh().files == 1
        assert table(rollup) == of_raw(rollup, str(tmp_path / "*.parquet"))


def test_a_statement_in_a_file_gives_the_name(tmp_path: Path) -> None:
    path = tmp_path / "bids_hourly.sql"
    path.write_text(HOURLY)
    for given in (path, str(path)):
        assert Rollup.from_sql(given).name == "bids_hourly"
    with pytest.raises(SpecificationError, match="name='bids_hourly'"):
        Rollup.from_sql(HOURLY)
    with pytest.raises(SpecificationError, match=r"none\.sql cannot be read"):
        Rollup.from_sql(tmp_path / "none.sql")


def test_names_with_any_characters(tmp_path: Path) -> None:
    write_events(tmp_path / "0.parquet", 0, 100)
    name = 'it\'s "so" 100%; DROP'
    rollup = hourly(tmp_path, name=name)
    rollup.refresh()
    days = rollup.coarsen("day", name + " daily")
    write_events(tmp_path / "1.parquet", 50, 150)
    rollup.refresh()
    rollup.expire("1 day")
    assert [status.rollup for status in rollup.status()] == [name, name + " daily"]
    assert days.table().aggregate("sum(bids)").fetchall() == [(200,)]


def test_what_was_never_refreshed_is_not_there(tmp_path: Path) -> None:
    rollup = hourly(tmp_path)
    for ask in (rollup.status, rollup.changes, rollup.table, lambda: rollup.coarsen("day", "days")):
        with pytest.raises(ManifestError, match="there is no rollup hourly"):
            ask()
    assert everything(rollup.connection) == {}


def test_two_rollups_of_one_source_count_each_by_itself(tmp_path: Path) -> None:
    write_events(tmp_path / "0.parquet", 0, 100)
    one = hourly(tmp_path)
    two = hourly(tmp_path, name="daily", statement=HOURLY.replace("hour", "day"), database=one.connection)
    one.refresh()
    write_events(tmp_path / "1.parquet", 50, 150)
    two.refresh()
    one.refresh()
    for rollup in (one, two):
        assert table(rollup) == of_raw(rollup, str(tmp_path / "*.parquet"))


def test_sketches_of_hashes_are_not_compressed(tmp_path: Path) -> None:
    """Not by DuckDB, which takes most of a checkpoint for it; nor are those of levels, and after a replay."""
    statement = "SELECT date_trunc('hour', ts) AS hour, hll_sketch_agg(i) AS users FROM e GROUP BY ALL"
    duckdb.sql(
        "COPY (SELECT TIMESTAMP '2026-01-01' + to_hours(i // 30) AS ts, i FROM range(90_000) t(i)) "
        f"TO '{tmp_path}/0.parquet'"
    )
    sources = {"e": f"{tmp_path}/*.parquet"}
    with Rollup.from_sql(statement, name="r", sources=sources, database=tmp_path / "r.duckdb") as rollup:
        rollup.refresh()
        rollup.coarsen("day", "d")
        for repeated in (False, True):
            if repeated:
                rollup.replay()
            rollup.connection.execute("CHECKPOINT")
            for name in ("r", "d"):
                segments = rollup.connection.execute(
                    f"SELECT DISTINCT compression FROM pragma_storage_info('{name}') "
                    "WHERE column_name = 'users' AND segment_type IN ('BLOB', 'VARCHAR')"
                )
                assert segments.fetchall() == [("Uncompressed",)]
