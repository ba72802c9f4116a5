"""Every SQL, Python and sh block of README.md and docs/*.md runs, and gives what the comment behind a statement says.

The blocks of one file share a connection, named `con` in Python, and a namespace. A comment right behind a statement is
its result: a line for each row, ` | ` between columns, `...` where something was left out. A block that cannot run here
says so, and why: ```` ```sql no-run: needs the AWS extension ````.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import duckdb
import pytest
from fences import Block, blocks
from processes import PROJECT
from queries import column
from samples import few_fast

pytestmark = pytest.mark.newest_duckdb

FILES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
LONG = ("CUBE", "PICTURES", "ROLLUPS", "SERVICE")  # which run many commands
RUNNABLE = ("sql", "python", "sh")
NO_RUN = re.compile(r"no-run: \S.{9,}")
COMMENT = re.compile(r"^-- ?(.*)$")


def statements(code: str) -> Iterator[tuple[str, list[str]]]:
    """Each statement of a block with the lines of the comment behind it."""
    lines: list[str] = []
    comment: list[str] = []
    for line in [*code.splitlines(), ""]:
        match = COMMENT.match(line)
        if match and lines and lines[-1].rstrip().endswith(";"):
            comment.append(match[1])
            continue
        if comment or (lines and lines[-1].rstrip().endswith(";")):
            yield "\n".join(lines), comment
            lines, comment = [], []
        if line.strip():
            lines.append(line)
    if lines:
        yield "\n".join(lines), comment


def shown(field: Any) -> str:
    """A value as documentation writes it."""
    if field is None:
        return "NULL"
    if isinstance(field, bool):
        return str(field).lower()
    if isinstance(field, bytes):
        return field.hex(" ")
    return str(field)


def assert_shows(result: list[tuple[Any, ...]], expected: list[str]) -> None:
    actual = [" | ".join(shown(field) for field in row) for row in result]
    patterns = [".*".join(map(re.escape, line.rstrip().split("..."))) for line in expected]
    if "..." in expected:  # rows were left out
        actual = actual[: expected.index("...")]
        patterns = patterns[: expected.index("...")]
    assert len(actual) == len(patterns), f"{actual} is documented as {expected}"
    for line, pattern in zip(actual, patterns, strict=True):
        assert re.fullmatch(pattern, line), f"{actual} is documented as {expected}"


def run_sql(con: duckdb.DuckDBPyConnection, code: str) -> int:
    """Run a block; return how many results were compared."""
    compared = 0
    for statement, expected in statements(code):
        result = con.execute(statement)
        if expected:
            assert_shows(result.fetchall(), expected)
            compared += 1
    return compared


def run_sh(code: str) -> None:
    """Run a block in the current folder, with the commands of this environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(["sh", "-e", "-c", code], env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def runnable(path: Path) -> list[Block]:
    return [block for block in blocks(path) if block.language in RUNNABLE]


@pytest.mark.parametrize(
    "path", few_fast(FILES, *(path for path in FILES if path.stem not in LONG)), ids=lambda path: path.name
)
def test_the_blocks_of_a_file_run(
    con: duckdb.DuckDBPyConnection, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with stopping(tmp_path):
        run_blocks(con, path)


@contextmanager
def stopping(folder: Path) -> Iterator[None]:
    """End the processes that blocks have started and not ended, whose numbers they wrote into files."""
    try:
        yield
    finally:
        for file in folder.glob("*.pid"):
            with suppress(ProcessLookupError):
                os.kill(int(file.read_text()), signal.SIGKILL)


def run_blocks(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    namespace: dict[str, Any] = {"con": con, "__name__": "__main__"}
    for block in runnable(path):
        if block.options:
            continue
        where = f"{path.name}, line {block.line}"
        try:
            if block.language == "sql":
                run_sql(con, block.code)
            elif block.language == "sh":
                run_sh(block.code)
            else:
                exec(compile("\n" * block.line + block.code, str(path), "exec"), namespace)
        except Exception as error:
            raise AssertionError(f"{where}: {error}") from error


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_blocks_that_do_not_run_say_why(path: Path) -> None:
    for block in runnable(path):
        assert not block.options or NO_RUN.fullmatch(block.options), f"{path.name}, line {block.line}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_block_is_overlooked(path: Path) -> None:
    fences = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("```")]
    assert len(fences) == 2 * len(blocks(path)), "a fence's first line has a backtick"


def test_results_that_differ_are_noticed(con: duckdb.DuckDBPyConnection) -> None:
    assert run_sql(con, "SELECT 1;\n-- 1\nSELECT 2, NULL, true;\n-- 2 | NULL | true\nSELECT 3") == 2
    assert run_sql(con, "SELECT unnest([1, 2, 3]);\n-- 1\n-- ...") == 1
    for wrong in ("SELECT 1;\n-- 2", "SELECT 1;\n-- 1\n-- 1", "SELECT unnest([1, 2]);\n-- 1", "SELECT 10;\n-- 1"):
        with pytest.raises(AssertionError):
            run_sql(con, wrong)


REFERENCE = PROJECT / "docs" / "REFERENCE.md"


def test_the_reference_has_every_function(con: duckdb.DuckDBPyConnection) -> None:
    """In the table, and with a section: its NULL rule, its errors and an example with its result."""
    functions = column(
        con,
        """
        SELECT DISTINCT function_name FROM duckdb_functions()
        WHERE regexp_matches(function_name, '^(hll_|theta_|hyper_unique_|approx_(histogram|top_k)_|duckdb_sketch_)')
        ORDER BY ALL
        """,
    )
    assert len(functions) == 43
    text = REFERENCE.read_text(encoding="utf-8")
    table = re.findall(r"^\| \[`(\w+)\(", text, re.MULTILINE)
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL))
    assert sorted(table) == sorted(sections) == functions
    for name, section in sections.items():
        assert f"`{name}(" in section
        assert "```sql\n" in section
        assert re.search(r"^-- \S", section, re.MULTILINE), f"{name} shows no result"
        if name != "duckdb_sketch_version":
            assert "- NULL: " in section, name
            assert "- Errors: " in section, name


def test_the_reference_states_the_types(con: duckdb.DuckDBPyConnection) -> None:
    """The type that DuckDB knows is the one that the section states."""
    text = " ".join(REFERENCE.read_text(encoding="utf-8").split())
    query = """
        SELECT DISTINCT function_name, return_type FROM duckdb_functions()
        WHERE regexp_matches(function_name, '^(hll_|theta_|hyper_unique_|approx_(histogram|top_k)_|duckdb_sketch_)')
    """
    for name, return_type in con.execute(query).fetchall():
        stated = re.findall(rf"`{name}\([^`]*\) -> ([^`]+)`", text)
        normalized = [re.sub(r'"', "", re.sub(r"\s+", " ", entry)) for entry in stated]
        assert return_type.replace('"', "") in normalized, f"{name} returns {return_type}, and {stated} is stated"
