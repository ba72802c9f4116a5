"""The histogram functions in Spark SQL. Those of distinct counts are Spark's own, and work on the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from duckdb_sketch._arrow import arrow_table
from duckdb_sketch.errors import MissingDependencyError
from duckdb_sketch.spark.errors import require_pyspark
from duckdb_sketch.spark.worker import opened

if TYPE_CHECKING:
    import pyarrow  # type: ignore[import-untyped]
    from pyspark.sql import SparkSession

_ARGUMENTS = "duckdb_sketch_arguments"


@dataclass(frozen=True)
class _Scalar:
    """A function of DuckDB as an Arrow UDF: each batch of arguments is a table.

    Attributes:
        name: Its name in DuckDB.
        arguments: DuckDB's types of its arguments; Spark gives 0.5 as a DECIMAL.
        returns: DuckDB's type of its result, and Spark's.
    """

    name: str
    arguments: tuple[str, ...]
    returns: tuple[str, str]

    def __call__(self, *columns: pyarrow.Array) -> pyarrow.Array:
        """A result for each row."""
        return self._results(_named(columns), len(columns)).combine_chunks()

    def _results(self, arguments: Any, given: int) -> pyarrow.ChunkedArray:
        casts = ", ".join(f"CAST(a{i} AS {kind})" for i, kind in enumerate(self.arguments[:given]))
        query = f"SELECT CAST({self.name}({casts}) AS {self.returns[0]}) AS result FROM {_ARGUMENTS}"
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


_BLOB = ("BLOB", "binary")
_DOUBLE = ("DOUBLE", "double")
_DOUBLES = ("DOUBLE[]", "array<double>")
_BUCKETS = (
    "STRUCT(lower DOUBLE, upper DOUBLE, count DOUBLE)[]",
    "array<struct<lower: double, upper: double, count: double>>",
)
_SCALARS: dict[str, _Scalar] = {
    "approx_histogram_union": _Scalar("approx_histogram_union", ("BLOB", "BLOB"), _BLOB),
    "approx_histogram_quantile": _Scalar("approx_histogram_quantile", ("BLOB", "DOUBLE"), _DOUBLE),
    "approx_histogram_quantiles": _Scalar("approx_histogram_quantile", ("BLOB", "DOUBLE[]"), _DOUBLES),
    "approx_histogram_quantile_bounds": _Scalar(
        "approx_histogram_quantile_bounds",
        ("BLOB", "DOUBLE"),
        (
            "STRUCT(lower DOUBLE, estimate DOUBLE, upper DOUBLE)",
            "struct<lower: double, estimate: double, upper: double>",
        ),
    ),
    "approx_histogram_cdf": _Scalar("approx_histogram_cdf", ("BLOB", "DOUBLE"), _DOUBLE),
    "approx_histogram_cdfs": _Scalar("approx_histogram_cdf", ("BLOB", "DOUBLE[]"), _DOUBLES),
    "approx_histogram_count_below": _Scalar("approx_histogram_count_below", ("BLOB", "DOUBLE"), _DOUBLE),
    "approx_histogram_counts_below": _Scalar("approx_histogram_count_below", ("BLOB", "DOUBLE[]"), _DOUBLES),
    "approx_histogram_bins": _Scalar(
        "approx_histogram_bins",
        ("BLOB",),
        # Spark has no unsigned numbers, and a count is no more than 2^62.
        ("STRUCT(center DOUBLE, count BIGINT)[]", "array<struct<center: double, count: bigint>>"),
    ),
    "approx_histogram_equi_width": _Scalar("approx_histogram_equi_width", ("BLOB", "BIGINT"), _BUCKETS),
    "approx_histogram_equi_depth": _Scalar("approx_histogram_equi_depth", ("BLOB", "BIGINT"), _BUCKETS),
    "approx_histogram_buckets": _Scalar("approx_histogram_buckets", ("BLOB", "DOUBLE[]"), _BUCKETS),
    "approx_histogram_stats": _Scalar(
        "approx_histogram_stats",
        ("BLOB",),
        (
            "STRUCT(count BIGINT, min DOUBLE, max DOUBLE, mean DOUBLE, bins INTEGER, max_bins INTEGER, "
            "non_finite BIGINT, exact BOOLEAN, rank_error DOUBLE, bytes BIGINT)",
            "struct<count: bigint, min: double, max: double, mean: double, bins: int, max_bins: int, "
            "non_finite: bigint, exact: boolean, rank_error: double, bytes: bigint>",
        ),
    ),
}
_AGGREGATES: dict[str, _Scalar] = {
    "approx_histogram_agg": _Aggregate("approx_histogram_agg", ("DOUBLE", "BIGINT"), _BLOB),
    "approx_histogram_union_agg": _Aggregate("approx_histogram_union_agg", ("BLOB", "BIGINT"), _BLOB),
}


def register(spark: SparkSession) -> None:
    """Make the histogram functions known to a session's SQL, under their names in DuckDB.

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
    for name, function in (_SCALARS | _AGGREGATES).items():
        kind = aggregate if isinstance(function, _Aggregate) else ArrowUDFType.SCALAR
        spark.udf.register(name, arrow_udf(function, function.returns[1], kind))


def _named(columns: Sequence[pyarrow.Array]) -> pyarrow.RecordBatch:
    import pyarrow

    return pyarrow.RecordBatch.from_arrays(list(columns), [f"a{i}" for i in range(len(columns))])
