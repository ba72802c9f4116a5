"""Objects of an S3-compatible server, and of a web server, as sources."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest
from events import EVENTS, HOURLY, content, everything, table, write, write_events
from object_store import ObjectStore, denied, object_store, slow, truncated, unwell
from samples import few_fast

import duckdb_sketch
from duckdb_sketch import Cube
from duckdb_sketch.rollup import ChangedFilesError, Rollup, SourceError, SpecificationError
from duckdb_sketch.rollup.sources.listing import find
from duckdb_sketch.rollup.sources.stores import list_store


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    with object_store(monkeypatch) as store:
        yield store


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    return duckdb_sketch.connect()


def put(store: ObjectStore, folder: Path, key: str, first: int, last: int) -> None:
    path = folder / f"staged.{key.rpartition('.')[2]}"
    store.put(key, write(path, EVENTS.format(first=first, last=last)))


def rollup_of(con: duckdb.DuckDBPyConnection, pattern: str) -> Rollup:
    return Rollup.from_sql(HOURLY, sources={"bids": pattern}, name="hourly", database=con)


def expected(con: duckdb.DuckDBPyConnection, *ranges: tuple[int, int]) -> list[Any]:
    events = " UNION ALL ".join(f"({EVENTS.format(first=first, last=last)})" for first, last in ranges)
    return content(con, HOURLY.replace("FROM bids", f"FROM ({events}) AS bids"))


def test_objects_count_once(store: ObjectStore, con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    put(store, tmp_path, "in/1.parquet", 0, 100)
    put(store, tmp_path, "in/deep/2.parquet", 100, 150)
    put(store, tmp_path, "in/_tmp/3.parquet", 0, 100)
    put(store, tmp_path, "other/4.parquet", 0, 100)
    with rollup_of(con, "s3://events/in") as rollup:
        assert rollup.refresh().files == 2
        put(store, tmp_path, "in/5.parquet", 150, 200)
        assert rollup.refresh().files == 1
        assert rollup.refresh().batches == []
        assert table(rollup) == expected(con, (0, 200))
        assert rollup.verify(sample=1000).ok
        rollup.replay()
        assert table(rollup) == expected(con, (0, 200))
        assert rollup.refresh().batches == []
    slices = con.sql("SELECT slice FROM rollup_manifest.slices ORDER BY ALL").fetchall()
    assert slices == [(f"s3://events/in/{name}",) for name in ("1.parquet", "5.parquet", "deep/2.parquet")]


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("s3://events/in/*.parquet", 2),
        ("s3://events/in/day=*/*.parquet", 1),
        ("s3://events/**/*.parquet", 4),
        ("s3://events/in/**", 3),
        ("s3://events/in/b.parquet", 1),
        ("s3://events/odd/x[1].parquet", 1),
    ],
)
def test_patterns(store: ObjectStore, con: duckdb.DuckDBPyConnection, tmp_path: Path, pattern: str, count: int) -> None:
    for key in ("in/a.parquet", "in/b.parquet", "in/day=1/c.parquet", "inner/_d.parquet", "odd/x[1].parquet"):
        put(store, tmp_path, key, 0, 10)
    with rollup_of(con, pattern) as rollup:
        assert rollup.refresh().files == count


def test_unusual_keys(store: ObjectStore, con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    keys = ["a b.parquet", "ü+%41&=#?*[x].parquet", "x'y\".parquet", "c~^|\\[1].parquet", f"{'long' * 70}.parquet"]
    for number, key in enumerate(keys):
        put(store, tmp_path, f"in/{key}", number * 10, number * 10 + 10)
    with rollup_of(con, "s3://events/in/") as rollup:
        assert rollup.refresh().files == len(keys)
        assert table(rollup) == expected(con, (0, 50))
        assert rollup.refresh().batches == []
    found = {row[0] for row in con.sql("SELECT slice FROM rollup_manifest.slices").fetchall()}
    assert found == {f"s3://events/in/{key}" for key in keys}


def test_folders_are_columns(store: ObjectStore, con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    events = "SELECT TIMESTAMP '2026-01-01' AS ts"
    for country in ("DE", "FR"):
        store.put(f"in/country={country}/1.parquet", write(tmp_path / "staged.parquet", events))
    statement = "SELECT date_trunc('hour', ts) AS hour, country, count(*) AS n FROM bids GROUP BY ALL"
    with Rollup.from_sql(statement, sources={"bids": "s3://events/in"}, name="h", database=con) as rollup:
        rollup.refresh()
    assert con.sql("SELECT country, n FROM h ORDER BY ALL").fetchall() == [("DE", 1), ("FR", 1)]


def test_a_lookup_table(store: ObjectStore, con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    put(store, tmp_path, "in/1.parquet", 0, 30)
    store.put("names.csv", b"publisher,name\na,Ann\nb,Bob\n")
    statement = """SELECT date_trunc('day', ts) AS day, name, count(*) AS n FROM bids
        JOIN names USING (publisher) GROUP BY ALL"""
    sources = {"bids": "s3://events/in", "names": "s3://events/names.csv"}
    with Rollup.from_sql(statement, sources=sources, name="h", database=con) as rollup:
        rollup.refresh()
    assert con.sql("SELECT name, sum(n) FROM h GROUP BY ALL ORDER BY ALL").fetchall() == [("Ann", 10), ("Bob", 10)]


def test_changed_and_gone(store: ObjectStore, con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    put(store, tmp_path, "in/1.parquet", 0, 100)
    put(store, tmp_path, "in/2.parquet", 100, 150)
    with rollup_of(con, "s3://events/in") as rollup:
        rollup.refresh()
        put(store, tmp_path, "in/1.parquet", 0, 100)  # the same bytes again
        assert rollup.refresh().batches == []
        put(store, tmp_path, "in/1.parquet", 1, 100)
        with pytest.raises(ChangedFilesError, match=r"s3://events/in/1\.parquet"):
            rollup.refresh()
        rollup.refresh(on_change="rebuild")
        assert table(rollup) == expected(con, (1, 150))
        store.delete("in/2.parquet")
        assert rollup.refresh().batches == []
        with pytest.raises(SourceError, match=r"s3://events/in/2\.parquet has been counted and no longer exists"):
            rollup.replay()


def test_an_object_that_changes_after_it_was_listed(
    store: ObjectStore, con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    put(store, tmp_path, "in/1.parquet", 0, 100)
    with rollup_of(con, "s3://events/in") as rollup:
        source = rollup._source.reader()
        listed = source.poll({}).new
        put(store, tmp_path, "in/1.parquet", 0, 50)
        with pytest.raises(SourceError, match="changed since it was listed"), source.events(listed, {}):
            pass
        store.delete("in/1.parquet")
        with pytest.raises(SourceError, match="is gone: restore it"), source.events(listed, {}):
            pass


@pytest.mark.slow
def test_many_pages(store: ObjectStore, con: duckdb.DuckDBPyConnection) -> None:
    for number in range(2100):
        store.put(f"in/{number:05}.csv", b"ts,publisher,user_id,price\n2026-01-01 00:00:00,a,1,1\n")
    store.requests.clear()
    assert len(find(con, ["s3://events/in/*.csv"]).files) == 2100
    assert len(store.requests) == 3


@pytest.mark.parametrize(
    "pattern",
    few_fast(["s3://events/in/*/*.csv", "s3://events/in", "s3://events/in/day=2026-*/*.csv"], "s3://events/in"),
)
def test_only_new_folders_are_listed(store: ObjectStore, con: duckdb.DuckDBPyConnection, pattern: str) -> None:
    line = b"ts,publisher,user_id,price\n2026-01-01 00:00:00,a,1,1\n"
    for day in range(10, 30):
        for number in range(2):
            store.put(f"in/day=2026-01-{day}/{number}.csv", line)
    rollup = Rollup.from_sql(HOURLY, sources={"bids": pattern}, name="hourly", database=con, look_back=2)
    with rollup:
        assert rollup.refresh().files == 40
        seen: list[str] = []
        listing = "duckdb_sketch.rollup.sources.stored_listing.list_store"

        def watched(folder: str, after: str = "") -> Iterator[Any]:
            for each in list_store(folder, after):
                seen.append(each.url)
                yield each

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(listing, watched)
            assert rollup.refresh().batches == []
            assert [url[-9:] for url in seen] == ["-28/0.csv", "-28/1.csv", "-29/0.csv", "-29/1.csv"]
            store.put("in/day=2026-01-28/2.csv", line)
            store.put("in/day=2026-01-30/0.csv", line)
            store.put("in/day=2026-01-10/2.csv", line)  # behind what is looked at
            assert rollup.refresh().files == 2
        store.put("in/day=2026-01-29/0.csv", line + b"2026-01-01 00:00:01,a,1,1\n")
        with pytest.raises(ChangedFilesError, match="day=2026-01-29/0"):
            rollup.refresh()
    with rollup_of(con, pattern) as all_of_it:
        assert all_of_it.refresh(on_change="rebuild").files == 1


def test_keys_with_empty_names(store: ObjectStore, con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    for number, key in enumerate(("in/a.parquet", "in//b.parquet", "in/c//d.parquet", "in/e.parquet")):
        put(store, tmp_path, key, number * 10, number * 10 + 10)
    with rollup_of(con, "s3://events/in") as rollup:
        assert rollup.refresh().files == 4
        assert table(rollup) == expected(con, (0, 40))
        assert rollup.refresh().batches == []
        put(store, tmp_path, "in//b.parquet", 11, 20)
        with pytest.raises(ChangedFilesError, match="in//b"):
            rollup.refresh()
        rollup.refresh(on_change="rebuild")
        assert rollup.verify(sample=1000).ok
        store.delete("in/c//d.parquet")
        with pytest.raises(SourceError, match=r"in/c//d\.parquet has been counted and no longer exists"):
            rollup.replay()


def test_names_that_sort_by_time(store: ObjectStore, con: duckdb.DuckDBPyConnection) -> None:
    for number in range(10, 30):
        store.put(f"in/{number}.csv", b"ts,publisher,user_id,price\n2026-01-01 00:00:00,a,1,1\n")
    counted = [f"s3://events/in/{number}.csv" for number in range(10, 30)]
    assert [each.path for each in find(con, ["s3://events/in/*.csv"], counted, 3).files] == counted[-3:]
    assert [each.path for each in find(con, ["s3://events/in/2*.csv"]).files] == counted[10:]
    with pytest.raises(SpecificationError, match="look_back=0"):
        Rollup.from_sql(HOURLY, name="h", database=con, look_back=0)


def test_a_store_that_is_unwell(store: ObjectStore, con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    put(store, tmp_path, "in/1.parquet", 0, 100)
    store.faults += [unwell, lambda *_: None, unwell, unwell]
    with rollup_of(con, "s3://events/in") as rollup:
        assert rollup.refresh().rows == 100
    assert not store.faults


def answering(store: ObjectStore, faults: list[Any]) -> None:
    """Have the answers to questions for Parquet files go wrong, one fault after the other."""

    def answer(environ: dict[str, Any], start: Any, application: Any) -> Any:
        is_object = environ["PATH_INFO"].endswith(".parquet") and environ["REQUEST_METHOD"] == "GET"
        return faults.pop(0)(environ, start, application) if is_object and faults else None

    store.meanwhile = answer


def test_answers_that_break_off_or_are_slow(store: ObjectStore, con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    put(store, tmp_path, "in/1.parquet", 0, 100)
    faults = [truncated, slow]
    answering(store, faults)
    with rollup_of(con, "s3://events/in") as rollup:
        assert rollup.refresh().rows == 100
        assert faults == []
        assert table(rollup) == expected(con, (0, 100))


@pytest.mark.slow
def test_answers_that_always_break_off(store: ObjectStore, con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    put(store, tmp_path, "in/1.parquet", 0, 100)
    with rollup_of(con, "s3://events/in") as rollup:
        rollup.refresh()
        before = everything(con)
        put(store, tmp_path, "in/2.parquet", 100, 150)
        answering(store, [truncated] * 100)
        with pytest.raises(SourceError, match=r"s3://events/in/2\.parquet"):
            rollup.refresh()
        assert everything(con) == before


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("s3://nowhere/in/*.parquet", "there is no bucket nowhere: create it, or correct its name"),
        ("s3://events/nothing/*.parquet", "there is no such file"),
        ("s3://events/denied/*.parquet", "access is denied: set AWS_ACCESS_KEY_ID"),
        ("s3://events/bad/*.parquet", r"s3://events/bad/1\.parquet"),
    ],
)
def test_errors(store: ObjectStore, con: duckdb.DuckDBPyConnection, tmp_path: Path, pattern: str, message: str) -> None:
    put(store, tmp_path, "in/1.parquet", 0, 100)
    store.put("bad/1.parquet", b"PAR1, and nothing else")
    with rollup_of(con, "s3://events/in") as rollup:
        rollup.refresh()
    before = everything(con)
    if "denied" in pattern:
        store.faults.append(denied)
    with rollup_of(con, pattern) as rollup, pytest.raises(SourceError, match=message) as found:
        rollup.refresh()
    assert "duckdb_sketch_" not in str(found.value).replace("duckdb_sketch_file", "")
    assert everything(con) == before


def test_a_cube_reads_objects(store: ObjectStore, con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    put(store, tmp_path, "in/1.parquet", 0, 100)
    with rollup_of(con, "s3://events/in") as rollup:
        rollup.refresh()
    put(store, tmp_path, "in/2.parquet", 100, 130)
    con.execute("CREATE TABLE expected AS " + EVENTS.format(first=0, last=130))
    question = (
        "SELECT count(*), sum(price)::DECIMAL(18, 2) FROM {} WHERE ts >= '2024-02-27 10:20' AND ts < '2024-03-01'"
    )
    with Cube(con) as cube:
        assert cube.sql(question.format("bids")).fetchall() == con.sql(question.format("expected")).fetchall()


def test_a_web_server_and_urls_of_files(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    write_events(tmp_path / "a b.parquet", 0, 100)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/a%20b.parquet?version=1"
        with rollup_of(con, url) as rollup:
            assert rollup.refresh().rows == 100
            assert rollup.refresh().batches == []
            assert table(rollup) == expected(con, (0, 100))
        with rollup_of(con, url.replace("a%20b", "c")) as rollup, pytest.raises(SourceError, match="no such file"):
            rollup.refresh()
    finally:
        server.shutdown()
        server.server_close()
    with Rollup.from_sql(HOURLY, sources={"bids": f"file://{tmp_path}/a%20b.parquet"}, name="f", database=con) as local:
        assert local.refresh().rows == 100
