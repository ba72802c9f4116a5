"""Data that is in no file: of every kind that DuckDB scans, each batch once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas
import pyarrow
import pytest
from events import EVENTS, HOURLY, content, everything, table

import duckdb_sketch
from duckdb_sketch.errors import InvalidInputError
from duckdb_sketch.rollup import LockedError, Rollup, SourceError

QUERY = EVENTS.format(first=0, last=200)


@pytest.fixture
def rollup() -> Iterator[Rollup]:
    with Rollup.from_sql(HOURLY, name="hourly") as rollup:
        yield rollup


def arrow(query: str = QUERY) -> pyarrow.Table:
    with duckdb.connect() as connection:
        return connection.sql(query).to_arrow_table()


def expected(rollup: Rollup, query: str = QUERY) -> list[Any]:
    return content(rollup.connection, HOURLY.replace("FROM bids", f"FROM ({query}) AS bids"))


@pytest.mark.parametrize("kind", ["table", "reader", "batch", "pandas", "relation", "polars"])
def test_whatever_duckdb_scans(rollup: Rollup, kind: str) -> None:
    source = duckdb_sketch.connect()
    if kind == "pandas":
        frame = arrow().to_pandas()
        frame["price"] = frame["price"].astype(object)
    data: Any = {
        "table": arrow,
        "reader": lambda: arrow().to_reader(max_chunksize=7),
        "batch": lambda: arrow().to_batches()[0],
        "pandas": lambda: frame,
        "relation": lambda: source.sql(QUERY),
        "polars": lambda: pytest.importorskip("polars").from_arrow(arrow()),
    }[kind]()
    assert rollup.append(data).rows == 200
    assert table(rollup) == expected(rollup)


def test_a_batch_counts_once(rollup: Rollup) -> None:
    first = rollup.append(arrow(), batch_id="monday")
    before = everything(rollup.connection)
    again = rollup.append(arrow(), batch_id="monday")
    assert (first.rows, first.batches, again.rows, again.batches) == (200, [1], 0, [])
    assert again.watermark == first.watermark
    assert everything(rollup.connection) == before
    rollup.append(arrow(), batch_id="tuesday")
    rollup.append(arrow())
    rollup.append(arrow())
    assert table(rollup) == expected(rollup, " UNION ALL ".join(f"({QUERY})" for _ in range(4)))


@pytest.mark.parametrize("batch_id", [7, 7.0, True, b"007", ("007",), "\udc80"])
def test_numeric_batch_ids(rollup: Rollup, batch_id: Any) -> None:
    rollup.append(arrow(), batch_id="007")
    with pytest.raises(InvalidInputError, match="batch_id"):
        rollup.append(arrow(), batch_id=batch_id)
    with pytest.raises(InvalidInputError, match="batch_id"):
        rollup.has_batch(batch_id)
    assert rollup.append(arrow(), batch_id="7").rows == 200
    assert table(rollup) == expected(rollup, f"({QUERY}) UNION ALL ({QUERY})")


class OneStream:
    """Data that can be read once, and has nothing but Arrow's protocol for streams."""

    def __init__(self) -> None:
        self._readers = [arrow().to_reader(max_chunksize=50)]

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._readers.pop().__arrow_c_stream__(requested_schema)


def test_one_shot_stream_is_counted(rollup: Rollup) -> None:
    assert rollup.append(OneStream(), batch_id="stream").rows == 200
    assert table(rollup) == expected(rollup)


def test_one_shot_stream_consumed_by_a_failed_attempt(tmp_path: Path) -> None:
    """Another connection holds the rollup's row: the stream is read once, and the commit tried again."""
    with (
        duckdb_sketch.connect(tmp_path / "r.duckdb") as connection,
        Rollup.from_sql(HOURLY, name="hourly", database=connection, wait=0.1) as rollup,
    ):
        rollup.append(arrow(), batch_id="first")
        connection.execute("BEGIN")
        connection.execute("UPDATE rollup_manifest.rollups SET last_batch = last_batch + 1")
        with pytest.raises(LockedError):
            rollup.append(OneStream(), batch_id="stream")
        assert not rollup.has_batch("stream")
        rollup._wait = 30
        threading.Timer(0.2, lambda: connection.execute("ROLLBACK")).start()
        assert rollup.append(OneStream(), batch_id="stream").rows == 200
        assert table(rollup) == expected(rollup, f"({QUERY}) UNION ALL ({QUERY})")


def test_a_batch_of_nothing_counts_as_one(rollup: Rollup) -> None:
    assert rollup.append(arrow(QUERY + " WHERE false"), batch_id="empty").rows == 0
    assert rollup.append(arrow(), batch_id="empty").rows == 0
    assert table(rollup) == []


@pytest.mark.parametrize("data", [1, "text", {"ts": [1]}, [1, 2]])
def test_what_duckdb_cannot_scan_is_refused(rollup: Rollup, data: object) -> None:
    with pytest.raises(SourceError, match=type(data).__name__):
        rollup.append(data)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("* EXCLUDE (price)", "there is no column price"),
        ("* REPLACE (price::DOUBLE AS price)", "price is DOUBLE, and .* DECIMAL"),
    ],
)
def test_data_of_other_columns_is_refused(rollup: Rollup, columns: str, message: str) -> None:
    rollup.append(arrow())
    before = everything(rollup.connection)
    with pytest.raises(SourceError, match=f"the data: .*{message}"):
        rollup.append(arrow(f"SELECT {columns} FROM ({QUERY})"), batch_id="bad")
    assert everything(rollup.connection) == before
    assert rollup.append(arrow(), batch_id="bad").rows == 200


def test_values_at_which_the_statement_fails_are_refused() -> None:
    statement = "SELECT date_trunc('hour', ts) AS hour, sum(x::INTEGER) AS x FROM bids GROUP BY ALL"
    with Rollup.from_sql(statement, name="hourly") as rollup:
        frame = pandas.DataFrame({"ts": pandas.to_datetime(["2024-01-01"]), "x": ["1"]})
        rollup.append(frame)
        before = everything(rollup.connection)
        with pytest.raises(SourceError, match=r"the data: .*many"):
            rollup.append(frame.assign(x="many"), batch_id="a")
        assert everything(rollup.connection) == before
        assert rollup.append(frame, batch_id="a").rows == 1
