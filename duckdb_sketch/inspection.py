"""What sketches a Parquet file or a DuckDB database holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from duckdb_sketch._loading import connect
from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.errors import SketchError

Kind = Literal["hll", "histogram"]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

# The first bytes of `docs/STORAGE.md`. They say what a blob claims to be; whether it is, its function says.
_CLAIMS: dict[Kind, str] = {
    "hll": "'020107', '030107', '0A0107'",
    "histogram": "'414801'",
}


@dataclass(frozen=True)
class Column:
    """A column of blobs, and how to ask for it.

    Attributes:
        table: The name of its table, or of the Parquet file.
        name: Its own name.
        source: What to select it from, as SQL.
    """

    table: str
    name: str
    source: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"

    @property
    def quoted(self) -> str:
        """Its name as an SQL identifier."""
        return identifier(self.name)


@dataclass(frozen=True)
class Distinct:
    """What a column of HLL sketches knows of different values.

    Attributes:
        modes: How many sketches are in mode LIST, SET and HLL, of those modes that occur.
        lg_k: The least and the greatest precision, of those that are not empty: an empty one takes any other's.
        estimates: The least, the median and the greatest estimate.
        union: The estimate of all sketches together, with two standard errors either way: (lower, estimate, upper).
            `None` where precisions differ.
    """

    modes: dict[str, int]
    lg_k: tuple[int, int]
    estimates: tuple[float, float, float]
    union: tuple[float, float, float] | None


@dataclass(frozen=True)
class Distribution:
    """What a column of approximate histograms knows of values.

    Attributes:
        exact: How many histograms still hold each value as it is.
        inexact: How many do not.
        max_bins: The least and the greatest number of bins allowed.
        counts: How many values a histogram counted: the least, the median and the greatest number.
        total: How many values all of them counted.
        extremes: The least and the greatest value; `None` where there is no value.
        quantiles: The union's quantiles of `QUANTILES`; `None` where there is no value.
    """

    exact: int
    inexact: int
    max_bins: tuple[int, int]
    counts: tuple[float, float, float]
    total: int
    extremes: tuple[float, float] | None
    quantiles: list[float] | None


@dataclass(frozen=True)
class Summary:
    """A column of sketches.

    Attributes:
        column: Which one.
        kind: Of which sketches.
        rows: How many rows its table has.
        nulls: How many of them are NULL.
        others: How many hold other or damaged blobs, which nothing else here counts.
        empty: How many sketches have seen no value.
        bytes: What the sketches take, before any compression.
        content: What they know.
    """

    column: Column
    kind: Kind
    rows: int
    nulls: int
    others: int
    empty: int
    bytes: int
    content: Distinct | Distribution

    @property
    def sketches(self) -> int:
        """How many rows hold a sketch."""
        return self.rows - self.nulls - self.others


def inspect(file: Path, name: str | None = None) -> list[Summary]:
    """Summarize every column of sketches in a Parquet file or a DuckDB database, which is opened read-only.

    Args:
        file: The file.
        name: Only the columns of this name.

    Raises:
        SketchError: If there is no such file, no sketch in it, no such column, or DuckDB cannot read it.
        LoadError: If the extension cannot be loaded.
    """
    with _opened(file) as (connection, columns):
        kinds = {column: _kinds(connection, column) for column in columns}
        sketches = [(column, kind) for column, found in kinds.items() for kind in found]
        if not sketches:
            blobs = ", ".join(map(str, columns)) or "none"
            raise SketchError(f"{file} holds no sketches (its BLOB columns: {blobs})")
        chosen = [(column, kind) for column, kind in sketches if name in (None, column.name)]
        if not chosen:
            there_are = ", ".join(dict.fromkeys(str(column) for column, _ in sketches))
            raise SketchError(f"{file} has no sketches in a column {name!r}; there are {there_are}")
        return [_summary(connection, column, kind) for column, kind in chosen]


@contextmanager
def _opened(file: Path) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[Column]]]:
    """A connection that can read `file`, and the BLOB columns in it."""
    try:
        with file.open("rb") as stream:
            magic = stream.read(12)
    except OSError as error:
        raise SketchError(f"cannot read {file}: {error.strerror}") from error
    with connect() as connection:
        try:
            if magic[:4] == b"PAR1":
                yield connection, _parquet_columns(connection, file)
            elif magic[8:12] == b"DUCK":
                connection.execute(f"ATTACH {quote(file)} AS inspected (READ_ONLY)")
                yield connection, _database_columns(connection)
            else:
                raise SketchError(f"{file} is neither a Parquet file nor a DuckDB database")
        except duckdb.Error as error:
            raise SketchError(f"cannot read {file}: {error}") from error


def _parquet_columns(connection: duckdb.DuckDBPyConnection, file: Path) -> list[Column]:
    source = f"read_parquet({quote(file)})"
    description = connection.execute(f"DESCRIBE FROM {source}").fetchall()
    return [Column(file.name, name, source) for name, data_type, *_ in description if data_type == "BLOB"]


def _database_columns(connection: duckdb.DuckDBPyConnection) -> list[Column]:
    rows = connection.execute(
        """
        SELECT schema_name, table_name, column_name
        FROM duckdb_columns() JOIN duckdb_tables() USING (database_name, schema_name, table_name)
        WHERE database_name = 'inspected' AND data_type = 'BLOB'
        ORDER BY schema_name <> 'main', schema_name, table_name, column_index
        """
    ).fetchall()
    return [
        Column(
            table=table if schema == "main" else f"{schema}.{table}",
            name=name,
            source=f"inspected.{identifier(schema)}.{identifier(table)}",
        )
        for schema, table, name in rows
    ]


def _kinds(connection: duckdb.DuckDBPyConnection, column: Column) -> list[Kind]:
    """The kinds of sketches that occur in `column`."""
    kinds: list[Kind] = []
    for kind in _CLAIMS:
        if _row(connection, f"SELECT count(*) FROM {_valid(column, kind)}")[0]:
            kinds.append(kind)
    return kinds


def _valid(column: Column, kind: Kind) -> str:
    """A subquery of `column`'s sketches of that kind: `sketch`, and `about`, what they say of themselves."""
    describe = "hll_sketch_describe" if kind == "hll" else "approx_histogram_stats"
    # TRY makes NULL of the error of a damaged blob. Only what claims to be of this kind is asked.
    return f"""(
        SELECT sketch, about FROM (
            SELECT sketch, TRY({describe}(sketch)) AS about FROM (
                SELECT {column.quoted} AS sketch FROM {column.source}
                WHERE hex({column.quoted}[1:3]) IN ({_CLAIMS[kind]})
            )
        ) WHERE about IS NOT NULL
    )"""


def _summary(connection: duckdb.DuckDBPyConnection, column: Column, kind: Kind) -> Summary:
    rows, nulls = _row(connection, f"SELECT count(*), count(*) - count({column.quoted}) FROM {column.source}")
    seen = "about.coupons" if kind == "hll" else "about.count + about.non_finite"
    sketches, empty, bytes_ = _row(
        connection,
        f"""
        SELECT count(*), count(*) FILTER ({seen} = 0), sum(octet_length(sketch))::BIGINT FROM {_valid(column, kind)}
        """,
    )
    return Summary(
        column=column,
        kind=kind,
        rows=rows,
        nulls=nulls,
        others=rows - nulls - sketches,
        empty=empty,
        bytes=bytes_,
        content=_distinct(connection, column) if kind == "hll" else _distribution(connection, column),
    )


def _distinct(connection: duckdb.DuckDBPyConnection, column: Column) -> Distinct:
    valid = _valid(column, "hll")
    *modes, least, greatest, low, median, high = _row(
        connection,
        f"""
        SELECT
            count(*) FILTER (about.mode = 'LIST'), count(*) FILTER (about.mode = 'SET'),
            count(*) FILTER (about.mode = 'HLL'),
            coalesce(min(about.lg_k) FILTER (about.coupons > 0), min(about.lg_k)),
            coalesce(max(about.lg_k) FILTER (about.coupons > 0), max(about.lg_k)),
            min(about.estimate), median(about.estimate), max(about.estimate)
        FROM {valid}
        """,
    )
    union = None
    if least == greatest:
        (bounds,) = _row(connection, f"SELECT hll_sketch_bounds(hll_union_agg(sketch), 2) FROM {valid}")
        union = (bounds["lower"], bounds["estimate"], bounds["upper"])
    return Distinct(
        modes={mode: count for mode, count in zip(("LIST", "SET", "HLL"), modes, strict=True) if count},
        lg_k=(least, greatest),
        estimates=(low, median, high),
        union=union,
    )


def _distribution(connection: duckdb.DuckDBPyConnection, column: Column) -> Distribution:
    row = _row(
        connection,
        f"""
        SELECT
            count(*) FILTER (about.exact), count(*) FILTER (NOT about.exact),
            min(about.max_bins), max(about.max_bins),
            min(about.count), median(about.count), max(about.count), sum(about.count)::HUGEINT,
            min(about.min), max(about.max),
            approx_histogram_quantile(approx_histogram_union_agg(sketch), {list(QUANTILES)})
        FROM {_valid(column, "histogram")}
        """,
    )
    exact, inexact, least_bins, most_bins, fewest, median, most, total, low, high, quantiles = row
    return Distribution(
        exact=exact,
        inexact=inexact,
        max_bins=(least_bins, most_bins),
        counts=(fewest, median, most),
        total=total,
        extremes=None if low is None else (low, high),
        quantiles=None if low is None else quantiles,
    )


def _row(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row
