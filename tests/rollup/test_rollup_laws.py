"""The law of rollups: however events come, the tables are those of one clean run, and those of the raw rows.

Events are split into files and data in any way; files come in any order, in batches of any size, and change; refreshes
come in between, with and without levels; the same data comes again under the same id.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from events import content, table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import samples

import duckdb_sketch
from duckdb_sketch.rollup import Level, Rollup

SCHEMA = pyarrow.schema(
    [
        ("ts", pyarrow.timestamp("us")),
        ("place", pyarrow.string()),
        ("kind", pyarrow.int32()),
        ("price", pyarrow.decimal128(10, 2)),
        ("size", pyarrow.int64()),
        ("ratio", pyarrow.float64()),
        ("ok", pyarrow.bool_()),
    ]
)
STATEMENT = """
SELECT date_trunc('hour', ts) AS hour, place, kind, count(*) AS n, count(price) AS prices, sum(price) AS revenue,
    coalesce(sum(size), 0) AS size, sum(size) FILTER (WHERE ok) AS ok_size, min(price) AS lowest, max(ts) AS latest,
    min(place) AS first_place, max(ratio) AS top, bool_and(ok) AS every, bool_or(ok) AS some, bit_and(size) AS bits_and,
    bit_or(size) AS bits_or, bit_xor(size) AS bits_xor, count_if(ok) AS oks, hll_sketch_agg(size, 8) AS sizes,
    hll_sketch_agg(place) FILTER (WHERE ok) AS places, approx_histogram_agg(ratio, 4) AS histogram
FROM bids WHERE size IS DISTINCT FROM 13 GROUP BY ALL
"""
SANE = "ts >= TIMESTAMP '1900-01-01' AND ts < TIMESTAMP '2200-01-01'"

times = st.one_of(
    st.datetimes(datetime(2024, 2, 28), datetime(2024, 3, 2)),
    st.datetimes(datetime(2023, 12, 30), datetime(2024, 1, 3)),
    st.sampled_from([None, datetime(9999, 12, 31), datetime(1, 1, 1), datetime(2024, 1, 1), datetime(1900, 1, 1)]),
)
decimals = st.decimals(-(10**6), 10**6, places=2)
event = st.fixed_dictionaries(
    {
        "ts": times,
        "place": st.sampled_from([None, "", "a", "b"]),
        "kind": st.sampled_from([None, 1, 2]),
        "price": st.none() | decimals,
        "size": st.none() | st.sampled_from([0, 13, -1, 2**40]) | st.integers(-(2**40), 2**40),
        "ratio": st.none() | st.floats(-1e6, 1e6),
        "ok": st.none() | st.booleans(),
    }
)


@dataclass
class Step:
    """What happens next: files come or change, data is appended, or the rollup is refreshed."""

    kind: str
    number: int
    events: list[dict[str, Any]]
    levels: bool


steps = st.lists(
    st.builds(
        Step,
        st.sampled_from(["file", "file", "file", "change", "append", "append", "refresh", "refresh", "again"]),
        st.integers(0, 5),
        st.lists(event, max_size=12),
        st.booleans(),
    ),
    min_size=1,
    max_size=10,
)
law = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
thorough = settings(law, max_examples=samples(20))


def arrow(events: list[dict[str, Any]]) -> pyarrow.Table:
    return pyarrow.Table.from_pylist(events, SCHEMA)


def raw(level: Level, events: list[dict[str, Any]], width: str = "hour", by: str = "place, kind, ") -> list[Any]:
    """What the statement makes of the events at once."""
    level.connection.register("raw_events", arrow(events))
    statement = STATEMENT.replace(
        "date_trunc('hour', ts) AS hour, place, kind, ", f"date_trunc('{width}', ts) AS {width}, {by}"
    )
    return content(level.connection, statement.replace("FROM bids WHERE", f"FROM raw_events WHERE {SANE} AND"))


@contextmanager
def rows_a_batch(most: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("duckdb_sketch.rollup.given_source.rows_that_fit", lambda *_: most)
        yield


def follow(steps: list[Step], most_rows: int, days: int) -> None:
    """Do all steps, and compare what came out with the raw rows."""
    with tempfile.TemporaryDirectory() as name, duckdb_sketch.connect() as connection, rows_a_batch(most_rows):
        folder = Path(name)
        files: dict[str, list[dict[str, Any]]] = {"none": []}
        appended: dict[str, list[dict[str, Any]]] = {}
        pyarrow.parquet.write_table(arrow([]), folder / "none.parquet")
        rollup = Rollup.from_sql(STATEMENT, name="hours", sources={"bids": folder / "*.parquet"}, database=connection)
        rollup.refresh()
        for number, step in enumerate(steps):
            if number == days:
                rollup.coarsen("day", "days")
            name = f"{step.number}-{number if step.kind == 'file' else 0}"
            if step.kind == "file" or (step.kind == "change" and name in files and not appended):
                pyarrow.parquet.write_table(arrow(step.events), folder / f"{name}.parquet")
                # The clock of the file system may not tick between two of them.
                files[name] = step.events
                os.utime(folder / f"{name}.parquet", ns=(number, number))
            elif step.kind in ("append", "again"):
                known = list(appended) if step.kind == "again" else []
                batch = known[step.number % len(known)] if known else f"batch {number}"
                appended.setdefault(batch, step.events)
                rollup.append(arrow(step.events), batch_id=batch, levels=step.levels)
            elif step.kind == "refresh":
                rollup.refresh(levels=step.levels, on_change="error" if appended else "rebuild")
        rollup.refresh(on_change="error" if appended else "rebuild")
        level = rollup.coarsen("day", "days")
        months, bare = level.coarsen("month", "months", by=["kind"]), rollup.coarsen("year", "years", by=[])
        events = [event for part in (*files.values(), *appended.values()) for event in part]
        assert table(rollup) == raw(rollup, events)
        assert table(level) == raw(rollup, events, "day")
        assert table(months) == raw(rollup, events, "month", "kind, ")
        assert table(bare) == raw(rollup, events, "year", "")
        anew = rollup.coarsen("day", "anew")
        assert table(anew) == table(level)
        assert {status.behind for status in rollup.status()} == {0}


@pytest.mark.thorough
@law
@given(steps=steps, most_rows=st.sampled_from([1, 5, 10**6]), days=st.integers(0, 6))
def test_however_events_come_the_tables_are_those_of_the_raw_rows(steps: list[Step], most_rows: int, days: int) -> None:
    follow(steps, most_rows, days)


@pytest.mark.slow
@thorough
@given(steps=steps, most_rows=st.sampled_from([1, 5, 10**6]), days=st.integers(0, 6))
def test_however_events_come_the_tables_are_those_of_the_raw_rows_at_length(
    steps: list[Step], most_rows: int, days: int
) -> None:
    follow(steps, most_rows, days)


batches = st.lists(event, max_size=20)
cutoffs = st.datetimes(datetime(2023, 12, 30), datetime(2024, 3, 3))


@pytest.mark.thorough
@settings(law, max_examples=3)
@given(events=batches, parts=st.integers(1, 3), cutoff=cutoffs)
def test_levels_know_of_no_expiry(events: list[dict[str, Any]], parts: int, cutoff: datetime) -> None:
    expire_and_compare(events, parts, cutoff)


@pytest.mark.slow
@settings(law, max_examples=samples(8))
@given(events=batches, parts=st.integers(1, 4), cutoff=cutoffs)
def test_levels_know_of_no_expiry_at_length(events: list[dict[str, Any]], parts: int, cutoff: datetime) -> None:
    expire_and_compare(events, parts, cutoff)


def expire_and_compare(events: list[dict[str, Any]], parts: int, cutoff: datetime) -> None:
    """One rollup expires hours before late rows come, and one never does: their days and months are the same."""
    with duckdb_sketch.connect() as connection:
        rollups = [Rollup.from_sql(STATEMENT, name=name, database=connection) for name in ("short", "long")]
        for rollup in rollups:
            rollup.append(arrow(events[:10]))
            rollup.coarsen("day", f"{rollup.name} days").coarsen("month", f"{rollup.name} months", by=["place"])
        for part in range(parts):
            rollups[0].expire(before=cutoff)
            for rollup in rollups:
                rollup.append(arrow(events[10 + part :: parts]))
        expired = rollups[0].status()[0].expired_before
        assert expired is not None
        assert table(rollups[0]) == [row for row in table(rollups[1]) if row[0] >= str(expired)]
        for level in ("days", "months"):
            short, long = (content(connection, f'FROM "{rollup.name} {level}"') for rollup in rollups)
            assert short == long


@law
@given(amounts=st.lists(st.floats(-1e6, 1e6), max_size=20), parts=st.integers(1, 4))
def test_sums_of_doubles_are_as_close_as_any_order(amounts: list[float], parts: int) -> None:
    with duckdb_sketch.connect() as connection:
        rollup = Rollup.from_sql(
            "SELECT date_trunc('year', ts) AS y, sum(x) AS s, approx_histogram_agg(x, 4) AS h FROM bids GROUP BY ALL",
            name="sums",
            database=connection,
        )
        for part in range(parts):
            listed = amounts[part::parts]
            data = pyarrow.table(
                {"ts": [datetime(2024, 1, 1)] * len(listed), "x": pyarrow.array(listed, pyarrow.float64())}
            )
            rollup.append(data.cast(pyarrow.schema([("ts", pyarrow.timestamp("us")), ("x", pyarrow.float64())])))
        found = connection.execute("SELECT s, approx_histogram_stats(h).count FROM sums").fetchall()
        assert found == ([] if not amounts else [(pytest.approx(sum(amounts), abs=1e-6), len(amounts))])


def test_every_metric_merges_within_a_group() -> None:
    """Random events seldom meet in a group, so here all do, and what the last batch has is never the answer."""
    size = 9
    rare = [  # what only the first event has decides
        {
            "ts": datetime(2024, 2, 29, 12, 30 - i),
            "place": "rare",
            "kind": None,
            "price": Decimal(i) if i % 3 == 0 else None,  # of two batches the sum is NULL
            "size": 1 << i | 1 << 20,
            "ratio": float(size - i),
            "ok": i == 0,
        }
        for i in range(size)
    ]
    usual = [
        {**event, "place": "usual", "size": event["size"] ^ 0b111111111, "ok": i > 0, "price": Decimal(i)}
        for i, event in enumerate(rare)
    ]
    events = [*rare, *usual]
    with duckdb_sketch.connect() as connection:
        rollup = Rollup.from_sql(STATEMENT, name="hours", database=connection)
        for part in range(3):
            rollup.append(arrow([*rare[part::3], *usual[part::3]]))
        level = rollup.coarsen("day", "days", by=[])
        assert table(rollup) == raw(rollup, events)
        assert table(level) == raw(rollup, events, "day", "")


def test_the_law_holds_for_what_it_was_made_for() -> None:
    """The comparison can fail: an event that is counted twice shows."""
    with duckdb_sketch.connect() as connection:
        rollup = Rollup.from_sql(STATEMENT, name="hours", database=connection)
        one = {
            "ts": datetime(2024, 1, 1),
            "place": None,
            "kind": None,
            "price": None,
            "size": 1,
            "ratio": 1.0,
            "ok": None,
        }
        for _ in range(2):
            rollup.append(arrow([one]))
        assert table(rollup) == raw(rollup, [one, one])
        assert table(rollup) != raw(rollup, [one])
