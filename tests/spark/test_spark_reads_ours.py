"""What duckdb_sketch writes is read by Apache DataSketches for Java, and so by Spark, to the same answers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from java_sketches import read_job, run_java
from our_images import CLOSE, CLOSE_TO_JAVA_BOUNDS, aggregated, merged, our_answers
from processes import PROJECT
from queries import rows, value

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

LG_K = 3
VALUES = re.compile(r"^\| `(?P<here>[^`]+)` \| `(?P<spark>[^`]+)` \|$", re.MULTILINE)


def every_image(con: duckdb.DuckDBPyConnection) -> list[bytes]:
    return [image for lg_k in range(4, 22) for image in aggregated(con, lg_k)] + merged(con)


def test_java_reads_ours(con: duckdb.DuckDBPyConnection) -> None:
    """The estimate, which is the composite one of a merged sketch, and the bounds, over every lg_k and mode."""
    images = every_image(con)
    all_theirs = run_java(map(read_job, images))
    for image, ours, (theirs, _) in zip(images, our_answers(con, images), all_theirs, strict=True):
        what = f"{len(image)} bytes that start with {image[:8].hex(' ')}"
        close = CLOSE if image[LG_K] <= 12 else CLOSE_TO_JAVA_BOUNDS
        assert ours.estimate == pytest.approx(theirs.estimate, rel=CLOSE), what
        assert ours.estimate == pytest.approx(theirs.composite_estimate, rel=CLOSE), what
        assert ours.lower == pytest.approx(theirs.lower, rel=close), what
        assert ours.upper == pytest.approx(theirs.upper, rel=close), what


def test_spark_reads_ours(con: duckdb.DuckDBPyConnection, spark: SparkSession, tmp_path: Path) -> None:
    """Spark's estimate is ours, and what it makes of ours in a union is, read here, ours again."""
    con.execute("CREATE TABLE ours (id INTEGER, sketch BLOB)")
    con.executemany("INSERT INTO ours VALUES ($1, $2)", list(enumerate(every_image(con))))
    con.execute(f"COPY ours TO '{tmp_path / 'ours.parquet'}' (ROW_GROUP_SIZE 2048)")
    sketches = spark.read.parquet(str(tmp_path / "ours.parquet"))
    answered = sketches.selectExpr(
        "id",
        "hll_sketch_estimate(sketch) AS estimate",
        "hll_union(sketch, sketch) AS twice",
    )
    answered.write.parquet(str(tmp_path / "theirs"))
    query = f"""
        SELECT count(*), count(*) FILTER (hll_sketch_estimate(sketch) = estimate),
               count(*) FILTER (hll_sketch_estimate(twice) = estimate),
               count(*) FILTER (hll_union(twice, twice) = sketch)
        FROM ours JOIN '{tmp_path / "theirs"}/*.parquet' USING (id)
    """
    ((images, same, same_twice, ours_again),) = rows(con, query)
    assert images > 380
    assert (same, same_twice, ours_again) == (images, images, images)


def test_values_hash_alike(con: duckdb.DuckDBPyConnection, spark: SparkSession) -> None:
    """The pairs of `docs/INTEROP.md`: one value, said here and in Spark, has one sketch."""
    pairs = VALUES.findall((PROJECT / "docs" / "INTEROP.md").read_text(encoding="utf-8"))
    assert len(pairs) >= 15
    for here, there in pairs:
        (theirs,) = spark.sql(f"SELECT hll_sketch_agg({there})").first() or ()
        ours = value(con, f"SELECT hll_sketch_agg({here})")
        assert value(con, "SELECT hll_union($1, $1)", bytes(theirs)) == ours, f"{here} and {there}"
        assert here == "''" or value(con, "SELECT hll_sketch_estimate($1)", ours) == 1, here


@pytest.mark.parametrize("refused", ["1.5D", "true", "DATE '2013-10-28'", "1.5BD", "TIMESTAMP '2013-10-28 02:13:43'"])
def test_what_spark_does_not_take(spark: SparkSession, refused: str) -> None:
    """Hence the casts."""
    from pyspark.errors import AnalysisException

    with pytest.raises(AnalysisException, match="UNEXPECTED_INPUT_TYPE"):
        spark.sql(f"SELECT hll_sketch_agg({refused})").collect()
