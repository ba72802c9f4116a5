"""What the service answers besides queries: changes, data that is appended, status, figures, its description."""

from __future__ import annotations

import http.client
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pytest
from bids import write_bids
from pyarrow import parquet
from serving import Served, served_bids, until

from duckdb_sketch.remote import ServiceError, connect_service

ARROW = "application/vnd.apache.arrow.stream"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Served]:
    """A service that the test may change."""
    with served_bids(tmp_path) as found:
        yield found


def bids(count: int = 2) -> pyarrow.Table:
    rows = [
        {"ts": f"2026-01-03 00:0{i}:00", "country": "de", "kind": "view", "user_id": i, "price": "1.50"}
        for i in range(count)
    ]
    return pyarrow.Table.from_pylist(rows)


def typed(table: pyarrow.Table) -> pyarrow.Table:
    schema = pyarrow.schema(
        [
            ("ts", pyarrow.timestamp("us")),
            *(("country", pyarrow.string()), ("kind", pyarrow.string())),
            *(("user_id", pyarrow.int64()), ("price", pyarrow.decimal128(8, 2))),
        ]
    )
    return table.cast(schema)


def test_changes(service: Served) -> None:
    found = service.get("/changes").json
    assert (found["rollup"], len(found["changes"])) == ("hourly", 24)
    assert found["changes"][0] == {"batch": 1, "bucket": "2026-01-01T00:00:00", "pane": "on time", "rows": 9}
    assert service.get("/changes?since=1").json["changes"] == []
    early = service.get("/changes?rollup=hourly&pane=early").json["changes"]
    assert [change["bucket"] for change in early] == ["2026-01-01T23:00:00"]
    assert service.get("/changes?pane=often").status == 400
    assert service.get("/changes?rollup=nothing").status == 404


def test_changes_as_they_come(own: Served, tmp_path: Path) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", own.port, timeout=30)
    connection.request("GET", "/changes?since=1", headers={"Accept": "text/event-stream"})
    response = connection.getresponse()
    assert response.getheader("Content-Type") == "text/event-stream; charset=utf-8"
    write_bids(tmp_path, "(TIMESTAMP '2026-01-02 00:10', 'de', 'view', 1, 2.5)")
    lines: list[str] = []
    while not lines or not lines[-1].startswith("data: "):
        lines.append(response.readline().decode().strip())
    assert "id: 2" in lines
    changes = json.loads(lines[-1].removeprefix("data: "))
    assert {"batch": 2, "bucket": "2026-01-02T00:00:00", "pane": "early", "rows": 1} in changes
    connection.close()
    again = own.send("GET", "/changes", None, {"Last-Event-ID": "1"})
    assert {change["batch"] for change in again.json["changes"]} == {2}


def test_a_service_that_stops_ends_its_streams(tmp_path: Path) -> None:
    with served_bids(tmp_path) as service:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
        connection.request("GET", "/changes", headers={"Accept": "text/event-stream"})
        response = connection.getresponse()
        response.readline()
    response.read()
    connection.close()


@pytest.mark.parametrize("kind", [ARROW, "application/vnd.apache.parquet", "application/x-ndjson"])
def test_data_is_appended_once(own: Served, kind: str) -> None:
    table = typed(bids())
    sink = io.BytesIO()
    if kind == ARROW:
        with pyarrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    elif kind.endswith("parquet"):
        parquet.write_table(table, sink)
    else:
        for row in bids().to_pylist():
            sink.write(json.dumps({**row, "price": 1.5}).encode() + b"\n")
    headers = {"Content-Type": kind, "Idempotency-Key": "monday"}
    for expected in (2, 0):
        reply = own.send("POST", "/append/hourly", sink.getvalue(), headers)
        assert (reply.status, reply.json["rows"]) == (200, expected), reply.content
    assert own.rows("SELECT count(*), sum(price) FROM bids WHERE ts >= '2026-01-03'") == [[2, 3.0]]


def test_the_client_appends_refreshes_and_reads_changes(own: Served) -> None:
    with connect_service(own.url) as client:
        assert client.append("hourly", typed(bids(3)), batch_id="x")["rows"] == 3
        assert client.append("hourly", typed(bids(3)), batch_id="x")["rows"] == 0
        assert client.refresh("hourly")["files"] == 0
        assert [change["rows"] for change in client.changes("hourly", 1) if change["rows"]] == [3]
        assert client.status()[0]["tables"][0]["rows"] == 203
        with pytest.raises(ServiceError, match="no rollup nothing"):
            client.append("nothing", bids())
        with pytest.raises(ServiceError, match="there is no column"):
            client.append("hourly", pyarrow.table({"a": [1]}))


def test_figures_for_prometheus(service: Served) -> None:
    service.rows("SELECT count(*) FROM bids")
    text = service.get("/metrics").content.decode()
    assert 'duckdb_sketch_rows_counted_total{rollup="hourly"} 200' in text
    assert re.search(r'duckdb_sketch_request_seconds_bucket\{route="/query",le="\+Inf"\} \d', text)
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    described = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))
    assert {
        re.sub("_(bucket|sum|count)$", "", name) if "request_seconds" in name else name for name in names
    } <= described
    for line in text.splitlines():
        assert line.startswith("# ") or re.fullmatch(r'[a-z_]+(\{([a-z]+="[^"]*",?)+\})? -?[0-9.e+]+', line), line


def test_the_description_names_every_route(service: Served) -> None:
    description = service.get("/openapi.json").json
    routes = {route.path for route in service.serving.routes} - {"/"}
    assert set(description["paths"]) == routes
    for path, methods in description["paths"].items():
        for method in methods:
            reply = service.send(method.upper(), path.replace("{rollup}", "hourly"))
            assert reply.status not in (404, 405, 500), path


def test_the_page_shows_how_rollups_stand(service: Served) -> None:
    reply = service.get("/")
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    for text in ("hourly", "200", "2026-01-01 23:00:00"):
        assert text in reply.content.decode()
    assert "default-src 'none'" in reply.headers["content-security-policy"]


def test_rollups_say_what_there_is_to_ask(service: Served) -> None:
    found = service.get("/rollups").json
    assert found["rollups"][0]["source"] == "bids"
    assert "count(*)" in [metric["sql"] for metric in found["metrics"]]


def test_a_status_is_current(own: Served, tmp_path: Path) -> None:
    write_bids(tmp_path, "(TIMESTAMP '2026-01-02 00:10', 'de', 'view', 1, 2.5)")
    until(lambda: own.get("/status").json["rollups"][0]["tables"][0]["rows"] == 201)
