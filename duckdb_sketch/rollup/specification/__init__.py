"""What a rollup is: its statement, granularity, metrics and table. Pure: no connection."""

from duckdb_sketch.rollup.specification.dialect import leave_arguments

leave_arguments()
