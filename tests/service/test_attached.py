"""A service whose events are a table of another database, which it lets go of after each refresh."""

from __future__ import annotations

from pathlib import Path

import duckdb
from bids import Bids
from serving import configuration, served, until

from duckdb_sketch.rollup import TableSource
from duckdb_sketch.service import Triggers


def test_a_table_of_another_database(tmp_path: Path) -> None:
    bids = Bids(tmp_path, days=["2026-01-01"])
    app = tmp_path / "elsewhere" / "app.duckdb"
    app.parent.mkdir()

    def write(statement: str) -> None:
        with duckdb.connect(app) as other:
            other.execute(statement)

    write(f"CREATE TABLE events AS SELECT row_number() OVER () AS id, * FROM '{bids.sources['bids']}'")
    source = TableSource("events", "id", database=app)
    configured = configuration(bids, sources={"bids": source}, triggers=Triggers(rows=1))
    with served(configured) as service:
        until(lambda: service.worker()["rows"] == 200)
        assert service.rows("SELECT sum(bids)::BIGINT FROM hourly") == [[200]]
