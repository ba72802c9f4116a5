"""`duckdb-sketch rollup …`: each command is a module of its own."""

from __future__ import annotations

from typing import ClassVar

from duckdb_sketch.cli.lazy import Command, LazyGroup, new_app


class RollupCommands(LazyGroup):
    """The commands of `duckdb-sketch rollup`."""

    lazy: ClassVar = {
        "refresh": Command(
            "duckdb_sketch.cli.rollup.refresh:refresh",
            "Count the files that have not been counted, each exactly once.",
        ),
        "spark": Command(short_for=("refresh", "--engine", "spark")),
        "coarsen": Command(
            "duckdb_sketch.cli.rollup.coarsen:coarsen",
            "Make a coarser level of a rollup, which each refresh then keeps current, or update it.",
        ),
        "status": Command("duckdb_sketch.cli.rollup.status:status", "Say how the rollups of a database stand."),
        "changes": Command("duckdb_sketch.cli.rollup.changes:changes", "List the buckets that changed after a batch."),
        "replay": Command(
            "duckdb_sketch.cli.rollup.replay:replay",
            "Rebuild a rollup from all files that it has counted, also with a changed statement.",
        ),
        "verify": Command(
            "duckdb_sketch.cli.rollup.verify:verify",
            "Recompute some buckets from the files, exactly, and say how far the rollup is off; exit with 1 if it is "
            "wrong.",
        ),
        "export": Command(
            "duckdb_sketch.cli.rollup.export:export",
            "Write a rollup or a level as partitioned Parquet; of an export that is there, only what changed.",
        ),
        "import": Command(
            "duckdb_sketch.cli.rollup.import_:import_",
            "Make a rollup of an export; the next refresh goes on where the export was.",
        ),
        "expire": Command(
            "duckdb_sketch.cli.rollup.expire:expire", "Drop old buckets of one level; coarser levels keep theirs."
        ),
        "drop": Command(
            "duckdb_sketch.cli.rollup.drop:drop",
            "Drop a rollup or a coarser level: its table, if it is still there, and what the ledger has of it.",
        ),
    }


app = new_app(
    name="rollup",
    cls=RollupCommands,
    help="Tables that stay right and current: one SELECT … GROUP BY is the whole specification.",
    no_args_is_help=True,
)


@app.callback()
def _options() -> None:
    # typer makes a group only of an application that has a callback, or commands.
    return
