"""`duckdb-sketch rollup …`: each command is a module of its own."""

from __future__ import annotations

from typing import ClassVar

from duckdb_sketch.cli.lazy import Command, LazyGroup, new_app


class RollupCommands(LazyGroup):
    """The commands of `duckdb-sketch rollup`."""

    lazy: ClassVar = {
        "refresh": Command(
            "duckdb_sketch.cli.rollup.refresh:refresh",
            "Count new files, each exactly once.",
        ),
        "spark": Command(short_for=("refresh", "--engine", "spark")),
        "coarsen": Command(
            "duckdb_sketch.cli.rollup.coarsen:coarsen",
            "Create a coarser level of a rollup, which each refresh then updates, or update it.",
        ),
        "status": Command("duckdb_sketch.cli.rollup.status:status", "Print the status of the rollups in a database."),
        "changes": Command("duckdb_sketch.cli.rollup.changes:changes", "List the buckets that changed after a batch."),
        "replay": Command(
            "duckdb_sketch.cli.rollup.replay:replay",
            "Rebuild a rollup from all files that it has counted, possibly with a changed statement.",
        ),
        "verify": Command(
            "duckdb_sketch.cli.rollup.verify:verify",
            "Recompute a sample of buckets from the files, and compare; exit with 1 if the rollup is wrong.",
        ),
        "export": Command(
            "duckdb_sketch.cli.rollup.export:export",
            "Write a rollup or a level as partitioned Parquet, or update an existing export.",
        ),
        "import": Command(
            "duckdb_sketch.cli.rollup.import_:import_",
            "Restore a rollup from an export; the next refresh continues where the export ended.",
        ),
        "expire": Command(
            "duckdb_sketch.cli.rollup.expire:expire", "Drop old buckets of one level; coarser levels keep theirs."
        ),
        "drop": Command(
            "duckdb_sketch.cli.rollup.drop:drop",
            "Drop a rollup or a coarser level: its table, if it exists, and its entries in the ledger.",
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
