"""`duckdb-sketch rollup …`: what it prints, as text and as JSON, and its exit codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from duckdb_sketch import cli

STATEMENT = """
    SELECT date_trunc('hour', ts) AS hour, publisher, count(*) AS bids, hll_sketch_agg(user_id) AS users,
           approx_histogram_agg(price) AS prices
    FROM bids GROUP BY ALL
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `duckdb-sketch rollup` in a folder with a statement and a file: its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    Path("bids_hourly.sql").write_text(STATEMENT)
    write("bids-1.parquet", "2026-01-01", 100)

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["duckdb-sketch", "rollup", *arguments])
        code: Any = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capsys.readouterr()
        return int(code), out, err

    return command


REFRESH = ("refresh", "bids_hourly.sql", "--source", "bids=bids-*.parquet", "--database", "r.duckdb")


def write(file: str, day: str, rows: int) -> None:
    duckdb.sql(f"""
        SELECT TIMESTAMP '{day}' + INTERVAL (i) MINUTE AS ts, i % 2 AS publisher, i % 7 AS user_id, i * 0.5 AS price
        FROM range({rows}) AS t(i)
    """).write_parquet(file)


def test_a_refresh_says_what_it_counted(run: Run) -> None:
    assert run(*REFRESH) == (0, "bids_hourly: 1 file, 100 rows (batch 1); watermark 2026-01-01 01:39:00\n", "")
    code, out, _ = run(*REFRESH)
    assert code == 0
    assert "nothing new" in out


def test_json_is_one_document_and_a_log(run: Run) -> None:
    code, out, err = run(*REFRESH, "--json")
    assert code == 0
    assert json.loads(out) == {
        "rollup": "bids_hourly",
        "files": 1,
        "rebuilt": 0,
        "changed": [],
        "duplicates": [],
        "batches": [1],
        "rows": 100,
        "late_rows": 0,
        "dropped_rows": 0,
        "rejected_rows": 0,
        "unreadable_rows": 0,
        "watermark": "2026-01-01T01:39:00",
    }
    lines = [json.loads(line) for line in err.splitlines()]
    assert [(line["event"], line["rows"], line["of_rows"]) for line in lines] == [
        ("refresh", 0, 100),
        ("refresh", 100, 100),
    ]


def test_a_changed_file_does_not_block_new_ones_and_has_its_own_exit_code(run: Run) -> None:
    run(*REFRESH)
    write("bids-1.parquet", "2026-01-01", 50)
    write("bids-2.parquet", "2026-01-02", 10)
    code, out, err = run(*REFRESH)
    assert code == 3
    assert out.startswith("bids_hourly: 1 file, 10 rows, changed since counted: ")
    assert err.startswith("duckdb-sketch: changed since counted: ")
    assert "bids-1.parquet" in err
    code, out, err = run(*REFRESH, "--json")
    assert (code, json.loads(out)["batches"]) == (3, [])
    assert [Path(path).name for path in json.loads(out)["changed"]] == ["bids-1.parquet"]
    assert json.loads(err.splitlines()[-1])["kind"] == "ChangedFilesError"
    assert run(*REFRESH, "--on-change", "rebuild")[0] == 0
    assert run(*REFRESH)[0] == 0


def test_a_touched_file_is_no_change(run: Run) -> None:
    run(*REFRESH)
    os.utime("bids-1.parquet", (1, 1))
    write("bids-2.parquet", "2026-01-02", 10)
    code, out, err = run(*REFRESH)
    assert (code, err) == (0, "")
    assert out.startswith("bids_hourly: 1 file, 10 rows (batch 2)")


def test_a_dry_run_writes_nothing(run: Run) -> None:
    code, out, _ = run(*REFRESH, "--dry-run", "--json")
    assert code == 0
    assert [(change["bucket"], change["rows"]) for change in json.loads(out)] == [
        ("2026-01-01T00:00:00", 60),
        ("2026-01-01T01:00:00", 40),
    ]
    assert run("status", "--database", "r.duckdb", "--json")[1] == "[]\n"


def test_levels_changes_and_status(run: Run) -> None:
    run(*REFRESH)
    code, out, _ = run(
        "coarsen", "bids_hourly", "--every", "day", "--name", "bids_daily", "-d", "r.duckdb", "--by", "publisher"
    )
    assert code == 0
    assert "bids_daily" in out
    write("bids-2.parquet", "2026-01-02", 10)
    assert run(*REFRESH)[0] == 0
    _, out, _ = run("changes", "bids_daily", "-d", "r.duckdb", "--since", "1", "--json")
    assert [(change["bucket"], change["pane"], change["rows"]) for change in json.loads(out)] == [
        ("2026-01-01T00:00:00", "on time", 0),
        ("2026-01-02T00:00:00", "early", 10),
    ]
    _, out, _ = run("status", "-d", "r.duckdb", "--json")
    assert [(status["rollup"], status["parent"], status["groups"]) for status in json.loads(out)] == [
        ("bids_hourly", None, 6),
        ("bids_daily", "bids_hourly", 4),
    ]
    _, out, _ = run("changes", "bids_hourly", "-d", "r.duckdb")
    assert "on time" in out


def test_replay_verify_and_expire(run: Run) -> None:
    run(*REFRESH)
    assert run("replay", *REFRESH[1:])[0] == 0
    code, out, _ = run("verify", *REFRESH[1:])
    assert code == 0
    assert "as promised" in out
    with duckdb.connect("r.duckdb") as connection:
        connection.execute("UPDATE bids_hourly SET bids = bids + 1")
    code, out, _ = run("verify", *REFRESH[1:], "--json")
    assert code == 1
    assert json.loads(out)["ok"] is False
    expire = ("expire", "bids_hourly", "-d", "r.duckdb", "--before", "2026-01-01T01:30:00")
    line = "bids_hourly: 2 groups in 1 bucket before 2026-01-01 01:00:00 would be dropped\n"
    assert [run(*expire, "--dry-run") for _ in range(2)] == [(0, line, "")] * 2
    code, out, _ = run(*expire)
    assert (code, out) == (0, "bids_hourly: 2 groups in 1 bucket before 2026-01-01 01:00:00 dropped\n")
    assert run(*expire) == (0, "bids_hourly: nothing to drop before 2026-01-01 01:00:00\n", "")


def test_export_and_import(run: Run) -> None:
    run(*REFRESH)
    code, out, _ = run("export", "bids_hourly", "out", "-d", "r.duckdb")
    assert code == 0
    assert "1 partition written" in out
    assert json.loads(run("export", "bids_hourly", "out", "-d", "r.duckdb", "--json")[1])["kept"] == 1
    code, out, _ = run("import", "out", "-d", "new.duckdb", "--json")
    assert code == 0
    assert json.loads(out)[0]["groups"] == 4
    refreshed = json.loads(run(*REFRESH[:-1], "new.duckdb", "--json")[1])
    assert refreshed["batches"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["refresh", "bids_hourly.sql", "-s", "bids=none-*.parquet", "-d", "r.duckdb"],
            1,
            "none-*.parquet: there is no such file",
        ),
        (["refresh", "bids_hourly.sql", "-s", "bids", "-d", "r.duckdb"], 1, "write NAME=FILES"),
        (["refresh", "other.sql", "-s", "bids=x", "-d", "r.duckdb"], 1, "other.sql cannot be read"),
        (["status", "-d", "none.duckdb"], 1, "there is no database none.duckdb"),
        (["changes", "nothing", "-d", "none.duckdb"], 1, "there is no database none.duckdb"),
        (["refresh", "bids_hourly.sql"], 2, "--database"),
        ([*REFRESH, "--master", "local"], 1, "--master is for Spark: add --engine spark, or leave it out"),
        ([*REFRESH, "--engine", "spark", "--conf", "nonsense"], 1, "--conf nonsense: write KEY=VALUE"),
        ([*REFRESH, "--engine", "flink"], 2, "flink"),
        (["refresh", "bids_hourly.sql", "-d", "r.duckdb", "--late", "maybe"], 2, "maybe"),
    ],
)
def test_errors(run: Run, arguments: list[str], code: int, message: str) -> None:
    got, out, err = run(*arguments)
    assert got == code
    assert message in " ".join(err.split())
    assert out == ""


def test_the_old_name_of_a_refresh_on_spark(run: Run) -> None:
    assert run("spark", *REFRESH[1:], "--conf", "nonsense")[2].startswith("duckdb-sketch: --conf nonsense")
    assert "spark" not in run("--help")[1]
    assert run("spark", "--help") == run("refresh", "--help")


def test_an_error_is_a_line_of_json_where_json_is_asked_for(run: Run) -> None:
    code, out, err = run("status", "-d", "none.duckdb", "--json")
    assert (code, out) == (1, "")
    assert json.loads(err)["kind"] == "RollupError"


def test_a_changed_statement_is_shown_line_by_line(run: Run) -> None:
    run(*REFRESH)
    Path("bids_hourly.sql").write_text(STATEMENT.replace("count(*) AS bids", "count(*) AS n"))
    code, _, err = run(*REFRESH)
    assert code == 1
    assert "\n-  count(*) AS bids,\n+  count(*) AS n,\n" in err
