"""The functions that Spark SQL gets, as its executors call them: with Arrow columns, and without Spark."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest
from queries import column

from duckdb_sketch.families import SparkFunction, families, family
from duckdb_sketch.spark.functions import _Aggregate, _Scalar

pytestmark = pytest.mark.native  # Spark's executors take no other

FUNCTIONS = [(each.name, function) for each in families() for function in each.spark]
ARGUMENTS = {
    "DOUBLE": [0.5, 0.25, None],
    "DOUBLE[]": [[0.0, 0.5, 1.0], [0.25, 0.5], [0.5, 1.0]],
    "BIGINT": [3, 3, 3],
    "VARCHAR": ["a", "b", None],
}


@pytest.mark.parametrize(("name", "function"), FUNCTIONS, ids=lambda value: getattr(value, "name", value))
def test_a_function_gives_what_duckdb_gives(con: duckdb.DuckDBPyConnection, name: str, function: SparkFunction) -> None:
    build = family(name).build
    states = column(
        con, f"SELECT {build.call(f'x::{build.argument}')} FROM range(90) t(x) GROUP BY x % 2 ORDER BY x % 2"
    )
    arguments = [pa.array([*states, None] if kind == "BLOB" else ARGUMENTS[kind]) for kind in function.arguments]
    con.register("arguments", pa.table(arguments, [f"a{i}" for i in range(len(arguments))]))
    call = f"{function.function}({', '.join(f'a{i}::{kind}' for i, kind in enumerate(function.arguments))})"
    expected = con.sql(f"SELECT CAST({call} AS {function.returns.duckdb}) AS result FROM arguments").to_arrow_table()
    if function.aggregate:
        batches = arguments[0] if len(arguments) == 1 else tuple(arguments)
        assert [_Aggregate(function)(iter([batches]))] == expected.column("result").to_pylist()
    else:
        found = _Scalar(function)(*arguments)
        assert found.to_pylist() == expected.column("result").to_pylist()
        assert found.type == expected.column("result").type
