"""The lowest versions that `pyproject.toml` allows: they install together, and are enough."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
from pathlib import Path

import pytest
from processes import OUTSIDE, PROJECT, new_environment

pytestmark = pytest.mark.slow

TESTS = [
    "tests/functions/test_bad_input.py",
    "tests/cli/test_cli.py",
    "tests/hll/test_hash.py",
    "tests/cli/test_inspect.py",
    "tests/packaging/test_loading.py",
    "tests/cli/test_planning.py",
    "tests/docs/test_storage.py",
    "tests/portable/test_portable_histogram.py",
    "tests/portable/test_portable_sql.py",
]
NOT = "not produce_arrow_string_view"  # DuckDB 1.3 hands UUIDs over as other text then


def lowest() -> list[str]:
    """What is needed, each at its lower bound."""
    required = importlib.metadata.requires("duckdb-sketch") or []
    pinned = []
    for requirement in required:
        name_and_bound, _, marker = (part.strip() for part in requirement.partition(";"))
        if marker:
            continue
        match = re.fullmatch(r"([\w-]+)>=([\w.]+)", name_and_bound)
        assert match, f"{requirement} has no lower bound"
        pinned.append(f"{match[1]}=={match[2]}")
    return sorted(set(pinned))


def test_lowest_versions(wheel: Path, tmp_path: Path) -> None:
    assert {requirement.split("==")[0] for requirement in lowest()} >= {
        "duckdb",
        "sqlglot",
        "typer",
        "numpy",
        "pyarrow",
    }
    python = new_environment(tmp_path / "venv", str(wheel), *lowest(), "pytest>=8", "hypothesis", "pytz")
    # From a folder that holds the tests and what they read, but not the package: that of the wheel is tested.
    folder = tmp_path / "copy"
    folder.mkdir()
    for name in ("tests", "docs", "extension_file", "extension", "pyproject.toml", "README.md", "sql"):
        (folder / name).symlink_to(PROJECT / name)
    environment = {key: value for key, value in OUTSIDE.items() if key != "PYTHONPATH"}
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder, "-k", NOT, *TESTS]
    process = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout[-4000:]
    assert re.search(r"\d{3} passed", process.stdout)
