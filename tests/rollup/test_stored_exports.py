"""Exports to an object store, and imports from there and from a web server: whole at any moment, whatever fails."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest
from command_line import run
from events import EVENTS, HOURLY, table
from object_store import ObjectStore, denied, lost, object_store, unwell
from samples import few_fast

import duckdb_sketch
from duckdb_sketch.rollup import Level, LockedError, ManifestError, Rollup, RollupError
from duckdb_sketch.rollup.archive import stored_place

OUT = "s3://events/out"
DAYS = ["day=2024-02-27", "day=2024-02-28", "day=2024-02-29"]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    with object_store(monkeypatch) as store:
        yield store


def hourly(*ranges: tuple[int, int]) -> Rollup:
    """A rollup of some events, in a database of its own; 36 of them are a day."""
    rollup = Rollup.from_sql(HOURLY, name="hourly", database=duckdb_sketch.connect(), wait=0)
    for each in ranges:
        add(rollup, *each)
    return rollup


def add(rollup: Rollup, first: int, last: int) -> None:
    rollup.append(rollup.connection.sql(EVENTS.format(first=first, last=last)))


def in_store(store: ObjectStore, folder: Path) -> list[Any]:
    """The rows of the partitions, as another reader of Parquet finds them."""
    keys = [key for key in store.keys("out/") if key.endswith(".parquet")]
    for number, key in enumerate(keys):
        (folder / f"{number}.parquet").write_bytes(store.get(key))
    files = [str(folder / f"{number}.parquet") for number in range(len(keys))]
    with hourly((0, 1)) as reader:
        reader.connection.execute(f"CREATE OR REPLACE TABLE hourly AS FROM read_parquet({files})")
        return table(reader)


def imported() -> list[Any]:
    with Rollup.from_export(OUT) as rollup:
        return table(rollup)


def at(verb: str, ending: str, action: Callable[[], object]) -> Callable[..., Any]:
    """Does something once, as a request comes, before it is carried out."""
    pending = [action]

    def meanwhile(environ: dict[str, Any], *_: object) -> None:
        if pending and environ["REQUEST_METHOD"] == verb and environ["PATH_INFO"].endswith(ending):
            pending.pop()()

    return meanwhile


def test_an_export_is_what_the_table_says(store: ObjectStore, tmp_path: Path) -> None:
    with hourly((0, 90)) as rollup:
        done = rollup.export(f"{OUT}/", "day")
        assert (done.folder, list(done.written), done.kept) == (OUT, DAYS, 0)
        assert sorted(store.keys()) == ["out/_rollup.json", *(f"out/{day}/rollup.parquet" for day in DAYS)]
        assert in_store(store, tmp_path) == table(rollup) == imported()
        before = store.keys()
        store.requests.clear()
        assert rollup.export(OUT, "day").written == ()
        assert store.keys() == before
        assert len(store.requests) <= 10
        add(rollup, 40, 41)
        assert rollup.export(OUT, "day").written == (DAYS[1],)
        after = store.keys()
        changed = [key for key in after if after[key] != before[key]]
        assert changed == ["out/_rollup.json", f"out/{DAYS[1]}/rollup.parquet"]
        assert in_store(store, tmp_path) == table(rollup) == imported()


def test_an_import_goes_on_where_the_export_was(store: ObjectStore) -> None:
    with hourly((0, 40)) as rollup:
        rollup.export(OUT)
        with Rollup.from_export(OUT, name="again", database=rollup.connection) as again:
            add(again, 40, 60)
            again.export("s3://events/again")
            with Rollup.from_export("s3://events/again", name="hourly") as third, hourly((0, 60)) as expected:
                assert table(third) == table(expected)


def test_a_level(store: ObjectStore) -> None:
    with hourly((0, 90)) as rollup:
        level = rollup.coarsen("day", "daily")
        rollup.export(OUT)
        level.export("s3://events/daily")
        with pytest.raises(RollupError, match="s3://events/out holds an export of hourly: give daily a folder"):
            level.export(OUT)
        with (
            Rollup.from_export(OUT) as other,
            Level.from_export("s3://events/daily", database=other.connection) as found,
        ):
            assert table(found) == table(level)


def test_an_emptied_partition_is_removed_and_what_expired_stays(store: ObjectStore, tmp_path: Path) -> None:
    with hourly((0, 90)) as rollup:
        rollup.export(OUT, "day")
        whole = in_store(store, tmp_path)
        rollup.expire(before=duckdb.sql("SELECT TIMESTAMP '2024-02-28 12:00'").fetchall()[0][0])
        add(rollup, 60, 61)
        rollup.export(OUT, "day")
        assert len(in_store(store, tmp_path)) == len(whole)
        assert imported() == table(rollup)
        rollup.connection.execute("DELETE FROM hourly WHERE hour >= '2024-02-29'")
        rollup.connection.execute("UPDATE rollup_manifest.exports SET batch = 1")  # so that all is written again
        assert rollup.export(OUT, "day").removed == (DAYS[2],)
        assert list(store.keys(f"out/{DAYS[2]}/")) == []


# Faults


@pytest.mark.thorough
def test_a_store_that_is_unwell(store: ObjectStore) -> None:
    with hourly((0, 90)) as rollup:
        every_other = iter(range(1000))
        store.meanwhile = lambda environ, start, _: unwell(environ, start) if next(every_other) % 2 == 0 else None
        rollup.export(OUT, "day")
        assert imported() == table(rollup)


def test_writes_whose_answers_are_lost(store: ObjectStore) -> None:
    """What is repeated finds that its condition does not hold any more, as it was carried out."""
    with hourly((0, 90)) as rollup:
        seen: set[str] = set()

        def lose(environ: dict[str, Any], start: Any, application: Any) -> Iterable[bytes] | None:
            request = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
            if environ["REQUEST_METHOD"] != "PUT" or request in seen:
                return None
            seen.add(request)
            return lost(environ, start, application)

        store.meanwhile = lose
        rollup.export(OUT, "day")
        assert len(seen) == 5
        assert imported() == table(rollup)


@pytest.mark.parametrize("step", few_fast([6, 1]))
def test_an_export_that_fails_at_a_request_leaves_the_old_or_the_new(store: ObjectStore, step: int) -> None:
    with hourly((0, 90)) as rollup:
        rollup.export(OUT, "day")
        old = {key: store.get(key) for key in store.keys("out/")}
        old_rows, batch = table(rollup), "UPDATE rollup_manifest.exports SET batch = 1"
        add(rollup, 30, 95)
        store.requests.clear()
        rollup.export(OUT, "day")
        new, new_rows = {key: store.get(key) for key in store.keys("out/")}, table(rollup)
        for number in range(0, len(store.requests), step):
            for key in store.keys("out/"):
                store.delete(key)
            for key, content in old.items():
                store.put(key, content)
            rollup.connection.execute(batch)
            store.faults += [*([lambda *_: None] * number), denied]
            with suppress(RollupError):  # a lock that cannot be removed is no reason to fail
                rollup.export(OUT, "day")
            store.faults.clear()
            store.delete("out/.rollup.lock")
            found = {key: store.get(key) for key in store.keys("out/") if key.endswith(".parquet")}
            assert all(content in (old.get(key), new[key]) for key, content in found.items())
            with suppress(ManifestError):  # it was interrupted
                assert imported() in (old_rows, new_rows)
            rollup.export(OUT, "day")
            assert imported() == new_rows


# Several exporters


def test_two_exports_at_once_take_turns(store: ObjectStore) -> None:
    with hourly((0, 90)) as first, hourly((0, 100)) as second:

        def export() -> None:
            message = "another export to s3://events/out is running, or was interrupted less than 15 minutes ago"
            with pytest.raises(LockedError, match=message):
                second.export(OUT, "day")

        store.meanwhile = at("PUT", f"{DAYS[1]}/rollup.parquet", export)
        first.export(OUT, "day")
        assert imported() == table(first)
        second.export(OUT, "day")
        assert imported() == table(second)


def test_a_lock_that_was_left_ends(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with hourly((0, 90)) as rollup:
        store.put("out/.rollup.lock", json.dumps({"writer": "killed", "time": time.time()}).encode())
        with pytest.raises(LockedError, match=r"or delete s3://events/out/\.rollup\.lock if no export runs"):
            rollup.export(OUT, "day")
        monkeypatch.setattr(stored_place, "_LEASE", -1)
        rollup.export(OUT, "day")
        assert imported() == table(rollup)
        assert list(store.keys("out/.")) == []


@pytest.mark.parametrize(
    "place", few_fast(["_rollup.json", f"{DAYS[0]}/rollup.parquet", f"{DAYS[2]}/rollup.parquet"], "_rollup.json")
)
def test_an_export_that_was_silent_for_too_long_overwrites_nothing(
    store: ObjectStore, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Whoever took over has all of it, or neither has; the other one ends with an error."""
    with hourly((0, 90)) as first, hourly((0, 100)) as second:

        def export() -> None:
            with monkeypatch.context() as patch:
                patch.setattr(stored_place, "_LEASE", -1)
                second.export(OUT, "day")

        store.meanwhile = at("PUT", place, export)
        with pytest.raises(RollupError, match=r"changed s3://events/out meanwhile|took over"):
            first.export(OUT, "day")
        assert imported() == table(second)


def test_what_is_not_of_the_export_is_left_alone(store: ObjectStore) -> None:
    store.put("out/mine.parquet", b"mine")
    store.put("out/_SUCCESS", b"")
    with hourly((0, 90)) as rollup, pytest.raises(RollupError, match=r"out/mine\.parquet is not of this export"):
        rollup.export(OUT)
    assert sorted(store.keys("out/")) == ["out/_SUCCESS", "out/mine.parquet"]


def test_a_damaged_or_missing_partition_is_refused(store: ObjectStore) -> None:
    with hourly((0, 90)) as rollup:
        rollup.export(OUT, "day")
        key = f"out/{DAYS[1]}/rollup.parquet"
        store.put(key, b"x" * len(store.get(key)))
        with pytest.raises(ManifestError, match=r"s3://events/out/day=2024-02-28/rollup\.parquet is damaged"):
            Rollup.from_export(OUT)
        store.delete(key)
        with pytest.raises(ManifestError, match=r"rollup\.parquet is missing"):
            Rollup.from_export(OUT)
        rollup.export(OUT, "day")
        assert imported() == table(rollup)
    with pytest.raises(ManifestError, match="s3://events/none holds no export"):
        Rollup.from_export("s3://events/none")
    with pytest.raises(RollupError, match="there is no bucket nowhere"):
        Rollup.from_export("s3://nowhere/out")


def test_a_url_on_the_command_line(store: ObjectStore, tmp_path: Path) -> None:
    with Rollup.from_sql(HOURLY, name="hourly", database=tmp_path / "a.duckdb") as rollup:
        add(rollup, 0, 90)
    exported = run("rollup", "export", "hourly", OUT, "--database", str(tmp_path / "a.duckdb"))
    assert exported.returncode == 0, exported.stderr
    found = run("rollup", "import", OUT, "--database", str(tmp_path / "b.duckdb"))
    assert found.returncode == 0, found.stderr
    with Rollup.from_export(OUT) as rollup, duckdb.connect(tmp_path / "b.duckdb", read_only=True) as other:
        assert other.sql("SELECT count(*) FROM hourly").fetchall() == [(len(table(rollup)),)]


class Guarded(SimpleHTTPRequestHandler):
    """A web server that wants a token."""

    def send_head(self) -> Any:
        if self.path.endswith("?token=7"):
            return super().send_head()
        self.send_error(403)
        return None

    def log_message(self, *_: object) -> None:
        pass


def test_an_import_from_a_web_server(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Guarded, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/out"
    try:
        with hourly((0, 90)) as rollup:
            rollup.export(tmp_path / "out", "day")
            with Rollup.from_export(f"{url}?token=7") as found:
                assert table(found) == table(rollup)
                slices = found.connection.sql("SELECT slice FROM rollup_manifest.slices").fetchall()
                assert slices == [(url,)]  # and no token
        with pytest.raises(RollupError, match="the server says 403"):
            Rollup.from_export(url)
        with pytest.raises(ManifestError, match="holds no export"):
            Rollup.from_export(f"{url}/none?token=7")
    finally:
        server.shutdown()
        server.server_close()
