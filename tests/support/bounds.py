"""What a histogram promises of ranks, compared with the values themselves."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray


def assert_bounds_hold(connection: duckdb.DuckDBPyConnection, image: bytes, values: NDArray[Any]) -> None:
    """`rank_error` at every center, and `quantile_bounds` of every rank, or of 500 if there are more than 1000."""
    ordered, n = np.sort(values), len(values)
    query = "SELECT approx_histogram_stats($1).rank_error, approx_histogram_bins($1)"
    ((rank_error, bins),) = connection.execute(query, [image]).fetchall()
    centers = np.array([bin_["center"] for bin_ in bins])
    sums = np.cumsum([bin_["count"] for bin_ in bins])
    assert np.abs(np.searchsorted(ordered, centers, "right") - sums).max() <= rank_error * n + 1e-6
    ranks = np.arange(1, n + 1) if n <= 1000 else np.unique(np.linspace(1, n, 500).round().astype(int))
    query = """
        SELECT unnest(approx_histogram_quantile_bounds(h, q))
        FROM (SELECT $1::BLOB h, unnest($2::DOUBLE[]) q)
    """
    brackets = np.array(connection.execute(query, [image, (ranks / n).tolist()]).fetchall())
    truth = ordered[ranks - 1]
    wrong = (truth < brackets[:, 0]) | (brackets[:, 2] < truth)
    assert not wrong.any(), (ranks[wrong], truth[wrong], brackets[wrong])
