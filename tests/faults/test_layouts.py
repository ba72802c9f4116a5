"""How text files are laid out: rows of other lengths, lines above the names, spaces, encodings, keys that repeat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from duckdb_sketch.rollup import Rollup, SourceError, SpecificationError

TIME = "2026-01-01 00:00:00"


def counted(folder: Path, select: str, source: str | None = None) -> list[Any]:
    """The row of a rollup over the files in a folder, if verification finds the same."""
    statement = f"SELECT date_trunc('day', ts) AS d, {select} FROM e GROUP BY ALL"
    with Rollup.from_sql(statement, name="r", sources={"e": source or f"{folder}/*"}) as rollup:
        rollup.refresh()
        assert rollup.verify().ok
        (row,) = rollup.connection.execute("SELECT * EXCLUDE (d) FROM r").fetchall()
        return list(row)


@pytest.mark.parametrize("options", ["", ", delim = ','", ", columns = {'ts': 'TIMESTAMP', 'x': 'BIGINT'}"])
@pytest.mark.parametrize("row", [TIME, f"{TIME},2,3"])
def test_a_row_of_another_length_is_an_error_with_its_line(tmp_path: Path, options: str, row: str) -> None:
    (tmp_path / "a.csv").write_text(f"ts,x\n{TIME},1\n{row}\n{TIME},2\n")
    with pytest.raises(SourceError, match=r"a\.csv: .*on Line: 3"):
        counted(tmp_path, "sum(x) AS x", f"read_csv('{tmp_path}/*.csv'{options})")


def test_rows_of_other_lengths_are_read_or_left_out_as_is_declared(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"ts,x\n{TIME},1\n{TIME}\n{TIME},2\n")
    for option, rows in (("null_padding", 3), ("ignore_errors", 2)):
        source = f"read_csv('{tmp_path}/*.csv', {option} = true)"
        assert counted(tmp_path, "sum(x) AS x, count(*) AS n", source) == [3, rows]


def test_spaces_around_values_do_not_change_them(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f'x, ts, name\n 12, {TIME}, "a,b"\n 1 , {TIME} , "a"\n')
    assert counted(tmp_path, "sum(x) AS x, max(name) AS name") == [13, "a,b"]
    source = f"read_csv('{tmp_path}/*.csv', types = {{'x': 'BIGINT', 'ts': 'TIMESTAMP'}})"
    assert counted(tmp_path, "sum(x) AS x", source) == [13]


@pytest.mark.parametrize("above", ["# report\n", "report\n", "\n"])
def test_columns_are_bound_by_name_below_lines_that_name_none(tmp_path: Path, above: str) -> None:
    (tmp_path / "a.csv").write_text(f"{above}ts,uid,page\n{TIME},1,a\n{TIME},2,b\n")
    (tmp_path / "b.csv").write_text(f"{above}ts,page,uid\n{TIME},x,3\n{TIME},y,4\n")
    assert counted(tmp_path, "sum(uid) AS u, max(page) AS p") == [10, "y"]


@pytest.mark.parametrize(
    ("special", "plain"),
    [
        (f"{TIME},'a'\n{TIME},'b,c'\n{TIME},'d'\n{TIME},'e'\n", f"{TIME},it's\n"),
        (f'{TIME},"a\\"b"\n{TIME},"c\\"d"\n{TIME},x\n{TIME},y\n', f'{TIME},"e""f"\n'),
    ],
)
def test_quotes_of_one_file_are_not_those_of_another(tmp_path: Path, special: str, plain: str) -> None:
    found = []
    for names in (["a.csv"], ["b.csv"], ["a.csv", "b.csv"]):
        folder = tmp_path / "-".join(names)
        folder.mkdir()
        for name in names:
            (folder / name).write_text(f"ts,x\n{special if name == 'a.csv' else plain}")
        found.append(counted(folder, "max(x) AS most, min(x) AS least, count(*) AS n"))
    alone, other, both = found
    assert both == [max(alone[0], other[0]), min(alone[1], other[1]), alone[2] + other[2]]


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_lines_end_as_on_other_systems(tmp_path: Path, end: str) -> None:
    (tmp_path / "a.csv").write_bytes(end.join(["ts,x", f"{TIME},1", f"{TIME},2", ""]).encode())
    assert counted(tmp_path, "sum(x) AS x") == [3]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding_is_declared(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.csv").write_bytes(f"ts,x\n{TIME},é\n".encode(encoding))
    with pytest.raises((SourceError, SpecificationError), match=r"a\.csv"):
        counted(tmp_path, "max(x) AS x")
    assert counted(tmp_path, "max(x) AS x", f"read_csv('{tmp_path}/*.csv', encoding = '{encoding}')") == ["é"]


@pytest.mark.parametrize("keys", [("x", "x"), ("x", "X")])
def test_an_object_with_a_key_twice_is_an_error(tmp_path: Path, keys: tuple[str, str]) -> None:
    (tmp_path / "a.json").write_text(f'{{"ts": "{TIME}", "{keys[0]}": 1, "{keys[1]}": 2}}\n')
    with pytest.raises(SourceError, match=r"a\.json: an object has the key . twice"):
        counted(tmp_path, "sum(x) AS x")


@pytest.mark.parametrize(
    "values",
    [('{"u": 1, "u": 2}',), ('{"u": 1, "U": 2}',), ('{"u": 1}', '{"U": 2}'), ('[{"u": 1}, {"U": 2}]',)],
)
@pytest.mark.parametrize("in_files", [True, False])
def test_nested_keys_that_are_one_in_capitals_are_an_error(
    tmp_path: Path, values: tuple[str, ...], in_files: bool
) -> None:
    lines = [f'{{"ts": "{TIME}", "p": {value}}}\n' for value in values]
    for number, text in enumerate(lines if in_files else ["".join(lines)]):
        (tmp_path / f"{number}.json").write_text(text)
    with pytest.raises(SourceError, match=r"(twice|differ in case)"):
        counted(tmp_path, "count(p) AS n")


def test_a_nested_key_twice_is_an_error_where_a_type_is_declared(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(f'{{"ts": "{TIME}", "p": {{"u": 1, "u": 2}}}}\n')
    with pytest.raises(SourceError, match="has a key twice"):
        counted(tmp_path, "max(p.u) AS n", f"read_json('{tmp_path}/*.json', types = {{'p': 'STRUCT(u BIGINT)'}})")
    (tmp_path / "a.json").write_text(f'{{"ts": "{TIME}", "p": {{"u": 1, "U": 2}}}}\n')
    source = f"read_json('{tmp_path}/*.json', types = {{'p': 'MAP(VARCHAR, BIGINT)'}})"
    assert counted(tmp_path, "max(p['u']) AS u, max(p['U']) AS v", source) == [1, 2]  # the keys of a MAP are values


def test_keys_in_other_capitals_are_one_column(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(f'{{"ts": "{TIME}", "x": 1}}\n{{"TS": "{TIME}", "X": 2}}\n')
    (tmp_path / "b.json").write_text(f'{{"Ts": "{TIME}", "x": 4}}\n')
    assert counted(tmp_path, "sum(x) AS x, count(*) AS n") == [7, 3]


def test_a_file_that_has_no_time_yet_says_what_to_declare(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("ts,x\n")
    with pytest.raises(SpecificationError, match=r"types = \{'ts': 'TIMESTAMP'\}"):
        counted(tmp_path, "sum(x) AS x")
