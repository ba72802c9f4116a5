"""Images of format version 1, which have neither grid nor extents: read as ever, and written again as version 2."""

from __future__ import annotations

import duckdb
import pytest
from queries import value

# The example of the paper at five bins, and the union of its two parts, as version 1 wrote them.
PAPER = bytes.fromhex(
    "4148010005000500070001000000000000004000000000000023400000000000803140000000000000374000000000000042400205050202"
)
GAPS = bytes.fromhex("41480103320002000400010000000000000000000000000000002640000000000000e03f00000000000025400505")


def test_its_answers_are_those_of_the_paper(con: duckdb.DuckDBPyConnection) -> None:
    bins = value(con, "SELECT approx_histogram_bins($1)", PAPER)
    assert [(each["center"], each["count"]) for each in bins] == [(2, 1), (9.5, 2), (17.5, 2), (23, 1), (36, 1)]
    below = value(con, "SELECT approx_histogram_count_below($1, 15)", PAPER)
    way = (15 - 9.5) / (17.5 - 9.5)
    assert below == pytest.approx(1 + 1 + way * 2)
    assert value(con, "SELECT approx_histogram_stats($1).rank_error", PAPER) == 1 / 7


def test_of_many_bins_it_is_read_without_extents_too(con: duckdb.DuckDBPyConnection) -> None:
    assert value(con, "SELECT approx_histogram_count_below($1, 5.5)", GAPS) == pytest.approx(2)
    bounds = value(con, "SELECT approx_histogram_quantile_bounds($1, 0.5)", GAPS)
    assert bounds["lower"] <= 1 <= bounds["upper"]


@pytest.mark.parametrize("image", [PAPER, GAPS])
def test_it_is_written_again_as_version_2(con: duckdb.DuckDBPyConnection, image: bytes) -> None:
    again = value(con, "SELECT approx_histogram_union_agg($1::BLOB)", image)
    assert again[:3] == b"AH\x02"
    for question in ("approx_histogram_bins($1)", "approx_histogram_count_below($1, 12.25)"):
        assert value(con, f"SELECT {question}", again) == value(con, f"SELECT {question}", image)


def test_a_later_version_is_refused_by_its_number(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(duckdb.Error, match="format version 3; versions 1 and 2 are known here"):
        con.execute("SELECT approx_histogram_bins($1)", [b"AH\x03" + PAPER[3:]])
