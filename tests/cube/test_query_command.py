"""`duckdb-sketch query`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from bids import Bids

from duckdb_sketch.cli.query import query as query_command
from duckdb_sketch.cube import CubeError

QUERY = (
    "SELECT country, count(*) AS n, count(DISTINCT user_id) AS users FROM bids GROUP BY ALL ORDER BY n DESC, country"
)


@pytest.fixture(scope="module")
def bids(tmp_path_factory: pytest.TempPathFactory) -> Bids:
    return Bids(tmp_path_factory.mktemp("bids"), days=["2026-01-01"]).refreshed(levels=["day"])


def ask(bids: Bids, query: str | None, **options: object) -> None:
    query_command(bids.database, query, [f"bids={bids.sources['bids']}"], **options)  # type: ignore[arg-type]


def test_a_table_with_a_tilde_before_estimates(bids: Bids, capsys: pytest.CaptureFixture[str]) -> None:
    ask(bids, QUERY)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["country", "n", "~users"]
    assert [line[0] for line in lines[1:5]] == ["de", "fr", "it", "NULL"]


def test_a_wide_table_is_whole(bids: Bids, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"the_average_price_of_a_bid_{number}" for number in range(6)]
    ask(bids, f"SELECT {', '.join(f'avg(price) AS {name}' for name in names)} FROM bids")
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == names
    assert row.split() == ["49.32734806629834"] * 6


def test_json(bids: Bids, capsys: pytest.CaptureFixture[str]) -> None:
    ask(bids, QUERY, as_json=True)
    rows = json.loads(capsys.readouterr().out)
    assert [(row["country"], row["n"]) for row in rows] == [("de", 50), ("fr", 50), ("it", 50), (None, 50)]


def test_csv(bids: Bids, capsys: pytest.CaptureFixture[str]) -> None:
    ask(
        bids, "SELECT country, count(*) AS n, bool_or(country = 'de') AS x FROM bids GROUP BY 1 ORDER BY 1", as_csv=True
    )
    assert capsys.readouterr().out == "country,n,x\nde,50,true\nfr,50,false\nit,50,false\n,50,\n"


def test_values_of_all_types(bids: Bids, capsys: pytest.CaptureFixture[str]) -> None:
    query = (
        "SELECT 'NaN'::DOUBLE AS x, 1.50::DECIMAL(8, 2) AS d, INTERVAL 1 DAY AS i, [1, NULL] AS l, {'a': 1} AS s, "
        "DATE '2026-01-31' AS day, '\\xAA'::BLOB AS b, UUID '00000000-0000-0000-0000-000000000001' AS u, '' AS e, "
        "NULL AS n, 'a,\"b' AS q, count(*) AS x FROM bids"
    )
    ask(bids, query, as_json=True)
    (row,) = json.loads(capsys.readouterr().out)
    assert list(row) == ["x", "d", "i", "l", "s", "day", "b", "u", "e", "n", "q", "x_1"]
    assert list(row.values())[:7] == [None, 1.5, 86400, [1, None], {"a": 1}, "2026-01-31", "aa"]
    assert row["x_1"] == 200
    ask(bids, query, as_csv=True)
    _, line = capsys.readouterr().out.splitlines()
    assert line == (
        'nan,1.50,1 day,"[1, NULL]",{\'a\': 1},2026-01-31,\\xAA,00000000-0000-0000-0000-000000000001,"",,"a,""b",200'
    )


def test_names_and_values_do_not_steer_the_terminal(bids: Bids, capsys: pytest.CaptureFixture[str]) -> None:
    ask(bids, "SELECT '[bold]x[/bold]' AS m, chr(27) || '[31mred' AS \"[u]\", count(*) AS n FROM bids")
    printed = capsys.readouterr().out
    assert "[bold]x[/bold]" in printed
    assert "\\x1b[31mred" in printed
    assert "\x1b" not in printed


def test_parquet(bids: Bids, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    ask(bids, QUERY, parquet=path)
    assert len(duckdb.read_parquet(str(path)).fetchall()) == 4


def test_explain(bids: Bids, capsys: pytest.CaptureFixture[str]) -> None:
    ask(bids, QUERY, explain=True)
    text = capsys.readouterr().out
    assert "reads hourly_day" in text
    assert "not hourly: another one reads less" in text
    ask(bids, QUERY, explain=True, as_json=True)
    (select,) = json.loads(capsys.readouterr().out)["selects"]
    assert select["parts"][0]["table"] == "hourly_day"
    assert select["rejected"] == [
        {"table": "hourly", "reason": "DEARER", "text": "hourly: another one reads less"},
    ]


def test_a_prompt_answers_one_query_after_another(
    bids: Bids, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    application = pytest.importorskip("prompt_toolkit.application")
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output import DummyOutput

    with create_pipe_input() as keys, application.create_app_session(input=keys, output=DummyOutput()):
        keys.send_text("SELECT count(*) AS n\nFROM bids;\nSELECT nothing FROM bids;\n.dimensions\n.exit\n")
        ask(bids, None)
    printed = capsys.readouterr()
    assert "200" in printed.out
    assert "bids: country in hourly, hourly_day" in printed.out
    assert 'Referenced column "nothing" not found' in printed.err


@pytest.mark.parametrize("query", ["", "-- nothing", "SELEC 1"])
def test_what_is_no_query(bids: Bids, query: str) -> None:
    with pytest.raises(CubeError, match=r"not SQL|one query at a time"):
        ask(bids, query)


def test_an_error_is_one_line_and_exit_code_1(bids: Bids) -> None:
    command = [sys.executable, "-m", "duckdb_sketch", "query", "SELECT max(user_id) FROM bids", "--no-raw"]
    command += ["--database", str(bids.database)]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ), check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("duckdb-sketch: no rollup answers the query")
    assert done.stderr.count("\n") == 1
