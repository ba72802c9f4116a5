"""Structured Streaming: a stream that is restarted counts nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from events import HOURLY, of_raw, table, write_events

from duckdb_sketch.rollup import Refreshed, Rollup
from duckdb_sketch.spark import Sink, SparkError

pytestmark = pytest.mark.spark


class _Stream:
    """A query that reads files, one a batch."""

    def __init__(self, spark: Any, folder: Path) -> None:
        self.spark = spark
        self.files = folder / "files"
        self.checkpoint = folder / "checkpoint"
        self.database = folder / "rollups.duckdb"
        self.counted: list[Refreshed] = []
        self.sink = Sink(HOURLY, database=self.database, name="hourly", counted=self.counted.append)
        self.schema = spark.read.parquet(str(write_events(self.files / "0.parquet", 0, 300))).schema
        write_events(self.files / "1.parquet", 300, 600, age=2)

    def run(self, sink: Callable[[Any, int], None], checkpoint: str = "checkpoint") -> None:
        """Run until there is nothing new."""
        files = self.spark.readStream.schema(self.schema).option("maxFilesPerTrigger", 1).parquet(str(self.files))
        query = files.writeStream.foreachBatch(sink).trigger(availableNow=True)
        query.option("checkpointLocation", str(self.checkpoint.with_name(checkpoint))).start().awaitTermination()

    def assert_is_right(self) -> None:
        """Each row is in the rollup once."""
        with Rollup.from_sql(HOURLY, name="hourly", database=self.database) as rollup:
            assert table(rollup) == of_raw(rollup, sorted(self.files.iterdir()))


@pytest.fixture
def stream(spark: Any, tmp_path: Path) -> _Stream:
    return _Stream(spark, tmp_path)


def test_a_stream_that_is_restarted(stream: _Stream) -> None:
    stream.run(stream.sink)
    assert [refreshed.rows for refreshed in stream.counted] == [300, 300]
    stream.assert_is_right()
    write_events(stream.files / "2.parquet", 200, 700)
    stream.run(stream.sink)
    assert [refreshed.rows for refreshed in stream.counted] == [300, 300, 500]
    stream.assert_is_right()


@pytest.mark.parametrize("after", [True, False])
def test_a_stream_that_dies_within_a_batch(stream: _Stream, after: bool) -> None:
    """Between the commit of the rollup and that of the checkpoint, and before the rollup's."""
    given = []

    def dying(events: Any, batch: int) -> None:
        given.append(batch)
        if batch == 0 or after or given.count(1) > 1:
            stream.sink(events, batch)
        if given == [0, 1]:
            raise RuntimeError("the power is gone")

    with pytest.raises(Exception, match="the power is gone"):
        stream.run(dying)
    stream.run(dying)
    assert given == [0, 1, 1], "Spark gave the batch again"
    assert [refreshed.rows for refreshed in stream.counted] == ([300, 300, 0] if after else [300, 300])
    stream.assert_is_right()


def test_another_checkpoint_is_another_query(stream: _Stream) -> None:
    """Its batches have the same numbers, and are other ones: a table that is fed by two streams has both."""
    stream.run(stream.sink)
    stream.run(stream.sink, checkpoint="another")
    with Rollup.from_sql(HOURLY, name="hourly", database=stream.database) as rollup:
        assert rollup.connection.execute("SELECT sum(bids) FROM hourly").fetchall() == [(1200,)]


def test_a_sink_is_for_streams(stream: _Stream) -> None:
    with pytest.raises(SparkError, match="writeStream"):
        stream.sink(stream.spark.read.parquet(str(stream.files)), 0)
