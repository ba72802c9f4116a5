"""Theta sketches in both backends: the same bytes, the same answers, and the same refusals."""

from __future__ import annotations

import re
import struct

import duckdb
import pytest
from datasketches import update_theta_sketch
from queries import column, value
from sql_values import SQL_VALUES
from sql_values import column as sql_column

pytestmark = [pytest.mark.newest_duckdb, pytest.mark.native]

Con = duckdb.DuckDBPyConnection


def said(con: Con, query: str, *parameters: object) -> object:
    """The answer, or the message of the refusal from the function's name on."""
    try:
        return con.execute(query, list(parameters)).fetchall()
    except duckdb.Error as error:
        return re.sub(r"^.*?(theta_\w+: )", r"\1", str(error), flags=re.DOTALL)


@pytest.mark.parametrize("sql_type", SQL_VALUES)
def test_each_value_of_each_type_has_the_same_entry(native: Con, portable: Con, sql_type: str) -> None:
    query = f"SELECT theta_sketch_agg(x, 5) FROM {sql_column(sql_type, SQL_VALUES[sql_type])}"
    assert native.execute(query).fetchall() == portable.execute(query).fetchall()


@pytest.mark.parametrize("lg_nom", [4, 8, 12])
def test_every_size_has_the_same_bytes(native: Con, portable: Con, lg_nom: int) -> None:
    for count in (0, 1, 2, 15, 16, 17, 300, 4096, 4097, 30_000):
        query = f"SELECT theta_sketch_agg(nullif(i, 0), {lg_nom}) FROM range({count + 1}) t(i)"
        assert value(native, query) == value(portable, query), count


PAIRS = (
    "theta_union($1, $2)",
    "theta_union($1, $2, 6)",
    "theta_intersection($1, $2)",
    "theta_difference($1, $2)",
    "theta_jaccard($1, $2)",
    "(SELECT theta_union_agg(x) FROM (SELECT unnest([$1, $2]) AS x))",
    "(SELECT theta_union_agg(x, 5) FROM (SELECT unnest([$1, $2]) AS x))",
    "(SELECT theta_intersection_agg(x) FROM (SELECT unnest([$1, $2]) AS x))",
)
ALONE = (
    "theta_sketch_estimate($1)",
    "theta_sketch_describe($1)",
    *(f"theta_sketch_bounds($1, {n})" for n in (1, 2, 3)),
)


def test_sets_and_answers_are_the_same(native: Con, portable: Con) -> None:
    parts = "range(6) u(g), range(20_000) t(i)"
    images = column(native, f"SELECT theta_sketch_agg(i, 4 + g) FROM {parts} WHERE i < 7 ** g OR i % 3 = g GROUP BY g")
    images.append(value(native, "SELECT theta_sketch_agg(NULL, 8)"))
    theirs = update_theta_sketch(7)
    for i in range(5000):
        theirs.update(i)
    images += [theirs.compact(False).serialize(), theirs.compact().serialize(compress=True)]
    for a in images:
        for call in ALONE:
            ours, expected = (con.execute(f"SELECT {call}", [a]).fetchone() for con in (portable, native))
            assert ours is not None
            assert expected is not None
            assert ours[0] == (
                {name: pytest.approx(number, rel=1e-12) for name, number in expected[0].items()}
                if "bounds" in call
                else expected[0]
            ), call
        for b in images:
            for call in PAIRS:
                ours, expected = (value(con, f"SELECT {call}", a, b) for con in (portable, native))
                assert ours == (pytest.approx(expected, rel=1e-12) if "jaccard" in call else expected), call


def test_the_same_is_refused_in_the_same_words(native: Con, portable: Con) -> None:
    sound = value(native, "SELECT theta_sketch_agg(i, 4) FROM range(100) t(i)")
    other_seed = update_theta_sketch(12, 1.0, 42)
    other_seed.update(1)
    images = [
        b"",
        b"\1\3\3",
        bytes(8),
        sound[:-1],
        sound + b"\0",
        sound[:24] + sound[32:40] + sound[24:32] + sound[40:],
        sound[:1] + b"\2" + sound[2:],
        sound[:2] + b"\2" + sound[3:],
        sound[:5] + b"\0" + sound[6:],
        sound[:16] + struct.pack("<Q", 0) + sound[24:],
        sound[:16] + struct.pack("<Q", 5) + sound[24:],
        b"\5" + sound[1:],
        other_seed.compact().serialize(),
        update_theta_sketch(12).compact().serialize()[:7],
        value(native, "SELECT hll_sketch_agg(1)"),
        value(native, "SELECT approx_histogram_agg(1)"),
        value(native, "SELECT hyper_unique_agg('1')"),
    ]
    for image in images:
        words = [said(con, "SELECT theta_union($1::BLOB, $1::BLOB)", image) for con in (native, portable)]
        assert isinstance(words[0], str), image
        assert words[0] == words[1], image
    for call in ("theta_sketch_agg(1, 3)", "theta_sketch_agg(1, NULL)", "theta_sketch_bounds(theta_sketch_agg(1), 0)"):
        words = [said(con, f"SELECT {call}") for con in (native, portable)]
        assert words[0] == words[1], call


def test_a_state_is_not_counted_as_a_value(native: Con, portable: Con) -> None:
    for con in (native, portable):
        for build in ("theta_sketch_agg", "hll_sketch_agg"):
            with pytest.raises(duckdb.Error, match=r"a theta sketch itself: theta_union_agg\(x\)"):
                con.execute(f"SELECT {build}(s) FROM (SELECT theta_sketch_agg(1) AS s)")
