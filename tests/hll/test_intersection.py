"""`hll_intersection`: close to the truth, within its bounds as often as they promise, and alike in both backends."""

from __future__ import annotations

import duckdb
import pytest
from queries import rows, value

import duckdb_sketch
from duckdb_sketch.portable import register


def common(
    con: duckdb.DuckDBPyConnection, left: int, right: int, both: int, lg_k: int = 12, seed: int = 0
) -> dict[str, float]:
    """Of two sketches of so many values, of which so many are in both."""
    a = f"SELECT hll_sketch_agg(i + {seed} * 10_000_000, {lg_k}) AS s FROM range({left}) t(i)"
    b = a.replace(f"range({left})", f"range({left - both}, {left - both + right})")
    found: dict[str, float] = value(con, f"SELECT hll_intersection(({a}), ({b}))")
    return found


@pytest.mark.parametrize(("left", "right", "both"), [(5, 5, 2), (300, 300, 0), (300, 200, 200), (7, 300, 3)])
def test_coupons_are_counted_all_but_exactly(con: duckdb.DuckDBPyConnection, left: int, right: int, both: int) -> None:
    found = common(con, left, right, both)
    assert found["estimate"] == pytest.approx(both, abs=0.05)
    assert found["lower"] <= both <= found["upper"] + 1e-9


@pytest.mark.parametrize(
    ("left", "right", "both", "error"),
    [(50_000, 50_000, 25_000, 0.1), (200_000, 20_000, 20_000, 0.15), (3000, 3000, 1500, 0.1), (100_000, 100, 80, 0.6)],
)
def test_bounds_hold_as_often_as_they_promise(
    con: duckdb.DuckDBPyConnection, left: int, right: int, both: int, error: float
) -> None:
    found = [common(con, left, right, both, lg_k=11, seed=seed) for seed in range(20)]
    assert sum(each["lower"] <= both <= each["upper"] for each in found) >= 17
    assert sum(each["estimate"] for each in found) / len(found) == pytest.approx(both, rel=error)
    assert all(0 <= each["lower"] <= each["estimate"] <= each["upper"] for each in found)


@pytest.mark.native  # the portable aggregates take no FILTER
def test_it_is_better_than_the_difference_of_three_estimates(con: duckdb.DuckDBPyConnection) -> None:
    """Most of all where the intersection is small beside the union."""
    query = """
        SELECT hll_intersection(a, b).estimate AS likely,
               hll_sketch_describe(a).estimate + hll_sketch_describe(b).estimate
               - hll_sketch_describe(hll_union(a, b)).estimate AS difference
        FROM (
            SELECT hll_sketch_agg(i + g * 10_000_000, 9) FILTER (i < 30_000) AS a,
                   hll_sketch_agg(i + g * 10_000_000, 9) FILTER (i >= 27_000) AS b
            FROM range(57_000) t(i), range(40) u(g) GROUP BY g
        )
    """
    found = rows(con, query)
    likely, difference = ((sum((row[i] - 3000) ** 2 for row in found) / len(found)) ** 0.5 for i in (0, 1))
    assert likely < difference / 1.5


def test_of_nothing_and_of_null(con: duckdb.DuckDBPyConnection) -> None:
    some, nothing = "(SELECT hll_sketch_agg(i) FROM range(9) t(i))", "(SELECT hll_sketch_agg(NULL))"
    assert list(value(con, f"SELECT hll_intersection({some}, {nothing})").values()) == [0, 0, 0]
    for call in ("NULL, s", "s, NULL", "s, s, NULL", "NULL, NULL"):
        assert value(con, f"SELECT hll_intersection({call}) FROM (SELECT {some} AS s)") is None


def test_precisions_that_differ_have_to_be_allowed(con: duckdb.DuckDBPyConnection) -> None:
    pair = "SELECT hll_sketch_agg(i, 10) AS a, hll_sketch_agg(i, 12) AS b FROM range(50_000) t(i)"
    with pytest.raises(duckdb.Error, match="hll_intersection: sketches of lg_k 10 and 12"):
        con.execute(f"SELECT hll_intersection(a, b) FROM ({pair})").fetchall()
    assert value(con, f"SELECT hll_intersection(a, b, true).upper FROM ({pair})") > 45_000


def test_no_hll_sketch_is_refused(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error, match=r"hll_intersection: not an HLL sketch.*this is a theta sketch"):
        con.execute("SELECT hll_intersection(hll_sketch_agg(1), theta_sketch_agg(1))").fetchall()


@pytest.mark.native
@pytest.mark.newest_duckdb
def test_both_backends_agree(con: duckdb.DuckDBPyConnection) -> None:
    sizes = [(0, 0), (0, 5), (0, 300), (200, 900), (0, 5000), (4000, 60_000), (59_000, 100_000)]
    images = [
        value(con, f"SELECT hll_sketch_agg(i, {lg_k}) FROM range({low}, {high}) t(i)")
        for low, high in sizes
        for lg_k in (6, 11)
    ]
    with duckdb.connect() as portable:
        register(portable)
        for i, a in enumerate(images):
            for b in images[i % 3 :: 3]:
                ours, theirs = (value(each, "SELECT hll_intersection($1, $2, true)", a, b) for each in (portable, con))
                assert ours == {name: pytest.approx(number, rel=1e-4, abs=0.01) for name, number in theirs.items()}


def test_values_have_it() -> None:
    a, b = (duckdb_sketch.HllSketch.from_values(part) for part in (range(300), range(200, 500)))
    assert a.intersection(b).estimate == pytest.approx(100, abs=0.1)
