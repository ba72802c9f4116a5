"""The files of examples/service: the configuration is right, and Grafana's requests are answered."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
from pathlib import Path

import duckdb
import pytest
from processes import PROJECT
from serving import Served, served, until

from duckdb_sketch.cli.serve import serve
from duckdb_sketch.service.configuration import Configuration, Limits, Listen
from duckdb_sketch.service.toml_file import read_configuration

EXAMPLE = PROJECT / "examples" / "service"
DASHBOARD = json.loads((EXAMPLE / "grafana/dashboards/bids.json").read_text())
TARGETS = [target for panel in DASHBOARD["panels"] for target in panel["targets"]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example with events."""
    copy = tmp_path_factory.mktemp("example") / "service"
    shutil.copytree(EXAMPLE, copy)
    (copy / "data/in").mkdir(parents=True)
    duckdb.sql(
        "SELECT TIMESTAMP '2026-01-01' + to_minutes(i) AS ts, ['de', 'fr'][1 + i % 2] AS country, i % 97 AS user_id, "
        "(i % 100)::DECIMAL(8, 2) AS price FROM range(2000) AS t(i)"
    ).write_parquet(str(copy / "data/in/bids-1.parquet"))
    return copy


@pytest.fixture(scope="module")
def example(folder: Path) -> Served:  # type: ignore[misc]
    configured = read_configuration(folder / "rollups.toml")
    configured = Configuration(configured.database, configured.rollups, Listen(port=0), configured.limits, "warning")
    with served(configured) as service:
        until(lambda: service.worker("bids_hourly")["refreshes"])
        yield service  # type: ignore[misc]


def test_the_configuration_is_right_and_its_comments_are_the_defaults(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(folder / "rollups.toml", check=True)
    assert "bids_hourly" in capsys.readouterr().out
    text = (folder / "rollups.toml").read_text()
    limits = text[text.index("[limits]") : text.index("[[rollup]]")]
    everything = re.sub(r"^# (\w+ =)", r"\1", limits, flags=re.MULTILINE)
    other = folder / "limits.toml"
    other.write_text('database = "x"\n' + everything + text[text.index("[[rollup]]") :])
    assert read_configuration(other).limits == Limits(memory="2GB")


def test_levels_and_exports_are_there(example: Served, folder: Path) -> None:
    tables = example.get("/status").json["rollups"][0]["tables"]
    assert [table["rollup"] for table in tables] == ["bids_hourly", "bids_daily", "bids_monthly"]
    exported = duckdb.read_parquet(str(folder / "data/export/bids_daily/*/rollup.parquet"))
    assert exported.aggregate("sum(bids)").fetchall() == [(2000,)]


@pytest.mark.parametrize("target", TARGETS, ids=[panel["title"] for panel in DASHBOARD["panels"]])
def test_what_grafana_sends_is_answered_with_what_it_reads(example: Served, target: dict[str, object]) -> None:
    """As its Infinity data source sends it: the body with Grafana's variables replaced, and its own Accept."""
    options = target["url_options"]
    assert isinstance(options, dict)
    body = options["data"].replace("${__from:date:iso}", "2026-01-01T00:00:00.000Z")
    body = body.replace("${__to:date:iso}", "2026-01-02T12:34:56.789Z")
    headers = {
        "Content-Type": options["body_content_type"],
        "Accept": "application/json;q=0.9,text/plain",
        "User-Agent": "Grafana/11.2.0",
    }
    reply = example.send(options["method"], "/query", body.encode(), headers)
    assert reply.status == 200, reply.content
    rows = reply.json[target["root_selector"]]
    assert rows
    columns = target["columns"]
    assert isinstance(columns, list)
    assert [column["text"] for column in columns] == reply.json["columns"]
    kinds = {"timestamp": str, "number": (int, float), "string": str}
    for row in rows:
        for column in columns:
            value = row[int(column["selector"])]
            assert isinstance(value, kinds[column["type"]])
            if column["type"] == "timestamp":
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", value)


def test_the_unit_and_the_container_call_what_there_is(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unit = configparser.RawConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(folder / "duckdb-sketch.service")
    monkeypatch.chdir(folder)
    command = shlex.split(unit["Service"]["ExecStart"])
    assert (Path(command[0]).name, command[1]) == ("duckdb-sketch", "serve")
    assert unit["Service"]["ExecStartPre"] == f"{unit['Service']['ExecStart']} --check"
    serve(Path(command[2]), check=True)
    entry = re.search(r"^ENTRYPOINT (\[.*\])$", (folder / "Containerfile").read_text(), re.MULTILINE)
    assert entry
    assert json.loads(entry[1])[:3] == ["duckdb-sketch", "serve", "rollups.toml"]
