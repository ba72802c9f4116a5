"""Other processes, environments and homes, for the tests of loading and packaging."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

import duckdb
import pytest

import duckdb_sketch

PROJECT = Path(__file__).parents[2]
# Taken before any fixture changes it: pip and cargo find their caches and toolchains by HOME.
OUTSIDE = dict(os.environ)
HAS_REPOSITORIES = int(duckdb.__version__.split(".")[0]) >= 2
# DuckDB before 2.0 gives such an aggregate of any C extension one state for all rows of a chunk, and says that there
# are as many states as rows: what is behind the first is read as well.
needs_a_state_a_row = pytest.mark.skipif(
    not HAS_REPOSITORIES,
    reason="needs DuckDB 2.0: ORDER BY in an aggregate, and OVER a whole partition, crash before (duckdb/duckdb#21537)",
)
needs_nan_parameters = pytest.mark.skipif(
    not HAS_REPOSITORIES, reason="needs DuckDB 2.0, which does not take the NaN of a Python list for a NULL"
)


def has_functions(connection: duckdb.DuckDBPyConnection) -> bool:
    return connection.execute("SELECT duckdb_sketch_version()").fetchall() == [(duckdb_sketch.__version__,)]


def files(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def run_python(code: str, *, path: Path = PROJECT, python: str | Path = sys.executable, **environment: str) -> str:
    """Run `code` in a process of its own that finds modules in `path` first; return what it prints."""
    process = subprocess.run(
        [python, "-c", code],
        cwd=path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


def new_environment(folder: Path, *requirements: str, lock: str = "dev") -> Path:
    """Make a virtual environment, of the locked versions where `requirements` name no other; return its Python."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    constraints = ["--constraint", pinned(folder, *requirements, lock=lock)]
    command = [python, "-m", "pip", "install", "--quiet", *constraints, *requirements]
    subprocess.run(command, env=OUTSIDE, check=True)
    return python


def pinned(folder: Path, *but: str, lock: str = "dev") -> Path:
    """Write the versions that requirements/`lock`.txt pins, but where a requirement has its own; return the file."""
    others = {match[1] for requirement in but if (match := re.match("([a-z0-9-]+)[^a-z0-9-]", requirement))}
    path = folder / "constraints.txt"
    kept = [version for version, name in locked_versions(lock) if name not in others]
    path.write_text("".join(f"{version}\n" for version in kept), encoding="utf-8")
    return path


def locked_versions(lock: str) -> list[tuple[str, str]]:
    """The lines `name==version ; marker` of requirements/`lock`.txt, each with its name."""
    text = (PROJECT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    return re.findall(r"^((\S+)==.*?) \\$", text, re.MULTILINE)
