"""Ambiguous dates are asked for, and times are never rounded to their declared type."""

from __future__ import annotations

from pathlib import Path

import pytest

from duckdb_sketch.rollup import Rollup, SourceError, SpecificationError


def rollup_of(column: str, source: str) -> Rollup:
    statement = f"SELECT date_trunc('day', ts) AS d, {column} FROM e GROUP BY ALL"
    return Rollup.from_sql(statement, name="r", sources={"e": source})


@pytest.mark.parametrize("first", ["03/04/2026", "03.04.2026 10:00", "03-04-2026"])
@pytest.mark.parametrize("second", ["03/25/2026", "25/03/2026"])
def test_a_format_that_is_ambiguous_is_asked_for(tmp_path: Path, first: str, second: str) -> None:
    for name, day in (("a", first), ("b", second)):
        (tmp_path / f"{name}.csv").write_text(f"ts,x\n{day},1\n")
        with rollup_of("count(*) AS n", f"{tmp_path}/*.csv") as rollup:
            with pytest.raises(SpecificationError, match=r"timestampformat = '%d/%m/%Y'"):
                rollup.refresh()
            assert not rollup.connection.execute("FROM duckdb_tables() WHERE table_name = 'r'").fetchall()


@pytest.mark.parametrize(("kind", "time"), [("TIMESTAMP_S", "00:00:00.7"), ("TIMESTAMP_MS", "00:00:00.1236")])
@pytest.mark.parametrize("reader", ["csv", "json"])
def test_a_time_that_its_declared_type_would_round_is_an_error(
    tmp_path: Path, kind: str, time: str, reader: str
) -> None:
    lines = {
        "csv": f"ts,t\n2026-01-01 00:00:00,2026-01-01 {time}\n",
        "json": f'{{"ts": "2026-01-01 00:00:00", "t": "2026-01-01 {time}"}}\n',
    }
    (tmp_path / f"a.{reader}").write_text(lines[reader])
    source = f"read_{reader}('{tmp_path}/*.{reader}', types = {{'t': '{kind}'}})"
    with (
        rollup_of("max(t) AS t", source) as rollup,
        pytest.raises(SourceError, match=f"has 2026-01-01 {time}, which does not fit {kind}"),
    ):
        rollup.refresh()
