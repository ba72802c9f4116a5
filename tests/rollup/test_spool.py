"""Appended batches that are kept as Parquet: once, whole, and readable again."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from events import EVENTS, HOURLY, everything, table, write_events

import duckdb_sketch
from duckdb_sketch import Cube
from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.rollup import Rollup, RollupError, SourceError
from duckdb_sketch.rollup.sources.spool import SpooledFile, spool


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    return duckdb_sketch.connect()


def batch(con: duckdb.DuckDBPyConnection, first: int, last: int) -> duckdb.DuckDBPyRelation:
    return con.sql(EVENTS.format(first=first, last=last))


def test_replay_and_verify(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    with Rollup.from_sql(HOURLY, name="hourly", database=con) as rollup:
        assert rollup.append(batch(con, 0, 100), batch_id="a/b=1", spool=tmp_path).rows == 100
        rollup.append(batch(con, 100, 200), batch_id="2", spool=tmp_path)
        assert rollup.append(batch(con, 100, 200), batch_id="2", spool=tmp_path).batches == []
        before = table(rollup)
        found = rollup.verify(sample=1000)
        assert (found.ok, found.skipped_appended) == (True, 0)
        rollup.replay()
        assert table(rollup) == before
        assert rollup.status()[0].rows == 200
        assert {path.name for path in (tmp_path / "bids").iterdir()} == {"a%2Fb%3D1.parquet", "2.parquet"}


def test_without_a_spool_there_is_no_replay(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    with Rollup.from_sql(HOURLY, name="hourly", database=con) as rollup:
        rollup.append(batch(con, 0, 100), batch_id="1", spool=tmp_path)
        rollup.append(batch(con, 100, 200), batch_id="2")
        with pytest.raises(RollupError, match="1 batch of hourly was appended"):
            rollup.replay()


def test_beside_files(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    write_events(tmp_path / "in" / "1.parquet", 0, 100)
    with Rollup.from_sql(HOURLY, name="hourly", sources={"bids": tmp_path / "in"}, database=con) as rollup:
        rollup.refresh()
        rollup.append(batch(con, 50, 150), batch_id="1", spool=tmp_path / "spool")
        write_events(tmp_path / "in" / "1.parquet", 10, 100, age=1)
        rollup.refresh(on_change="rebuild")
        before = table(rollup)
        rollup.replay()
        assert table(rollup) == before
        assert sum(row[2] for row in before) == 190


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_around_the_commit(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a killed process leaves: a hidden file that the ledger does not have, or one that it has."""
    with monkeypatch.context() as killed:
        killed.setattr(SpooledFile, "discard", lambda _: None)
        if moment == "before":
            killed.setattr("duckdb_sketch.rollup.pipeline.append.Appending.append", lambda *_, **__: 1 / 0)
        else:
            killed.setattr(SpooledFile, "publish", lambda _: 1 / 0)
        with Rollup.from_sql(HOURLY, name="hourly", database=con) as rollup, pytest.raises(ZeroDivisionError):
            rollup.append(batch(con, 0, 100), batch_id="1", spool=tmp_path)
    assert not list(tmp_path.glob("bids/*.parquet"))
    with Rollup.from_sql(HOURLY, name="hourly", database=con) as rollup:
        again = rollup.append(batch(con, 0, 100), batch_id="1", spool=tmp_path)
        assert again.rows == (100 if moment == "before" else 0)
        assert len(list(tmp_path.glob("bids/*.parquet"))) == 1
        assert sum(row[2] for row in table(rollup)) == 100
        assert rollup.verify(sample=1000).ok
        rollup.replay()


def test_a_batch_that_cannot_be_counted_leaves_nothing(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    with Rollup.from_sql(HOURLY, name="hourly", database=con) as rollup:
        rollup.append(batch(con, 0, 100), batch_id="1", spool=tmp_path)
        before = everything(con)
        with pytest.raises(SourceError, match="no column publisher"):
            rollup.append(con.sql("SELECT TIMESTAMP '2026-01-01' AS ts"), batch_id="2", spool=tmp_path)
        with pytest.raises(SourceError, match="note is HUGEINT, which Parquet would keep as DOUBLE"):
            spool(con, "(SELECT 1::HUGEINT AS note)", tmp_path / "bids" / "3.parquet")
        with pytest.raises(InvalidInputError, match="batch_id"):
            rollup.append(batch(con, 0, 10), spool=tmp_path)
        assert everything(con) == before
        assert [path.name for path in (tmp_path / "bids").iterdir()] == ["1.parquet"]


def test_rollups_of_one_source_share_a_batch(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    daily = HOURLY.replace("hour", "day")
    with (
        Rollup.from_sql(HOURLY, name="hourly", database=con) as one,
        Rollup.from_sql(daily, name="daily", database=con) as other,
    ):
        for rollup in (one, other):
            assert rollup.append(batch(con, 0, 100), batch_id="1", spool=tmp_path).rows == 100
    third = Rollup.from_sql(HOURLY, name="third", database=con)
    with third, pytest.raises(SourceError, match="holds another batch of this id"):
        third.append(batch(con, 1, 101), batch_id="1", spool=tmp_path)
    con.execute("CREATE TABLE expected AS " + EVENTS.format(first=0, last=100))
    question = "SELECT count(*) FROM {} WHERE ts >= '2024-02-27 10:20' AND ts < '2024-02-28 05:10'"
    with Cube(con) as cube:
        assert cube.sql(question.format("bids")).fetchall() == con.sql(question.format("expected")).fetchall()
