"""The demo: a year of real flights, rolled up by the statements in `sql/` and held against the exact answers.

`flights` gets the raw data, `rollup` runs the statements, `accuracy` and `timing` compare with what the raw data says,
`picture` draws, `report` prints.
"""

from duckdb_sketch.demo.run import run

__all__ = ["run"]
