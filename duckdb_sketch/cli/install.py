"""`duckdb-sketch install`."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Annotated

import typer

import duckdb_sketch
from duckdb_sketch._sql import quote


def install(
    duckdb_version: Annotated[
        list[str] | None,
        typer.Option(help="Also serve this version of DuckDB, which is newer than this package; may be repeated."),
    ] = None,
) -> None:
    """Make LOAD duckdb_sketch FROM duckdb_sketch work in all of your DuckDB 2.x clients."""
    shell = _shell()
    found = [shell[1]] if shell and shell[1].startswith("v2.") else []
    done = duckdb_sketch.install([*(duckdb_version or ()), *found])
    typer.echo(f"Installed for DuckDB {', '.join(done.versions)} on {done.platform}. In any client of these, type:")
    typer.echo("  LOAD duckdb_sketch FROM duckdb_sketch;")
    typer.echo("In DuckDB 1.3 to 1.5 (duckdb -unsigned; elsewhere, connect with allow_unsigned_extensions = true):")
    typer.echo(f"  LOAD {quote(done.extension)};")
    if shell:
        served = "served" if shell[1] in done.versions else "load it by its path, as above"
        typer.echo(f"The shell here, {shell[0]}, is DuckDB {shell[1]}: {served}.")


def _shell() -> tuple[str, str] | None:
    """The DuckDB shell that PATH finds, and its version; None if there is none, or it does not say."""
    path = shutil.which("duckdb")
    if path is None:
        return None
    try:
        shown = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.match(r"v\d+\.\d+\.\d+", shown.stdout)
    return (path, version[0]) if version else None
