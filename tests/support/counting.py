"""What the processes of a pool do: they import it by its name."""

from __future__ import annotations

import duckdb_sketch


def count(n: int) -> int:
    """`n`, by a sketch, in a database of its own."""
    query = "SELECT hll_sketch_estimate(hll_sketch_agg(i % ?)) FROM range(10_000) t(i)"
    with duckdb_sketch.connect(config={"allow_unsigned_extensions": "true"}) as connection:
        row = connection.execute(query, [n]).fetchone()
    assert row is not None
    return int(row[0])
