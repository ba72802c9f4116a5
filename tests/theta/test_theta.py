"""Theta sketches in SQL: their bytes, whatever the order, the threads and the tree of unions; and answers."""

from __future__ import annotations

import math
import struct

import duckdb
import pytest
from datasketches import (
    compact_theta_sketch,
    theta_a_not_b,
    theta_intersection,
    theta_jaccard_similarity,
    theta_sketch,
    theta_union,
    update_theta_sketch,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from queries import column, rows, value

import duckdb_sketch

pytestmark = pytest.mark.native

CLOSE = 1e-12
CPP = {"union": theta_union, "intersection": theta_intersection}


def sketch_of(con: duckdb.DuckDBPyConnection, values: str, lg_nom: int = 12) -> bytes:
    return bytes(value(con, f"SELECT theta_sketch_agg(i, {lg_nom}) FROM {values} t(i)"))


def contents(image: bytes) -> tuple[int, list[int]]:
    """Theta and the entries of an image as the C++ library reads it."""
    sketch = compact_theta_sketch.deserialize(image)
    return sketch.theta64, sorted(sketch)


@pytest.mark.parametrize(
    ("values", "image"),
    [
        ("SELECT 1 WHERE false", "010303 00001e cc93"),
        ("SELECT NULL::INTEGER", "010303 00001e cc93"),
        ("SELECT ''", "010303 00001e cc93"),
        ("SELECT 1", "010303 00001a cc93 15f97dcbbd86a105"),
    ],
)
def test_the_bytes_of_little(con: duckdb.DuckDBPyConnection, values: str, image: str) -> None:
    assert bytes(value(con, f"SELECT theta_sketch_agg(i) FROM ({values}) t(i)")).hex() == image.replace(" ", "")


@pytest.mark.parametrize("n", [0, 1, 2, 3, 100, 4095, 4096])
def test_exact_sketches_have_the_bytes_of_the_cpp_library(con: duckdb.DuckDBPyConnection, n: int) -> None:
    theirs = update_theta_sketch(12)
    for i in range(n):
        theirs.update(i)
    assert sketch_of(con, f"range({n})") == theirs.compact().serialize()


def test_what_is_kept_is_by_definition(con: duckdb.DuckDBPyConnection) -> None:
    """The least hashes, and theta at the first that was dropped; the precision where it is not the usual one."""
    hashes = update_theta_sketch(26)
    for i in range(3000):
        hashes.update(i)
    ascending = sorted(hashes)
    for lg_nom in (4, 8, 11):
        nominal = 1 << lg_nom
        image = sketch_of(con, "range(3000)", lg_nom)
        assert contents(image) == (ascending[nominal], ascending[:nominal])
        assert image[:8] == bytes([3, 3, 3, lg_nom, 0, 0x1A, 0xCC, 0x93])
        assert struct.unpack_from("<IIQ", image, 8) == (nominal, 0, ascending[nominal])
    assert sketch_of(con, "range(5000)")[3] == 0


@pytest.mark.parametrize(
    ("sql", "python"),
    [
        ("1::TINYINT", 1),
        ("200::UTINYINT", 200),
        ("(-5)::BIGINT", -5),
        ("1.5::DOUBLE", 1.5),
        ("1.5::FLOAT", 1.5),
        ("'-0.0'::DOUBLE", 0.0),
        ("'nan'::DOUBLE", math.nan),
        ("'duck'", "duck"),
        ("'a text of more than twelve bytes'", "a text of more than twelve bytes"),
        ("'duck'::BLOB", "duck"),
        ("'b'::ENUM('a', 'b')", "b"),
        ("1.10::DECIMAL(10, 2)", "1.1"),
        ("7.00::DECIMAL(10, 2)", 7),
        ("DATE '2013-10-28'", 16006),
        ("TIMESTAMP '1970-01-01 00:00:01'", 1_000_000),
        ("TIMESTAMP_S '1970-01-01 00:00:01'", 1_000_000),
        ("TIMESTAMP_NS '1970-01-01 00:00:01'", 1_000_000),
        ("true", 1),
        ("42::HUGEINT", 42),
        ("'eeccb8c5-9943-b2bb-bb5e-222f4e14b687'::UUID", "eeccb8c5-9943-b2bb-bb5e-222f4e14b687"),
    ],
)
def test_values_hash_as_in_the_library(con: duckdb.DuckDBPyConnection, sql: str, python: object) -> None:
    theirs = update_theta_sketch(12)
    theirs.update(python)
    assert bytes(value(con, f"SELECT theta_sketch_agg({sql})")) == theirs.compact().serialize()


@settings(max_examples=15, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 3000), min_size=1, max_size=5),
    lg_nom=st.sampled_from([4, 6, 10, 12]),
    overlap=st.integers(0, 500),
    seed=st.integers(0, 2**31),
)
def test_every_tree_of_unions_gives_the_bytes_of_the_whole(
    cuts: list[int], lg_nom: int, overlap: int, seed: int
) -> None:
    con = duckdb_sketch.connect()
    con.execute("CREATE TABLE t AS SELECT range * 7919 % 3001 AS i FROM range(3000)")
    ends = [*sorted(cuts), 3000]
    parts = [
        bytes(value(con, f"SELECT theta_sketch_agg(i, {lg_nom}) FROM t WHERE i BETWEEN $1 AND $2", low - overlap, high))
        for low, high in zip([0, *ends], ends, strict=False)
    ]
    whole = bytes(value(con, f"SELECT theta_sketch_agg(i, {lg_nom}) FROM t WHERE i <= 3000"))
    shuffled = "SELECT unnest($1::BLOB[]) AS s ORDER BY hash(s, $2)"
    assert bytes(value(con, f"SELECT theta_union_agg(s) FROM ({shuffled})", parts, seed)) == whole
    ordered = column(con, shuffled, parts, seed)
    united = ordered[0]
    for part in ordered[1:]:
        united = value(con, "SELECT theta_union($1::BLOB, $2::BLOB)", part, united)
    assert bytes(united) == whole
    con.close()


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_and_groups_leave_the_bytes(con: duckdb.DuckDBPyConnection, threads: int) -> None:
    con.execute(f"SET threads = {threads}")
    con.execute("CREATE TABLE t AS SELECT range % 250_000 AS i, range % 7 AS g FROM range(600_000)")
    whole = value(con, "SELECT theta_sketch_agg(i) FROM t")
    grouped = value(con, "SELECT theta_union_agg(s) FROM (SELECT theta_sketch_agg(i) AS s FROM t GROUP BY g)")
    assert whole == grouped
    assert bytes(whole)[24:32] == struct.pack("<Q", contents(bytes(whole))[1][0])
    assert abs(value(con, "SELECT theta_sketch_estimate($1::BLOB)", whole) / 250_000 - 1) < 0.05


def cpp(image: bytes) -> theta_sketch:
    return compact_theta_sketch.deserialize(image)


@pytest.mark.parametrize(
    "sizes", [(0, 10, 10), (50, 20, 0), (3000, 1500, 2000), (40_000, 90_000, 20_000), (9000, 3, 1)]
)
def test_set_operations_are_those_of_the_cpp_library(
    con: duckdb.DuckDBPyConnection, sizes: tuple[int, int, int]
) -> None:
    left, right, common = sizes
    a = sketch_of(con, f"range({left})")
    b = sketch_of(con, f"range({left - common}, {left - common + right})")
    union = theta_union(12)
    union.update(cpp(a))
    union.update(cpp(b))
    intersection = theta_intersection()
    intersection.update(cpp(a))
    intersection.update(cpp(b))
    for function, theirs in {
        "theta_union": union.get_result(),
        "theta_intersection": intersection.get_result(),
        "theta_difference": theta_a_not_b().compute(cpp(a), cpp(b)),
    }.items():
        ours = bytes(value(con, f"SELECT {function}($1::BLOB, $2::BLOB)", a, b))
        assert ours == theirs.serialize(), function
        bounds = [value(con, "SELECT theta_sketch_bounds($1::BLOB, $2)", ours, n) for n in (1, 2, 3)]
        for n, found in enumerate(bounds, 1):
            assert found["estimate"] == pytest.approx(theirs.get_estimate(), rel=CLOSE)
            assert found["lower"] == pytest.approx(theirs.get_lower_bound(n), rel=CLOSE)
            assert found["upper"] == pytest.approx(theirs.get_upper_bound(n), rel=CLOSE)
    likeness = value(con, "SELECT theta_jaccard($1::BLOB, $2::BLOB)", a, b)
    assert list(likeness.values()) == pytest.approx(theta_jaccard_similarity.jaccard(cpp(a), cpp(b)), rel=1e-9)


@pytest.mark.parametrize("lg_nom", [4, 7])
def test_bounds_are_those_of_the_cpp_library(con: duckdb.DuckDBPyConnection, lg_nom: int) -> None:
    """Of every number of entries up to the nominal one, and of thetas high and low."""
    for n in (20, 40, 200, 4000, 1_000_000):
        whole = sketch_of(con, f"range({n})", lg_nom)
        for kept in range(1, (1 << lg_nom) + 1, 3 if lg_nom > 4 else 1):
            image = whole[:8] + struct.pack("<I", kept) + whole[12 : 24 + 8 * kept]
            if len(image) > len(whole) or whole[0] != 3:
                continue
            theirs = cpp(image)
            for deviations in (1, 2, 3):
                found = value(con, "SELECT theta_sketch_bounds($1::BLOB, $2)", image, deviations)
                expected = (
                    theirs.get_lower_bound(deviations),
                    theirs.get_estimate(),
                    theirs.get_upper_bound(deviations),
                )
                assert list(found.values()) == pytest.approx(expected, rel=CLOSE), (n, kept, deviations)


def test_images_of_the_library_in_every_form_are_read(con: duckdb.DuckDBPyConnection) -> None:
    for n in (1, 2, 7, 8, 9, 500, 20_000):
        theirs = update_theta_sketch(8)
        for i in range(n):
            theirs.update(i)
        expected = sorted(theirs)
        forms = [theirs.compact(True).serialize(), theirs.compact(False).serialize()]
        forms.append(theirs.compact(True).serialize(compress=True))
        assert forms[2][1] == (3 if n == 1 else 4)
        unions = {bytes(value(con, "SELECT theta_union($1::BLOB, $1::BLOB, 26)", form)) for form in forms}
        (union,) = unions
        assert contents(union) == (theirs.theta64, expected)
        for form in forms:
            assert value(con, "SELECT theta_sketch_describe($1::BLOB).estimate", form) == theirs.get_estimate()
            minus = value(con, "SELECT theta_difference($1::BLOB, $2::BLOB)", form, forms[0])
            assert value(con, "SELECT theta_sketch_estimate($1::BLOB)", minus) == 0
            both = value(con, "SELECT theta_intersection($1::BLOB, $2::BLOB)", form, forms[0])
            assert contents(bytes(both)) == (theirs.theta64, expected)


def test_the_precision_of_a_union(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE s AS SELECT theta_sketch_agg(i, 10) AS fine FROM range(9000) t(i)")
    con.execute("ALTER TABLE s ADD coarse BLOB")
    con.execute("UPDATE s SET coarse = (SELECT theta_sketch_agg(i, 5) FROM range(5000, 20_000) t(i))")
    precision = "theta_sketch_describe({}).lg_nom_entries"
    union = "(SELECT theta_union_agg(x{}) FROM (SELECT unnest([fine, coarse]) AS x FROM s))"
    assert rows(con, f"SELECT {precision.format('fine')}, {precision.format('coarse')} FROM s") == [(10, 5)]
    assert value(con, f"SELECT {precision.format('theta_union(fine, coarse)')} FROM s") == 5
    assert value(con, f"SELECT theta_union(fine, coarse) = {union.format('')} FROM s")
    assert value(con, f"SELECT theta_union(fine, coarse, 8) = {union.format(', 8')} FROM s")
    assert value(con, f"SELECT {precision.format('theta_union(fine, coarse, 8)')} FROM s") == 8
    assert value(con, "SELECT theta_union(fine, (SELECT theta_sketch_agg(1, 4) WHERE false)) = fine FROM s")
    assert value(con, "SELECT theta_union(coarse, coarse) = theta_union(fine, coarse) FROM s") is False


def test_an_empty_sketch_is_united_with_any_and_intersects_to_nothing(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("CREATE TABLE s AS SELECT theta_sketch_agg(i, 6) AS a FROM range(900) t(i)")
    con.execute("CREATE TABLE e AS SELECT theta_sketch_agg(NULL) AS e")
    assert rows(
        con,
        "SELECT theta_union(a, e) = a, theta_union(e, a) = a, theta_difference(a, e) = a, "
        "theta_sketch_estimate(theta_difference(e, a)), theta_sketch_estimate(theta_intersection(a, e)), "
        "theta_jaccard(a, e).upper, theta_jaccard(e, e).lower FROM s, e",
    ) == [(True, True, True, 0, 0, 0.0, 1.0)]


def test_nulls(con: duckdb.DuckDBPyConnection) -> None:
    for call in (
        "theta_union(NULL, theta_sketch_agg(1))",
        "theta_intersection(theta_sketch_agg(1), NULL)",
        "theta_difference(NULL, theta_sketch_agg(1))",
        "theta_jaccard(theta_sketch_agg(1), NULL)",
        "theta_sketch_estimate(NULL)",
        "theta_sketch_bounds(theta_sketch_agg(1), NULL)",
        "theta_sketch_describe(NULL)",
        "theta_intersection_agg(NULL)",
    ):
        assert value(con, f"SELECT {call}") is None, call
    assert value(con, "SELECT theta_sketch_estimate(theta_union_agg(NULL))") == 0
    assert value(con, "SELECT theta_intersection_agg(s) FROM (SELECT theta_sketch_agg(1) AS s) WHERE false") is None


def test_intersections_of_columns(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(
        "CREATE TABLE s AS SELECT g, theta_sketch_agg(i, 8) AS s FROM range(6000) t(i), range(5) u(g) "
        "WHERE i % (g + 1) = 0 GROUP BY g"
    )
    all_of_them = bytes(value(con, "SELECT theta_intersection_agg(s) FROM s"))
    for order in ("g", "g DESC", "g % 3"):
        assert bytes(value(con, f"SELECT theta_intersection_agg(s) FROM (FROM s ORDER BY {order})")) == all_of_them
    bounds = value(con, "SELECT theta_sketch_bounds($1::BLOB, 3)", all_of_them)
    assert bounds["lower"] <= 100 <= bounds["upper"], "the multiples of 60"
    nested = "theta_intersection(a.s, theta_intersection(b.s, theta_intersection(c.s, theta_intersection(d.s, e.s))))"
    tables = ", ".join(f"(FROM s WHERE g = {g}) {name}" for g, name in enumerate("abcde"))
    assert bytes(value(con, f"SELECT {nested} FROM {tables}")) == all_of_them


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("theta_sketch_agg(1, 3)", "lg_nom_entries is 3, and must be from 4 to 26"),
        ("theta_sketch_agg(1, 27)", "lg_nom_entries is 27"),
        ("theta_sketch_agg(1, NULL)", "lg_nom_entries is NULL"),
        ("theta_union(theta_sketch_agg(1), theta_sketch_agg(2), 30)", "lg_nom_entries is 30"),
        ("theta_sketch_bounds(theta_sketch_agg(1), 4)", "num_std_dev is 4"),
        ("theta_sketch_estimate(hll_sketch_agg(1))", "this is an HLL sketch"),
        ("theta_union_agg(s) FROM (SELECT approx_histogram_agg(1) AS s)", "this is an approximate histogram"),
        ("hll_sketch_estimate(theta_sketch_agg(1))", "this is a theta sketch"),
        ("theta_sketch_estimate('x'::BLOB)", "not a theta sketch: it starts with 78"),
        ("theta_sketch_agg([1])", "cannot be counted"),
        ("theta_sketch_agg(s) FROM (SELECT theta_sketch_agg(1) AS s)", "a theta sketch itself: theta_union_agg"),
        ("hll_sketch_agg(s) FROM (SELECT theta_sketch_agg(1) AS s)", "a theta sketch itself: theta_union_agg"),
    ],
)
def test_mistakes_are_said(con: duckdb.DuckDBPyConnection, sql: str, said: str) -> None:
    with pytest.raises(duckdb.Error, match=said):
        con.execute(f"SELECT {sql}").fetchall()


def test_another_seed_is_refused(con: duckdb.DuckDBPyConnection) -> None:
    other = update_theta_sketch(12, 1.0, 42)
    other.update(1)
    for call in ("theta_sketch_estimate($1::BLOB)", "theta_union($1::BLOB, $1::BLOB)", "theta_union_agg($1::BLOB)"):
        with pytest.raises(duckdb.Error, match="of another seed"):
            con.execute(f"SELECT {call}", [other.compact().serialize()]).fetchall()


def test_the_error_is_what_is_promised(con: duckdb.DuckDBPyConnection) -> None:
    """A standard error of 1 / sqrt(k - 1); and two of them hold the truth as often as they should."""
    n, lg_nom, sketches = 5000, 8, 400
    con.execute(
        f"CREATE TABLE s AS SELECT theta_sketch_agg(i + g * 1_000_000, {lg_nom}) AS s "
        f"FROM range({n}) t(i), range({sketches}) u(g) GROUP BY g"
    )
    deviation = value(con, f"SELECT stddev_pop(theta_sketch_describe(s).estimate / {n}) FROM s")
    assert deviation == pytest.approx(1 / math.sqrt((1 << lg_nom) - 1), rel=0.15)
    bounds = (
        f"SELECT avg(({n} BETWEEN b.lower AND b.upper)::INTEGER) FROM (SELECT theta_sketch_bounds(s, $1) AS b FROM s)"
    )
    for deviations, coverage in ((1, 0.683), (2, 0.954), (3, 0.997)):
        assert value(con, bounds, deviations) == pytest.approx(coverage, abs=0.07)
