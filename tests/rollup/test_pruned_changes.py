"""`rollup_manifest.changes` does not grow with the batches, and nobody misses a change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from duckdb_sketch.rollup import PrunedChangesError, Rollup, SpecificationError

STATEMENT = "SELECT date_trunc('hour', ts) AS hour, count(*) AS n, sum(x) AS x FROM e GROUP BY ALL"
KEPT = 3


def rollup_of(folder: Path, **settings: Any) -> Rollup:
    return Rollup.from_sql(
        STATEMENT,
        name="r",
        sources={"e": folder / "*.parquet"},
        database=folder / "r.duckdb",
        keep_changes=KEPT,
        **settings,
    )


def write(folder: Path, name: str, hour: int, rows: int = 5) -> None:
    events = f"SELECT TIMESTAMP '2026-01-01' + INTERVAL {hour} HOUR AS ts, i AS x FROM range({rows}) t(i)"
    duckdb.sql(f"COPY ({events}) TO '{folder}/{name}.parquet'")


def lines(rollup: Rollup, name: str = "r") -> int:
    query = f"SELECT count(*) FROM rollup_manifest.changes WHERE rollup = '{name}' AND pane <> 'pruned'"
    return int(rollup.connection.execute(query).fetchall()[0][0])


def append(rollup: Rollup, batches: int) -> None:
    """Batches for the same three hours."""
    for i in range(batches):
        event = f"SELECT TIMESTAMP '2026-01-01' + INTERVAL {i % 3} HOUR AS ts, 1 AS x"
        rollup.append(duckdb.sql(event).to_arrow_table())


def test_changes_do_not_grow_with_the_batches(tmp_path: Path) -> None:
    with rollup_of(tmp_path) as rollup:
        rollup.append(duckdb.sql("SELECT TIMESTAMP '2026-01-01' AS ts, 1 AS x").to_arrow_table())
        rollup.coarsen("day", "days")
        append(rollup, 8)
        grown = lines(rollup), lines(rollup, "days")
        append(rollup, 12)
        assert lines(rollup) <= grown[0] + 2
        assert lines(rollup, "days") <= grown[1] + 2
        assert lines(rollup) <= KEPT + 2 * 3
        assert rollup.connection.execute("SELECT n FROM days").fetchall() == [(21,)]


def test_changes_before_the_horizon_are_an_error(tmp_path: Path) -> None:
    with rollup_of(tmp_path) as rollup:
        append(rollup, 9)
        newest = rollup.status()[0].last_batch
        kept = rollup.changes(since=newest - KEPT)
        assert [change.batch for change in kept] == list(range(newest - KEPT + 1, newest + 1))
        for since in (0, 2):
            with pytest.raises(PrunedChangesError, match=rf"after batch {since} are no longer known.*since {newest}"):
                rollup.changes(since=since)
        assert rollup.changes(since=newest) == []


def test_a_level_that_is_behind_misses_nothing(tmp_path: Path) -> None:
    with rollup_of(tmp_path) as rollup:
        append(rollup, 3)
        rollup.coarsen("day", "days")
        for _ in range(8):
            rollup.append(duckdb.sql("SELECT TIMESTAMP '2026-02-01' AS ts, 1 AS x").to_arrow_table(), levels=False)
        rollup.append(duckdb.sql("SELECT TIMESTAMP '2026-03-01' AS ts, 1 AS x").to_arrow_table())
        assert rollup.connection.execute("SELECT n FROM days ORDER BY day").fetchall() == [(3,), (8,), (1,)]


def test_an_export_that_is_behind_misses_nothing(tmp_path: Path) -> None:
    with rollup_of(tmp_path) as rollup:
        append(rollup, 3)
        rollup.export(tmp_path / "out")
        rollup.append(duckdb.sql("SELECT TIMESTAMP '2025-01-01' AS ts, 1 AS x").to_arrow_table())
        append(rollup, 9)
        rollup.export(tmp_path / "out")
        exported = duckdb.sql(f"SELECT hour, n, x FROM '{tmp_path}/out/*/*.parquet' ORDER BY ALL").fetchall()
        assert exported == rollup.connection.execute("SELECT hour, n, x FROM r ORDER BY ALL").fetchall()
        assert len(exported) == 4


def test_verify_finds_a_bucket_that_is_lost_after_its_changes_were_pruned(tmp_path: Path) -> None:
    with rollup_of(tmp_path) as rollup:
        for i in range(8):
            write(tmp_path, f"f{i:02}", i)
            rollup.refresh()
        assert rollup.verify(sample=30).ok
        rollup.connection.execute("DELETE FROM r WHERE hour = '2026-01-01 03:00'")
        assert not rollup.verify(sample=30).ok


@pytest.mark.parametrize("rebuilds", [False, True])
def test_verify_knows_what_was_dropped_after_its_changes_were_pruned(tmp_path: Path, rebuilds: bool) -> None:
    with rollup_of(tmp_path, late="drop") as rollup:
        write(tmp_path, "a", 0)
        write(tmp_path, "b", 5)
        rollup.refresh()
        write(tmp_path, "late", 0, 3)
        assert rollup.refresh().dropped_rows == 3
        if rebuilds:
            write(tmp_path, "a", 0, 6)
            rollup.refresh(on_change="rebuild")
        for i in range(8):
            write(tmp_path, f"f{i:02}", 6 + i)
            rollup.refresh()
        expected = 9 if rebuilds else 5
        assert rollup.connection.execute("SELECT n FROM r ORDER BY hour LIMIT 1").fetchall() == [(expected,)]
        assert rollup.verify(sample=100).ok


def test_at_least_one_batch_is_kept(tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match="keep_changes=0"):
        Rollup.from_sql(STATEMENT, name="r", keep_changes=0)
