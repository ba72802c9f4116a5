"""Frequent items of Spark 4.1 and later, and ours: each reads the other's states."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from queries import rows, value

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.newest_duckdb, pytest.mark.spark]

#: Of each type here: the items here, their type in Spark and the items there.
TYPES = {
    "BIGINT": ("i * i % 37", "BIGINT", "id * id % 37"),
    "DOUBLE": ("(i * i % 37) / 4", "DOUBLE", "(id * id % 37) / 4D"),
    "FLOAT": ("((i * i % 37) / 4)::FLOAT", "FLOAT", "CAST((id * id % 37) / 4D AS FLOAT)"),
    "VARCHAR": ("'ä' || i * i % 37", "STRING", "concat('ä', id * id % 37)"),
    "BOOLEAN": ("i % 3 = 0", "BOOLEAN", "id % 3 = 0"),
    "DATE": (
        "DATE '1969-12-20' + (i * i % 37)::INTEGER",
        "DATE",
        "date_add(DATE '1969-12-20', CAST(id * id % 37 AS INT))",
    ),
    "TIMESTAMPTZ": (
        "make_timestamp(i * i % 37 * 1_000_001)::TIMESTAMP AT TIME ZONE 'UTC'",
        "TIMESTAMP",
        "timestamp_micros(id * id % 37 * 1000001)",
    ),
}


def test_this_reads_spark_s_states(con: duckdb.DuckDBPyConnection, spark: SparkSession, tmp_path: Path) -> None:
    """They have the bytes of ours; of narrow integers as well."""
    more = {"TINYINT": ("i * i % 37", "TINYINT", "CAST(id * id % 37 AS TINYINT)")}
    more |= {"INTEGER": ("-(i * i % 37)", "INT", "CAST(-(id * id % 37) AS INT)")}
    for name, (here, _, there) in {**TYPES, **more}.items():
        item = f"CASE WHEN id % 5 > 0 THEN {there} END"
        spark.sql(f"SELECT approx_top_k_accumulate({item}) AS s FROM range(1000)").write.parquet(f"{tmp_path}/{name}")
        # Spark writes times to Parquet without their zone.
        kind = "'TIMESTAMPTZ'" if name == "TIMESTAMPTZ" else "typeof(s.itemDataType)"
        theirs = f"SELECT approx_top_k_import(s.sketch, {kind}) FROM '{tmp_path}/{name}/*.parquet'"
        ours = f"SELECT approx_top_k_accumulate(CASE WHEN i % 5 > 0 THEN {here} END) FROM range(1000) t(i)"
        assert value(con, theirs) == value(con, ours), name


def test_spark_reads_our_states(con: duckdb.DuckDBPyConnection, spark: SparkSession, tmp_path: Path) -> None:
    """It combines and ranks them; its list has no bounds."""
    for name, (here, type_name, _) in TYPES.items():
        item = f"CASE WHEN i % 5 > 0 THEN {here} END"
        file = tmp_path / f"{name}.parquet"
        con.execute(f"""
            COPY (
                SELECT {{'sketch': approx_top_k_accumulate({item}), 'maxItemsTracked': 10_000,
                         'itemDataType': NULL::{name}, 'itemDataTypeDDL': 'item {type_name} NOT NULL'}} AS s
                FROM range(1000) t(i) GROUP BY i % 4
            ) TO '{file}'
        """)
        spark.read.parquet(str(file)).createOrReplaceTempView("ours")
        (found,) = spark.sql("SELECT approx_top_k_estimate(approx_top_k_combine(s), 60) AS e FROM ours").first() or ()
        ours = rows(con, f"SELECT {item} AS x, count(*) FROM range(1000) t(i) GROUP BY ALL")
        theirs = {each["item"]: each["count"] for each in found}
        if name == "TIMESTAMPTZ":
            assert sorted(theirs.values()) == sorted(count for _, count in ours)
        else:
            assert theirs == dict(ours), name
