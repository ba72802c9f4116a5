"""The demo: a year of real flights, rolled up by a `Rollup` and held against the exact answers.

`flights` gets the raw data, `rollup` makes hours, days and months, `accuracy` and `timing` compare with what the
raw data says, `picture` draws, `report` prints.
"""

from duckdb_sketch.demo.run import run

__all__ = ["run"]
