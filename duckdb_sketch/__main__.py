"""The command line as `python -m duckdb_sketch`."""

from duckdb_sketch.cli import main

main()
