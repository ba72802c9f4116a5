"""`duckdb-sketch rollup …` when something outside of it is wrong: one line that says what, and never a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from command_line import run
from processes import PROJECT
from samples import few_fast

STATEMENT = "SELECT date_trunc('hour', ts) AS hour, count(*) AS n FROM e GROUP BY ALL"
REFRESH = ("rollup", "refresh", "r.sql", "-s", "e=e-*.parquet", "-d", "r.duckdb")
COMMANDS = (
    REFRESH,
    ("rollup", "replay", *REFRESH[2:]),
    ("rollup", "verify", *REFRESH[2:]),
    ("rollup", "status", "-d", "r.duckdb"),
    ("rollup", "changes", "r", "-d", "r.duckdb"),
    ("rollup", "coarsen", "r", "--every", "day", "--name", "daily", "-d", "r.duckdb"),
    ("rollup", "expire", "r", "--before", "2026-01-01", "-d", "r.duckdb"),
    ("rollup", "export", "r", "out", "-d", "r.duckdb"),
    ("rollup", "import", "out", "-d", "r.duckdb"),
    ("rollup", "drop", "r", "-d", "r.duckdb"),
    ("inspect", "r.duckdb"),
    ("show", "r.duckdb"),
    ("plot", "r.duckdb", "-o", "p.png"),
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("r.sql").write_text(STATEMENT)
    write("e-1.parquet", "2026-01-01")
    return tmp_path


def write(file: str, day: str) -> None:
    duckdb.sql(f"SELECT TIMESTAMP '{day}' AS ts").write_parquet(file)


def failed(*arguments: str) -> str:
    """The one line that a command fails with."""
    process = run(*arguments)
    assert process.returncode in (1, 2, 3, 75), (arguments, process)
    assert "Traceback" not in process.stderr, (arguments, process.stderr)
    if process.returncode != 2:  # typer draws a box around what is wrong with a command line
        assert process.stderr.count("\n") == 1, (arguments, process.stderr)
    return process.stderr


@pytest.mark.parametrize("command", few_fast(COMMANDS, *COMMANDS[:4]), ids=lambda command: "_".join(command[:2]))
def test_no_traceback_for_a_database_that_cannot_be_opened(command: tuple[str, ...]) -> None:
    loop = Path("r.duckdb")
    loop.symlink_to("r.duckdb")
    Path("out").symlink_to("out")
    failed(*command)
    loop.unlink()
    loop.mkdir()
    failed(*command)
    loop.rmdir()
    loop.write_bytes(b"\xff\x00 no database" * 1000)
    failed(*command)


@pytest.mark.parametrize("command", few_fast(COMMANDS[:3], REFRESH), ids=lambda command: command[1])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--time-zone", "Mars/Olympus"), "Mars/Olympus"),
        (("--time-zone", "a'b"), "a'b"),
        (("--earliest", "0001-01-01"), ""),
        (("--memory-limit", "99999999999999999999999PB"), ""),
        (("--memory-limit", "much"), "'much' is not an amount of memory"),
        (("--wait", "much"), "'--wait'"),
        (("--sample", "many"), "'--sample'"),
        (("-s", "e=\udcff.parquet"), ""),
    ],
)
def test_no_traceback_for_invalid_options(command: tuple[str, ...], options: tuple[str, ...], message: str) -> None:
    process = run(*command, *options)
    assert "Traceback" not in process.stderr, process.stderr
    assert message in process.stderr or "No such option" in process.stderr


def test_a_statement_that_is_not_utf_8() -> None:
    Path("r.sql").write_bytes(STATEMENT.encode() + b" -- caf\xe9")
    assert f"byte {len(STATEMENT) + 7} is not UTF-8; save it as UTF-8" in failed(*REFRESH)
    Path("r.sql").write_bytes(b"\xef\xbb\xbf" + STATEMENT.encode())
    assert run(*REFRESH).returncode == 0


def test_a_failed_first_refresh_leaves_no_empty_database(folder: Path) -> None:
    before = sorted(os.listdir(folder))
    failed("rollup", "refresh", "r.sql", "-s", "e=none-*.parquet", "-d", "r.duckdb")
    failed(*REFRESH, "--time-zone", "Mars/Olympus")
    failed("rollup", "import", "none", "-d", "r.duckdb")
    assert sorted(os.listdir(folder)) == before
    duckdb.connect("r.duckdb").close()  # one that was there stays
    failed("rollup", "refresh", "r.sql", "-s", "e=none-*.parquet", "-d", "r.duckdb")
    assert Path("r.duckdb").exists()


def test_errors_have_the_spelling_of_the_command_line() -> None:
    assert run(*REFRESH).returncode == 0
    write("e-1.parquet", "2026-01-02")
    assert "--on-change rebuild" in (error := failed(*REFRESH))
    assert "on_change" not in error
    error = failed("rollup", "expire", "r", "-d", "r.duckdb")
    assert "--older-than '90 days'" in error
    assert "older_than" not in error


@pytest.mark.parametrize(
    "name", few_fast(["bids[eu]", "[/x]", "[red]x", "a\x1b[31mb", "a\rb", "a\u202eb"], "[red]x", "a\x1b[31mb")
)
def test_markup_and_control_characters_are_escaped(name: str) -> None:
    printed = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in name)
    process = run(*REFRESH, "--name", name)
    assert process.stdout.startswith(f"{printed}: 1 file, 1 row (batch 1)")
    assert printed in run("rollup", "status", "-d", "r.duckdb").stdout
    assert printed in failed("rollup", "changes", f"not {name}", "-d", "r.duckdb")
    assert json.loads(run("rollup", "status", "-d", "r.duckdb", "--json").stdout)[0]["rollup"] == name


@pytest.mark.parametrize("dropped", few_fast(["r", "daily"], "r"))
def test_table_dropped_by_hand(dropped: str) -> None:
    other = (*REFRESH, "--name", "other")
    assert [run(*REFRESH).returncode, run(*other).returncode] == [0, 0]
    assert run(*COMMANDS[5]).returncode == 0
    with duckdb.connect("r.duckdb") as connection:
        connection.execute(f"DROP TABLE {dropped}")
    status = run("rollup", "status", "-d", "r.duckdb")
    assert status.returncode == 0
    assert "its table is gone" in status.stdout
    write("e-2.parquet", "2026-01-02")
    assert run(*other).returncode == 0
    if dropped == "r":
        assert "rollup drop r" in failed(*REFRESH)
        assert "daily is made from r: drop that first" in failed("rollup", "drop", "r", "-d", "r.duckdb")
        assert run("rollup", "drop", "daily", "-d", "r.duckdb").stdout == "daily is dropped\n"
    else:
        assert run(*REFRESH).returncode == 0
    assert run("rollup", "drop", dropped, "-d", "r.duckdb").stdout == f"{dropped} is dropped\n"
    assert "there is no rollup" in failed("rollup", "drop", dropped, "-d", "r.duckdb")
    assert run(*REFRESH).returncode == 0
    with duckdb.connect("r.duckdb") as connection:
        assert connection.execute("SELECT sum(n) FROM r").fetchall() == [(2,)]
        assert connection.execute("SELECT sum(n) FROM other").fetchall() == [(2,)]


SLOW = """
import sys, time
from duckdb_sketch.rollup.sources.file_source import FileSource
count = FileSource.events
batches = []
def events(*arguments):
    batches.append(1)
    if len(batches) > 1:
        print("counted", flush=True)
        time.sleep(60)
    return count(*arguments)
FileSource.events = events
import duckdb_sketch.rollup.rollup
duckdb_sketch.rollup.given_source.rows_that_fit = lambda *_: 1
from duckdb_sketch.cli import main
sys.argv = ["duckdb-sketch", *sys.argv[1:]]
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize(
    ("number", "code", "said", "as_json"),
    [
        (signal.SIGINT, 130, "interrupted", True),
        (signal.SIGTERM, 143, "terminated", False),
        pytest.param(signal.SIGINT, 130, "interrupted", False, marks=pytest.mark.thorough),
        pytest.param(signal.SIGTERM, 143, "terminated", True, marks=pytest.mark.thorough),
    ],
)
@pytest.mark.newest_duckdb
def test_a_signal_is_one_line_and_keeps_what_was_counted(
    folder: Path, number: signal.Signals, code: int, said: str, as_json: bool
) -> None:
    write("e-2.parquet", "2026-01-02")
    options = ["--json"] if as_json else []
    with subprocess.Popen(
        [sys.executable, "-c", SLOW, *REFRESH, *options],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "counted\n"
        time.sleep(0.1)
        process.send_signal(number)
        out, err = process.communicate()
    assert (process.returncode, out) == (code, "")
    if as_json:
        assert json.loads(err.splitlines()[-1])["kind"] == said
    else:
        assert err == f"duckdb-sketch: {said}; what was counted before is kept\n"
    assert {name for name in os.listdir(folder) if not name.startswith("e-")} == {"r.sql", "r.duckdb"}
    with duckdb.connect("r.duckdb") as connection:
        assert connection.execute("SELECT sum(n) FROM r").fetchall() == [(1,)]
    assert run(*REFRESH).stdout.startswith("r: 1 file, 1 row (batch 2)")


READER = """
import duckdb, sys
connection = duckdb.connect("r.duckdb", read_only={read_only})
print("open", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    "command", few_fast([*COMMANDS[3:5], *COMMANDS[10:12]], COMMANDS[3]), ids=lambda command: "_".join(command[:2])
)
@pytest.mark.parametrize("read_only", [True, False])
def test_reading_commands_beside_another_process(command: tuple[str, ...], read_only: bool) -> None:
    Path("r.sql").write_text(STATEMENT.replace("count(*) AS n", "hll_sketch_agg(ts) AS n"))
    assert run(*REFRESH).returncode == 0
    code = READER.format(read_only=read_only)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        if read_only:
            assert run(*command).returncode == 0
        else:
            failure = run(*command)
            assert (failure.returncode, failure.stdout) == (75, "")
            assert f"r.duckdb is open in process {process.pid}" in failure.stderr
        assert process.stdin is not None
        process.stdin.close()


def test_plot_of_an_export(folder: Path) -> None:
    Path("r.sql").write_text(STATEMENT.replace("count(*) AS n", "hll_sketch_agg(ts) AS n"))
    assert run(*REFRESH).returncode == 0
    assert run("rollup", "export", "r", "a[b]", "-d", "r.duckdb").returncode == 0
    assert run("plot", "a[b]", "-o", "p.png").returncode == 0
    assert Path("p.png").stat().st_size > 1000
    for command in ("inspect", "show"):
        assert run(command, "a[b]").returncode == 0
    Path("empty").mkdir()
    assert failed("inspect", "empty") == "duckdb-sketch: cannot read empty: the folder has no Parquet files\n"


def test_keep_changes_is_an_option(folder: Path) -> None:
    for day in range(1, 6):
        write(f"e-{day}.parquet", "2026-01-01")
        assert run(*REFRESH, "--keep-changes", "2").returncode == 0
    assert "are no longer known" in failed("rollup", "changes", "r", "--since", "1", "-d", "r.duckdb")
    assert run("rollup", "changes", "r", "--since", "4", "-d", "r.duckdb").returncode == 0
    assert "--keep-changes" in failed(*REFRESH, "--keep-changes", "0")
