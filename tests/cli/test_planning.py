"""`duckdb-sketch plan`: precision for an error, and bytes that a rollup really takes."""

from __future__ import annotations

import json
import re

import duckdb
import pytest
from command_line import run
from processes import PROJECT
from queries import value

from duckdb_sketch.families.histogram import RANK_ERRORS


def planned(*arguments: str) -> dict[str, float]:
    process = run("plan", "--json", *arguments)
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout)


def test_the_least_precision_that_is_enough() -> None:
    chosen = planned("--error", "0.01", "--rank-error", "0.005")
    assert (chosen["lg_k"], chosen["bins"]) == (14, 100)
    assert chosen["standard_error"] <= 0.01 < 1.04 / 2 ** (13 / 2)
    assert planned("--error", "0.0165")["lg_k"] == 12
    assert planned("--error", "0.9")["lg_k"] == 4


def test_the_bytes_are_those_of_a_table(con: duckdb.DuckDBPyConnection) -> None:
    """Within a tenth, for a million rows in a thousand groups."""
    con.execute("""
        CREATE TABLE rollup AS
        SELECT i // 1000 AS hour, hll_sketch_agg((hash(i) % 100_000)::BIGINT, 12) AS users,
               approx_histogram_agg(exp(hash(i + 1) / 1e19), 50) AS prices
        FROM range(1_000_000) t(i) GROUP BY ALL
    """)
    sizes = "SELECT avg(octet_length(users)), avg(octet_length(prices)), avg(hll_sketch_estimate(users)) FROM rollup"
    ((users, prices, uniques),) = con.execute(sizes).fetchall()
    chosen = planned(
        "--error", "0.0165", "--uniques", "1e5", "--rows", "1e6", "--rollup-rows", "1e3", "--key-bytes", "8"
    )
    assert chosen["distinct_bytes"] == pytest.approx(users, rel=0.1)
    assert chosen["distribution_bytes"] == pytest.approx(prices, rel=0.1)
    assert chosen["uniques_a_row"] == pytest.approx(uniques, rel=0.02)
    total = value(con, "SELECT sum(8 + octet_length(users) + octet_length(prices)) FROM rollup")
    assert chosen["rollup_bytes"] == pytest.approx(float(total), rel=0.1)
    assert chosen["raw_bytes"] == 50_000_000


def test_it_prints_what_to_write_and_what_that_saves() -> None:
    process = run("plan", "--error", "0.01", "--uniques", "1e6", "--rows", "1e9")
    assert "hll_sketch_agg(x, 14)" in process.stdout
    assert "approx_histogram_agg(x, 50)" in process.stdout
    assert re.search(r"The rollup is \d\d\d times smaller", process.stdout)
    assert max(map(len, process.stdout.splitlines())) <= 80


@pytest.mark.native  # frequent items have no portable backend
def test_sketches_for_sets_and_of_frequent_items(con: duckdb.DuckDBPyConnection) -> None:
    chosen = planned("--error", "0.0165", "--item-error", "0.01", "--uniques", "3000", "--rollup-rows", "10")
    assert (chosen["lg_nom_entries"], chosen["max_items"], chosen["count_error"]) == (12, 200, 0.01)
    assert chosen["theta_bytes"] == value(con, "SELECT octet_length(theta_sketch_agg(i)) FROM range(3000) t(i)")
    assert chosen["items_bytes"] == value(con, "SELECT octet_length(approx_top_k_accumulate(i)) FROM range(200) t(i)")
    few = planned("--item-error", "0.000002", "--uniques", "7", "--rollup-rows", "10")
    assert few["max_items"] == 1_000_000
    assert few["items_bytes"] == value(con, "SELECT octet_length(approx_top_k_accumulate(i)) FROM range(7) t(i)")
    shown = run("plan", "--error", "0.0165", "--item-error", "0.01").stdout
    assert "theta_sketch_agg(x, 12)" in shown
    assert "approx_top_k_accumulate(x, 200)" in shown
    assert "1% of values" in shown


def test_a_rollup_that_saves_nothing_is_called_so() -> None:
    assert "no gain" in run("plan", "--rows", "1e6", "--rollup-rows", "1e6").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--error", "0.0001"), "error is 0.0001, and 0.0007 is the least, with lg_k 21"),
        (("--rank-error", "0"), "rank-error is 0, and 0.0006 is the least measured, with 400 bins"),
        (("--rows", "5"), "the rollup has 8,760 rows, and cannot have more than the 5 raw rows"),
        (("--item-error", "1e-7"), "item-error is 1e-07, and must be from 2e-06, with 1,000,000 items, to 1"),
        (("--uniques", "0"), "uniques is 0, and must be at least 1"),
    ],
)
def test_what_cannot_be_planned_is_said(arguments: tuple[str, ...], message: str) -> None:
    process = run("plan", *arguments)
    assert process.returncode == 1
    assert process.stderr == f"duckdb-sketch: {message}\n"


def test_its_errors_of_rank_are_those_that_were_measured() -> None:
    """The table in docs/CHOOSING.md, rounded up."""
    text = (PROJECT / "docs" / "CHOOSING.md").read_text(encoding="utf-8")
    measured = {
        int(bins): float(error) / 100 for bins, error in re.findall(r"^\| (\d+) \| [\d,]+ \| ([\d.]+) %", text, re.M)
    }
    assert measured.keys() == RANK_ERRORS.keys()
    for bins, error in measured.items():
        assert error <= RANK_ERRORS[bins] <= 1.6 * error
