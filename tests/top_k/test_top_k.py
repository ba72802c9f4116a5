"""Frequent items in SQL: exact while all items are counted, bounds that hold of any stream and any merge, the bytes."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence
from typing import Any

import duckdb
import pytest
from datasketches import (
    PyDoublesSerDe,
    PyLongsSerDe,
    frequent_items_error_type,
    frequent_items_sketch,
    frequent_strings_sketch,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from queries import column, rows, value

pytestmark = pytest.mark.native

law = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

ALL = frequent_items_error_type.NO_FALSE_NEGATIVES
EVERY = 1_000_000
TYPES = [
    ("i % 7 - 3", "TINYINT"),
    ("i % 7 - 3", "SMALLINT"),
    ("i % 7 - 3", "INTEGER"),
    ("i % 7 - 3", "BIGINT"),
    ("i % 7", "UTINYINT"),
    ("i % 7", "USMALLINT"),
    ("i % 7", "UINTEGER"),
    ("18446744073709551615 - i % 7", "UBIGINT"),
    ("i % 2 = 0", "BOOLEAN"),
    ("(i % 7) / 4", "FLOAT"),
    ("[-0.0, 0.0, 'nan', '-inf', 1e300, 0.1, 5e-324][1 + i % 7]", "DOUBLE"),
    ("'text ' || i % 7 || 'ä'", "VARCHAR"),
    ("DATE '0001-01-03' - (i % 7)::INTEGER * 1000", "DATE"),
    (
        "['infinity', '-infinity', '2026-02-28', '9999-12-31', '1970-01-01', '290000-01-01', '2024-02-29'][1 + i % 7]",
        "DATE",
    ),
    ("TIME '23:59:59.5' - to_milliseconds(i % 7)", "TIME"),
    ("TIMESTAMP '1969-12-31 23:59:59.99' + to_milliseconds(i % 7 * 5)", "TIMESTAMP"),
    ("['infinity', '0001-01-01 (BC) 00:00:01', '2026-01-01 00:00:00.000001'][1 + i % 3]", "TIMESTAMP"),
    ("TIMESTAMP '1969-12-31 23:59:59' + to_seconds(i % 7)", "TIMESTAMP_S"),
    ("TIMESTAMP '1969-12-31 23:59:59' + to_milliseconds(i % 7)", "TIMESTAMP_MS"),
    ("TIMESTAMPTZ '1969-12-31 23:59:59+00' + to_seconds(i % 7)", "TIMESTAMPTZ"),
    ("100000000000000000000 + i % 7", "HUGEINT"),
    ("(i % 7)", "UHUGEINT"),
    ("(i % 7) / 4", "DECIMAL(9, 4)"),
    ("('eeccb8c5-9943-b2bb-bb5e-222f4e14b68' || i % 7)", "UUID"),
    ("['a', 'b', 'c'][1 + i % 3]", "ENUM('a', 'b', 'c')"),
]


def state(con: duckdb.DuckDBPyConnection, values: Sequence[int | None], max_items: int = 10_000) -> bytes:
    query = f"SELECT approx_top_k_accumulate(x, {max_items}) FROM (SELECT unnest($1::BIGINT[]) AS x)"
    return bytes(value(con, query, list(values)))


def answers(con: duckdb.DuckDBPyConnection, sketch: bytes, k: int = EVERY) -> list[tuple[int | None, int, int, int]]:
    found = value(con, f"SELECT approx_top_k_estimate($1::BLOB, {k})", sketch)
    return [
        (None if each["item"] is None else int(each["item"]), each["count"], each["lower"], each["upper"])
        for each in found
    ]


def about(con: duckdb.DuckDBPyConnection, sketch: bytes) -> dict[str, Any]:
    return dict(value(con, "SELECT approx_top_k_describe($1::BLOB)", sketch))


def assert_bounds(con: duckdb.DuckDBPyConnection, sketch: bytes, values: Sequence[int | None]) -> None:
    """What is promised of a sketch of these values."""
    exact, described = Counter(values), about(con, sketch)
    error = described["max_error"]
    assert (described["total"], described["nulls"]) == (len(values), exact[None])
    assert error <= 2 * len(values) / described["max_items"] <= 3.5 * len(values) / (described["max_items"] / 0.75)
    assert described["items"] <= described["max_items"]
    found = answers(con, sketch)
    counted = {item: (lower, upper) for item, _, lower, upper in found}
    assert len(counted) == len(found) == described["items"] + (None in exact)
    for item, count in exact.items():
        lower, upper = counted.get(item, (0, error))
        assert lower <= count <= upper, item
        assert upper - lower <= error
    assert [count for _, count, _, _ in found] == sorted((count for _, count, _, _ in found), reverse=True)
    assert all(count == upper for _, count, _, upper in found)


@pytest.mark.parametrize(("values", "kind"), TYPES, ids=[f"{kind} {i}" for i, (_, kind) in enumerate(TYPES)])
def test_items_of_every_type_are_counted(con: duckdb.DuckDBPyConnection, values: str, kind: str) -> None:
    """The items of a state are those of GROUP BY, in its order, and casts give them back."""
    con.execute("SET TimeZone = 'UTC'")
    con.execute(f"CREATE TABLE t AS SELECT CAST({values} AS {kind}) AS x FROM range(1000) t(i)")
    fetched = "VARCHAR" if kind.startswith("ENUM") else "TIMESTAMP" if kind in ("TIMESTAMP_S", "TIMESTAMP_MS") else kind
    grouped = f"SELECT x::{fetched} AS x, count(*) AS n FROM t GROUP BY ALL"
    by_item = "x::VARCHAR" if kind in ("HUGEINT", "UHUGEINT", "DECIMAL(9, 4)", "UUID") else "x"
    exact = column(con, f"SELECT hash(x)::VARCHAR || ' ' || n FROM ({grouped}) ORDER BY n DESC, {by_item}")
    estimated = f"SELECT unnest(approx_top_k_estimate(approx_top_k_accumulate(x), {EVERY})) AS e FROM t"
    assert column(con, f"SELECT hash(e.item::{fetched})::VARCHAR || ' ' || e.count FROM ({estimated})") == exact
    if not kind.startswith("DECIMAL"):
        texts = column(con, f"SELECT e.item FROM ({estimated})")
        assert texts == column(con, f"SELECT x::VARCHAR FROM ({grouped}) ORDER BY n DESC, {by_item}")
    again = "SELECT approx_top_k_combine(s) = s FROM (SELECT approx_top_k_accumulate(x) AS s FROM t) GROUP BY s"
    assert value(con, again)


@pytest.mark.parametrize("kind", ["DOUBLE", "FLOAT"])
def test_numbers_come_back_from_their_texts(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Of a DOUBLE it is the text of a cast; of a FLOAT DuckDB writes digits that it does not have."""
    number = f"(((hash(i) % 2001)::BIGINT - 1000) * pow(10, i % 60 - 30))::{kind}"
    con.execute(f"CREATE TABLE t AS SELECT {number} AS x FROM range(4000) t(i)")
    items = "SELECT unnest(approx_top_k_estimate(approx_top_k_accumulate(x), 10000)).item FROM t"
    assert set(column(con, items.replace("item", f"item::{kind}"))) == set(column(con, "SELECT x FROM t"))
    if kind == "DOUBLE":
        assert set(column(con, items)) == set(column(con, "SELECT x::VARCHAR FROM t"))


@pytest.mark.parametrize(
    ("values", "image"),
    [
        ("SELECT 1 WHERE false", "01010a0e 03050000 0000000000000000"),
        ("SELECT NULL::INTEGER", "01010a0e 03050500 0000000000000001"),
        ("SELECT NULL", "01010a0e 03050000 0000000000000001"),
        (
            "SELECT unnest([300, -1, 300, NULL])",
            "04010a0e 03000500 0200000000000000 0300000000000000 0000000000000000 0200000000000000 0100000000000000 "
            "2c01000000000000 ffffffffffffffff 0000000000000001",
        ),
    ],
)
def test_the_bytes_of_little(con: duckdb.DuckDBPyConnection, values: str, image: str) -> None:
    found = value(con, f"SELECT approx_top_k_accumulate(x) FROM ({values}) t(x)")
    assert bytes(found).hex() == image.replace(" ", "")


def test_null_is_an_item_and_the_last_of_those_that_came_as_often(con: duckdb.DuckDBPyConnection) -> None:
    found = answers(con, state(con, [None, 7, None, 7, 3, 9, 9, 9]))
    assert found == [(9, 3, 3, 3), (7, 2, 2, 2), (None, 2, 2, 2), (3, 1, 1, 1)]
    assert answers(con, state(con, [None, None, 5]), 1) == [(None, 2, 2, 2)]
    texts = "SELECT approx_top_k_accumulate(x) FROM (VALUES ('a'), (NULL), (''), ('')) t(x)"
    assert [each["item"] for each in value(con, f"SELECT approx_top_k_estimate(({texts}))")] == ["", "a", None]


def test_five_items_are_the_usual_ones(con: duckdb.DuckDBPyConnection) -> None:
    sketch = state(con, [i for i in range(9) for _ in range(i)])
    assert [item for item, *_ in answers(con, sketch, 5)] == [8, 7, 6, 5, 4]
    assert len(value(con, "SELECT approx_top_k_estimate($1::BLOB)", sketch)) == 5
    assert value(con, "SELECT approx_top_k_estimate(NULL::BLOB)") is None
    assert value(con, "SELECT approx_top_k_estimate($1::BLOB, NULL)", sketch) is None
    assert value(con, "SELECT approx_top_k_estimate(approx_top_k_accumulate(x)) FROM (SELECT 1 WHERE false) t(x)") == []


streams = st.lists(
    st.one_of(st.none(), st.integers(0, 5), st.integers(0, 40), st.integers(-(2**63), 2**63 - 1)), max_size=400
)


@law
@given(values=streams, max_items=st.sampled_from([1, 6, 7, 20, 1000]))
def test_bounds_hold_of_every_item(con: duckdb.DuckDBPyConnection, values: list[int | None], max_items: int) -> None:
    assert_bounds(con, state(con, values, max_items), values)


@law
@given(parts=st.lists(streams, max_size=6), sizes=st.lists(st.sampled_from([1, 6, 20, 1000]), min_size=6, max_size=6))
def test_bounds_hold_of_merges(con: duckdb.DuckDBPyConnection, parts: list[list[int | None]], sizes: list[int]) -> None:
    states = [state(con, part, size) for part, size in zip(parts, sizes, strict=False)]
    merged = value(con, "SELECT approx_top_k_combine(s) FROM (SELECT unnest($1::BLOB[]) AS s)", states)
    assert_bounds(con, bytes(merged), [each for part in parts for each in part])
    if len(states) > 1:
        pair = bytes(value(con, "SELECT approx_top_k_union($1::BLOB, $2::BLOB)", *states[:2]))
        assert pair == value(con, "SELECT approx_top_k_union($2::BLOB, $1::BLOB)", *states[:2])
        assert_bounds(con, pair, parts[0] + parts[1])


@law
@given(values=streams)
def test_few_items_are_exact_in_any_order_and_any_parts(
    con: duckdb.DuckDBPyConnection, values: list[int | None]
) -> None:
    sketch = state(con, values)
    assert {item: count for item, count, *_ in answers(con, sketch)} == Counter(values)
    assert about(con, sketch)["max_error"] == 0
    assert state(con, values[::-1]) == sketch
    parts = [state(con, values[start::3], size) for start, size in enumerate((10_000, 20_000, 500_000))]
    assert value(con, "SELECT approx_top_k_combine(s, 10000) FROM (SELECT unnest($1::BLOB[]) AS s)", parts) == sketch


def test_a_long_stream_in_groups_and_threads(con: duckdb.DuckDBPyConnection) -> None:
    """A few items that come often among many that do not, of texts and of numbers."""
    con.execute("SET threads = 4")
    con.execute("""
        CREATE TABLE t AS
        SELECT i % 5 AS g, (CASE WHEN i % 3 = 0 THEN hash(i) % 20 ELSE hash(i) % 300_000 END)::BIGINT AS x
        FROM range(500_000) t(i)
    """)
    con.execute("CREATE TABLE exact AS SELECT g, x, count(*) AS n FROM t GROUP BY ALL")
    for item in ("x", "'item ' || x"):
        con.execute(
            f"CREATE OR REPLACE TABLE s AS SELECT g, approx_top_k_accumulate({item}, 3000) AS s FROM t GROUP BY g"
        )
        joined = f"""
            SELECT n, e.lower AS lower, e.upper AS upper, error FROM (
                SELECT g, approx_top_k_describe(s).max_error AS error, unnest(approx_top_k_estimate(s, 100)) AS e FROM s
            ) AS found JOIN (SELECT g, ({item})::VARCHAR AS item, n FROM exact) AS exact
            ON exact.g = found.g AND exact.item = found.e.item
        """
        held = "bool_and(n BETWEEN lower AND upper AND upper - lower <= error)"
        ((count, held, error),) = rows(con, f"SELECT count(*), {held}, max(error) FROM ({joined})")
        assert (count, held) == (500, True)
        assert 0 < error <= 2 * 100_000 / 3072
        often = "SELECT list_sort([e.item FOR e IN approx_top_k_estimate(approx_top_k_combine(s), 20)]) FROM s"
        exact = f"SELECT ({item})::VARCHAR AS item FROM exact GROUP BY ALL ORDER BY sum(n) DESC LIMIT 20"
        assert value(con, often) == value(con, f"SELECT list_sort(list(item)) FROM ({exact})")


def test_the_cpp_library_reads_ours(con: duckdb.DuckDBPyConnection) -> None:
    """While all items are counted, it says the same of them; of more, its bounds are ours."""
    for count, max_items in ((50, 10_000), (5000, 100)):
        values = f"(SELECT hash(i * i % {count}) % 1000 AS x FROM range(20_000) t(i))"
        for item, theirs in (
            ("x::VARCHAR", frequent_strings_sketch.deserialize),
            ("x::BIGINT", lambda image: frequent_items_sketch.deserialize(image, PyLongsSerDe())),
            ("x::DOUBLE", lambda image: frequent_items_sketch.deserialize(image, PyDoublesSerDe())),
        ):
            state_of = f"SELECT approx_top_k_accumulate({item}, {max_items}) AS s FROM {values}"
            ((image, ours),) = rows(con, f"SELECT s, approx_top_k_estimate(s, {EVERY}) FROM ({state_of})")
            read = theirs(bytes(image))
            found = {str(each[0]): tuple(each[1:]) for each in read.get_frequent_items(ALL)}
            assert {each["item"]: (each["count"], each["lower"], each["upper"]) for each in ours} == found
            assert read.total_weight == 20_000
            assert theirs(bytes(image[:-8])).total_weight == 20_000


def test_the_cpp_library_reads_sketches_without_items(con: duckdb.DuckDBPyConnection) -> None:
    """One that has seen nothing, and one whose counters all fell to zero, which still says what it has seen."""
    empty = value(con, "SELECT approx_top_k_accumulate(x) FROM (SELECT 'a' WHERE false) t(x)")
    assert frequent_strings_sketch.deserialize(bytes(empty)).is_empty()
    purged = bytes(value(con, "SELECT approx_top_k_accumulate('a' || i, 1) FROM range(7) t(i)"))
    assert (about(con, purged)["items"], about(con, purged)["max_error"]) == (0, 1)
    read = frequent_strings_sketch.deserialize(purged)
    assert (read.total_weight, read.get_upper_bound("a1")) == (7, 1)


def test_sketches_of_the_cpp_library_are_imported(con: duckdb.DuckDBPyConnection) -> None:
    for lg in (4, 14):
        texts, longs, doubles = frequent_strings_sketch(lg), frequent_items_sketch(lg), frequent_items_sketch(lg)
        values = [i * i % 97 for i in range(2000)]
        for each in values:
            texts.update(f"a{each}")
            longs.update(each)
            doubles.update(each / 4)
        for theirs, image, kind in (
            (texts, texts.serialize(), "VARCHAR"),
            (longs, longs.serialize(PyLongsSerDe()), "BIGINT"),
            (doubles, doubles.serialize(PyDoublesSerDe()), "DOUBLE"),
        ):
            for nulls in (b"", struct.pack(">Q", 5)):
                ours = value(con, "SELECT approx_top_k_import($1::BLOB, $2)", image + nulls, kind)
                found = value(con, f"SELECT approx_top_k_estimate($1::BLOB, {EVERY})", ours)
                expected = {str(each[0]): tuple(each[1:]) for each in theirs.get_frequent_items(ALL)}
                assert {
                    each["item"]: (each["count"], each["lower"], each["upper"])
                    for each in found
                    if each["item"] is not None
                } == expected
                described = about(con, bytes(ours))
                assert (described["total"], described["nulls"]) == (2000 + 5 * bool(nulls), 5 * bool(nulls))
    image = longs.serialize(PyLongsSerDe())
    assert value(con, "SELECT approx_top_k_import($1::BLOB, 'BIGINT')", image) == state(con, values), "of 2^14 slots"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("approx_top_k_accumulate(1, 0)", "approx_top_k_accumulate: max_items is 0, and must be from 1 to 1,000,000"),
        ("approx_top_k_accumulate(1, 1000001)", "max_items is 1000001"),
        ("approx_top_k_accumulate(1, NULL)", "max_items is NULL, and must be a constant"),
        ("(SELECT approx_top_k_combine(s, 0) FROM (SELECT approx_top_k_accumulate(1) AS s))", "max_items is 0"),
        ("approx_top_k_estimate(approx_top_k_accumulate(1), 0)", "k is 0, and must be at least 1"),
        ("approx_top_k_accumulate('\\x00'::BLOB)", "values of type BLOB cannot be ranked; cast them to VARCHAR"),
        ("approx_top_k_accumulate(INTERVAL 1 DAY)", "values of type INTERVAL cannot be ranked"),
        ("approx_top_k_accumulate([1])", "values of type LIST cannot be ranked"),
        ("approx_top_k_estimate(hll_sketch_agg(1))", "not a sketch of frequent items.*this is an HLL sketch"),
        ("approx_top_k_estimate(theta_sketch_agg(1))", "not a sketch of frequent items.*this is a theta sketch"),
        ("hll_sketch_estimate(approx_top_k_accumulate(1))", "not an HLL sketch.*this is a sketch of frequent items"),
        ("theta_sketch_estimate(approx_top_k_accumulate(1))", "not a theta sketch.*this is a sketch of frequent items"),
        (
            "approx_top_k_union(approx_top_k_accumulate(1), approx_top_k_accumulate('a'))",
            "items of type BIGINT and of type VARCHAR are counted in sketches of their own; cast them to one type",
        ),
        (
            "approx_top_k_import(approx_top_k_accumulate(1), 'INTERVAL')",
            "items of type INTERVAL are not known; there are BOOLEAN",
        ),
        ("approx_top_k_import(approx_top_k_accumulate('abc'), 'BIGINT')", "truncated sketch of frequent items"),
    ],
)
def test_mistakes_are_named(con: duckdb.DuckDBPyConnection, call: str, said: str) -> None:
    with pytest.raises(duckdb.Error, match=said):
        con.execute(f"SELECT {call}").fetchall()


def test_a_sketch_that_is_counted_itself_is_a_mistake(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error, match=r"a sketch of frequent items itself: approx_top_k_combine\(x\)"):
        con.execute("SELECT hll_sketch_agg(s) FROM (SELECT approx_top_k_accumulate(1) AS s)").fetchall()


def test_an_image_without_a_type_says_how_to_give_it_one(con: duckdb.DuckDBPyConnection) -> None:
    theirs = frequent_strings_sketch(5)
    theirs.update("a")
    for call in (
        "approx_top_k_estimate($1::BLOB)",
        "approx_top_k_combine($1::BLOB)",
        "approx_top_k_describe($1::BLOB)",
    ):
        with pytest.raises(duckdb.Error, match=r"approx_top_k_import\(sketch, 'VARCHAR'\)"):
            con.execute(f"SELECT {call}", [theirs.serialize()]).fetchall()


def test_sketches_agree_unless_their_bounds_exclude_each_other(con: duckdb.DuckDBPyConnection) -> None:
    def agree(a: bytes, b: bytes) -> bool:
        return bool(value(con, "SELECT approx_top_k_agree($1::BLOB, $2::BLOB)", a, b))

    values = [i % 5 if i % 3 == 0 else i for i in range(3000)]
    for size in (20, 300, 10_000):
        assert agree(state(con, values, size), state(con, values[::-1], size))
        assert agree(state(con, values, size), state(con, values, 10_000))
        assert not agree(state(con, values, size), state(con, values[1:], size))
        assert not agree(state(con, values, size), state(con, [*values[1:], None], size))
    assert not agree(state(con, values), state(con, [9999, *values[1:]]))
    assert value(con, "SELECT approx_top_k_agree(NULL, approx_top_k_accumulate(1))") is None


weighted_values = st.lists(
    st.tuples(st.none() | st.integers(-5, 300), st.none() | st.integers(0, 4) | st.integers(0, 2**40)), max_size=400
)


@law
@given(pairs=weighted_values, max_items=st.sampled_from([1, 7, 50, 10_000]))
def test_weights_are_how_often_values_come(
    con: duckdb.DuckDBPyConnection, pairs: list[tuple[int | None, int | None]], max_items: int
) -> None:
    """Bounds hold; where all items are counted, the bytes are those of the values repeated, in any order and merge."""
    query = f"""
        SELECT approx_top_k_accumulate(x, {max_items}, w) {{filter}}
        FROM (SELECT unnest($1::BIGINT[]) AS x, unnest($2::BIGINT[]) AS w, unnest(range(len($1))) AS i)
    """
    items, weights = [x for x, _ in pairs], [w for _, w in pairs]
    exact: Counter[int | None] = Counter()
    for item, weight in pairs:
        exact[item] += weight or 0
    whole = bytes(value(con, query.format(filter=""), items, weights))
    halves = [bytes(value(con, query.format(filter=f"FILTER (i % 2 = {half})"), items, weights)) for half in (0, 1)]
    merged = bytes(value(con, "SELECT approx_top_k_union($1::BLOB, $2::BLOB)", *halves))
    for sketch in (whole, merged):
        described, total = about(con, sketch), sum(exact.values())
        assert (described["total"], described["nulls"]) == (total, exact[None])
        assert described["max_error"] <= 2 * total / max_items
        found = answers(con, sketch)
        assert all(0 < lower <= exact[item] <= upper for item, _, lower, upper in found)
        missing = set(exact) - {item for item, *_ in found}
        assert all(exact[item] <= described["max_error"] for item in missing)
    if max_items == 10_000:
        assert whole == merged
        assert {item: count for item, count, *_ in answers(con, whole)} == {x: n for x, n in exact.items() if n}


def test_a_small_weight_is_a_repetition(con: duckdb.DuckDBPyConnection) -> None:
    query = """
        SELECT approx_top_k_accumulate(x, 10000, w) = (
            SELECT approx_top_k_accumulate(x, 10000) FROM t, range(3) r(j) WHERE j < w
        ) FROM t
    """
    for column_sql in ("i % 9", "'text ' || i % 9", "(i % 9) / 4", "DATE '2026-01-01' + (i % 9)::INTEGER"):
        con.execute(f"CREATE OR REPLACE TABLE t AS SELECT {column_sql} AS x, i % 4 AS w FROM range(99) r(i)")
        assert value(con, query) is True, column_sql


def test_weights_that_are_none_are_refused(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE t AS SELECT 'a' AS x, 3 AS w UNION ALL SELECT 'b', -2")
    with pytest.raises(duckdb.Error, match="weight is -2, and must be 0 or more"):
        con.execute("SELECT approx_top_k_accumulate(x, 10, w) FROM t")
    assert answers_of_text(con, "SELECT approx_top_k_accumulate(x, 10, w) FROM t WHERE w > 0") == [("a", 3)]
    assert answers_of_text(con, "SELECT approx_top_k_accumulate(x, 10, NULL) FROM t") == []
    too_many = "SELECT approx_top_k_accumulate(x, 10, 9223372036854775807) FROM t"
    with pytest.raises(duckdb.Error, match="cannot hold 18446744073709551614 values"):
        con.execute(too_many)


def answers_of_text(con: duckdb.DuckDBPyConnection, query: str) -> list[tuple[str, int]]:
    return [(each["item"], each["count"]) for each in value(con, f"SELECT approx_top_k_estimate(({query}), 9)")]
