"""The histogram functions in Spark SQL give what they give in DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import duckdb
import pytest

import duckdb_sketch
from duckdb_sketch import MissingDependencyError
from duckdb_sketch.spark import register

pytestmark = pytest.mark.spark

VALUES = """
SELECT i % 3 AS g, CASE i % 40 WHEN 0 THEN NULL WHEN 1 THEN 'nan'::DOUBLE ELSE (i * 7919 % 1009) / 8 END AS x
FROM range(3000) t(i)
"""
SCALARS = [
    "approx_histogram_union(h, h)",
    "approx_histogram_quantile(h, 0.5)",
    "approx_histogram_quantile(h, NULL)",
    "approx_histogram_quantile(h, g / 4)",
    "approx_histogram_quantile_bounds(h, 0.25)",
    "approx_histogram_cdf(h, 60)",
    "approx_histogram_count_below(h, 60.5)",
    "approx_histogram_bins(h)",
    "approx_histogram_equi_width(h, 5)",
    "approx_histogram_equi_depth(h, g + 1)",
    "approx_histogram_stats(h)",
]
LISTS = [
    ("approx_histogram_quantiles(h, array(0, 0.5, NULL, 1))", "approx_histogram_quantile(h, [0, 0.5, NULL, 1])"),
    ("approx_histogram_cdfs(h, array(1, 60))", "approx_histogram_cdf(h, [1, 60])"),
    ("approx_histogram_counts_below(h, array(1, 60))", "approx_histogram_count_below(h, [1, 60])"),
    ("approx_histogram_buckets(h, array(0, 50, 100.5))", "approx_histogram_buckets(h, [0, 50, 100.5])"),
]


@pytest.fixture(scope="module")
def states(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The views `x`, of values, and `states`, of histograms, in both; and the functions in Spark."""
    folder = tmp_path_factory.mktemp("states")
    register(spark)
    with duckdb_sketch.connect() as connection:
        connection.sql(VALUES).write_parquet(str(folder / "x.parquet"))
        connection.execute(f"""
            CREATE TABLE x AS FROM '{folder}/x.parquet';
            CREATE TABLE states AS SELECT g, approx_histogram_agg(x) AS h FROM x GROUP BY g
            UNION ALL SELECT 3, approx_histogram_agg(NULL) UNION ALL SELECT 4, NULL
        """)
        connection.table("states").write_parquet(str(folder / "states.parquet"))
        for name in ("x", "states"):
            spark.read.parquet(str(folder / f"{name}.parquet")).createOrReplaceTempView(name)
        yield connection


def of_spark(spark: Any, query: str) -> list[tuple[Any, ...]]:
    return [plain(row) for row in spark.sql(query).collect()]


def plain(value: Any) -> Any:
    """Values of Spark and of DuckDB as tuples and lists."""
    if isinstance(value, (tuple, dict)):
        return tuple(map(plain, value.values() if isinstance(value, dict) else value))
    if isinstance(value, list):
        return [plain(item) for item in value]
    return bytes(value) if isinstance(value, bytearray) else value


def assert_same(spark: Any, connection: duckdb.DuckDBPyConnection, query: str, ours: str) -> None:
    expected = [plain(row) for row in connection.execute(ours).fetchall()]
    assert any(value is not None for row in expected for value in row[1:]) or "NULL)" in ours
    assert of_spark(spark, query) == expected


@pytest.mark.parametrize(("call", "ours"), [*((call, call) for call in SCALARS), *LISTS])
def test_scalars(spark: Any, states: duckdb.DuckDBPyConnection, call: str, ours: str) -> None:
    assert_same(spark, states, f"SELECT g, {call} FROM states ORDER BY g", f"SELECT g, {ours} FROM states ORDER BY g")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT g, approx_histogram_agg(x) FROM x GROUP BY g ORDER BY g",
        "SELECT g, approx_histogram_agg(x, 5) FROM x GROUP BY g ORDER BY g",
        "SELECT 1, approx_histogram_agg(g) FROM x",
        "SELECT 1, approx_histogram_agg(x) FROM x WHERE x IS NULL",
        "SELECT g < 2, approx_histogram_union_agg(h) FROM states GROUP BY ALL ORDER BY ALL",
        "SELECT g < 2, approx_histogram_union_agg(h, 10) FROM states GROUP BY ALL ORDER BY ALL",
    ],
)
def test_aggregates(spark: Any, states: duckdb.DuckDBPyConnection, query: str) -> None:
    """Of histograms the count and the extremes, and quantiles within the error that both state: the order differs."""
    text = query.replace("approx_histogram", "approx_histogram_stats(approx_histogram", 1).replace(" FROM", ") FROM", 1)
    found, expected = of_spark(spark, text), [plain(row) for row in states.execute(text).fetchall()]
    assert [(key, *stats[:3], *stats[4:8]) for key, stats in found] == [
        (key, *stats[:3], *stats[4:8]) for key, stats in expected
    ]
    text = text.replace("_stats(", "_quantile(").replace(") FROM", ", 0.5) FROM")
    for (_, ours), (_, theirs) in zip(states.execute(text).fetchall(), of_spark(spark, text), strict=True):
        assert theirs == (None if ours is None else pytest.approx(ours, rel=0.05))


def test_mistakes_say_what_they_are(spark: Any, states: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(Exception, match=r"approx_histogram_quantile: .*1\.5"):
        of_spark(spark, "SELECT approx_histogram_quantile(h, 1.5) FROM states")
    with pytest.raises(Exception, match="approx_histogram_stats: "):
        of_spark(spark, "SELECT approx_histogram_stats(X'0102') FROM states")


def test_distinct_counts_are_sparks_own(spark: Any, states: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    """Through Parquet, both ways: the other side merges the states, and its number is the same."""
    ours, theirs = tmp_path / "ours.parquet", tmp_path / "theirs"
    values = "SELECT i % 5 AS g, i * 7919 % 6007 AS id, 'user ' || i % 977 AS name FROM range(20_000) t(i)"
    states.execute(f"""
        COPY (SELECT g, hll_sketch_agg(id) AS ids, hll_sketch_agg(name, 10) AS names, approx_histogram_agg(id) AS h
              FROM ({values}) GROUP BY g) TO '{ours}' (FORMAT parquet)
    """)
    spark.createDataFrame(states.sql(values).to_arrow_table()).createOrReplaceTempView("raw")
    spark.sql(
        "SELECT g, hll_sketch_agg(id) AS ids, hll_sketch_agg(name, 10) AS names FROM raw GROUP BY g"
    ).write.parquet(str(theirs))
    for path in (str(ours), f"{theirs}/*.parquet"):
        spark.read.parquet(path.removesuffix("/*.parquet")).createOrReplaceTempView("written")
        states.execute(f"CREATE OR REPLACE TEMP VIEW written AS FROM '{path}'")
        for column in ("ids", "names"):
            each = f"SELECT g, hll_sketch_estimate({column}) FROM written ORDER BY g"
            union = f"SELECT 1, hll_sketch_estimate(hll_union_agg({column})) FROM written"
            merged = f"SELECT g, hll_sketch_estimate(hll_union({column}, {column})) FROM written ORDER BY g"
            for query in (each, union, merged):
                assert_same(spark, states, query, query)
    spark.read.parquet(str(ours)).createOrReplaceTempView("written")
    states.execute(f"CREATE OR REPLACE TEMP VIEW written AS FROM '{ours}'")
    assert_same(
        spark,
        states,
        "SELECT 1, approx_histogram_stats(approx_histogram_union_agg(h)).count FROM written",
        "SELECT 1, approx_histogram_stats(approx_histogram_union_agg(h)).count FROM written",
    )


def test_an_older_spark_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyspark.sql import functions

    monkeypatch.setattr(functions, "ArrowUDFType", object())
    with pytest.raises(MissingDependencyError, match=r"functions in Arrow need Spark 4\.2"):
        register(cast(Any, None))
