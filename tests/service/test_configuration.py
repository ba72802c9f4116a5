"""rollups.toml: what may be in it, and what is said of mistakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from bids import HOURLY

from duckdb_sketch.service import Configuration, ConfigurationError, Listen, Triggers
from duckdb_sketch.service.instance import folders
from duckdb_sketch.service.toml_file import read_configuration

LEAST = """
database = "rollups.duckdb"
[[rollup]]
statement = "hourly.sql"
sources = { bids = "in/*.parquet" }
"""
FULL = """
database = "rollups.duckdb"
log = "debug"

[listen]
host = "0.0.0.0"
port = 9000
token_file = "token"
hosts = ["rollups.example"]
socket = false

[limits]
query_time = "10 s"
rows = 500
memory = "1GB"
body = "2MB"
append = 1000000
cache = "0 s"

[[rollup]]
name = "bids_hourly"
statement = "hourly.sql"
time_zone = "Europe/Berlin"
allowed_lateness = "2 hours"
late = "drop"
earliest = 2020-01-01
on_change = "rebuild"
retention = "30 days"

[rollup.sources]
bids = ["in/*.parquet", "s3://bucket/bids/*.parquet"]

[rollup.triggers]
every = "30 s"
rows = 1000
watermark = true
marker = "done"
early = "1 min"
late = "10 min"

[[rollup.level]]
name = "bids_daily"
every = "day"
by = ["country"]
retention = "365 days"

[[rollup.level]]
name = "bids_monthly"
every = "month"
of = "bids_daily"

[[rollup.export]]
folder = "out"
of = "bids_daily"
partition = "year"
"""


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], Configuration]:
    """Reads a configuration from a file in a folder with a statement and a token."""
    (tmp_path / "hourly.sql").write_text(HOURLY)
    (tmp_path / "token").write_text("0123456789abcdef\n")

    def read_text(text: str) -> Configuration:
        path = tmp_path / "rollups.toml"
        path.write_text(text)
        return read_configuration(path)

    return read_text


def test_the_least(read: Callable[[str], Configuration], tmp_path: Path) -> None:
    found = read(LEAST)
    (rollup,) = found.rollups
    assert found.database == tmp_path / "rollups.duckdb"
    assert (rollup.name, rollup.statement) == ("hourly", HOURLY)
    assert rollup.sources == {"bids": str(tmp_path / "in/*.parquet")}
    assert rollup.triggers == Triggers(every=timedelta(minutes=1))
    assert found.listen == Listen()


def test_everything(read: Callable[[str], Configuration], tmp_path: Path) -> None:
    found = read(FULL)
    (rollup,) = found.rollups
    assert (found.listen.host, found.listen.token, found.listen.socket) == ("0.0.0.0", "0123456789abcdef", False)
    assert (found.limits.query_time, found.limits.rows) == (timedelta(seconds=10), 500)
    assert (found.limits.body, found.limits.append, found.limits.cache) == (2_000_000, 1_000_000, timedelta(0))
    assert (rollup.allowed_lateness, rollup.earliest) == (timedelta(hours=2), datetime(2020, 1, 1))
    assert rollup.triggers == Triggers(
        every=timedelta(seconds=30),
        rows=1000,
        watermark=True,
        marker=tmp_path / "done",
        early=timedelta(minutes=1),
        late=timedelta(minutes=10),
    )
    assert [(level.name, level.every, level.by, level.of) for level in rollup.levels] == [
        ("bids_daily", "day", ("country",), None),
        ("bids_monthly", "month", None, "bids_daily"),
    ]
    assert rollup.exports[0].folder == tmp_path / "out"
    assert "0123456789abcdef" not in repr(found)


def test_a_statement_in_the_file_itself_has_a_name(read: Callable[[str], Configuration]) -> None:
    text = LEAST.replace('"hourly.sql"', f'"""{HOURLY}"""')
    assert (
        read(text.replace("[[rollup]]", '[[rollup]]\nname = "hourly"')).rollups[0].statement.strip() == HOURLY.strip()
    )
    with pytest.raises(ConfigurationError, match="has no name: give one"):
        read(text)


def test_a_token_from_the_environment(read: Callable[[str], Configuration], monkeypatch: pytest.MonkeyPatch) -> None:
    text = LEAST.replace("[[rollup]]", '[listen]\nhost = "0.0.0.0"\ntoken_variable = "ROLLUPS"\n[[rollup]]')
    with pytest.raises(ConfigurationError, match="the environment has no ROLLUPS"):
        read(text)
    monkeypatch.setenv("ROLLUPS", "fedcba9876543210")
    assert read(text).listen.token == "fedcba9876543210"


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('database = "rollups.duckdb"', "", "rollups.toml: database is missing"),
        ("[[rollup]]", "[[rolup]]", "there is no rolup; there is database, limits, listen, log, rollup"),
        ("[[rollup]]", "[rollup]", r"is a list of tables: write \[\[rollup\]\]"),
        ('"hourly.sql"', '"nothing.sql"', "rollup 1: statement: .*nothing.sql cannot be read"),
        ("sources =", "source =", "rollup 1: there is no source; there is allowed_lateness,"),
        ("[[rollup]]", "[listen]\nport = '1'\n[[rollup]]", "listen: port is '1': give a whole number"),
        ("[[rollup]]", "[listen]\nport = true\n[[rollup]]", "listen: port is True: give a whole number"),
        ("[[rollup]]", "[listen]\nhost = '0.0.0.0'\n[[rollup]]", "give a token"),
        ("[[rollup]]", "[listen]\ncertificate = 'x'\n[[rollup]]", "both a certificate and its key"),
        (
            "[[rollup]]",
            "[limits]\nquery_time = 'soon'\n[[rollup]]",
            "limits: query_time: 'soon' is not a width of time",
        ),
        ("[[rollup]]", "[limits]\nquery_time = '1 month'\n[[rollup]]", "months have no fixed length"),
        ("[[rollup]]", "[limits]\nbody = 'much'\n[[rollup]]", "limits: body: 'much' is not an amount"),
        ("[[rollup]]", "[limits]\nrows = 0\n[[rollup]]", "limits: rows is 0: give a number from 1 on"),
        ("[[rollup]]", "[[rollup]]\nlate = 'keep'", "late is 'keep': give merge, drop or error"),
        ("[[rollup]]", "[[rollup]]\ntriggers = {}", "every is missing: without a trigger"),
        ("[[rollup]]", "[[rollup]]\nlevel = [{ every = 'day' }]", "level 1: name is missing"),
        ("[[rollup]]", "[[rollup]]\nlevel = [{ name = 'd', every = 'dai' }]", "'dai' is not a width of time"),
        ("[[rollup]]", "[[rollup]]\nlevel = [{ name = 'hourly', every = 'day' }]", "called hourly"),
        ("[[rollup]]", "[[rollup]]\nlevel = [{ name = 'd', every = 'day', of = 'x' }]", "is of x, which is not"),
        ("[[rollup]]", "[[rollup]]\nexport = [{ folder = 'out', of = 'x' }]", "an export of rollup hourly is of x"),
        ("[[rollup]]", "[[rollup]", "cannot be read"),
    ],
)
def test_mistakes_are_named(read: Callable[[str], Configuration], before: str, after: str, message: str) -> None:
    assert before in LEAST
    with pytest.raises(ConfigurationError, match=message):
        read(LEAST.replace(before, after, 1))


def test_a_short_token_is_refused(read: Callable[[str], Configuration]) -> None:
    found = read(LEAST)
    with pytest.raises(ConfigurationError, match="at least 16"):
        replace(found, listen=Listen(token="short")).check()


def test_one_name_stands_for_the_same_events_everywhere(read: Callable[[str], Configuration]) -> None:
    second = LEAST[LEAST.index("[[rollup]]") :].replace("in/", "other/").replace("[[rollup]]", '[[rollup]]\nname = "b"')
    with pytest.raises(ConfigurationError, match=r"bids stands for .*in.* and for .*other"):
        read(LEAST + second)


def test_only_the_folders_of_sources_and_exports_can_be_reached(
    read: Callable[[str], Configuration], tmp_path: Path
) -> None:
    found = folders(read(FULL))
    assert set(found) == {f"{tmp_path}/in/", "s3://bucket/bids/", f"{tmp_path}/out/"}
