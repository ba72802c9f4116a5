"""`duckdb_sketch.plot`: what is drawn is what the sketches say, in SQL.

Not pixels: the lines, bars and bands of the axes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import matplotlib as mpl
import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.dates import date2num, num2date
from matplotlib.figure import Figure
from processes import run_python
from queries import rows, value

from duckdb_sketch import ApproxHistogram, HllSketch, plot
from duckdb_sketch.errors import InvalidInputError


@pytest.fixture
def ax() -> Axes:
    return Figure().subplots()


@pytest.fixture(scope="module")
def delays(rolled_up: duckdb.DuckDBPyConnection) -> ApproxHistogram:
    """Departure delays of a year: a long tail, and values below 0."""
    return ApproxHistogram(value(rolled_up, "SELECT approx_histogram_union_agg(delays) FROM flights_monthly"))


@pytest.fixture(scope="module")
def prices() -> ApproxHistogram:
    return ApproxHistogram.from_values(np.random.default_rng(1).lognormal(0, 2, 20_000).tolist())


def bars(ax: Axes) -> list[tuple[float, float, float]]:
    """Left edge, right edge and height of each bar."""
    (container,) = ax.containers
    assert isinstance(container, BarContainer)
    return [(bar.get_x(), bar.get_x() + bar.get_width(), bar.get_height()) for bar in container]


def texts(ax: Axes) -> str:
    return "\n".join(text.get_text() for text in ax.texts)


def line(ax: Axes, label: str) -> tuple[Any, Any]:
    (found,) = (each for each in ax.lines if each.get_label() == label)
    return found.get_xdata(), found.get_ydata()


def band(ax: Axes, label: str) -> dict[float, tuple[float, float]]:
    """The lower and the upper end of a filled band, by x as a number."""
    (found,) = (each for each in ax.collections if each.get_label() == label)
    ends: dict[float, tuple[float, float]] = {}
    for path in found.get_paths():
        for x, y in path.vertices:
            low, high = ends.get(x, (math.inf, -math.inf))
            ends[x] = (min(low, y), max(high, y))
    return ends


def test_histogram_bars_are_buckets_with_round_edges(ax: Axes, delays: ApproxHistogram) -> None:
    assert plot.histogram(delays, ax, label="minutes") is ax
    drawn = bars(ax)
    assert all(right - left == pytest.approx(5) and left % 5 == pytest.approx(0) for left, right, _ in drawn)
    expected = delays.buckets([drawn[0][0], *(right for _, right, _ in drawn)])
    assert [height for *_, height in drawn] == pytest.approx([bucket.count for bucket in expected])
    assert ax.get_xlabel() == "minutes"
    assert ax.get_title("left").startswith("Half of 328,521 values lie between \N{MINUS SIGN}5 and 1")


def test_a_long_tail_does_not_squash_the_rest(ax: Axes, delays: ApproxHistogram) -> None:
    plot.histogram(delays, ax)
    low, high = ax.get_xlim()
    assert -30 < low < -10
    assert 200 < high < 300
    assert "up to 1,301" in texts(ax)
    assert "0.49 % above" in texts(ax)  # the last minute that leaves no more than 0.5 % out


def test_no_value_is_left_out_without_a_note(ax: Axes) -> None:
    normal = ApproxHistogram.from_values(np.random.default_rng(1).normal(size=5000).tolist())
    plot.histogram(normal, ax)
    assert sum(height for *_, height in bars(ax)) == pytest.approx(5000)
    assert texts(ax) == ""


def test_values_over_many_orders_of_magnitude_get_a_log_axis(ax: Axes, prices: ApproxHistogram) -> None:
    plot.histogram(prices, ax)
    assert ax.get_xscale() == "log"
    ratios = [right / left for left, right, _ in bars(ax)]
    assert ratios == pytest.approx([ratios[0]] * len(ratios))
    assert sum(height for *_, height in bars(ax)) == pytest.approx(20_000)


def test_the_scale_can_be_chosen(ax: Axes, prices: ApproxHistogram, delays: ApproxHistogram) -> None:
    plot.histogram(prices, ax, scale="linear")
    assert ax.get_xscale() == "linear"
    with pytest.raises(InvalidInputError, match="above 0, and the least is -43"):
        plot.histogram(delays, ax, scale="log")
    with pytest.raises(InvalidInputError, match="'auto', 'linear' or 'log'"):
        plot.histogram(delays, ax, scale="symlog")  # type: ignore[arg-type]


def test_heights(prices: ApproxHistogram) -> None:
    edges = [0, 1, 3, 10]
    counts = np.array([bucket.count for bucket in prices.buckets(edges)])
    expected = {"count": counts, "percent": counts / 200, "density": counts / 20_000 / [1, 2, 7]}
    for height, heights in expected.items():
        ax = plot.histogram(prices, Figure().subplots(), buckets=edges, height=height, scale="linear")  # type: ignore[arg-type]
        assert [bar[2] for bar in bars(ax)] == pytest.approx(heights)
        assert [bar[:2] for bar in bars(ax)] == [(0, 1), (1, 3), (3, 10)]


def test_few_values_get_a_bar_each(ax: Axes) -> None:
    plot.histogram(ApproxHistogram.from_values([1, 2, 2, 6, 6, 6]), ax)
    assert [((left + right) / 2, height) for left, right, height in bars(ax)] == [(1, 1), (2, 2), (6, 3)]


def test_one_value_has_room_around_it(ax: Axes) -> None:
    plot.histogram(ApproxHistogram.from_values([5, 5, 5]), ax)
    ((left, right, height),) = bars(ax)
    assert (left + right) / 2 == pytest.approx(5)
    assert height == 3
    low, high = ax.get_xlim()
    assert right - left < (high - low) / 2


@pytest.mark.parametrize("draw", [plot.histogram, plot.cdf, plot.quantiles])
@pytest.mark.parametrize("values", [[7], [0, 0, 0, 1], [-1e300, 1e300], [1e-9, 1e9], list(range(100))])
def test_any_distribution_can_be_drawn(draw: Callable[..., Axes], values: list[float]) -> None:
    figure = Figure(layout="constrained")
    draw(ApproxHistogram.from_values(values), figure.subplots())
    figure.draw_without_rendering()


@pytest.mark.parametrize("draw", [plot.histogram, plot.cdf, plot.quantiles])
def test_an_empty_histogram_is_named(draw: Callable[..., Axes], ax: Axes) -> None:
    with pytest.raises(InvalidInputError, match="the histogram is empty"):
        draw(ApproxHistogram.from_values([]), ax)
    with pytest.raises(InvalidInputError):
        draw(bytes(HllSketch.from_values([1])), ax)


def test_cdf_is_what_the_histogram_says(ax: Axes, delays: ApproxHistogram) -> None:
    plot.cdf(bytes(delays), ax)
    x, y = line(ax, "estimate")
    assert y == pytest.approx(delays.cdf(np.asarray(x)))
    assert len(x) > 300
    assert "50 %: \N{MINUS SIGN}2" in texts(ax)


def test_cdf_band_is_the_proven_one(ax: Axes, rolled_up: duckdb.DuckDBPyConnection, delays: ApproxHistogram) -> None:
    """The exact distribution lies in it, and it is as wide as `approx_histogram_quantile_bounds` says."""
    plot.cdf(delays, ax)
    (proven,) = (each for each in ax.collections if each.get_label() == "proven")
    (path,) = proven.get_paths()
    for q in (0.1, 0.5, 0.9):
        at = [x for x, y in path.vertices if y == pytest.approx(q)]
        bounds = delays.quantile_bounds(q)
        assert bounds is not None
        assert (min(at), max(at)) == pytest.approx((bounds.lower, bounds.upper))
        exact = value(rolled_up, f"SELECT quantile_disc(dep_delay, {q}) FROM flights")
        assert min(at) <= exact <= max(at)


def test_cdf_of_an_exact_histogram_steps_without_a_band(ax: Axes) -> None:
    plot.cdf(ApproxHistogram.from_values([1, 2, 2, 4]), ax, marks=())
    x, y = line(ax, "exact")
    assert set(np.round(y, 12)) == {0, 0.25, 0.75, 1}
    drawn = dict(zip(x, y, strict=True))
    assert (drawn[math.nextafter(2, 0)], drawn[2.0]) == (0.25, 0.75)  # upright
    assert not ax.collections


def test_quantiles_with_their_brackets(ax: Axes, delays: ApproxHistogram) -> None:
    fractions = [0.05, 0.5, 0.95]
    plot.quantiles(delays, ax, quantiles=fractions)
    x, y = line(ax, "estimate")
    assert list(x) == pytest.approx(delays.quantile(fractions))
    assert list(y) == [0, 1, 2]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["5 %", "50 %", "95 %"]
    (brackets,) = ax.collections
    for fraction, path in zip(fractions, brackets.get_paths(), strict=True):
        bounds = delays.quantile_bounds(fraction)
        assert bounds is not None
        assert list(path.vertices[:, 0]) == pytest.approx([bounds.lower, bounds.upper])


def test_brackets_of_far_tails_run_out_of_the_picture(ax: Axes, delays: ApproxHistogram) -> None:
    plot.quantiles(delays, ax)
    assert ax.get_xlim()[1] < 400
    last = delays.quantile_bounds(0.99)
    assert last is not None
    assert f"{last.upper:,.0f} →" in texts(ax)


def test_uniques_are_what_sql_says(ax: Axes, rolled_up: duckdb.DuckDBPyConnection) -> None:
    """Rows of several airports and carriers a day are one day."""
    with rolled_up.cursor() as cursor:
        daily = cursor.sql("SELECT day, aircraft FROM flights_daily WHERE day < '2013-03-01'").df()
    plot.uniques(daily["day"], daily["aircraft"], ax, num_std_dev=3, label="aircraft")
    expected = rows(
        rolled_up,
        """
        SELECT day, b.lower, b.estimate, b.upper FROM (
            SELECT day, hll_sketch_bounds(hll_union_agg(aircraft), 3) AS b FROM flights_daily
            WHERE day < '2013-03-01' GROUP BY day
        ) ORDER BY day
        """,
    )
    x, y = line(ax, "estimate")
    assert [each.date() for each in x] == [row[0] for row in expected]
    assert list(y) == [row[2] for row in expected]
    ends = band(ax, "± 3 standard errors")
    for day, lower, _, upper in expected:
        assert ends[date2num(day)] == pytest.approx((lower, upper))
    assert ax.get_ylabel() == "aircraft"


HOURS = [datetime(2026, 1, 5) + timedelta(hours=i) for i in (0, 1, 2, 5, 6, 9)]


@pytest.fixture(scope="module")
def users() -> list[bytes]:
    return [bytes(HllSketch.from_values(range(i))) for i in (3, 4, 5, 6, 7, 8)]


COLUMNS: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "pandas": pd.Series,
    "polars": pl.Series,
    "arrow": lambda values: pl.Series(values).to_arrow(),
    "numpy": lambda values: np.array(values, dtype="datetime64[ns]") if isinstance(values[0], datetime) else values,
}


@pytest.mark.parametrize("make", COLUMNS.values(), ids=COLUMNS)
def test_gaps_in_time_are_gaps(make: Callable[[list[Any]], Any], users: list[bytes]) -> None:
    figure = Figure()
    ax = plot.uniques(make(HOURS), make(users), figure.subplots())
    x, y = line(ax, "estimate")
    there = [(time, round(count)) for time, count in zip(x, y, strict=True) if not math.isnan(count)]
    assert there == list(zip(HOURS, [3, 4, 5, 6, 7, 8], strict=True))
    assert [round(count) if not math.isnan(count) else None for count in y] == [3, 4, 5, None, 6, 7, None, 8]
    (dot,) = (each for each in ax.lines if each.get_marker() == "o")  # 9:00 is between two gaps
    assert list(dot.get_ydata()) == pytest.approx([8])  # type: ignore[arg-type]


def test_order_does_not_matter_and_rows_without_a_time_are_left_out(ax: Axes, users: list[bytes]) -> None:
    plot.uniques([*reversed(HOURS), None], [*reversed(users), users[0]], ax)
    x, _ = line(ax, "estimate")
    assert list(x) == sorted(x)
    assert len([time for time in x if time in HOURS]) == len(HOURS)


def test_infinite_times_are_left_out(ax: Axes, users: list[bytes], con: duckdb.DuckDBPyConnection) -> None:
    times = con.sql("FROM (VALUES (TIMESTAMP 'infinity'), (TIMESTAMP '2026-01-05')) t(time)").to_arrow_table()
    plot.uniques(times, users[:2], ax)
    assert list(line(ax, "estimate")[1]) == pytest.approx([4])


def test_two_groups_on_the_same_axes(ax: Axes, users: list[bytes]) -> None:
    plot.uniques(HOURS[:3], users[:3], ax)
    plot.uniques(HOURS[3:], users[3:], ax, color="black")
    low, high = ax.get_xlim()
    assert low < date2num(HOURS[0])
    assert high > date2num(HOURS[-1])
    assert ax.lines[-1].get_color() == "#000000"
    with pytest.raises(InvalidInputError, match="'colour' is not a color"):
        plot.uniques(HOURS, users, ax, color="colour")


def test_null_is_a_gap_and_an_empty_sketch_is_0(ax: Axes, users: list[bytes]) -> None:
    plot.uniques(HOURS[:3], [users[0], None, bytes(HllSketch.from_values([]))], ax)
    _, y = line(ax, "estimate")
    assert y[0] == pytest.approx(3)
    assert math.isnan(y[1])
    assert y[2] == 0


def test_times_are_drawn_in_their_time_zone(users: list[bytes]) -> None:
    zone = ZoneInfo("America/New_York")
    times = [time.replace(tzinfo=zone) for time in HOURS]
    figure = Figure()
    ax = plot.uniques(times, users, figure.subplots())
    figure.draw_without_rendering()
    x, _ = line(ax, "estimate")
    assert (x[0], str(x[0].tzinfo)) == (times[0], "America/New_York")
    shown = [label.get_text() for label in ax.get_xticklabels()]
    ticks = [num2date(place, tz=zone) for place in ax.get_xticks()]
    assert "06:00" in shown
    assert ticks[shown.index("06:00")].hour == 6


def test_more_times_than_the_width_can_show_are_merged(rolled_up: duckdb.DuckDBPyConnection) -> None:
    """A year of hours on axes of five inches: weeks, which the title and a note name."""
    with rolled_up.cursor() as cursor:
        hourly = cursor.sql("SELECT hour, aircraft, delays FROM flights_hourly").to_arrow_table()
    ax = plot.uniques(hourly["hour"], hourly["aircraft"], Figure().subplots())
    expected = rows(
        rolled_up,
        """
        SELECT date_trunc('week', hour), hll_sketch_estimate(hll_union_agg(aircraft)) FROM flights_hourly
        GROUP BY ALL ORDER BY ALL
        """,
    )
    x, y = line(ax, "estimate")
    assert list(x) == [row[0] for row in expected]
    assert list(y) == pytest.approx([row[1] for row in expected], abs=0.5)
    assert ax.get_title("left").startswith("Distinct values per week: ")
    assert "merged: a point per week" in texts(ax)
    wide = plot.quantile_bands(hourly["hour"], hourly["delays"], Figure(figsize=(24, 4)).subplots())
    assert wide.get_title("left").startswith("Median per day: ")
    assert len(line(wide, "median")[0]) == 365


def test_merging_can_be_chosen(users: list[bytes]) -> None:
    hours = [datetime(2026, 1, 5) + timedelta(hours=i) for i in range(500)]
    states = [users[i % len(users)] for i in range(500)]
    as_they_are = plot.uniques(hours, states, Figure().subplots(), every=None)
    assert len(line(as_they_are, "estimate")[0]) == 500
    assert texts(as_they_are) == ""
    days = plot.uniques(hours, states, Figure().subplots(), every="day")
    assert len(line(days, "estimate")[0]) == 21
    with pytest.raises(InvalidInputError, match="every 'fortnight': it is 'auto', None, or one of minute"):
        plot.uniques(hours, states, every="fortnight")


def test_days_are_those_of_the_time_zone(users: list[bytes]) -> None:
    zone = ZoneInfo("America/New_York")
    hours = [datetime(2026, 1, 5, tzinfo=zone) + timedelta(hours=i) for i in range(240)]
    ax = plot.uniques(hours, [users[i % len(users)] for i in range(240)], Figure().subplots())
    x, _ = line(ax, "estimate")
    assert [each.isoformat() for each in x[:2]] == ["2026-01-05T00:00:00-05:00", "2026-01-06T00:00:00-05:00"]


def test_months_are_no_gaps(ax: Axes, rolled_up: duckdb.DuckDBPyConnection) -> None:
    with rolled_up.cursor() as cursor:
        monthly = cursor.sql("SELECT month, aircraft FROM flights_monthly").pl()
    plot.uniques(monthly["month"], monthly["aircraft"], ax)
    _, y = line(ax, "estimate")
    assert len(y) == 12
    assert not np.isnan(y).any()


def test_one_row_can_be_seen(ax: Axes, users: list[bytes]) -> None:
    plot.uniques(HOURS[:1], users[:1], ax)
    low, high = ax.get_xlim()
    assert high - low < 5
    assert any(each.get_marker() == "o" for each in ax.lines)


def test_quantile_bands_are_what_sql_says(ax: Axes, rolled_up: duckdb.DuckDBPyConnection) -> None:
    with rolled_up.cursor() as cursor:
        monthly = cursor.sql("SELECT month, delays FROM flights_monthly").pl()
    plot.quantile_bands(monthly["month"], monthly["delays"], ax)
    expected = rows(
        rolled_up,
        """
        SELECT month, approx_histogram_quantile(approx_histogram_union_agg(delays), [0.05, 0.25, 0.5, 0.75, 0.95])
        FROM flights_monthly GROUP BY month ORDER BY month
        """,
    )
    assert list(line(ax, "median")[1]) == [quantiles[2] for _, quantiles in expected]
    for label, low, high in (("5 % to 95 %", 0, 4), ("25 % to 75 %", 1, 3)):
        ends = band(ax, label)
        for month, quantiles in expected:
            assert ends[date2num(month)] == pytest.approx((quantiles[low], quantiles[high]))


def test_quantile_bands_of_a_pair_have_no_line(ax: Axes) -> None:
    histograms = [bytes(ApproxHistogram.from_values(range(i, i + 9))) for i in range(6)]
    plot.quantile_bands(HOURS, histograms, ax, quantiles=(0.1, 0.9))
    assert [each.get_label() for each in ax.collections][:1] == ["10 % to 90 %"]
    assert not ax.lines


def test_daily_envelope_is_what_sql_says(ax: Axes, rolled_up: duckdb.DuckDBPyConnection) -> None:
    with rolled_up.cursor() as cursor:
        hourly = cursor.sql("SELECT hour, delays FROM flights_hourly").to_arrow_table()
    plot.daily_envelope(hourly["hour"], hourly["delays"], ax, label="minutes")
    expected = {
        (weekend, hour): answers
        for weekend, hour, *answers in rows(
            rolled_up,
            """
            SELECT isodow(hour) > 5, hour(hour), s.min, s.mean, s.max, q FROM (
                SELECT any_value(hour) AS hour, approx_histogram_union_agg(delays) AS h,
                    approx_histogram_stats(h) AS s, approx_histogram_quantile(h, [0.05, 0.25, 0.5, 0.75, 0.95]) AS q
                FROM flights_hourly GROUP BY isodow(hour) > 5, hour(hour)
            ) WHERE s.count > 0
            """,
        )
    }
    medians, means, minima = {}, {}, {}
    for weekend in (False, True):
        drawn = ax.lines[3 * weekend : 3 * weekend + 3]
        for found, each in zip((medians, means, minima), drawn, strict=True):
            xs, ys = np.asarray(each.get_xdata()), np.asarray(each.get_ydata())
            for x, y in zip(xs[::1], ys, strict=True):
                found.setdefault((weekend, float(x) - 26 * weekend), []).append(float(y))
    for (weekend, hour), (least, mean, _, quantiles) in expected.items():
        at = (weekend, float(hour))
        assert quantiles[2] in medians[at]
        assert any(y == pytest.approx(mean) for y in means[at])
        assert least in minima[at]
    bands = [each for each in ax.collections if each.get_paths()]
    assert len(bands) == 4  # two for each kind of day
    assert {"weekdays", "weekends"} <= set(texts(ax).splitlines())
    assert "maximum up to 1,301" in texts(ax)  # and no line, which would squash the rest
    legend = ax.get_legend()
    assert legend is not None
    assert "maximum" not in " ".join(text.get_text() for text in legend.get_texts())
    assert ax.get_ylim()[1] < 300


def test_daily_envelope_of_all_days_is_one(ax: Axes) -> None:
    times = [datetime(2026, 1, day, hour) for day in range(1, 11) for hour in (6, 7, 8, 12)]
    histograms = [bytes(ApproxHistogram.from_values([time.day, time.hour])) for time in times]
    plot.daily_envelope(times, histograms, ax, weekend=())
    assert len(ax.lines) == 4
    _, greatest = ax.lines[3].get_xdata(), np.asarray(ax.lines[3].get_ydata())
    assert np.isnan(greatest).sum() == 1  # from 9:00 to 12:00 there is nothing
    assert greatest[-1] == 12
    assert "all days" in texts(ax)


def test_daily_envelope_needs_hours(ax: Axes) -> None:
    days = [datetime(2026, 1, day) for day in range(1, 5)]
    histograms = [bytes(ApproxHistogram.from_values([1]))] * 4
    with pytest.raises(InvalidInputError, match="all times are midnights"):
        plot.daily_envelope(days, histograms, ax)
    with pytest.raises(InvalidInputError, match="0, Monday, to 6, Sunday"):
        plot.daily_envelope(days, histograms, ax, weekend=(7,))


DRAW = [(plot.uniques, HllSketch), (plot.quantile_bands, ApproxHistogram), (plot.daily_envelope, ApproxHistogram)]


@pytest.mark.parametrize(("draw", "sketch"), DRAW)
def test_what_is_no_series_is_named(draw: Callable[..., Axes], sketch: Any, ax: Axes) -> None:
    states = [bytes(sketch.from_values([i])) for i in range(6)]
    with pytest.raises(InvalidInputError, match="5 times and 6 sketches"):
        draw(HOURS[:5], states, ax)
    with pytest.raises(InvalidInputError, match="there are no rows"):
        draw([], [], ax)
    with pytest.raises(InvalidInputError, match="these are int64"):
        draw(list(range(6)), states, ax)
    with pytest.raises(InvalidInputError, match="NULL"):
        draw(HOURS, [None] * 6, ax)
    with pytest.raises(InvalidInputError):
        draw(HOURS, [b"no sketch"] * 6, ax)


def test_titles_and_labels_that_are_there_stay(ax: Axes, delays: ApproxHistogram) -> None:
    ax.set_title("Mine")
    ax.set_xlabel("my minutes")
    plot.histogram(delays, ax, label="minutes")
    assert (ax.get_title(), ax.get_title("left"), ax.get_xlabel()) == ("Mine", "", "my minutes")


@pytest.fixture
def pyplot() -> Iterator[Any]:
    mpl.use("Agg")
    from matplotlib import pyplot

    pyplot.close("all")
    yield pyplot
    pyplot.close("all")


def test_without_axes_there_is_a_new_figure(pyplot: Any, delays: ApproxHistogram) -> None:
    before = dict(mpl.rcParams)
    first, second = plot.histogram(delays), plot.cdf(delays)
    assert len(pyplot.get_fignums()) == 2
    assert first.figure is not second.figure
    assert dict(mpl.rcParams) == before


def test_without_matplotlib_the_error_says_what_to_install() -> None:
    code = """
        import sys
        sys.modules["matplotlib"] = None
        from importlib.machinery import PathFinder
        find = PathFinder.find_spec
        PathFinder.find_spec = lambda name, *rest: None if name == "matplotlib" else find(name, *rest)
        del sys.modules["matplotlib"]
        import duckdb_sketch
        try:
            import duckdb_sketch.plot
        except duckdb_sketch.MissingDependencyError as error:
            print(error)
    """
    lines = [line.strip() for line in code.splitlines()]
    script = "\n".join(lines).replace("try:\nimport", "try:\n import").replace("error:\nprint", "error:\n print")
    assert run_python(script) == "pictures need matplotlib: pip install matplotlib"
