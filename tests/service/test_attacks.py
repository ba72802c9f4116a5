"""Attacks on the service, each of which is refused: by the guard, by DuckDB's locked settings, or by the server."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from bids import Bids
from serving import Served, configuration, served, served_bids, until

from duckdb_sketch.service import Limits, Listen

SECRET = "the quick brown fox"
TOKEN = "0123456789abcdef0123456789abcdef"
LIMITS = Limits(
    query_time=timedelta(seconds=1),
    rows=1000,
    result=200_000,
    queries=2,
    waiting=2,
    memory="300MB",
    temporary="50MB",
    sql=20_000,
    body=64_000,
    append=100_000,
    body_time=timedelta(seconds=0.5),
    header_time=timedelta(seconds=0.5),
    connections=32,
)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_bids(tmp_path_factory.mktemp("attacked"), limits=LIMITS) as service:
        yield service


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that no source is in."""
    path = tmp_path_factory.mktemp("secret") / "secret.csv"
    path.write_text(f"a\n{SECRET}\n")
    return path


FILES = [
    "SELECT * FROM read_csv('{file}')",
    "SELECT * FROM read_text('{file}')",
    "SELECT * FROM read_blob('{file}')",
    "SELECT * FROM READ_CSV_AUTO('{file}')",
    "SELECT * FROM read_json_objects('{file}')",
    "SELECT * FROM read_parquet(['{file}'])",
    "SELECT * FROM parquet_scan('{file}')",
    "SELECT * FROM parquet_metadata('{file}')",
    "SELECT * FROM sniff_csv('{file}')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM '{file}'",
    'SELECT * FROM "{file}"',
    "FROM '{file}' SELECT count(*)",
    "TABLE '{file}'",
    "SELECT count(*) FROM bids, '{file}'",
    "SELECT count(*) FROM bids WHERE country IN (FROM '{file}')",
    "SELECT (SELECT max(a) FROM read_csv('{file}')) FROM bids",
    "SELECT * FROM bids ORDER BY (SELECT a FROM '{file}')",
    "SELECT * FROM bids LIMIT (SELECT count(*) FROM '{file}')",
    "SELECT count(*) FILTER (WHERE EXISTS (FROM '{file}')) FROM bids",
    "SELECT * FROM bids, LATERAL (SELECT * FROM '{file}')",
    "SELECT * FROM (SELECT 1) UNION ALL (FROM '{file}')",
    "WITH x AS MATERIALIZED (FROM '{file}') FROM x",
    "WITH RECURSIVE x AS (SELECT 1 UNION ALL FROM '{file}') FROM x",
    'WITH "{file}" AS (SELECT 1) SELECT * FROM "{file}"',
    'SELECT * FROM (WITH "{file}" AS (SELECT 1) SELECT 1), "{file}"',
    "SELECT * FROM query('FROM ''{file}''')",
    "SELECT * FROM query_table('{file}')",
    "SELECT * FROM query_table(['{file}'])",
    "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('FROM ''{file}'''))",
    "SELECT * FROM read_duckdb('{file}')",
    "SELECT * FROM summary('{file}')",
    "SUMMARIZE '{file}'",
    "DESCRIBE '{file}'",
    "SELECT * FROM (DESCRIBE FROM '{file}')",
    "SELECT * FROM (PIVOT '{file}' ON a)",
    "SELECT * FROM bids POSITIONAL JOIN '{file}'",
    "VALUES ((SELECT a FROM '{file}'))",
]
#: What one parser may take for a comment or a string, and another for SQL.
TRICKS = [
    "SELECT 1 /* /* */ , (SELECT a FROM '{file}') /* */ */",
    "SELECT 1 --\n, (SELECT a FROM '{file}')",
    "SELECT 1 --\r, (SELECT a FROM '{file}')",
    "SELECT $$ ' $$, (SELECT a FROM '{file}') --'",
    "SELECT E'\\' , (SELECT a FROM \"{file}\") --'",
    "SELECT 1 # \n, (SELECT a FROM '{file}')",
    "SELECT U&'\\0027' , (SELECT a FROM \"{file}\")",
    "SELECT '' '' FROM \"{file}\"",
    "SELECT * FROM read\u200b_csv('{file}')",
    "SELECT * FROM\u00a0'{file}'",
    "/*!50000 SELECT */ * FROM '{file}'",
    "SELECT * FROM main.'{file}'",
    'SELECT * FROM ""."{file}"',
    "SELECT 1 FROM bids\x00; FROM '{file}'",
]
STATEMENTS = [
    "COPY bids TO '{file}.out'",
    "COPY (SELECT 1) TO '{file}.out'",
    "COPY hourly FROM '{file}'",
    "EXPORT DATABASE '{file}.out'",
    "IMPORT DATABASE '{file}'",
    "ATTACH '{file}' AS x",
    "ATTACH ':memory:' AS x",
    "DETACH rollups",
    "USE memory",
    "INSTALL httpfs",
    "LOAD '{file}'",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "SET memory_limit = '100GB'",
    "SET enable_external_access = true",
    "SET SESSION TimeZone = 'UTC'",
    "RESET ALL",
    "CALL pragma_version()",
    "CREATE TABLE x AS SELECT 1",
    "CREATE TEMP TABLE x AS SELECT 1",
    "CREATE MACRO x() AS 1",
    "CREATE SECRET x (TYPE s3)",
    "DROP TABLE hourly",
    "DELETE FROM hourly",
    "UPDATE hourly SET bids = 0",
    "INSERT INTO hourly SELECT * FROM hourly",
    "TRUNCATE hourly",
    "ALTER TABLE hourly RENAME TO x",
    "MERGE INTO hourly USING hourly AS h ON false WHEN NOT MATCHED THEN INSERT",
    "WITH x AS (DELETE FROM hourly RETURNING *) SELECT * FROM x",
    "WITH x AS (INSERT INTO hourly SELECT * FROM hourly RETURNING *) SELECT * FROM x",
    "BEGIN",
    "COMMIT",
    "CHECKPOINT",
    "VACUUM",
    "EXPLAIN SELECT 1",
    "EXPLAIN ANALYZE SELECT count(*) FROM bids",
    "PREPARE x AS SELECT 1",
    "SHOW TABLES",
    "SELECT 1; SELECT 2",
    "SELECT 1;; DROP TABLE hourly",
    "SELECT 1; COPY bids TO '{file}.out'",
]
SETTINGS = [
    "SELECT current_setting('home_directory')",
    "SELECT getenv('HOME')",
    "SELECT getvariable('x')",
    "SELECT nextval('x')",
    "SELECT pg_sleep(60)",
    "SELECT pg_get_viewdef(1)",
    "SELECT current_user",
    "SELECT write_log('x')",
    "SELECT system.main.current_setting('x')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_logs()",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM rollup_manifest.slices",
    "SELECT * FROM main.hourly",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM duckdb_tables",
    "SELECT * FROM checkpoint()",
    "SELECT * FROM force_checkpoint()",
    "SELECT * FROM enable_logging()",
    "SELECT * FROM repeat('x', 10)",
    "SELECT * FROM seq_scan('hourly')",
    "SELECT * FROM python_map_function(1)",
    "SELECT * FROM pandas_scan(1)",
    "SELECT * FROM arrow_scan(1, 2, 3)",
    "SELECT json_serialize_plan('SELECT 1')",
    "SELECT list_aggregate([1], 'sum', getenv('HOME'))",
    "SELECT [getenv(x) FOR x IN ['HOME']]",
    "SELECT apply(['HOME'], lambda x: getenv(x))",
    "SELECT 'HOME'.getenv()",
    "SELECT count(*) OVER (ORDER BY getenv('HOME')) FROM bids",
]


@pytest.mark.parametrize("sql", [*FILES, *STATEMENTS, *SETTINGS])
def test_sql_that_is_more_than_a_question(attacked: Served, secret: Path, sql: str) -> None:
    reply = attacked.query(sql.replace("{file}", str(secret)))
    assert reply.status in (400, 403), reply.content
    assert SECRET.encode() not in reply.content
    assert b"Traceback" not in reply.content
    assert list(secret.parent.iterdir()) == [secret]


@pytest.mark.parametrize("sql", TRICKS)
def test_sql_that_two_parsers_read_in_two_ways(attacked: Served, secret: Path, sql: str) -> None:
    """Where all of it is a comment or a string for DuckDB, the answer holds nothing."""
    reply = attacked.query(sql.replace("{file}", str(secret)))
    assert reply.status in (200, 400, 403), reply.content
    assert SECRET.encode() not in reply.content
    assert reply.status != 200 or not reply.json["route"]["selects"]


def test_the_data_is_as_it_was(attacked: Served) -> None:
    """After all of that."""
    assert attacked.rows("SELECT count(*) FROM bids") == [[200]]
    assert attacked.rows("SELECT sum(bids) FROM hourly") == [[200]]


HOLES = [sql for sql in FILES if not sql.startswith('WITH "')]


@pytest.mark.parametrize("sql", [*HOLES, "COPY (SELECT 1) TO '{file}.out'", "ATTACH '{file}.db' AS x"])
def test_what_a_hole_in_the_guard_would_let_through_stops_at_duckdb(attacked: Served, secret: Path, sql: str) -> None:
    """The settings of the database allow nothing but the folder of the source."""
    host = attacked.serving.host
    with host.service._connection.cursor() as cursor, pytest.raises(duckdb.Error):
        cursor.execute(sql.replace("{file}", str(secret))).fetchall()


@pytest.mark.parametrize(
    "setting", ["enable_external_access = true", "allowed_directories = ['/']", "memory_limit = '1TB'", "threads = 1"]
)
def test_settings_are_locked(attacked: Served, setting: str) -> None:
    with attacked.serving.host.service._connection.cursor() as cursor, pytest.raises(duckdb.Error):
        cursor.execute(f"SET GLOBAL {setting}")


def test_parameters_are_values(attacked: Served, secret: Path) -> None:
    """A parameter is never SQL, nor the name of a table."""
    injected = "de' OR 1 = 1 --"
    assert attacked.rows("SELECT count(*) FROM bids WHERE country = $1", [injected]) == [[0]]
    assert attacked.rows("SELECT count(*) FROM bids WHERE country = ?", [f"'; FROM '{secret}'; --"]) == [[0]]
    assert attacked.query("SELECT * FROM $1", [str(secret)]).status in (400, 403)
    assert attacked.query("SELECT * FROM read_csv($1)", [str(secret)]).status == 403


@pytest.mark.parametrize(
    ("sql", "status", "message"),
    [
        ("SELECT count(*) FROM range(100000000000) AS a(x) WHERE hash(x) % 7 = 1", 504, "more than 1 s"),
        ("WITH RECURSIVE x AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM x) SELECT max(n) FROM x", 504, "interrupted"),
        ("SELECT count(DISTINCT x) FROM range(200000000) AS a(x)", (504, 507), ""),
        ("SELECT repeat('x', 2000000000)", 403, "up to 1,000"),
        ("SELECT repeat('x', n) FROM range(10) AS t(n)", 403, "up to 1,000"),
        ("SELECT 'x'.repeat(1000000000)", 403, "up to 1,000"),
        ("SELECT lpad('x', 2000000000, 'y')", 403, "up to 1,000"),
        ("SELECT list_resize([1], 2000000000)", 403, "up to 1,000"),
        ("SELECT range(2000000000)", 403, "range"),
        ("SELECT unnest(generate_series(1, 2000000000))", 403, "generate_series"),
        ("SELECT format('{:>2000000000}', 'x')", 403, "widths"),
        ("SELECT printf('%*d', 2000000000, 1)", 403, "widths"),
        ("SELECT list(x) FROM range(100000000) AS a(x)", (504, 507), ""),
        ("SELECT * FROM range(100000)", 413, "more than 1,000 rows"),
        ("SELECT repeat('x', 1000) FROM range(900)", 413, "bytes, and may have 200,000"),
        ("SELECT " + "(" * 100 + "1" + ")" * 100, 403, "brackets"),
        ("SELECT " + "[" * 61 + "1" + "]" * 61, 403, "brackets"),
        ("SELECT 1" + " + 1" * 4_000, (200, 400, 403, 413), ""),
        ("SELECT " + "NOT " * 4_000 + "true", (400, 403, 413, 504), ""),
        ("SELECT " + "- " * 4_000 + "1", (400, 403, 413, 504), ""),
        ("SELECT 'x'" + " || 'x'" * 2_500, (200, 400, 403, 413), ""),
        ("SELECT CASE" + " WHEN true THEN 1" * 1_000 + " END", (200, 400, 403, 413), ""),
        ("SELECT '" + "x" * 30_000 + "'", 413, "characters"),
    ],
)
def test_questions_that_take_too_much(attacked: Served, sql: str, status: int | tuple[int, ...], message: str) -> None:
    reply = attacked.query(sql)
    assert reply.status in (status if isinstance(status, tuple) else (status,)), reply.content[:500]
    if reply.status != 200:
        assert message in reply.message
    assert attacked.rows("SELECT count(*) FROM bids") == [[200]]


def test_questions_that_take_too_much_memory_are_told_so(tmp_path: Path) -> None:
    with served_bids(tmp_path, limits=Limits(memory="100MB", temporary="1MB")) as service:
        reply = service.query("SELECT list(x) FROM range(50000000) AS a(x)")
        assert (reply.status, reply.kind) == (507, "MemoryLimitError")
        assert "needs more memory than the service has for it" in reply.message
        assert service.rows("SELECT count(*) FROM bids") == [[200]]


def test_more_queries_than_there_are_turns_for(attacked: Served) -> None:
    slow = "SELECT count(*) FROM range(100000000000) AS a(x) WHERE hash(x) % 7 = {}"
    replies = []
    threads = [
        threading.Thread(target=lambda n: replies.append(attacked.query(slow.format(n))), args=[number])
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    until(lambda: any(reply.status == 503 for reply in replies))
    assert attacked.get("/healthz").status == 200
    for thread in threads:
        thread.join()
    refused = [reply for reply in replies if reply.status == 503]
    assert [reply.status for reply in replies if reply.status != 503] == [504] * 4
    assert {reply.headers["retry-after"] for reply in refused} == {"1"}
    assert refused[0].kind == "BusyError"


def test_more_connections_than_there_may_be(attacked: Served) -> None:
    held = [socket.create_connection(("127.0.0.1", attacked.port)) for _ in range(LIMITS.connections)]
    try:
        answer = talk(attacked, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answer == b"" or (answer.startswith(b"HTTP/1.1 503") and b"Retry-After: 1" in answer)
    finally:
        for connection in held:
            connection.close()
    until(lambda: attacked.get("/healthz").status == 200)


@pytest.mark.parametrize(
    ("method", "path", "kind", "most"),
    [("POST", "/query", "application/json", 64_000), ("POST", "/append/hourly", "application/x-ndjson", 100_000)],
)
def test_huge_bodies(attacked: Served, method: str, path: str, kind: str, most: int) -> None:
    assert attacked.send(method, path, b" " * (most + 1), {"Content-Type": kind}).status == 413
    # Announced, and never sent.
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 99999999999\r\n\r\n"
    assert talk(attacked, head.encode()).startswith(b"HTTP/1.1 413")
    # Without an announced length.
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = (b"4000\r\n" + b" " * 0x4000 + b"\r\n") * (most // 0x4000 + 1)
    assert talk(attacked, head.encode() + chunks).startswith(b"HTTP/1.1 413")


def test_slow_bodies(attacked: Served) -> None:
    head = b"POST /query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    assert talk(attacked, head).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("start", [b"", b"GET /healthz HTTP/1.1\r\nHost: local"])
def test_slow_headers(attacked: Served, start: bytes) -> None:
    """The connection is closed without an answer."""
    assert talk(attacked, start) == b""


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"y" * 100) for i in range(1000)),
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 100_000,
        b"GET /" + b"y" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n",
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ],
)
def test_header_floods_and_nonsense(attacked: Served, request_: bytes) -> None:
    answer = talk(attacked, request_)
    assert re.match(rb"HTTP/1.1 4\d\d|$", answer), answer[:200]
    assert attacked.get("/healthz").status == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/static/../../x", "//etc/passwd", "/.git/config"),
        *("/append/..%2f..%2fetc", "/append/%00", "/refresh/nothing", "/append/", "/query/../status"),
    ],
)
def test_paths_that_lead_nowhere(attacked: Served, path: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        reply = attacked.send(method, path, b"{}", {"Content-Type": "application/json"})
        assert reply.status in (400, 404, 405, 415), (method, reply.status)
        assert b"root:" not in reply.content


@pytest.mark.parametrize("name", ["hourly'; DROP TABLE hourly; --", "../x", "rollup_manifest.rollups", "nothing", ""])
def test_names_are_no_sql(attacked: Served, name: str) -> None:
    from urllib.parse import quote

    assert attacked.get(f"/changes?rollup={quote(name)}").status in (404, 410, 400)
    assert attacked.get("/changes?since=1;DROP").status == 400
    assert attacked.get(f"/changes?since={'9' * 30}").status == 400


def test_pages_elsewhere_cannot_use_the_browser_of_a_user(attacked: Served) -> None:
    body = json.dumps({"sql": "SELECT 1"}).encode()
    form = {"Content-Type": "text/plain"}
    assert attacked.send("POST", "/query", body, form).status == 415
    elsewhere = {"Content-Type": "application/json", "Origin": "https://elsewhere.example"}
    assert attacked.send("POST", "/query", body, elsewhere).status == 403
    rebound = {"Content-Type": "application/json", "Host": "elsewhere.example"}
    assert attacked.send("POST", "/query", body, rebound).status == 421
    reply = attacked.send("OPTIONS", "/query", None, {"Origin": "https://elsewhere.example"})
    assert reply.status in (403, 405)
    assert not [name for name in reply.headers if name.startswith("access-control")]


def test_a_page_shows_names_as_text(tmp_path: Path) -> None:
    from duckdb_sketch.service.page import page

    worker = {"state": "failing", "last_success": None, "error": "<script>alert(1)</script>", "failures": 1}
    assert "<script>" not in page([{"rollup": "<b>x</b>", "worker": worker, "tables": []}])


def test_data_that_is_no_data(attacked: Served) -> None:
    for kind in ("application/vnd.apache.arrow.stream", "application/vnd.apache.parquet", "application/x-ndjson"):
        for body in (b"", b"PAR1" * 100, b"\xff" * 1000, b'{"ts": ' * 1000, b"[" * 50_000):
            reply = attacked.send("POST", "/append/hourly", body, {"Content-Type": kind})
            assert reply.status in (400, 413), (kind, body[:10], reply.content[:200])
    assert attacked.rows("SELECT count(*) FROM bids") == [[200]]


def test_data_that_grows(attacked: Served) -> None:
    """Parquet of some kilobytes that stands for a hundred megabytes."""
    import io

    import pyarrow
    from pyarrow import parquet

    text = pyarrow.array(["x" * 1000]).take(pyarrow.array([0] * 100_000, pyarrow.int32()))
    sink = io.BytesIO()
    parquet.write_table(pyarrow.table({"country": text}), sink, compression="zstd")
    body = sink.getvalue()
    assert len(body) < 100_000
    reply = attacked.send("POST", "/append/hourly", body, {"Content-Type": "application/vnd.apache.parquet"})
    assert (reply.status, reply.kind) == (413, "TooLarge")


def test_errors_that_nobody_expected_are_not_shown(attacked: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("a secret of the program")

    monkeypatch.setattr(attacked.serving.host.service, "status", fail)
    reply = attacked.get("/status")
    assert (reply.status, reply.kind) == (500, "InternalError")
    assert b"secret" not in reply.content
    assert b"Traceback" not in reply.content


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with a token."""
    bids = Bids(tmp_path_factory.mktemp("guarded"), days=["2026-01-01"])
    with served(configuration(bids, listen=Listen(token=TOKEN))) as service:
        yield service


@pytest.mark.parametrize(
    "given",
    [
        *(None, "", "Bearer", "Bearer ", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}0", f"Bearer {TOKEN.upper()}", TOKEN),
        *("Basic", "Basic !!!", "Basic OnRva2Vu", f"Digest {TOKEN}", "Bearer \u00e9", f"Bearer {'x' * 5000}"),
    ],
)
def test_without_the_token_nothing_is_said(guarded: Served, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    for path in ("/", "/status", "/rollups", "/metrics", "/changes", "/openapi.json", "/nothing"):
        reply = guarded.send("GET", path, None, headers)
        assert reply.status in (401, 429), path
        assert b"hourly" not in reply.content
    assert guarded.get("/healthz").status == 200


def test_guessing_tokens_is_slowed_down(tmp_path: Path) -> None:
    bids = Bids(tmp_path, days=["2026-01-01"])
    with served(configuration(bids, listen=Listen(token=TOKEN))) as service:
        assert service.send("GET", "/status", None, {"Authorization": f"Bearer {TOKEN}"}).status == 200
        found = [service.send("GET", "/", None, {"Authorization": f"Bearer {i:032}"}).status for i in range(25)]
        assert found == [401] * 20 + [429] * 5
        assert service.send("GET", "/", None, {"Authorization": "Bearer x"}).headers["retry-after"] == "60"


def talk(service: Served, data: bytes) -> bytes:
    """Send bytes, and nothing more, and read until the service closes."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        try:
            connection.sendall(data)
            found = b""
            end = time.monotonic() + 10
            while time.monotonic() < end:
                part = connection.recv(65_536)
                if not part:
                    break
                found += part
                if b"\r\n\r\n" in found:
                    break
        except (ConnectionResetError, BrokenPipeError):
            pass
        return found
