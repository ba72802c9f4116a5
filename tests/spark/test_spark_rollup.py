"""A rollup file on a cluster gives what it gives on one machine, and no row of the events is shuffled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pytest
from events import EVENTS, HOURLY, content
from spark_rollups import EVERYTHING, KINDS, of_one_machine, of_spark, shuffled

import duckdb_sketch
from duckdb_sketch import LoadError, __version__
from duckdb_sketch import spark as sketches
from duckdb_sketch.rollup import SourceError, Specification, SpecificationError
from duckdb_sketch.spark.frame import Frame
from duckdb_sketch.spark.job import Job
from duckdb_sketch.spark.worker import require_version

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("kinds") / "kinds.parquet"
    duckdb.sql(KINDS).write_parquet(str(path))
    return path


@pytest.fixture(scope="module")
def bids(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bids") / "bids.parquet"
    duckdb.sql(EVENTS.format(first=0, last=5000)).write_parquet(str(path))
    return path


def test_every_kind_of_column(spark: Any, kinds: Path) -> None:
    expected, types = of_one_machine(EVERYTHING, "events", f"'{kinds}'")
    assert len(expected) > 300
    groups = sketches.rollup(spark, EVERYTHING, {"events": spark.read.parquet(str(kinds)).repartition(3)})
    assert groups.columns == list(types)
    kept = dict(groups.dtypes)
    assert (kept["the time"], kept["day"], kept["unsigned"], kept["kind"]) == (
        "timestamp_ntz",
        "date",
        "smallint",
        "string",
    )
    assert (kept["huge"], kept["u"], kept["exact"]) == ("decimal(38,0)", "decimal(20,0)", "decimal(38,2)")
    assert types["kind"].startswith("ENUM")
    assert repr(of_spark(groups, types)) == repr(expected)  # NaN is not itself


def test_a_file_with_a_statement_and_lookup_tables(spark: Any, bids: Path, tmp_path: Path) -> None:
    statement = """
        SELECT date_trunc('day', ts) AS day, country, sum(price * rate) AS revenue, hll_sketch_agg(user_id) AS users
        FROM bids JOIN sites USING (publisher) LEFT JOIN rates ON rates.code = sites.country GROUP BY ALL
    """
    (tmp_path / "bids_daily.sql").write_text(statement)
    sites = pyarrow.table({"publisher": ["a", "b"], "country": ["DE", "FR"]})
    duckdb.sql("SELECT 'DE' AS code, 1.5::DECIMAL(4, 2) AS rate").write_csv(str(tmp_path / "rates.csv"))
    with duckdb_sketch.connect() as connection:
        connection.register("sites", sites)
        connection.execute(f"CREATE VIEW bids AS FROM '{bids}'; CREATE VIEW rates AS FROM '{tmp_path}/rates.csv'")
        types = {name: kind for name, kind, *_ in connection.execute(f"DESCRIBE {statement}").fetchall()}
        expected = content(connection, statement.strip())
    for lookup in (sites, spark.createDataFrame(sites)):
        given = {"bids": spark.read.parquet(str(bids)), "sites": lookup, "rates": tmp_path / "rates.csv"}
        assert of_spark(sketches.rollup(spark, tmp_path / "bids_daily.sql", given), types) == expected


def test_no_row_is_shuffled_but_groups(spark: Any, bids: Path) -> None:
    """Of 5,000 rows that make a few groups, no more are shuffled than partitions have groups."""
    statement = (
        "SELECT date_trunc('year', ts) AS year, publisher, hll_sketch_agg(user_id) AS users FROM bids GROUP BY ALL"
    )
    events = spark.read.option("maxPartitionBytes", 1).parquet(str(bids))
    before = shuffled(spark)
    groups = sketches.rollup(spark, statement, {"bids": events})
    found = groups.toArrow().num_rows
    rows, size = (after - earlier for after, earlier in zip(shuffled(spark), before, strict=True))
    assert 0 < found <= rows <= 9 * events.rdd.getNumPartitions()
    assert 0 < size < 20_000
    plan = groups._jdf.queryExecution().executedPlan().toString()
    assert "price" not in plan.partition("ReadSchema")[2]


def test_states_that_do_not_fit_are_merged_from_several_parts(spark: Any) -> None:
    statement = Specification.parse(
        "SELECT date_trunc('hour', ts) AS hour, hll_sketch_agg(id) AS ids, count(*) AS n FROM events GROUP BY ALL"
    )
    events = spark.range(0, 600_000, 1, 1).selectExpr(
        "id", "timestampadd(SECOND, id % 7000, timestamp_ntz '2024-01-01') AS ts"
    )
    # Half of it are the states of 200,000 rows.
    job = Job(statement, Frame(statement, events), {}, None, memory_limit="64MB")
    assert job.groups.count() == 2
    assert job.partial.count() > 2
    expected = (
        "SELECT hll_sketch_agg(id) FROM range(600_000) t(id) WHERE id % 7000 // 3600 = {} GROUP BY id % 7000 // 3600"
    )
    with duckdb_sketch.connect() as connection:
        for hour, row in enumerate(job.groups.orderBy("hour").collect()):
            assert bytes(row["ids"]) == connection.execute(expected.format(hour)).fetchall()[0][0]


def test_no_events_make_no_groups(spark: Any, bids: Path) -> None:
    events = spark.read.parquet(str(bids))
    assert sketches.rollup(spark, HOURLY, {"bids": events.where("false")}).toArrow().num_rows == 0
    few = sketches.rollup(spark, HOURLY, {"bids": events.limit(3).repartition(5)})  # partitions without rows
    assert few.toArrow().num_rows == 3


@pytest.mark.parametrize(
    ("statement", "sources", "error", "message"),
    [
        (
            "SELECT date_trunc('hour', ts) AS hour, avg(price) AS p FROM bids GROUP BY ALL",
            ["bids"],
            SpecificationError,
            "sum",
        ),
        (
            "SELECT date_trunc('hour', ts) AS hour, sum(cost) AS p FROM bids GROUP BY ALL",
            ["bids"],
            SpecificationError,
            "cost",
        ),
        (
            "SELECT date_trunc('hour', ts) AS hour, [publisher] AS p, count(*) AS n FROM bids GROUP BY ALL",
            ["bids"],
            SpecificationError,
            r"p is VARCHAR\[\]",
        ),
        (HOURLY, [], SourceError, "the source bids is not declared"),
        (
            HOURLY.replace("FROM bids", "FROM bids JOIN sites USING (publisher)"),
            ["bids"],
            SourceError,
            "the source sites is not declared",
        ),
    ],
)
def test_mistakes_come_before_a_job_runs(
    spark: Any, bids: Path, statement: str, sources: list[str], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        sketches.rollup(spark, statement, dict.fromkeys(sources, spark.read.parquet(str(bids))))


def test_a_stream_is_refused(spark: Any, bids: Path) -> None:
    stream = spark.readStream.schema(spark.read.parquet(str(bids)).schema).parquet(str(bids.parent))
    with pytest.raises(SourceError, match=r"stream.*Sink"):
        sketches.rollup(spark, HOURLY, {"bids": stream})


def test_executors_of_another_version_are_refused() -> None:
    with pytest.raises(LoadError, match=rf"the driver has duckdb_sketch 0\.0\.1, and this executor has {__version__}"):
        require_version("0.0.1")
