"""Every kind of picture, of a year of flights: `python examples/pictures/gallery.py gallery.png`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from matplotlib.figure import Figure

import duckdb_sketch
from duckdb_sketch import ApproxHistogram, plot
from duckdb_sketch.demo.flights import write_flights

HOURLY = """
    CREATE TABLE hourly AS
    SELECT time_hour AS hour, hll_sketch_agg(tailnum) AS aircraft, approx_histogram_agg(dep_delay) AS delays
    FROM '{flights}' GROUP BY ALL
"""


def draw(png: Path) -> None:
    """Roll the flights up to hours, and draw them: days and weeks are merged where they are drawn."""
    with tempfile.TemporaryDirectory() as folder, duckdb_sketch.connect() as con:
        flights = Path(folder) / "flights.parquet"
        write_flights(flights)
        con.execute(HOURLY.format(flights=flights))
        hours = con.sql(
            "SELECT hour, hour::DATE AS day, date_trunc('week', hour) AS week, aircraft, delays FROM hourly"
        ).to_arrow_table()
    year = ApproxHistogram.from_states(hours["delays"])
    figure = Figure(figsize=(13, 12), dpi=75, layout="constrained")
    axes = figure.subplots(3, 2)
    minutes = "departure delay, minutes"
    plot.uniques(hours["day"], hours["aircraft"], axes[0, 0], label="aircraft a day")
    plot.quantile_bands(hours["week"], hours["delays"], axes[0, 1], label=minutes)
    plot.histogram(year, axes[1, 0], label=minutes)
    plot.cdf(year, axes[1, 1], label=minutes)
    plot.quantiles(year, axes[2, 0], label=minutes)
    plot.daily_envelope(hours["hour"], hours["delays"], axes[2, 1], label=minutes)
    figure.savefig(png)


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
