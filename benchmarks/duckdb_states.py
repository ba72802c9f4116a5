"""How large DuckDB's exported states are, in SQL: the bytes of the fields of a state `s`."""

from __future__ import annotations

_HLL = 's::STRUCT("precision" UTINYINT, registers UTINYINT[])'
_TDIGEST = "s::STRUCT(count UBIGINT, min DOUBLE, max DOUBLE, centroids STRUCT(mean DOUBLE, weight DOUBLE)[])"

# A byte for the precision, and one a register.
SIZE_OF_DISTINCT_STATE = f"1 + len(({_HLL}).registers)"
# Count, minimum and maximum, and a mean and a weight a centroid.
SIZE_OF_QUANTILE_STATE = f"24 + 16 * len(({_TDIGEST}).centroids)"
