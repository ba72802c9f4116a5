"""`duckdb-sketch demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def demo(
    directory: Annotated[
        Path, typer.Option(help="Folder for all output: a new one, or that of an earlier demo.")
    ] = Path("duckdb-sketch-demo"),
) -> None:
    """Roll up a year of flights and a week of bids: how large, exact and fast the results are, and a picture."""
    from duckdb_sketch.demo import run  # only here: no other command needs what it imports

    run(directory, Console(highlight=False))
