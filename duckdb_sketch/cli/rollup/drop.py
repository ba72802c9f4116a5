"""`duckdb-sketch rollup drop`."""

from __future__ import annotations

from duckdb_sketch.cli.options import Database, Json, Name, Wait
from duckdb_sketch.cli.output import Output
from duckdb_sketch.rollup import drop_rollup


def drop(name: Name, database: Database, wait: Wait = 0, json: Json = False) -> None:
    """Drop a rollup or a coarser level: its table, if it exists, and its entries in the ledger."""
    output = Output(json)
    drop_rollup(name, database, wait=wait)
    if output.json:
        output.document({"rollup": name, "dropped": True})
    else:
        output.line(f"{name} is dropped")
