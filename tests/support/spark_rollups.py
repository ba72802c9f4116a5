"""A rollup of every kind of column, on one machine and on Spark, in a form that can be compared."""

from __future__ import annotations

from typing import Any

from events import content

import duckdb_sketch

#: As many kinds of columns as Spark has, with NULLs, and numbers that are not numbers.
KINDS = """
SELECT ts, i % 5 = 0 AS flag, (i % 100)::TINYINT AS tiny, i::SMALLINT AS small, i::INTEGER AS number, i AS large,
    i / 7 AS fraction, (i % 9)::FLOAT AS single, (i / 4)::DECIMAL(9, 2) AS price, 'naïve ' || i % 6 AS text,
    encode('b' || i % 4) AS bytes, ts::DATE AS day,
    CASE i % 50 WHEN 0 THEN 'nan'::DOUBLE WHEN 1 THEN NULL WHEN 2 THEN -0.0 ELSE i END AS odd
FROM (SELECT i, TIMESTAMP '2024-02-27 00:10:00' + to_seconds(i * 7) AS ts FROM range(4000) t(i))
"""
EVERYTHING = """
SELECT time_bucket(INTERVAL '15 minutes', e.ts) AS "the time", flag, nullif(tiny % 3, 1) AS "tiny dimension", text,
    bytes, day, odd % 2 AS "odd", (number % 2)::UTINYINT AS unsigned,
    (CASE WHEN flag THEN 'a' ELSE 'b' END)::ENUM('a', 'b') AS kind,
    count(*) AS n, count(odd) FILTER (WHERE flag) AS some, sum(small) AS huge, sum(large::HUGEINT) AS huger,
    sum(price) AS exact, sum(e.single) AS singles, min(price) AS lowest, max(text) AS last, min(ts) AS first_time,
    bool_or(flag) AS any_flag, bit_xor(number) AS xor, coalesce(sum(tiny), 0)::BIGINT AS total,
    max(number::UBIGINT) AS u, hll_sketch_agg(text) AS texts, hll_sketch_agg(odd, 8) AS odds,
    hll_sketch_agg(price) AS prices,
    approx_histogram_agg(fraction, 20) AS histogram
FROM events AS e WHERE tiny <> 3 GROUP BY ALL
"""


def of_one_machine(statement: str, table: str, files: str) -> tuple[list[Any], dict[str, str]]:
    """The rows that a statement makes of files, in SQL, as `content` has them, and the types."""
    with duckdb_sketch.connect() as connection:
        connection.sql(f"SELECT * FROM {files}").create_view(table)
        types = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE {statement}").fetchall()}
        return content(connection, statement.strip()), types


def of_spark(frame: Any, types: dict[str, str]) -> list[Any]:
    """The rows of a frame of Spark, as `content` has them, with DuckDB's types."""
    rows = frame.toArrow()
    with duckdb_sketch.connect() as connection:
        connection.register("rows", rows)
        casts = ", ".join(f'CAST("{name}" AS {kind}) AS "{name}"' for name, kind in types.items())
        return content(connection, f"SELECT {casts} FROM rows")


def shuffled(spark: Any) -> tuple[int, int]:
    """Rows and bytes that all stages so far have written for a shuffle."""
    context = spark.sparkContext
    nothing = context._gateway.new_array(context._jvm.double, 0)
    stages = context._jsc.sc().statusStore().stageList(None, False, False, nothing, None)
    found = [stages.apply(i) for i in range(stages.size())]
    return sum(stage.shuffleWriteRecords() for stage in found), sum(stage.shuffleWriteBytes() for stage in found)
