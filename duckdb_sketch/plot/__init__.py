"""Pictures of sketches, on matplotlib.

Of one distribution: `histogram`, `cdf`, `quantiles`. Of the columns of a rollup: `uniques` and `quantile_bands` over
time, `daily_envelope` over the hours of the day. Each draws on the axes it is given, or on those of a new pyplot
figure, and returns them. Nothing is shown or saved, no setting of matplotlib changes, and a title or a label that the
axes have stays.

Needs the extra `[plot]`.
"""

# ruff: noqa: E402
from duckdb_sketch.plot.requirements import require_matplotlib

require_matplotlib()

from duckdb_sketch.plot.cdf import cdf
from duckdb_sketch.plot.daily_envelope import daily_envelope
from duckdb_sketch.plot.histogram import histogram
from duckdb_sketch.plot.quantile_bands import quantile_bands
from duckdb_sketch.plot.quantiles import quantiles
from duckdb_sketch.plot.uniques import uniques

__all__ = ["cdf", "daily_envelope", "histogram", "quantile_bands", "quantiles", "uniques"]
