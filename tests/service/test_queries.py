"""What POST /query answers: the rows and the route, in each format."""

from __future__ import annotations

import csv
import io
import json
import threading
from pathlib import Path

import duckdb
import pyarrow
import pytest
from bids import Bids, write_bids
from serving import Served, configuration, served, served_bids, until

QUERY = "SELECT country, count(*) AS n, count(DISTINCT user_id) AS users FROM bids GROUP BY ALL ORDER BY country"


def raw(service: Served, query: str) -> list[tuple[object, ...]]:
    """The rows of a query, as the files answer it."""
    files = service.configuration.rollups[0].sources["bids"]
    with duckdb.connect() as connection:
        connection.execute(f"CREATE VIEW bids AS FROM read_parquet('{files}')")
        return connection.execute(query).fetchall()


def test_rows_columns_and_route(service: Served) -> None:
    reply = service.query(QUERY)
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.json["columns"] == ["country", "n", "users"]
    assert reply.json["types"] == ["VARCHAR", "BIGINT", "BIGINT"]
    counted = [(country, n) for country, n, _ in reply.json["rows"]]
    assert counted == raw(service, "SELECT country, count(*) FROM bids GROUP BY ALL ORDER BY country")
    assert reply.json["approximate"] == ["users"]
    (select,) = reply.json["route"]["selects"]
    assert [part["table"] for part in select["parts"]] == ["hourly"]


def test_what_no_rollup_answers_comes_from_the_files(service: Served) -> None:
    reply = service.query("SELECT max(user_id) AS m FROM bids")
    assert reply.json["rows"] == [[96]]
    (part,) = reply.json["route"]["selects"][0]["parts"]
    assert (part["table"], part["files"]) == (None, 1)


def test_parameters(service: Served) -> None:
    query = "SELECT count(*) FROM bids WHERE country = $1 AND ts < $2"
    expected = raw(service, "SELECT count(*) FROM bids WHERE country = 'de' AND ts < '2026-01-01 06:00'")
    assert [tuple(row) for row in service.rows(query, ["de", "2026-01-01 06:00"])] == expected
    assert service.rows("SELECT count(*) FROM bids WHERE country = $c", {"c": "nowhere"}) == [[0]]


def test_options_are_those_of_a_cube(service: Served) -> None:
    reply = service.query("SELECT count(DISTINCT user_id) AS users FROM bids", errors=True)
    assert reply.json["columns"] == ["users", "users_lower", "users_upper"]
    assert service.query("SELECT count(DISTINCT user_id) FROM bids", exact=True).json["rows"] == [[97]]
    refused = service.query("SELECT max(user_id) FROM bids", raw=False)
    assert (refused.status, refused.kind) == (400, "CubeError")
    assert "raw events may not be read" in refused.message


@pytest.mark.parametrize("end", [";", " ;; ", "; -- all of them;", " -- ;", "\n/* ; */ ;"])
def test_a_query_may_end_as_in_a_shell(service: Served, end: str) -> None:
    assert len(service.rows(f"SELECT ts, ';' FROM bids{end}")) == 200
    assert service.rows(f"SELECT count(*) FROM bids{end}") == [[200]]


def test_an_order_is_kept(service: Served) -> None:
    query = "SELECT ts, user_id FROM bids ORDER BY user_id DESC, ts"
    assert [row[1] for row in service.rows(query)] == [row[1] for row in raw(service, query)]


def test_csv(service: Served) -> None:
    reply = service.query(QUERY, headers={"Accept": "text/csv"})
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(reply.content.decode())))
    assert rows[0] == ["country", "n", "users"]
    assert [row[:2] for row in rows[1:]] == [["de", "50"], ["fr", "50"], ["it", "50"], ["", "50"]]
    assert json.loads(reply.headers["x-route"])["approximate"] == ["users"]


def test_arrow_keeps_the_types(service: Served) -> None:
    query = "SELECT ts::DATE AS day, sum(price) AS revenue, hll_sketch_agg(user_id) AS u FROM bids GROUP BY 1"
    reply = service.query(query, headers={"Accept": "application/vnd.apache.arrow.stream"})
    table = pyarrow.ipc.open_stream(reply.content).read_all()
    assert table.num_rows == 1
    assert pyarrow.types.is_date(table.schema.field("day").type)
    assert pyarrow.types.is_decimal(table.schema.field("revenue").type)
    assert reply.headers["content-type"] == "application/vnd.apache.arrow.stream"


def test_values_of_every_kind_are_json(service: Served) -> None:
    (row,) = service.rows(
        "SELECT 1.25::DECIMAL(8, 2), 'NaN'::DOUBLE, DATE '2026-01-02', TIMESTAMPTZ '2026-01-02 03:04:05+00', "
        "TIME '01:02:03', INTERVAL 90 SECOND, '\\xAB'::BLOB, [1, NULL], {'a': 'b'}, MAP {1: 2}, NULL, true, "
        "170141183460469231731687303715884105727::HUGEINT, '§' FROM bids LIMIT 1"
    )
    assert row == [
        *(1.25, None, "2026-01-02", "2026-01-02T03:04:05+00:00", "01:02:03", 90.0, "ab", [1, None], {"a": "b"}),
        *({"1": 2}, None, True, 170141183460469231731687303715884105727, "§"),
    ]


@pytest.mark.parametrize("accept", ["application/xml", "text/html;q=1", "application/json;q=0"])
def test_formats_that_there_are_not(service: Served, accept: str) -> None:
    assert service.query(QUERY, headers={"Accept": accept}).status == 406


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT nothing FROM bids", 'Referenced column "nothing" not found'),
        ("SELEC 1", "syntax error"),
        ("SELECT count(*) FROM bids WHERE country = $1", "parameter 1"),
    ],
)
def test_mistakes_are_told(service: Served, query: str, message: str) -> None:
    reply = service.query(query)
    assert reply.status in (400, 403)
    assert message in reply.message


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"sql": 1}', b'{"sql": "SELECT 1", "exakt": true}', b'{"sql": "SELECT 1", "parameters": 1}'],
)
def test_bodies_that_are_no_query(service: Served, body: bytes) -> None:
    reply = service.send("POST", "/query", body, {"Content-Type": "application/json"})
    assert (reply.status, reply.kind) == (400, "BadRequest")


def test_values_are_exact(service: Served) -> None:
    """A DECIMAL that no double holds is text, and an empty text is told from NULL in CSV."""
    text = (
        "SELECT 12345678901234567.89 AS large, 1.25 AS small, '' AS nothing, NULL AS missing, count(*) AS n FROM bids"
    )
    assert service.query(text).json["rows"] == [["12345678901234567.89", 1.25, "", None, 200]]
    body = json.dumps({"sql": text}).encode()
    reply = service.send("POST", "/query", body, {"Content-Type": "application/json", "Accept": "text/csv"})
    assert reply.content.decode() == 'large,small,nothing,missing,n\n12345678901234567.89,1.25,"",,200\n'


def test_explain(service: Served) -> None:
    body = json.dumps({"sql": QUERY}).encode()
    for _ in range(3):  # each leaves the connections of the next one open
        assert service.send("POST", "/explain", body, {"Content-Type": "application/json"}).status == 200
    reply = service.send("POST", "/explain", body, {"Content-Type": "application/json"})
    assert reply.json["routed"] is True
    assert "reads hourly" in reply.json["text"]


def test_new_files_are_counted_and_answered(tmp_path: Path) -> None:
    with served_bids(tmp_path) as service:
        assert service.rows("SELECT count(*) FROM bids") == [[200]]
        write_bids(tmp_path, "(TIMESTAMP '2026-01-02 00:10', 'de', 'view', 1, 2.5)")
        until(lambda: service.worker()["rows"] == 201)
        reply = service.query("SELECT count(*) FROM bids")
        assert reply.json["rows"] == [[201]]
        assert [part["table"] for part in reply.json["route"]["selects"][0]["parts"]] == ["hourly"]


def test_many_clients_at_once_get_the_same_answers(service: Served) -> None:
    answers: list[object] = []

    def ask(number: int) -> None:
        hour = f"2026-01-01 {number % 12:02}:00"
        answers.append(
            service.rows("SELECT count(*) FROM bids WHERE ts >= $1", [hour])
            == [list(row) for row in raw(service, f"SELECT count(*) FROM bids WHERE ts >= '{hour}'")]
        )

    threads = [threading.Thread(target=ask, args=[number]) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 16


def test_events_of_which_none_has_been_counted(tmp_path: Path) -> None:
    with served(configuration(Bids(tmp_path, days=[]))) as service:
        reply = service.query("SELECT count(*) FROM bids")
        assert (reply.status, reply.kind, reply.headers["retry-after"]) == (503, "NotYetError", "1")
        assert service.query("SELECT count(*) FROM nothing").status == 403
        write_bids(tmp_path, "(TIMESTAMP '2026-01-02 00:10', 'de', 'view', 1, 2.5)")
        until(lambda: service.query("SELECT count(*) FROM bids").status == 200)
