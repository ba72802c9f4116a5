"""What each family's descriptor says, compared with SQL: recognised, empty, merged, read and answered."""

from __future__ import annotations

import re

import duckdb
import pytest
from queries import value

from duckdb_sketch import families
from duckdb_sketch.families import DistinctCount, Distribution, Family, Ranking
from duckdb_sketch.families.histogram import Bin, Bucket, HistogramStats
from duckdb_sketch.families.hll import HllDescription
from duckdb_sketch.families.record import Bounds, duckdb_struct
from duckdb_sketch.families.theta import ThetaDescription
from duckdb_sketch.families.top_k import TopKDescription
from duckdb_sketch.portable.functions import MACROS
from duckdb_sketch.sizing import state_bytes

ALL = pytest.mark.parametrize(
    "family",
    [
        pytest.param(family, marks=() if family.portable else pytest.mark.native, id=family.name)
        for family in families.families()
    ],
)


def built(family: Family, values: str, *others: str) -> str:
    """SQL of a state of the integers that a table function gives."""
    column = f"x::{family.build.argument}"
    return f"(SELECT {family.build.call(column, *others)} FROM {values} t(x))"


@ALL
def test_a_state_is_claimed_and_described_by_its_own_family_alone(
    con: duckdb.DuckDBPyConnection, family: Family
) -> None:
    for count in (0, 1, 100_000):
        state = value(con, f"SELECT {built(family, f'range({count})')}")
        claiming = [
            each.name
            for each in families.families()
            if value(
                con,
                f"SELECT {each.claims('s')} AND {each.described('s')} IS NOT NULL FROM (SELECT ?::BLOB AS s)",
                state,
            )
        ]
        assert claiming == [family.name]
        assert families.family_of_state(state, type(family.reading)) is family


@ALL
def test_empty_states(con: duckdb.DuckDBPyConnection, family: Family) -> None:
    empty = family.empty(family.build.name)
    assert empty != family.empty(family.union.name)
    for sql, is_empty in ((empty, True), (family.empty(family.union.name), True), (built(family, "range(1)"), False)):
        described = f"SELECT s AS sketch, {family.described('s')} AS about FROM (SELECT {sql} AS s)"
        assert value(con, f"SELECT {family.is_empty} FROM ({described})") is is_empty


@ALL
def test_pairs_merge_as_columns_do(con: duckdb.DuckDBPyConnection, family: Family) -> None:
    con.execute(
        f"CREATE TABLE s AS SELECT {built(family, 'range(1000)')} AS a, {built(family, 'range(500, 3000)')} AS b"
    )
    both = value(con, f"SELECT {family.united('x')} FROM (SELECT unnest([a, b]) AS x FROM s)")
    merged = value(con, f"SELECT {family.merged('a', 'b')} FROM s")
    if family.name == "histogram":  # which keeps more bins as long as it is still to be merged
        described = "SELECT s.count, s.min, s.max, s.bins <= 2 * s.max_bins FROM (SELECT approx_histogram_stats($1) s)"
        assert con.execute(described, [merged]).fetchall() == con.execute(described, [both]).fetchall()
        assert value(con, "SELECT approx_histogram_union_agg($1::BLOB) = $1::BLOB", both)
    else:
        assert merged == both
    assert value(con, f"SELECT {family.same.format(a='a', b='a')} FROM s")
    assert not value(con, f"SELECT {family.same.format(a='a', b='b')} FROM s")
    # A state that is NULL has seen no value.
    assert value(con, f"SELECT {family.merged('a', 'NULL::BLOB')} FROM s") == value(con, "SELECT a FROM s")
    assert value(con, f"SELECT {family.merged('NULL::BLOB', 'b')} FROM s") == value(con, "SELECT b FROM s")


@ALL
def test_answers_are_close_and_within_their_bounds(con: duckdb.DuckDBPyConnection, family: Family) -> None:
    con.execute(f"CREATE TABLE t AS SELECT (range * 7919 % 3001)::{family.build.argument} AS x FROM range(3001)")
    state = f"(SELECT {family.build.call('x')} FROM t)"
    assert family.answers
    for name, answer in family.answers.items():
        if isinstance(family.reading, Ranking):
            continue  # a list, which `test_top_k_family.py` compares
        distinct = re.fullmatch(r"(\w+)\(DISTINCT\)", name)
        others = ", 0.25" if "quantile" in name else ""
        aggregate = f"{distinct[1]}(DISTINCT x)" if distinct else f"{name}(x{others})"
        exact = value(con, f"SELECT {aggregate} FROM t")
        estimate = value(con, f"SELECT {answer.expression.format('0.25', state='s')} FROM (SELECT {state} AS s)")
        assert estimate == pytest.approx(exact, rel=0.1), name
        assert answer.bounds is not None
        bounds = Bounds(**value(con, f"SELECT {answer.bounds.format('0.25', state='s')} FROM (SELECT {state} AS s)"))
        assert bounds.lower <= bounds.estimate <= bounds.upper
        assert bounds.estimate == pytest.approx(estimate, abs=0.5)
        if family.name != "hyper_unique":  # two standard errors are no proof
            assert bounds.lower <= value(con, f"SELECT {aggregate} FROM t") <= bounds.upper or distinct or not others
        assert answer.function in MACROS


@ALL
def test_readings_bind(con: duckdb.DuckDBPyConnection, family: Family) -> None:
    con.execute(f"CREATE TABLE s AS SELECT {built(family, 'range(1000)')} AS s, 7::{family.build.argument} AS x")
    reading = family.reading
    if isinstance(reading, DistinctCount):
        assert value(con, f"SELECT {reading.estimate.format(state='s')} FROM s") == pytest.approx(1000, rel=0.1)
        error = value(con, f"SELECT {reading.standard_error.format(state='s')} FROM s")
        assert family.precision is not None
        assert error in [pytest.approx(each) for each in family.precision.errors.values()]
        widths = []
        for deviations in (1, 2, 3):
            bounds = value(con, f"SELECT {reading.bounds.format(state='s', deviations=deviations)} FROM s")
            widths.append(bounds["upper"] - bounds["lower"])
        assert widths == sorted(widths)
        assert value(con, f"SELECT {reading.bounds.format(state='NULL::BLOB', deviations=2)}") is None
        assert value(con, f"SELECT {reading.exact.format(x='x')} FROM s") == 1
    elif isinstance(reading, Ranking):
        assert value(con, f"SELECT {reading.total.format(state='s')} FROM s") == 1000
        assert value(con, f"SELECT {reading.max_error.format(state='s')} FROM s") == 0
        items = value(con, f"SELECT {reading.items.format(state='s', k=3)} FROM s")
        assert items == [{"item": item, "count": 1, "lower": 1, "upper": 1} for item in ("0", "1", "10")]
        assert value(con, f"SELECT {reading.exact.format(x='x')} FROM s") == 1
    else:
        assert isinstance(reading, Distribution)
        assert value(con, f"SELECT {reading.stats.format(state='s')}.count FROM s") == 1000
        assert [value(con, f"SELECT {exact.format(x='x')} FROM s") for exact in reading.exact.values()] == [
            1,
            7,
            7,
            0,
            [7],
        ]


@ALL
def test_more_precision_takes_more_bytes_and_errs_less(con: duckdb.DuckDBPyConnection, family: Family) -> None:
    if family.precision is None:
        assert isinstance(family.reading, Ranking), "a ranking's error is in numbers of values, and known of each state"
        return
    errors = list(family.precision.errors.values())
    assert errors == sorted(errors, reverse=True)
    sizes = [state_bytes(family, precision, 20_000) for precision in list(family.precision.errors)[:6]]
    assert sizes == sorted(sizes)
    least = next(iter(family.precision.errors))
    sample = family.precision.values.format(n=20_000)
    others = [str(least)] if family.precision.adjustable else []
    assert sizes[0] == value(con, f"SELECT octet_length({family.build.call('x', *others)}) FROM ({sample})")


@ALL
def test_the_portable_backend_has_what_is_promised(family: Family) -> None:
    if family.portable:
        assert {aggregate.name for aggregate in family.aggregates} <= MACROS.keys()
        for template in (family.pair, family.describe):
            assert set(re.findall(r"(\w+)\(\{", template)) <= MACROS.keys()


def test_records_are_what_sql_returns(con: duckdb.DuckDBPyConnection) -> None:
    for record, call in {
        HistogramStats: "approx_histogram_stats(NULL)",
        HllDescription: "hll_sketch_describe(NULL)",
        ThetaDescription: "theta_sketch_describe(NULL)",
        Bounds: "hll_sketch_bounds(NULL, 2)",
        Bin: "approx_histogram_bins(NULL)[1]",
        Bucket: "approx_histogram_equi_width(NULL, 2)[1]",
    }.items():
        assert value(con, f"SELECT typeof({call}) = typeof(NULL::{duckdb_struct(record)})"), record


@pytest.mark.native
def test_the_record_of_frequent_items_is_what_sql_returns(con: duckdb.DuckDBPyConnection) -> None:
    assert value(con, f"SELECT typeof(approx_top_k_describe(NULL)) = typeof(NULL::{duckdb_struct(TopKDescription)})")


def test_aggregates_have_one_family() -> None:
    names = list(families.aggregates())
    assert len(names) == len(set(names)) == 2 * len(families.families())
    for name in names:
        family = families.family_of(name)
        assert family is not None
        assert families.family(family.name) is family
    assert families.family_of("sum") is None
