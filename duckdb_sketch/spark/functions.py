"""The families' functions in Spark SQL. Most of HLL and theta sketches are Spark's own, and work on the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from duckdb_sketch._arrow import arrow_table
from duckdb_sketch.errors import MissingDependencyError
from duckdb_sketch.families import SparkFunction, families
from duckdb_sketch.spark.errors import require_pyspark
from duckdb_sketch.spark.worker import opened

if TYPE_CHECKING:
    import pyarrow  # type: ignore[import-untyped]
    from pyspark.sql import SparkSession

_ARGUMENTS = "duckdb_sketch_arguments"


@dataclass(frozen=True)
class _Scalar:
    """A function of DuckDB as an Arrow UDF: each batch of arguments is a table."""

    function: SparkFunction

    def __call__(self, *columns: pyarrow.Array) -> pyarrow.Array:
        """A result for each row."""
        return self._results(_named(columns), len(columns)).combine_chunks()

    def _results(self, arguments: Any, given: int) -> pyarrow.ChunkedArray:
        function = self.function
        # Spark gives 0.5 as a DECIMAL.
        casts = ", ".join(f"CAST(a{i} AS {kind})" for i, kind in enumerate(function.arguments[:given]))
        query = f"SELECT CAST({function.function}({casts}) AS {function.returns.duckdb}) AS result FROM {_ARGUMENTS}"
        with opened() as connection:
            connection.register(_ARGUMENTS, arguments)
            return arrow_table(connection.sql(query)).column("result")


class _Aggregate(_Scalar):
    """An aggregate of DuckDB as an Arrow UDF: the batches of a group are a stream, one argument or a tuple of them."""

    def __call__(self, batches: Iterator[Any]) -> bytes | None:
        """The result for the group."""
        import pyarrow

        named = (_named(batch if isinstance(batch, tuple) else (batch,)) for batch in batches)
        first = next(named)
        reader = pyarrow.RecordBatchReader.from_batches(first.schema, chain([first], named))
        found: bytes | None = self._results(reader, first.num_columns)[0].as_py()
        return found


def register(spark: SparkSession) -> None:
    """Make the families' functions known to a session's SQL, but for those that Spark has of its own.

    They have their names in DuckDB.
    A function of Spark has one type: where DuckDB's takes a number or a list of numbers, the one of the list has a
    name in the plural: `approx_histogram_quantiles`, `approx_histogram_cdfs`, `approx_histogram_counts_below`.

    The aggregates are Python's, and so Spark shuffles the values of a group to one worker, and takes no aggregates of
    its own beside them in one SELECT. To aggregate much, use `rollup`, and merge and read its histograms with these.

    Args:
        spark: The session.

    Raises:
        MissingDependencyError: If PySpark is missing, or older than 4.2.
    """
    require_pyspark()
    try:
        from pyspark.sql.functions import ArrowUDFType, arrow_udf

        aggregate = ArrowUDFType.GROUPED_AGG_ITER
    except (ImportError, AttributeError) as error:  # Spark 4.0, 4.1
        raise MissingDependencyError('functions in Arrow need Spark 4.2: pip install "pyspark>=4.2"') from error
    for function in (function for family in families() for function in family.spark):
        udf, kind = (_Aggregate, aggregate) if function.aggregate else (_Scalar, ArrowUDFType.SCALAR)
        spark.udf.register(function.name, arrow_udf(udf(function), function.returns.spark, kind))


def _named(columns: Sequence[pyarrow.Array]) -> pyarrow.RecordBatch:
    import pyarrow

    return pyarrow.RecordBatch.from_arrays(list(columns), [f"a{i}" for i in range(len(columns))])
