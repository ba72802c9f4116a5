"""Sources as they are declared: each option of DuckDB's readers is honoured, or refused by its name."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import duckdb
import pytest
from command_line import run

from duckdb_sketch import Rollup
from duckdb_sketch.rollup import RollupError, SourceError
from duckdb_sketch.rollup.sources.declaration import Declaration

DAY = "SELECT date_trunc('day', ts) AS d, "
END = " FROM e GROUP BY ALL"


def made(select: str, source: Any, **options: Any) -> Rollup:
    return Rollup.from_sql(DAY + select + END, name="r", sources={"e": source}, **options)


def rows(rollup: Rollup) -> list[tuple[Any, ...]]:
    return rollup.connection.execute("SELECT * EXCLUDE (d) FROM r ORDER BY ALL").fetchall()


def counted(select: str, source: Any, **options: Any) -> list[tuple[Any, ...]]:
    """The table of a source, which `verify` reads in its own way."""
    with made(select, source, **options) as rollup:
        rollup.refresh()
        verified = rollup.verify()
        assert verified.ok, str(verified)
        return rows(rollup)


@pytest.mark.newest_duckdb  # others have other options
@pytest.mark.parametrize("reader", ["read_csv", "read_json", "read_parquet"])
def test_every_option_of_a_reader_is_taken_or_refused_by_name(reader: str) -> None:
    """What DuckDB adds to a reader has to be decided upon: an unknown option says that it is unknown."""
    (found,) = duckdb.execute(
        "SELECT parameters FROM duckdb_functions() WHERE function_name = ? LIMIT 1", [reader]
    ).fetchall()
    unknown = [option for option in set(found[0]) - {"path"} if "takes no option" in answer(reader, option)]
    assert unknown == []


def answer(reader: str, option: str) -> str:
    """What is said of an option; of what is refused, why."""
    try:
        return Declaration.of(f"{reader}('a', {option} = 1)").text
    except SourceError as error:
        return str(error)


def test_a_declaration_is_kept_as_it_is(tmp_path: Path) -> None:
    given = (
        f"read_csv('{tmp_path}/*.csv', delim = ';', names = ['ts', 'it''s'], types = {{'it''s': 'DECIMAL(8, 2)'}}, "
        "dateformat = '%d.%m.%Y', decimal_separator = ',', hive_types = {'k': VARCHAR}, union_by_name = true)"
    )
    declaration = Declaration.of(given)
    assert Declaration.of(declaration.text) == Declaration.of(Declaration.of(declaration.text).text)
    assert (declaration.formats.decimal, declaration.missing, declaration.names) == (",", "null", ("ts", "it's"))


def test_dates_and_numbers_as_they_are_written_in_europe(tmp_path: Path) -> None:
    text = "ts;price;n\n31.01.2026;1.234,5;1.000\n01.02.2026;-0,25;7\n"
    (tmp_path / "a.csv").write_text(text)
    source = (
        f"read_csv('{tmp_path}/*.csv', delim = ';', dateformat = '%d.%m.%Y', decimal_separator = ',', thousands = '.')"
    )
    assert counted("sum(price) AS p, sum(n) AS n", source) == [(-0.25, 7), (1234.5, 1000)]
    typed = source.replace("delim", "types = {'price': 'DECIMAL(8, 2)', 'ts': 'DATE'}, delim")
    assert [str(value) for value, _ in counted("sum(price) AS p, sum(n) AS n", typed)] == ["-0.25", "1234.50"]
    with pytest.raises(SourceError, match=r"line 2: column price has 1\.234,5, which does not fit DECIMAL\(8, 0\)"):
        counted("sum(price) AS p", typed.replace("8, 2", "8, 0"))


def test_a_format_settles_what_is_ambiguous(tmp_path: Path) -> None:
    for name, day in (("a", "03/04/2026"), ("b", "03/25/2026")):
        (tmp_path / f"{name}.csv").write_text(f"ts\n{day} 10:00\n")
    source = f"read_csv('{tmp_path}/*.csv', timestampformat = '%m/%d/%Y %H:%M')"
    with made("count(*) AS n", source) as rollup:
        rollup.refresh()
        days = rollup.connection.execute("SELECT d::DATE::VARCHAR FROM r ORDER BY d").fetchall()
    assert days == [("2026-03-04",), ("2026-03-25",)]
    (tmp_path / "a.ndjson").write_text('{"ts":"04.03.2026"}\n')
    assert counted("count(*) AS n", f"read_json('{tmp_path}/*.ndjson', dateformat = '%d.%m.%Y')") == [(1,)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.csv").write_text("ts,name\n2026-01-01 00:00:00,Zoë\n", encoding=encoding)
    option = "" if encoding.startswith("utf-8") else f", encoding = '{encoding}'"
    assert counted("max(name) AS name", f"read_csv('{tmp_path}/*.csv'{option})") == [("Zoë",)]


def test_byte_order_marks_are_no_part_of_names(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfts,x\n2026-01-01 00:00:00,1\n")
    (tmp_path / "b.csv").write_bytes(b"ts,x\n2026-01-01 00:00:00,2\n")
    (tmp_path / "c.json").write_bytes(b'\xef\xbb\xbf{"ts":"2026-01-01 00:00:00","x":4}\n')
    assert counted("sum(x) AS x", str(tmp_path / "*.*")) == [(7,)]
    (tmp_path / "s.sql").write_bytes(b"\xef\xbb\xbf" + (DAY + "sum(x) AS x" + END).encode())
    with Rollup.from_sql(tmp_path / "s.sql", sources={"e": str(tmp_path / "?.*v")}) as rollup:
        assert rollup.refresh().rows == 2


def test_files_without_a_line_of_names(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("2026-01-01 00:00:00,1\n")
    (tmp_path / "b.csv").write_text("2026-01-01 00:00:00,2\n")
    for option in ("names = ['ts', 'x']", "columns = {'ts': 'TIMESTAMP', 'x': 'BIGINT'}"):
        assert counted("sum(x) AS x", f"read_csv('{tmp_path}/*.csv', header = false, {option})") == [(3,)], option
    with pytest.raises(SourceError, match=r"a\.csv has 2 columns .* names 3: ts, x, y"):
        counted("sum(x) AS x", f"read_csv('{tmp_path}/*.csv', header = false, names = ['ts', 'x', 'y'])")


def test_declared_columns_are_bound_by_name_where_there_are_names(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,ts\n1,2026-01-01 00:00:00\n")
    source = f"read_csv('{tmp_path}/*.csv', columns = {{'ts': 'TIMESTAMP', 'x': 'BIGINT'}})"
    assert counted("sum(x) AS x", source) == [(1,)]


def test_rows_that_cannot_be_read_are_counted_if_errors_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "ts,x\n2026-01-01 00:00:00,1\n2026-01-01 00:00:00,many\n2026-01-01 00:00:00,2,3\n2026-01-01 00:00:00,4\n"
    )
    (tmp_path / "b.ndjson").write_text('{"ts":"2026-01-01 00:00:00","x":8}\n{"ts":\n{"ts":"no time","x":16}\n')
    csv = f"read_csv('{tmp_path}/*.csv', ignore_errors = true, types = {{'x': 'BIGINT'}})"
    json = f"read_json('{tmp_path}/*.ndjson', format = 'nd', ignore_errors = true, types = {{'ts': 'TIMESTAMP'}})"
    for source, total, rejected in ((csv, 5, 2), (json, 8, 2)):
        with made("sum(x) AS x", source) as rollup:
            refreshed = rollup.refresh()
            assert (rows(rollup), refreshed.rejected_rows, refreshed.unreadable_rows) == (
                [(total,)],
                rejected,
                rejected,
            )
            assert rollup.status()[0].rejected_rows == rejected
            assert f"{rejected} rows rejected: unreadable" in str(refreshed)
            assert rollup.verify().ok
    with pytest.raises(RollupError, match=r"a\.csv"):
        counted("sum(x) AS x", csv.replace("ignore_errors = true, ", ""))


def test_all_varchar_takes_every_column_as_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("ts,x\n2026-01-01 00:00:00,1\n")
    (tmp_path / "b.csv").write_text("ts,x\n2026-01-01 00:00:00,1.5\n")
    source = f"read_csv('{tmp_path}/*.csv', all_varchar = true)"
    with Rollup.from_sql(
        "SELECT date_trunc('day', ts::TIMESTAMP) AS d, max(x) AS x FROM e GROUP BY ALL", name="r", sources={"e": source}
    ) as rollup:
        rollup.refresh()
        assert rows(rollup) == [("1.5",)]


def test_digits_that_are_no_number_stay_text(tmp_path: Path) -> None:
    """01234 is not 1234: DuckDB's readers take it as text as well."""
    (tmp_path / "a.csv").write_text("ts,zip,plus\n2026-01-01 00:00:00,01234,+5\n")
    assert counted("max(zip) AS z, max(plus) AS p", str(tmp_path / "*.csv")) == [("01234", "+5")]
    typed = f"read_csv('{tmp_path}/*.csv', types = {{'zip': 'INTEGER'}})"
    assert counted("max(zip) AS z", typed) == [(1234,)]


def parquet(path: Path, select: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.execute(f"COPY ({select}) TO '{path}'")


@pytest.mark.parametrize("months", [("09", "10"), ("10", "09")])
@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("kind", ["parquet", "csv", "ndjson"])
def test_partitions_have_one_type_whatever_folder_comes_first(
    tmp_path: Path, months: tuple[str, str], together: bool, kind: str
) -> None:
    def write(folder: str) -> None:
        path = tmp_path / folder / f"a.{kind}"
        path.parent.mkdir()
        if kind == "parquet":
            parquet(path, "SELECT TIMESTAMP '2026-01-01' AS ts")
        else:
            path.write_text("ts\n2026-01-01 00:00:00\n" if kind == "csv" else '{"ts":"2026-01-01 00:00:00"}\n')

    with made("month, count(*) AS n", f"{tmp_path}/**/*.{kind}") as rollup:
        for month in (*months, "__HIVE_DEFAULT_PARTITION__"):
            write(f"month={month}")
            if not together:
                rollup.refresh()
        rollup.refresh()
        assert rows(rollup) == [(9, 1), (10, 1), (None, 1)]


def test_declared_types_of_partitions(tmp_path: Path) -> None:
    for region in ("7", "eu", "a%20b"):
        parquet(tmp_path / f"region={region}" / "a.parquet", "SELECT TIMESTAMP '2026-01-01' AS ts")
    with pytest.raises(SourceError, match=r"region is .* hive_types = \{'region': VARCHAR\} in read_parquet"):
        counted("region, count(*) AS n", f"{tmp_path}/**/*.parquet")
    for option in ("hive_types = {'region': VARCHAR}", "hive_types_autocast = false"):
        source = f"read_parquet('{tmp_path}/**/*.parquet', {option})"
        assert counted("region, count(*) AS n", source) == [("7", 1), ("a b", 1), ("eu", 1)]
    parquet(tmp_path / "rate=1.5" / "a.parquet", "SELECT TIMESTAMP '2026-01-01' AS ts")
    with pytest.raises(SourceError, match=r"the folder says that rate is 1\.5, which does not fit INTEGER"):
        counted("rate, count(*) AS n", f"read_parquet('{tmp_path}/rate*/*.parquet', hive_types = {{'rate': INTEGER}})")


def test_a_column_of_the_file_wins_over_its_path(tmp_path: Path) -> None:
    parquet(tmp_path / "ts=2026-01-01" / "a.parquet", "SELECT TIMESTAMP '2026-01-01 10:00' AS ts, 1 AS x")
    (tmp_path / "x=7").mkdir()
    (tmp_path / "x=7" / "b.csv").write_text("ts,x\n2026-01-01 10:00:00,2\n")
    (tmp_path / "x=7" / "c.ndjson").write_text('{"ts":"2026-01-01 10:00:00","x":4}\n')
    hourly = "SELECT date_trunc('hour', ts) AS d, sum(x) AS x FROM e GROUP BY ALL"
    with Rollup.from_sql(hourly, name="r", sources={"e": f"{tmp_path}/**/*.*"}) as rollup:
        rollup.refresh()
        assert rollup.connection.execute("SELECT hour(d), x FROM r").fetchall() == [(10, 7)]
        (tmp_path / "x=7" / "d.csv").write_text("ts\n2026-01-01 10:00:00\n")
        rollup.refresh()
        assert rollup.connection.execute("SELECT x FROM r").fetchall() == [(14,)]
        assert rollup.verify().ok


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("option", ["missing", "union_by_name"])
@pytest.mark.parametrize("together", [True, False])
def test_missing_columns_are_null_if_that_is_asked_for(tmp_path: Path, kind: str, option: str, together: bool) -> None:
    def write(name: str, columns: str) -> None:
        parquet(tmp_path / f"{name}.{kind}", f"SELECT TIMESTAMP '2026-01-01 00:00:01' AS ts{columns}")

    source, options = f"{tmp_path}/*.{kind}", {"missing": "null"}
    if option == "union_by_name":
        source, options = f"read_{kind}('{tmp_path}/*.{kind}', union_by_name = true)", {}
    with made("count(referrer) AS r, count(*) AS n", source, **options) as rollup:
        write("b", ", 'x' AS referrer")
        if not together:
            rollup.refresh()
        write("a", "")
        rollup.refresh()
        assert rows(rollup) == [(1, 2)]
    with pytest.raises(SourceError, match=rf"a\.{kind}: there is no column referrer.*missing='null'"):
        counted("count(referrer) AS r", f"{tmp_path}/*.{kind}")


def test_a_batch_in_which_no_file_has_a_column_that_others_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duckdb_sketch.rollup.given_source.rows_that_fit", lambda *_: 1)
    (tmp_path / "a.ndjson").write_text('{"ts":"2026-01-01 00:00:00","p":{}}\n')
    (tmp_path / "b.ndjson").write_text('{"ts":"2026-01-01 00:00:00","p":{"u":7},"q":1}\n')
    assert counted("max(p.u) AS u, sum(q) AS q", f"{tmp_path}/*.ndjson") == [(7, 1)]
    with pytest.raises(Exception, match="nowhere"):
        counted("max(nowhere) AS u", f"{tmp_path}/*.ndjson")


def test_replay_takes_another_declaration_and_keeps_it(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("ts,x\n2026-01-01 00:00:00,1\n")
    plain, database = f"{tmp_path}/*.csv", tmp_path / "r.duckdb"
    with made("sum(x) AS x", plain, database=database) as rollup:
        rollup.refresh()
    (tmp_path / "b.csv").write_text("ts,x\n2026-01-01 00:00:00,1.5\n")
    declared = f"read_csv('{tmp_path}/*.csv', types = {{'x': 'DECIMAL(8, 2)'}})"
    with made("sum(x) AS x", declared, database=database) as rollup:
        rollup.replay()
        assert "DECIMAL(8, 2)" in str(rollup.status()[0].source)
        rollup.refresh()
        assert [str(value) for (value,) in rows(rollup)] == ["2.50"]
    with Rollup.from_sql(DAY + "sum(x) AS x" + END, name="r", database=database) as rollup:
        rollup.replay()
        assert [str(value) for (value,) in rows(rollup)] == ["2.50"]


def test_the_command_line_takes_missing_and_a_declaration(tmp_path: Path) -> None:
    (tmp_path / "b c.csv").write_text("ts;x\n2026-01-01 00:00:00;1,5\n")
    (tmp_path / "a.csv").write_text("ts\n2026-01-01 00:00:00\n")
    (tmp_path / "s.sql").write_text(DAY + "sum(x) AS x" + END)
    source = f"e=read_csv('{tmp_path}/*.csv', delim = ';', decimal_separator = ',')"
    arguments = ["rollup", "refresh", tmp_path / "s.sql", "-d", tmp_path / "r.duckdb", "-s", source]
    refused = run(*arguments)
    assert refused.returncode == 1
    assert "--missing null" in refused.stderr
    assert run(*arguments, "--missing", "null").returncode == 0
    assert "decimal_separator" in run("rollup", "status", "-d", tmp_path / "r.duckdb", "--json").stdout


def test_compressed_files_and_paths_with_spaces(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    (folder / "c d.csv.gz").write_bytes(gzip.compress(b"ts,x\n2026-01-01 00:00:00,1\n"))
    assert counted("sum(x) AS x", f"{folder}/*.gz") == [(1,)]


def test_wide_integers_widen_the_table_and_its_levels(tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", "SELECT TIMESTAMP '2026-01-01' AS ts, 7::UTINYINT AS x, 1.25::DECIMAL(4, 2) AS y")
    with made("max(x) AS x, min(y) AS y, hll_sketch_agg(x) AS h", f"{tmp_path}/*.parquet") as rollup:
        rollup.refresh()
        rollup.coarsen("month", "months")
        parquet(
            tmp_path / "b.parquet", f"SELECT TIMESTAMP '2026-01-01' AS ts, -{2**62} AS x, {10**9}::DECIMAL(18, 2) AS y"
        )
        rollup.refresh()
        found = rollup.connection.execute(
            "SELECT x, typeof(x), typeof(y), hll_sketch_estimate(h) FROM (FROM r UNION ALL BY NAME FROM months)"
        ).fetchall()
        assert found == [(7, "BIGINT", "DECIMAL(18,2)", 2)] * 2


def test_natural_join_reads_the_columns_that_it_joins_by(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("ts,id\n2026-01-01 00:00:00,1\n2026-01-01 00:00:00,2\n")
    (tmp_path / "names.csv").write_text("id,name\n1,one\n2,two\n")
    statement = DAY + "name, count(*) AS n FROM e NATURAL JOIN names GROUP BY ALL"
    sources = {"e": tmp_path / "e.csv", "names": tmp_path / "names.csv"}
    with Rollup.from_sql(statement, name="r", sources=sources) as rollup:
        rollup.refresh()
        assert rows(rollup) == [("one", 1), ("two", 1)]


def test_nested_numbers_are_whole(tmp_path: Path) -> None:
    snowflake = 1_234_567_890_123_456_789
    (tmp_path / "a.ndjson").write_text(f'{{"ts":"2026-01-01 00:00:00","p":{{"id":{snowflake},"t":"x:{10**30}"}}}}\n')
    assert counted("max(p.id) AS id", f"{tmp_path}/*.ndjson") == [(snowflake,)]
    (tmp_path / "a.ndjson").write_text(f'{{"ts":"2026-01-01 00:00:00","p":{{"id":[{10**30}]}}}}\n')
    with pytest.raises(
        SourceError, match=r"p\.id\[0\] is 1000000000000000000000000000000, which a BIGINT does not hold"
    ):
        counted("count(p.id) AS id", f"{tmp_path}/*.ndjson")


def test_a_batch_in_which_a_column_has_no_value_takes_its_type_from_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duckdb_sketch.rollup.given_source.rows_that_fit", lambda *_: 1)
    (tmp_path / "a.csv").write_text("ts,name\n2026-01-01 00:00:00,\n")
    (tmp_path / "b.csv").write_text("ts,name\n2026-01-01 00:00:00,ZOE\n")
    assert counted("max(lower(name)) AS name, count(*) AS n", f"{tmp_path}/*.csv") == [("zoe", 2)]
