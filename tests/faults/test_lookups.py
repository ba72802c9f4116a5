"""Lookup tables of files: the types are those of all values, and no column goes missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from duckdb_sketch.rollup import Rollup, SourceError

STATEMENT = "SELECT date_trunc('day', ts) AS d, name, count(*) AS n FROM e JOIN names ON e.x = names.id GROUP BY ALL"


def counted(folder: Path, names: str) -> list[Any]:
    """How many events each name of a lookup table has; there are two, of 1 and 1.5."""
    (folder / "e.csv").write_text("ts,x\n2026-01-01 00:00:00,1\n2026-01-01 00:00:00,1.5\n")
    sources = {"e": folder / "e.csv", "names": names.replace("FOLDER", str(folder))}
    with Rollup.from_sql(STATEMENT, name="r", sources=sources) as rollup:
        rollup.refresh()
        return rollup.connection.execute("SELECT name, n FROM r ORDER BY ALL").fetchall()


@pytest.mark.parametrize("form", ["FOLDER/n*.{}", "read_{}('FOLDER/n*.{}')"])
@pytest.mark.parametrize("kind", ["csv", "json"])
@pytest.mark.parametrize("files", [1, 2])
def test_a_fraction_behind_many_whole_numbers_is_not_rounded(tmp_path: Path, form: str, kind: str, files: int) -> None:
    rows = [(number, f"name {number}") for number in range(2, 22_000)] + [(1, "one"), (1.5, "more")]
    line, first = ("{},{}\n", "id,name\n") if kind == "csv" else ('{{"id": {}, "name": "{}"}}\n', "")
    lines = [line.format(*row) for row in rows]
    cut = len(lines) - files + 1
    for number, some in enumerate((lines[:cut], lines[cut:])[:files]):
        (tmp_path / f"n{number}.{kind}").write_text(first + "".join(some))
    assert counted(tmp_path, form.format(kind, kind)) == [("more", 1), ("one", 1)]


def test_columns_are_bound_by_name_and_none_is_missing(tmp_path: Path) -> None:
    (tmp_path / "n1.csv").write_text("id,name\n1,one\n")
    (tmp_path / "n2.csv").write_text("name,id\nmore,1.5\n")
    assert counted(tmp_path, "FOLDER/n*.csv") == [("more", 1), ("one", 1)]
    (tmp_path / "n3.csv").write_text("id\n2\n")
    with pytest.raises(SourceError, match=r"n3\.csv: there is no column name"):
        counted(tmp_path, "FOLDER/n*.csv")
