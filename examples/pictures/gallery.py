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


EXACT = """
    SELECT date_trunc('week', time_hour) AS week, count(DISTINCT tailnum) AS aircraft
    FROM '{flights}' GROUP BY ALL HAVING count(DISTINCT time_hour::DATE) = 7 ORDER BY ALL
"""


def draw(png: Path) -> None:
    """Roll the flights up to hours, and draw them: weeks are merged where they are drawn."""
    with tempfile.TemporaryDirectory() as folder, duckdb_sketch.connect() as con:
        flights = Path(folder) / "flights.parquet"
        write_flights(flights)
        con.execute(HOURLY.format(flights=flights))
        hours = con.sql("SELECT hour, aircraft, delays FROM hourly").to_arrow_table()
        whole = con.sql("FROM hourly WHERE hour BETWEEN '2013-01-07' AND '2013-12-30'").to_arrow_table()
        exact = con.sql(EXACT.format(flights=flights)).to_arrow_table().to_pydict()
    year = ApproxHistogram.from_states(hours["delays"])
    figure = Figure(figsize=(10, 11.5), dpi=120, layout="constrained")
    figure.get_layout_engine().set(h_pad=0.12)  # type: ignore[union-attr]
    axes = figure.subplots(3, 2)
    for ax, title in zip(axes.flat, titles(year), strict=True):
        ax.set_title(title, loc="left", size=11, weight="bold", pad=8)
    minutes = "departure delay, minutes"
    axes[0, 0].plot(exact["week"], exact["aircraft"], color="#22303c", linewidth=1.6, label="exact")
    plot.uniques(whole["hour"], whole["aircraft"], axes[0, 0], every="week", label="aircraft per week")
    plot.quantile_bands(whole["hour"], whole["delays"], axes[0, 1], every="week", label=minutes)
    plot.histogram(year, axes[1, 0], label=minutes)
    plot.cdf(year, axes[1, 1], label=minutes)
    plot.quantiles(year, axes[2, 0], label=minutes)
    plot.daily_envelope(hours["hour"], hours["delays"], axes[2, 1], label=minutes)
    figure.savefig(png)


def titles(year: ApproxHistogram) -> list[str]:
    """What each picture shows."""
    late = year.quantile(0.95)
    return [
        "The estimate follows the exact line",
        "Summer and December have the longest delays",
        f"{100 * year.cdf(0):.0f} % leave early or on time",
        f"95 % leave within {late:.0f} minutes",
        "The far tails are the least certain",
        "Delays grow until the evening",
    ]


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
