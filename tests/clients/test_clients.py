"""The blocks of docs/CLIENTS.md, run in the clients that package registries have: shell, Node.js, Java, Go."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import ibis
import pytest
import sqlalchemy
from fences import blocks
from processes import HAS_REPOSITORIES, OUTSIDE, PROJECT, locked_versions, new_environment

import duckdb_sketch
from duckdb_sketch import _files

pytestmark = pytest.mark.native

CLIENTS = PROJECT / "docs" / "CLIENTS.md"
PATH = "/path/to/duckdb_sketch.duckdb_extension"
NODE = "1.5.6-r.1"
JDBC = "2.0.0.1"
SHELL = "1.5.6"
GO = "2.20000.0"  # DuckDB 2.0.0


def block(language: str, containing: str = "") -> str:
    """The first block of that language, with the path of this extension."""
    found = next(block for block in blocks(CLIENTS) if block.language == language and containing in block.code)
    return found.code.replace(PATH, str(_files.EXTENSION))


def output(command: list[str | Path], folder: Path, standard_input: str = "") -> str:
    return with_home(OUTSIDE["HOME"], command, folder, standard_input)


def with_home(home: str | Path, command: list[str | Path], folder: Path, standard_input: str = "") -> str:
    environment = {**OUTSIDE, "HOME": str(home)}
    done = subprocess.run(command, cwd=folder, env=environment, input=standard_input, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def pins(lock: str) -> dict[str, str]:
    """The version of each package that requirements/`lock`.txt pins; of the newest Python's, where it has several."""
    return {name: line.split(" ")[0].partition("==")[2] for line, name in locked_versions(lock)}


def test_the_versions_in_the_table_are_those_that_run() -> None:
    text = CLIENTS.read_text(encoding="utf-8")
    dbt, superset = pins("dbt"), pins("superset")
    for row in (
        rf"`duckdb-cli` \| {SHELL} \|",
        rf"`@duckdb/node-api` \| {NODE} \|",
        rf"`org.duckdb:duckdb_jdbc` \| {JDBC} \|",
        rf"`duckdb-go` \| {GO} \|",
        rf"dbt-duckdb, dbt-core \| {dbt['dbt-duckdb']}, {dbt['dbt-core']} \|",
        rf"Superset, from PyPI's `apache-superset` \| {superset['apache-superset']} \| {superset['duckdb']} \|",
    ):
        assert re.search(row, text), row
    package = (PROJECT / "integrations" / "dbt" / "README.md").read_text(encoding="utf-8")
    assert (
        f"It was run with dbt-core {dbt['dbt-core']}, dbt-duckdb {dbt['dbt-duckdb']} and DuckDB {dbt['duckdb']};"
        in package
    )


@pytest.mark.newest_duckdb
def test_the_table_has_this_python_s_versions() -> None:
    text = CLIENTS.read_text(encoding="utf-8")
    engine = re.search(r"^duckdb-engine==(\S+)", (PROJECT / "requirements" / "dev.txt").read_text(), re.MULTILINE)
    assert engine
    assert f"| {engine[1]}, {ibis.__version__} | {duckdb.__version__} |" in text


@pytest.mark.skipif(HAS_REPOSITORIES, reason="what the page says of DuckDB before 2.0")
def test_sqlalchemy_before_duckdb_2() -> None:
    arguments = {"preload_extensions": [f"'{_files.EXTENSION}'"], "config": {"allow_unsigned_extensions": "true"}}
    engine = sqlalchemy.create_engine("duckdb:///:memory:", connect_args=arguments)
    with engine.connect() as session:
        assert session.exec_driver_sql("SELECT duckdb_sketch_version()").scalar()


@pytest.mark.skipif(not HAS_REPOSITORIES, reason="needs duckdb-sketch install")
def test_superset_s_settings(home: Path, tmp_path: Path) -> None:
    """Its URI and engine parameters, as SQLAlchemy gets them."""
    duckdb_sketch.install()
    duckdb.connect(tmp_path / "rollups.duckdb").close()
    text = CLIENTS.read_text(encoding="utf-8")
    (uri,) = re.findall(r"The SQLAlchemy URI is `(\S+)`", text)
    engine = sqlalchemy.create_engine(uri.replace("/path/to", str(tmp_path)), **json.loads(block("json")))
    with engine.connect() as session:
        query = sqlalchemy.text("SELECT hll_sketch_estimate(hll_sketch_agg(i % 10)) FROM range(1000) t(i)")
        assert session.execute(query).scalar() == 10
        (path,) = session.execute(sqlalchemy.text("SELECT path FROM duckdb_databases() WHERE NOT internal")).scalars()
        assert path == str(tmp_path / "rollups.duckdb")


@pytest.mark.slow
def test_shell(tmp_path: Path) -> None:
    python = new_environment(tmp_path / "venv", f"duckdb-cli=={SHELL}")
    shell: list[str | Path] = [python.with_name("duckdb"), "-unsigned", "-noheader", "-list"]
    assert output(shell, tmp_path, block("sql", containing=PATH)) == "10"


@pytest.mark.slow
def test_node(tmp_path: Path) -> None:
    assert shutil.which("npm"), "needs Node.js"
    output(["npm", "install", "--no-audit", "--no-fund", f"@duckdb/node-api@{NODE}"], tmp_path)
    (tmp_path / "sketches.mjs").write_text(block("js"), encoding="utf-8")
    assert output(["node", "sketches.mjs"], tmp_path) == "10"


@pytest.mark.slow
@pytest.mark.skipif(not HAS_REPOSITORIES, reason="needs duckdb-sketch install")
def test_java(home: Path, tmp_path: Path) -> None:
    assert shutil.which("mvn"), "needs a JDK and Maven"
    assert f"v{JDBC.rpartition('.')[0]}" in duckdb_sketch.install().versions
    copy = [f"-Dartifact=org.duckdb:duckdb_jdbc:{JDBC}", f"-DoutputDirectory={tmp_path}"]
    output(["mvn", "--quiet", "dependency:copy", *copy], tmp_path)
    (tmp_path / "Sketches.java").write_text(block("java"), encoding="utf-8")
    assert with_home(home, ["java", "-cp", f"duckdb_jdbc-{JDBC}.jar", "Sketches.java"], tmp_path) == "10"


@pytest.mark.slow
@pytest.mark.skipif(not HAS_REPOSITORIES, reason="needs duckdb-sketch install")
def test_go(home: Path, tmp_path: Path) -> None:
    assert shutil.which("go"), "needs Go"
    assert "v2.0.0" in duckdb_sketch.install().versions
    (tmp_path / "main.go").write_text(block("go"), encoding="utf-8")
    output(["go", "mod", "init", "sketches"], tmp_path)
    output(["go", "get", f"github.com/duckdb/duckdb-go/v2@v{GO}"], tmp_path)
    output(["go", "build"], tmp_path)
    assert with_home(home, [tmp_path / "sketches"], tmp_path) == "10"
