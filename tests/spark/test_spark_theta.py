"""Theta sketches of Spark 4.1 and later, and ours: each reads the other's, and values hash alike."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from processes import PROJECT
from queries import rows, value

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

VALUES = re.compile(r"^\| `(?P<here>[^`]+)` \| `(?P<spark>[^`]+)` \|$", re.MULTILINE)
SIZES = ((0, 0), (0, 1), (0, 3000), (2000, 40_000), (10_000, 60_000))


def test_spark_and_this_read_each_others_sketches(
    con: duckdb.DuckDBPyConnection, spark: SparkSession, tmp_path: Path
) -> None:
    made = " UNION ALL ".join(
        f"SELECT {n} AS n, theta_sketch_agg(id) AS s FROM range({a}, {b})" for n, (a, b) in enumerate(SIZES)
    )
    spark.sql(made).write.parquet(str(tmp_path / "theirs"))
    con.execute(f"CREATE TABLE theirs AS FROM '{tmp_path}/theirs/*.parquet'")
    con.execute("CREATE TABLE ours (n INTEGER, s BLOB)")
    for n, (a, b) in enumerate(SIZES):
        con.execute(f"INSERT INTO ours SELECT {n}, theta_sketch_agg(i) FROM range({a}, {b}) t(i)")
    con.execute(f"COPY ours TO '{tmp_path}/ours.parquet'")
    spark.read.parquet(str(tmp_path / "ours.parquet")).createOrReplaceTempView("ours")
    pairs = spark.sql("""
        SELECT a.n AS a, b.n AS b, theta_sketch_estimate(a.s) AS alone, theta_union(a.s, b.s) AS u,
               theta_intersection(a.s, b.s) AS i, theta_difference(a.s, b.s) AS d
        FROM ours a CROSS JOIN ours b
    """)
    pairs.write.parquet(str(tmp_path / "pairs"))
    query = f"""
        SELECT count(*), count(*) FILTER (alone = theta_sketch_estimate(a.s)),
               count(*) FILTER (theta_union(p.u, p.u) = theta_union(a.s, b.s)),
               count(*) FILTER (theta_union(p.i, p.i) = theta_intersection(a.s, b.s)),
               count(*) FILTER (theta_union(p.d, p.d) = theta_difference(a.s, b.s))
        FROM '{tmp_path}/pairs/*.parquet' p JOIN ours a ON p.a = a.n JOIN ours b ON p.b = b.n
    """
    assert rows(con, query) == [(25, 25, 25, 25, 25)]
    # Spark cuts its sketches to their nominal number when they are stored, as we do.
    same = "SELECT count(*) FROM ours JOIN theirs USING (n) WHERE theta_union(theirs.s, theirs.s) = ours.s"
    assert value(con, same) == len(SIZES)


def test_values_hash_alike(con: duckdb.DuckDBPyConnection, spark: SparkSession) -> None:
    """The pairs of `docs/INTEROP.md` that Spark's theta sketches take as they are."""
    pairs = VALUES.findall((PROJECT / "docs" / "INTEROP.md").read_text(encoding="utf-8"))
    assert len(pairs) >= 15
    for here, there in pairs:
        (theirs,) = spark.sql(f"SELECT theta_sketch_agg({there})").first() or ()
        ours = value(con, f"SELECT theta_sketch_agg({here})")
        assert value(con, "SELECT theta_union($1, $1)", bytes(theirs)) == ours, f"{here} and {there}"
    for here, there in (("1.5::DOUBLE", "1.5D"), ("'-0.0'::DOUBLE", "-0.0D"), ("1.5::FLOAT", "1.5F")):
        (theirs,) = spark.sql(f"SELECT theta_sketch_agg({there})").first() or ()
        ours = value(con, f"SELECT theta_sketch_agg({here})")
        assert value(con, "SELECT theta_union($1, $1)", bytes(theirs)) == ours, f"{here} and {there}"
