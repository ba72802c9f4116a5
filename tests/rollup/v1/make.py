"""Makes the fixtures of version 1: a database as SQL, its event files, and exports of its rollups.

Ran with the last code that wrote manifests and exports of version 1; later code makes later ones:

python tests/rollup/v1/make.py
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from duckdb_sketch import Rollup

HERE = Path(__file__).parent
STATEMENT = """
SELECT date_trunc('hour', ts) AS hour, publisher, count(*) AS bids, sum(price) AS revenue,
    hll_sketch_agg(user_id) AS users, approx_histogram_agg(price::DOUBLE) AS prices
FROM bids GROUP BY ALL
"""
#: When a file was last changed: some nanoseconds, which a DOUBLE would lose.
MODIFIED = 1_700_000_000_123_456_789


def write(folder: Path, name: str, start: str, events: int = 60, step: str = "2 hours") -> None:
    """Events at every step after a start."""
    path = folder / f"{name}.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT TIMESTAMP '{start}' + i * INTERVAL '{step}' AS ts, 'p' || (i % 2) AS publisher, "
            f"i AS user_id, (i % 10 / 4)::DECIMAL(9, 2) AS price FROM range({events}) AS r(i)) TO '{path}'"
        )
    os.utime(path, ns=(MODIFIED, MODIFIED))


def event(time: str) -> duckdb.DuckDBPyRelation:
    return duckdb.sql(
        f"SELECT TIMESTAMP '{time}' AS ts, 'p1' AS publisher, 5::BIGINT AS user_id, 0.25::DECIMAL(9, 2) AS price"
    )


def rollup(database: Path, data: Path, name: str, files: str = "*", **settings: Any) -> Rollup:
    sources = {"bids": f"{data}/{files}.parquet"}
    return Rollup.from_sql(STATEMENT, sources=sources, database=database, name=name, **settings)


def make(folder: Path) -> None:
    """Fill a folder: `events`, `export`, `export_daily` and a database."""
    data, database = folder / "events", folder / "rollups.duckdb"
    data.mkdir()
    write(data, "a0", "2024-01-28 00:10:00")
    write(data, "a1", "2024-02-02 00:10:00")
    with rollup(database, data, "hourly", "a*", allowed_lateness=timedelta(hours=1)) as hourly:
        hourly.refresh()
        hourly.coarsen("day", "daily", by=["publisher"]).coarsen("month", "monthly")
        hourly.append(event("2024-02-03 12:34:56"), batch_id="monday")
        hourly.append(event("2024-02-04 01:02:03"))
        write(data, "a2", "2024-01-29 00:10:00", 30)  # all of it late
        hourly.refresh()
        hourly.append(event("1066-10-14 09:00:00"), batch_id="hastings")  # kept out
        hourly.expire(before=datetime(2024, 1, 29))
        hourly.export(folder / "export")
        hourly.coarsen("day", "daily", by=["publisher"]).export(folder / "export_daily", "month")
        write(data, "a3", "2024-02-07 00:10:00", 30)
        hourly.refresh()
    write(data, "b0", "2024-03-01 00:10:00")
    write(data, "b1", "2024-03-06 00:10:00")
    with rollup(database, data, "replayed", "b*", late="drop") as replayed:
        replayed.refresh()
        replayed.coarsen("day", "replayed_daily")
        write(data, "b1", "2024-03-06 00:10:00", 50)
        replayed.refresh(on_change="rebuild")
        replayed.replay()
    with Rollup.from_export(folder / "export", database=database, name="imported"):
        pass


def dump(database: Path, root: Path) -> str:
    """A database as SQL, in which `{folder}` is the folder that it was made in."""
    lines = []
    with duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        lines += ["CREATE SCHEMA rollup_manifest;"]
        for schema, name, definition in connection.execute(
            "SELECT schema_name, table_name, sql FROM duckdb_tables() ORDER BY ALL"
        ).fetchall():
            lines.append(definition)
            types = connection.execute(f"DESCRIBE {schema}.{name}").fetchall()
            items = ", ".join(_text(column, kind) for column, kind, *_ in types)
            rows = connection.execute(f"SELECT {items} FROM {schema}.{name} ORDER BY ALL").fetchall()
            values = ",\n".join(f"({', '.join(map(_literal, row))})" for row in rows)
            lines.append(f"INSERT INTO {schema}.{name} VALUES\n{values};")
    return "\n".join(lines).replace(str(root), "{folder}") + "\n"


def _text(column: str, kind: str) -> str:
    column = f'"{column}"'
    return column if kind == "BLOB" or kind.startswith("MAP") or kind.endswith("[]") else f"{column}::VARCHAR"


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"unhex('{value.hex()}')"
    if isinstance(value, dict):
        pairs = ", ".join(f"{_literal(key)}: {_literal(item)}" for key, item in value.items())
        return f"MAP {{{pairs}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    return "'" + str(value).replace("'", "''") + "'"


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        make(folder)
        for kept in ("events", "export", "export_daily"):
            shutil.rmtree(HERE / kept, ignore_errors=True)
            shutil.copytree(folder / kept, HERE / kept, ignore=shutil.ignore_patterns(".*"))
            for path in (HERE / kept).rglob("_rollup.json"):
                path.write_text(path.read_text().replace(str(folder), "{folder}"))
        (HERE / "database.sql").write_text(dump(folder / "rollups.duckdb", folder))


if __name__ == "__main__":
    sys.exit(main())
