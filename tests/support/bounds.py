"""What a histogram promises of ranks, compared with the values themselves."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray


def assert_bounds_hold(connection: duckdb.DuckDBPyConnection, image: bytes, values: NDArray[Any]) -> None:
    """`rank_error` at and before every value, `quantile_bounds` of every rank; of 500 if there are more than 1000."""
    ordered, n = np.sort(values), len(values)
    ranks = np.arange(1, n + 1) if n <= 1000 else np.unique(np.linspace(1, n, 500).round().astype(int))
    points = np.unique(np.concatenate([ordered[ranks - 1], np.nextafter(ordered[ranks - 1], -np.inf)]))
    query = "SELECT approx_histogram_stats($1).rank_error, approx_histogram_count_below($1, $2::DOUBLE[])"
    ((rank_error, answers),) = connection.execute(query, [image, points.tolist()]).fetchall()
    assert np.abs(np.searchsorted(ordered, points, "right") - answers).max() <= rank_error * n + 1e-6
    query = """
        SELECT unnest(approx_histogram_quantile_bounds(h, q))
        FROM (SELECT $1::BLOB h, unnest($2::DOUBLE[]) q)
    """
    brackets = np.array(connection.execute(query, [image, (ranks / n).tolist()]).fetchall())
    truth = ordered[ranks - 1]
    wrong = (truth < brackets[:, 0]) | (brackets[:, 2] < truth)
    assert not wrong.any(), (ranks[wrong], truth[wrong], brackets[wrong])
