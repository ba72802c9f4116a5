"""A service whose files are objects of a store: its database is locked, and reads copies of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from bids import HOURLY, Bids
from object_store import object_store
from serving import configuration, served, served_bids, until

from duckdb_sketch import connect_service
from duckdb_sketch.rollup import Rollup
from duckdb_sketch.rollup.served import served_status
from duckdb_sketch.service import ExportSettings, Triggers

AFTERNOON = "SELECT count(*) AS n FROM bids WHERE ts >= '2026-01-01 12:05'"  # from a rollup, and from raw events


def test_sources_and_exports_in_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bids = Bids(tmp_path, days=["2026-01-01"])
    with object_store(monkeypatch) as store:
        store.put("in/1.parquet", tmp_path / "bids-2026-01-01.parquet")
        configured = configuration(
            bids,
            sources={"bids": "s3://events/in/*.parquet"},
            triggers=Triggers(every=timedelta(seconds=0.2)),
            exports=(ExportSettings("s3://events/out"),),
        )
        with served(configured) as service:
            until(lambda: "out/_rollup.json" in store.keys("out/"))
            assert service.query(AFTERNOON).json["rows"] == [list(row) for row in bids.raw(AFTERNOON)]
            assert service.query("SELECT * FROM read_csv('/etc/passwd')").status == 403
        with Rollup.from_export("s3://events/out") as imported:
            assert imported.status()[0].rows == 200


def test_where_sources_stand(tmp_path: Path) -> None:
    """As a database itself says it, in JSON and back."""
    with served_bids(tmp_path) as service:
        (document,) = service.get("/status").json["rollups"][0]["tables"][0]["sources"]
        assert document["position"] == str(tmp_path / "bids-2026-01-01.parquet")
        with connect_service(service.url) as client:
            (found,) = served_status(client)[0].sources
    with Rollup.from_sql(HOURLY, database=tmp_path / "rollups.duckdb", name="hourly") as rollup:
        assert rollup.status()[0].sources == (found,)
