"""Columns pass through Parquet and Spark, and come back as what they were."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from duckdb_sketch.rollup import SpecificationError
from duckdb_sketch.rollup.specification.codec import PARQUET, SPARK, Codec
from duckdb_sketch.spark.column import schema

VALUES = {
    "BOOLEAN": ["true"],
    "TINYINT": ["-128"],
    "SMALLINT": ["-32768"],
    "INTEGER": ["-2147483648"],
    "BIGINT": ["-9223372036854775808"],
    "HUGEINT": ["-99999999999999999999999999999999999999", "9007199254740993"],
    "UTINYINT": ["255"],
    "USMALLINT": ["65535"],
    "UINTEGER": ["4294967295"],
    "UBIGINT": ["18446744073709551615"],
    "UHUGEINT": ["99999999999999999999999999999999999999"],
    "FLOAT": ["0.1", "'NaN'", "'-inf'"],
    "DOUBLE": ["0.1", "'NaN'", "-0.0"],
    "DECIMAL(38,10)": ["'9999999999999999999999999999.9999999999'"],
    "VARCHAR": ["'ü'", "''"],
    "BLOB": ["'\\x00\\xFF'"],
    "DATE": ["'0044-03-15 (BC)'", "'9999-12-31'"],
    "TIMESTAMP": ["'2024-02-29 23:59:59.999999'"],
    "TIMESTAMP_S": ["'2024-02-29 23:59:59'"],
    "TIMESTAMP_MS": ["'2024-02-29 23:59:59.999'"],
    "TIMESTAMP WITH TIME ZONE": ["'2024-10-27 02:30:00+02'"],
    "TIME": ["'23:59:59.999999'"],
    "TIME WITH TIME ZONE": ["'12:00:00+05:45'"],
    "INTERVAL": ["'1 month -3 days 00:00:00.000001'"],
    "UUID": ["'eeccb8c5-9943-b2bb-bb5e-222f4e14b687'"],
    "ENUM('it''s', 'b')": ["'it''s'"],
    "JSON": ["'{\"a\": 1}'"],
}
COLUMN = 'the "column\'s" name'


def passed(codec: Codec, kind: str, value: str, file: Path | None) -> tuple[object, object]:
    """A value before and after, as text; its type has to be the same."""
    types = {COLUMN: kind}
    quoted = '"the ""column\'s"" name"'
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t AS SELECT CAST({value} AS {kind}) AS {quoted} UNION ALL SELECT NULL")
        carried: str = f"(SELECT {codec.stored(types)} FROM t)"
        if file is not None:
            connection.execute(f"COPY {carried} TO '{file}' (FORMAT parquet)")
            carried = f"'{file}'"
        query = "SELECT {0}::VARCHAR, typeof({0}) FROM {1} ORDER BY ALL"
        (before, kind_before), _ = connection.execute(query.format(quoted, "t")).fetchall()
        back = f"(SELECT {codec.restored(types)} FROM {carried})"
        (after, kind_after), nothing = connection.execute(query.format(quoted, back)).fetchall()
        assert nothing[0] is None
        assert kind_after == kind_before
        return before, after


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in VALUES.items() for value in values])
def test_what_passes_comes_back_as_it_was(kind: str, value: str, tmp_path: Path) -> None:
    for codec, file in ((PARQUET, tmp_path / "t.parquet"), (SPARK, None)):
        before, after = passed(codec, kind, value, file)
        assert after == before


@pytest.mark.parametrize("kind", ["HUGEINT[]", "STRUCT(a INTERVAL)", "UNION(a INTEGER, b VARCHAR)"])
def test_what_parquet_would_change_is_refused(kind: str) -> None:
    with pytest.raises(SpecificationError, match=r"column x is .*, and Parquet would not give its"):
        PARQUET.stored({"x": kind})


@pytest.mark.parametrize("kind", ["BIGINT[]", "STRUCT(a INTEGER)", "TIMESTAMP_NS", "BIT"])
def test_what_spark_has_no_type_for_is_refused(kind: str) -> None:
    with pytest.raises(SpecificationError, match=r"column x is .*, for which a group on Spark has no type"):
        SPARK.stored({"x": kind})


def test_names_of_types_in_spark() -> None:
    types = {"a": "BIGINT", "b`c": "UBIGINT", "d": "VARCHAR", "e": "TIMESTAMP", "f": "TIMESTAMP WITH TIME ZONE"}
    assert schema({**types, "g": "BLOB", "h": "UINTEGER"}) == (
        "`a` bigint, `b``c` decimal(20,0), `d` string, `e` timestamp_ntz, `f` timestamp, `g` binary, `h` bigint"
    )
