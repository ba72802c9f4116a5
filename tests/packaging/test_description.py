"""What DuckDB's community repository is told of the extension, and the one place that says where it is published."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from processes import PROJECT

from extension_file.compiler import crate_version
from extension_file.description import NoAddressError, description

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what a description is made of."""
    shutil.copytree(PROJECT / "integrations", tmp_path / "integrations")
    (tmp_path / "extension").mkdir()
    shutil.copy(PROJECT / "extension" / "Cargo.toml", tmp_path / "extension")
    return tmp_path


def with_urls(project: Path, urls: str) -> Path:
    (project / "pyproject.toml").write_text(f"[project]\nname = 'duckdb-sketch'\n{urls}\n", encoding="utf-8")
    return project


@pytest.mark.parametrize("address", ["https://github.com/a-b/sketch.es", "https://github.com/a-b/sketch.es.git"])
def test_the_template_is_filled_in(project: Path, address: str) -> None:
    shown = description(with_urls(project, f"[project.urls]\nRepository = '{address}'"), COMMIT)
    for line in (
        f"  version: {crate_version(PROJECT / 'extension')}",
        "  license: Apache-2.0",
        "    - a-b",
        "  github: a-b/sketch.es",
        f"  ref: {COMMIT}",
    ):
        assert f"{line}\n" in shown
    assert "$" not in shown


@pytest.mark.parametrize("urls", ["", "[project.urls]\nHomepage = 'https://example.org'", "urls.Repository = 'OWNER'"])
def test_without_an_address_the_error_names_the_place(project: Path, urls: str) -> None:
    with pytest.raises(NoAddressError, match=r"pyproject\.toml .* add Repository to \[project\.urls\]"):
        description(with_urls(project, urls), COMMIT)


def test_no_address_is_made_up() -> None:
    """Whoever publishes the project writes `Repository` into `[project.urls]` of pyproject.toml, and nothing else."""
    done = subprocess.run(
        [sys.executable, "-m", "extension_file.description"], cwd=PROJECT, capture_output=True, text=True
    )
    if "Repository = " in (PROJECT / "pyproject.toml").read_text(encoding="utf-8"):
        assert done.returncode == 0
    else:
        assert done.stderr.startswith("pyproject.toml does not say where the project is published: ")
        assert len(done.stderr.splitlines()) == 1
