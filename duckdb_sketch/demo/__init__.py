"""The demo: a year of real flights, rolled up by a `Rollup` and compared with the exact answers.

`flights` gets the raw data, `rollup` makes hours, days and months, `accuracy` and `timing` compare with what the
raw data says, `bids` generates events of which many share a row, `picture` draws, `report` prints.
"""

from duckdb_sketch.demo.run import run

__all__ = ["run"]
