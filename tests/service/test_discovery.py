"""How programs on the same machine find the service that has a database open: rollups, levels, the command line."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pytest
from bids import HOURLY, Bids, write_bids
from serving import Served, configuration, served

from duckdb_sketch.cli.rollup.changes import changes as changes_command
from duckdb_sketch.cli.rollup.refresh import refresh as refresh_command
from duckdb_sketch.cli.rollup.status import status as status_command
from duckdb_sketch.cube import Cube
from duckdb_sketch.remote.discovery import find, listening, socket_path
from duckdb_sketch.rollup import (
    ChangedStatementError,
    ManifestError,
    Rollup,
    RollupError,
    open_level,
    rollup_names,
)
from duckdb_sketch.service import LevelSettings, Listen


@pytest.fixture
def bids(tmp_path: Path) -> Bids:
    return Bids(tmp_path, days=["2026-01-01"])


@pytest.fixture
def own(bids: Bids) -> Iterator[Served]:
    with served(configuration(bids, levels=(LevelSettings("daily", "day"),))) as found:
        yield found.refreshed()


def test_a_rollup_is_the_services(own: Served, bids: Bids, tmp_path: Path) -> None:
    write_bids(tmp_path, "(TIMESTAMP '2026-01-02 00:10', 'de', 'view', 1, 2.5)")
    with bids.rollup(wait=0) as rollup:
        rollup.refresh()
        event = pyarrow.table({"ts": ["2026-01-03"], "country": ["de"], "kind": ["x"], "user_id": [1], "price": ["1"]})
        schema = pyarrow.schema(
            [
                *(("ts", pyarrow.timestamp("us")), ("country", pyarrow.string()), ("kind", pyarrow.string())),
                *(("user_id", pyarrow.int64()), ("price", pyarrow.decimal128(8, 2))),
            ]
        )
        assert rollup.append(event.cast(schema), batch_id="a").rows == 1
        assert rollup.append(event.cast(schema), batch_id="a").rows == 0
        assert [(status.rollup, status.rows) for status in rollup.status()] == [("hourly", 202), ("daily", 0)]
        assert rollup.changes(1)[-1].bucket.year == 2026
        assert rollup.table().aggregate("sum(bids)").fetchall() == [(202,)]
        for refused in (
            rollup.replay,
            rollup.verify,
            lambda: rollup.expire(older_than="1 day"),
            lambda: rollup.connection,
        ):
            with pytest.raises(RollupError, match="a service has the database open"):
                refused()
    with pytest.raises(ChangedStatementError, match="another statement"):
        bids.rollup(HOURLY.replace("count(price) AS priced, ", ""), wait=0)
    with pytest.raises(ManifestError, match="has no rollup other: add it to its configuration"):
        bids.rollup(name="other", wait=0)


def test_levels_and_the_command_line_are_too(own: Served, bids: Bids, capsys: pytest.CaptureFixture[str]) -> None:
    assert rollup_names(bids.database) == ["hourly", "daily"]
    with open_level("daily", bids.database, wait=0) as level:
        assert [status.every for status in level.status()] == ["day"]
    with pytest.raises(ManifestError, match="there is hourly, daily"):
        open_level("nothing", bids.database, wait=0)
    status_command(bids.database, json=True)
    assert [each["rollup"] for each in json.loads(capsys.readouterr().out)] == ["hourly", "daily"]
    changes_command("hourly", bids.database, json=True)
    assert len(json.loads(capsys.readouterr().out)) == 24
    statement = bids.folder / "hourly.sql"
    statement.write_text(HOURLY)
    refresh_command(statement, bids.database, [f"bids={bids.sources['bids']}"], json=True)
    assert json.loads(capsys.readouterr().out)["files"] == 0


def test_only_this_user_can_connect(own: Served, bids: Bids) -> None:
    assert stat.S_IMODE(socket_path(bids.database).stat().st_mode) == 0o600


def test_through_another_name_of_the_database(own: Served, bids: Bids, tmp_path: Path) -> None:
    link = tmp_path / "link.duckdb"
    link.symlink_to(bids.database)
    with Cube(link) as cube:
        assert cube.sql("SELECT count(*) FROM bids").fetchall() == [(200,)]


def test_without_a_socket_the_database_is_locked_to_other_processes(bids: Bids) -> None:
    with served(configuration(bids, listen=Listen(socket=False))) as service:
        service.refreshed()
        assert find(bids.database) is None
        command = [sys.executable, "-m", "duckdb_sketch", "query", "SELECT count(*) FROM bids"]
        done = subprocess.run([*command, "--database", str(bids.database)], capture_output=True, text=True, check=False)
        assert done.returncode == 75
        assert f"is open in process {os.getpid()}" in done.stderr


def test_what_is_no_socket_of_a_service_is_left_alone(tmp_path: Path) -> None:
    database = tmp_path / "r.duckdb"
    path = socket_path(database)
    path.write_text("mine")
    assert find(database) is None
    with pytest.raises(OSError, match="is not a socket"), listening(database):
        pass
    assert path.read_text() == "mine"
    path.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(path))
    assert find(database) is None, "nobody answers there"
    with listening(database):
        assert find(database) == path
    assert not path.exists()


def test_paths_longer_than_a_socket_may_have(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    with served(configuration(Bids(folder, days=["2026-01-01"]))) as service:
        service.refreshed()
        with Cube(folder / "rollups.duckdb") as cube:
            assert cube.sql("SELECT count(*) FROM bids").fetchall() == [(200,)]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make a file of another user")
def test_a_socket_of_another_user_is_not_trusted(tmp_path: Path) -> None:
    database = tmp_path / "r.duckdb"
    with listening(database):
        os.chown(socket_path(database), 12345, 12345)
        assert find(database) is None


def test_a_rollup_of_a_database_that_nobody_serves_is_opened(bids: Bids) -> None:
    with bids.rollup() as rollup:
        assert type(rollup) is Rollup
