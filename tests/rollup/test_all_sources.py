"""The same events through every source give the same table; distinct-count sketches byte for byte."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import duckdb
import pytest
from events import EVENTS, HOURLY, table, write_events
from object_store import object_store

import duckdb_sketch
from duckdb_sketch.rollup import Rollup, TableSource

pytestmark = pytest.mark.thorough

PARTS = [(0, 70), (70, 90), (90, 200)]


def of_files(con: duckdb.DuckDBPyConnection, folder: Path) -> Rollup:
    rollup = Rollup.from_sql(HOURLY, sources={"bids": folder / "in"}, name="files", database=con)
    for number, (first, last) in enumerate(PARTS):
        write_events(folder / "in" / f"{number}.parquet", first, last)
        rollup.refresh()
    return rollup


def of_a_table(con: duckdb.DuckDBPyConnection, folder: Path) -> Rollup:
    con.execute(f"CREATE TABLE numbered AS SELECT 0 AS id, * FROM ({EVENTS.format(first=0, last=0)})")
    rollup = Rollup.from_sql(HOURLY, sources={"bids": TableSource("numbered", "id")}, name="ranges", database=con)
    for first, last in PARTS:
        events = EVENTS.format(first=first, last=last)
        con.execute(f"INSERT INTO numbered SELECT row_number() OVER () + {first}, * FROM ({events})")
        rollup.refresh()
    return rollup


def of_a_spool(con: duckdb.DuckDBPyConnection, folder: Path) -> Rollup:
    rollup = Rollup.from_sql(HOURLY, name="batches", database=con)
    for number, (first, last) in enumerate(PARTS):
        events = con.sql(EVENTS.format(first=first, last=last))
        rollup.append(events, batch_id=str(number), spool=folder / "spool")
    return rollup


def test_one_table_whatever_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    con = duckdb_sketch.connect()
    rollups = [make(con, tmp_path) for make in (of_files, of_a_table, of_a_spool)]
    if _has_server():
        with object_store(monkeypatch) as store:
            stored = Rollup.from_sql(HOURLY, sources={"bids": "s3://events/in"}, name="objects", database=con)
            for path in sorted((tmp_path / "in").iterdir()):
                store.put(f"in/{path.name}", path)
                stored.refresh()
            stored.replay()
            assert stored.verify(sample=1000).ok
        rollups.append(stored)
    for rollup in rollups[:3]:
        rollup.replay()
        assert rollup.verify(sample=1000).ok
    first, *others = [table(rollup) for rollup in rollups]
    assert all(other == first for other in others)
    sketches = [
        con.sql(f'SELECT hour, publisher, users FROM "{each.name}" ORDER BY ALL').fetchall() for each in rollups
    ]
    assert all(other == sketches[0] for other in sketches[1:])


def _has_server() -> bool:
    return bool(find_spec("obstore") and find_spec("moto"))
