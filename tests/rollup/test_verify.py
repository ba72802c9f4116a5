"""Verifying a rollup: nothing is found where nothing is wrong, and each kind of damage is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from queries import rows, value

from duckdb_sketch.rollup import ChangedStatementError, ManifestError, Rollup, RollupError, Verified
from duckdb_sketch.rollup.verification.comparison import QUANTILES
from duckdb_sketch.rollup.verification.reading import altered
from duckdb_sketch.rollup.verification.verified import DistinctColumn, DistributionColumn

STATEMENT = """
    SELECT date_trunc('hour', ts) AS hour, part, count(*) AS n, sum(x) AS total, min(x) AS low, max(x) AS high,
        bool_or(x > 50) AS large, bit_xor(i) AS parity, sum(x) FILTER (WHERE i % 2 = 0) AS even,
        hll_sketch_agg(i) AS users, hll_sketch_agg(name, 14) FILTER (WHERE i % 3 = 0) AS names,
        approx_histogram_agg(x) AS xs, approx_histogram_agg(x, 5) FILTER (WHERE x < 70) AS small
    FROM events GROUP BY ALL
"""


def write_day(folder: Path, day: int, events: int = 3000, *, zoned: bool = False, name: str = "day") -> Path:
    """A file of events over a day and some hours of the next, of three parts, one of them NULL."""
    path = folder / f"{name}{day:02}.parquet"
    kind = "TIMESTAMPTZ" if zoned else "TIMESTAMP"
    duckdb.sql(f"""
        COPY (
            SELECT CAST(TIMESTAMP '2024-10-26' + INTERVAL ({day}) day + INTERVAL (i * 32) second AS {kind}) AS ts,
                CASE WHEN i % 3 > 0 THEN 'part ' || i % 3 END AS part, i * 7919 % 10007 AS i,
                CASE WHEN i % 7 > 0 THEN 'name ' || i % 601 ELSE '' END AS name,
                CASE WHEN i % 11 > 0 THEN (hash(i) % 1000)::DOUBLE ** 1.5 / 100 END AS x
            FROM range({events}) s(i)
        ) TO '{path}'
    """)
    return path


def open_rollup(folder: Path, statement: str = STATEMENT, pattern: str = "*.parquet", **options: object) -> Rollup:
    sources = {"events": str(folder / pattern)}
    return Rollup.from_sql(
        statement,
        name="hourly",
        sources=sources,
        database=folder / "rollup.duckdb",
        **options,  # type: ignore[arg-type]
    )


@pytest.fixture
def rollup(tmp_path: Path) -> Iterator[Rollup]:
    """Three days that overlap, counted one after the other, so that states were merged."""
    with open_rollup(tmp_path) as made:
        for day in range(3):
            write_day(tmp_path, day)
            made.refresh()
        yield made


def distinct(verified: Verified, name: str) -> DistinctColumn:
    column = verified.column(name)
    assert isinstance(column, DistinctColumn)
    return column


def distribution(verified: Verified, name: str) -> DistributionColumn:
    column = verified.column(name)
    assert isinstance(column, DistributionColumn)
    return column


def test_nothing_is_wrong(rollup: Rollup) -> None:
    verified = rollup.verify(sample=1000)
    assert verified.ok, str(verified)
    con = rollup.connection
    assert len(verified.buckets) == value(con, "SELECT count(DISTINCT hour) FROM hourly")
    assert verified.groups == value(con, "SELECT count(*) FROM hourly")
    assert [column.name for column in verified.columns] == rollup.table().columns[2:]
    assert {column.groups for column in verified.columns} == {verified.groups}
    assert (verified.missing.count, verified.unexpected.count, verified.repeated.count) == (0, 0, 0)
    assert (verified.skipped_appended, verified.skipped_files, verified.notes) == (0, 0, ())


def test_errors_of_sketches_are_real(rollup: Rollup) -> None:
    verified = rollup.verify(sample=1000)
    names = distinct(verified, "names")
    assert names.expected_error == pytest.approx(1.04 / 2**7)
    assert names.mean_error is not None
    assert names.worst_error is not None
    assert names.mean_error <= names.worst_error < 0.01
    assert names.within_2 <= names.within_3 == names.groups
    xs, small = distribution(verified, "xs"), distribution(verified, "small")
    assert [quantile.q for quantile in xs.quantiles] == list(QUANTILES)
    for quantile in (*xs.quantiles, *small.quantiles):
        assert quantile.groups == quantile.inside == verified.groups
    assert max(quantile.worst or 0 for quantile in small.quantiles) > max(q.worst or 0 for q in xs.quantiles)
    assert "one standard error is 0.81%" in str(verified)


def test_errors_are_those_of_a_calculation_by_hand(tmp_path: Path) -> None:
    """One bucket of the values 1 to 1000, in a histogram of 10 bins and a sketch of 16 registers."""
    statement = """
        SELECT date_trunc('year', ts) AS year, hll_sketch_agg(x, 4) AS users, approx_histogram_agg(x, 10) AS xs
        FROM events GROUP BY ALL
    """
    duckdb.sql(f"COPY (SELECT DATE '2024-01-01' AS ts, i AS x FROM range(1, 1001) s(i)) TO '{tmp_path}/all.parquet'")
    with open_rollup(tmp_path, statement) as made:
        made.refresh()
        verified = made.verify()
        sketches = rows(
            made.connection,
            "SELECT hll_sketch_bounds(users, 1).estimate, "
            f"approx_histogram_quantile(xs, {list(QUANTILES)}) FROM hourly",
        )
    [(estimate, answers)] = sketches
    users = distinct(verified, "users")
    assert users.worst_error == users.mean_error == pytest.approx(abs(estimate - 1000) / 1000)
    assert users.expected_error == pytest.approx(0.26)
    for found, answer in zip(distribution(verified, "xs").quantiles, answers, strict=True):
        below, up_to = -(-answer // 1) - 1, answer // 1
        error = max(below / 1000 - found.q, found.q - up_to / 1000, 0)
        assert (found.mean, found.worst) == (pytest.approx(error), pytest.approx(error)), found
        assert found.equal == (round(found.q * 1000) == answer)
    assert verified.ok


def test_sample_is_seeded(rollup: Rollup) -> None:
    first = rollup.verify(sample=5, seed=1)
    assert len(first.buckets) == 5
    assert rollup.verify(sample=5, seed=1) == first
    assert rollup.verify(sample=5, seed=2).buckets != first.buckets
    with pytest.raises(RollupError, match="1 or more, not 0"):
        rollup.verify(sample=0)


def test_nothing_is_written(rollup: Rollup, tmp_path: Path) -> None:
    tables = (
        "SELECT table_name, temporary FROM duckdb_tables() "
        "UNION ALL SELECT view_name, temporary FROM duckdb_views() ORDER BY ALL"
    )
    connection = rollup._connection
    before = rows(connection, tables), rollup.status(), rows(connection, "FROM hourly ORDER BY ALL")
    rollup.verify()
    assert (rows(connection, tables), rollup.status(), rows(connection, "FROM hourly ORDER BY ALL")) == before
    connection.execute("BEGIN")  # there is no transaction open
    connection.execute("ROLLBACK")
    write_day(tmp_path, 5)
    assert rollup.refresh().rows == 3000
    assert rollup.verify().ok


@pytest.mark.parametrize("every", ["hour", "day"])
def test_buckets_of_a_time_zone_over_a_change_of_the_clock(tmp_path: Path, every: str) -> None:
    statement = STATEMENT.replace("'hour'", f"'{every}'")
    with open_rollup(tmp_path, statement, time_zone="Europe/Berlin") as made:
        for day in range(3):
            write_day(tmp_path, day, zoned=True)
            made.refresh()
        verified = made.verify(sample=1000)
        assert verified.ok, str(verified)
        assert verified.groups == value(made.connection, "SELECT count(*) FROM hourly")


def test_the_hour_that_comes_twice_is_whole(tmp_path: Path) -> None:
    """Its bucket begins with the second one, after the events of the first."""
    duckdb.sql(f"""
        COPY (SELECT TIMESTAMPTZ '2024-10-27 00:00:00+00' + INTERVAL (i) minute AS ts, i FROM range(120) s(i))
        TO '{tmp_path}/night.parquet'
    """)
    statement = "SELECT date_trunc('hour', ts) AS hour, count(*) AS n, hll_sketch_agg(i) AS u FROM events GROUP BY ALL"
    with open_rollup(tmp_path, statement, time_zone="Europe/Berlin") as made:
        made.refresh()
        verified = made.verify()
        assert (len(verified.buckets), verified.ok) == (1, True), str(verified)


@pytest.mark.parametrize(
    "time",
    [
        "time_bucket(INTERVAL '2 days', ts, TIMESTAMP '2024-01-01 06:00')",
        "CAST(date_trunc('month', ts) AS DATE)",
        "ts::DATE",
    ],
)
def test_buckets_of_all_kinds(tmp_path: Path, time: str) -> None:
    for day in range(3):
        write_day(tmp_path, day)
    with open_rollup(tmp_path, STATEMENT.replace("date_trunc('hour', ts)", time)) as made:
        made.refresh()
        verified = made.verify()
        assert verified.ok, str(verified)
        assert verified.groups == value(made.connection, "SELECT count(*) FROM hourly")


def test_files_of_several_kinds_and_a_lookup(tmp_path: Path) -> None:
    path = write_day(tmp_path, 0)
    for number, name in enumerate(["a.csv", "b.jsonl"]):
        kind = "FORMAT csv" if name == "a.csv" else "FORMAT json"
        day = f"ts + INTERVAL ({number}) hour AS ts"
        duckdb.sql(f"COPY (SELECT * REPLACE ({day}) FROM '{path}') TO '{tmp_path / name}' ({kind})")
    path.unlink()
    statement = """
        SELECT date_trunc('hour', e.ts) AS hour, place, count(*) AS n, hll_sketch_agg(e.name) AS names,
            approx_histogram_agg(e.x) AS xs
        FROM events AS e LEFT JOIN places AS p ON p.part = e.part WHERE e.i > 100 GROUP BY ALL
    """
    places = duckdb.sql("SELECT 'part 1' AS part, 'Berlin' AS place").to_arrow_table()
    with Rollup.from_sql(
        statement, name="hourly", sources={"events": [f"{tmp_path}/*.csv", f"{tmp_path}/*.jsonl"], "places": places}
    ) as made:
        made.refresh()
        verified = made.verify(sample=100)
        assert verified.ok, str(verified)
        assert verified.notes == ("places as of now, not as of when rows were counted",)


def test_unions_of_sketches(tmp_path: Path) -> None:
    with open_rollup(tmp_path, pattern="day*.parquet") as made:
        write_day(tmp_path, 0)
        made.refresh()
        made.connection.execute(f"COPY hourly TO '{tmp_path}/states.parquet'")
    statement = """
        SELECT date_trunc('day', hour) AS day, part, sum(n) AS n, hll_union_agg(users) AS users,
            approx_histogram_union_agg(xs) AS xs
        FROM events GROUP BY ALL
    """
    with Rollup.from_sql(statement, name="daily", sources={"events": f"{tmp_path}/states.parquet"}) as daily:
        daily.refresh()
        assert daily.verify().ok
        daily.connection.execute("UPDATE daily SET users = (SELECT hll_sketch_agg(1)), xs = NULL WHERE part IS NULL")
        verified = daily.verify()
        assert not verified.ok
        assert [column.differ for column in verified.columns] == [0, 2, 2]


DAMAGES = {
    "a count": ("UPDATE hourly SET n = n + 1", "n", 1),
    "a count of nothing": ("UPDATE hourly SET n = NULL", "n", 1),
    "a sum": ("UPDATE hourly SET total = total * 1.000001", "total", 1),
    "a minimum": ("UPDATE hourly SET low = low - 1", "low", 1),
    "a truth": ("UPDATE hourly SET large = NOT large", "large", 1),
    "a sketch": ("UPDATE hourly SET users = (SELECT hll_sketch_agg(i) FROM range(90) s(i))", "users", 1),
    "a sketch of other precision": ("UPDATE hourly SET names = (SELECT hll_sketch_agg('name 1'))", "names", 1),
    "no sketch": ("UPDATE hourly SET users = 'no sketch'::BLOB", "users", 1),
    "a histogram": ("UPDATE hourly SET xs = (SELECT approx_histogram_agg(i) FROM range(100) s(i))", "xs", 1),
    "no histogram": ("UPDATE hourly SET xs = 'no histogram'::BLOB", "xs", 1),
    "a histogram that is NULL": ("UPDATE hourly SET small = NULL", "small", 1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_found(rollup: Rollup, damage: str) -> None:
    statement, name, count = DAMAGES[damage]
    where = "hour = TIMESTAMP '2024-10-27 01:00' AND part IS NULL"
    rollup.connection.execute(f"{statement} WHERE {where}")
    verified = rollup.verify(sample=1000)
    assert not verified.ok
    assert [(column.name, column.differ) for column in verified.columns if not column.ok] == [(name, count)]
    example = verified.column(name).example
    assert example is not None
    assert str(example.group) == "2024-10-27 01:00:00, part None"
    assert str(example) in str(verified)
    assert "NOT as promised" in str(verified)


def test_a_histogram_of_the_right_count_and_extremes_is_found_by_its_brackets(rollup: Rollup) -> None:
    where = "hour = '2024-10-27 01:00' AND part IS NULL"
    rollup.connection.execute(f"""
        UPDATE hourly SET xs = (
            SELECT approx_histogram_agg(CASE WHEN i = 0 THEN s.min ELSE s.max END)
            FROM (SELECT approx_histogram_stats(xs) AS s FROM hourly WHERE {where}), range(s.count::BIGINT) r(i)
        ) WHERE {where}
    """)
    verified = rollup.verify(sample=1000)
    xs = distribution(verified, "xs")
    assert (xs.differ, xs.ok, verified.ok) == (0, False, False)
    assert [found.q for found in xs.quantiles if found.inside < found.groups] == [0.05, 0.25, 0.5, 0.75, 0.95]


@pytest.mark.parametrize(
    ("damage", "counts"),
    [
        ("DELETE FROM hourly WHERE hour = '2024-10-27 01:00' AND part IS NULL", (1, 0, 0)),
        ("DELETE FROM hourly WHERE hour = '2024-10-27 01:00'", (3, 0, 0)),
        ("UPDATE hourly SET part = 'part 3' WHERE hour = '2024-10-27 01:00' AND part IS NULL", (1, 1, 0)),
        ("INSERT INTO hourly FROM hourly WHERE hour = '2024-10-27 01:00' AND part IS NULL", (0, 0, 1)),
        ("INSERT INTO hourly BY NAME SELECT TIMESTAMP '2020-01-01' AS hour, 1 AS n", (0, 1, 0)),
    ],
)
def test_groups_on_one_side_are_found(rollup: Rollup, damage: str, counts: tuple[int, int, int]) -> None:
    rollup.connection.execute(damage)
    verified = rollup.verify(sample=1000)
    assert (verified.missing.count, verified.unexpected.count, verified.repeated.count) == counts
    assert not verified.ok
    if counts[0] == 1:
        assert str(verified.missing.example) == "2024-10-27 01:00:00, part None"


def test_sums_differ_by_order_alone(tmp_path: Path) -> None:
    """Numbers that cancel: what is left is as small as the error."""
    for number in range(2):
        values = "(CASE WHEN i % 2 = 0 THEN 1 ELSE -1 END) * (1e16 + i * 0.1)"
        query = f"SELECT DATE '2024-01-01' AS ts, {values} AS x FROM range({number}, 1001) s(i)"
        duckdb.sql(f"COPY ({query}) TO '{tmp_path}/{number}.parquet'")
    with open_rollup(tmp_path, "SELECT date_trunc('day', ts) AS day, sum(x) AS x FROM events GROUP BY ALL") as made:
        made.refresh()
        made.connection.execute("UPDATE hourly SET x = x + 1")
        assert made.verify().ok
        made.connection.execute("UPDATE hourly SET x = x + 1e13")
        assert not made.verify().ok


def test_buckets_with_appended_rows_are_skipped(rollup: Rollup, tmp_path: Path) -> None:
    late = duckdb.sql(f"FROM '{tmp_path}/day00.parquet' WHERE ts BETWEEN '2024-10-26 05:30' AND '2024-10-26 06:30'")
    rollup.append(late.to_arrow_table())
    verified = rollup.verify(sample=1000)
    assert verified.ok, str(verified)
    assert verified.skipped_appended >= 2
    assert "with appended rows, which no file has" in str(verified)
    buckets = value(rollup.connection, "SELECT count(DISTINCT hour) FROM hourly")
    assert len(verified.buckets) + verified.skipped_appended == buckets


def test_nothing_is_known_where_all_was_appended(tmp_path: Path) -> None:
    with Rollup.from_sql(STATEMENT, name="hourly") as made:
        made.append(duckdb.sql(f"FROM '{write_day(tmp_path, 0)}'").to_arrow_table())
        verified = made.verify()
    assert (verified.ok, verified.buckets, verified.skipped_appended) == (False, (), 27)
    assert "nothing could be compared" in str(verified)


@pytest.mark.parametrize("gone", [True, False])
def test_files_that_are_gone_or_changed_are_skipped(rollup: Rollup, tmp_path: Path, gone: bool) -> None:
    if gone:
        (tmp_path / "day01.parquet").unlink()
    else:
        write_day(tmp_path, 1, 2999)
    verified = rollup.verify(sample=1000)
    assert verified.ok, str(verified)
    assert verified.skipped_files > 20
    first, last = min(verified.buckets), max(verified.buckets)
    assert (first.isoformat(), last.isoformat()) == ("2024-10-26T00:00:00", "2024-10-29T02:00:00")


def test_rows_that_were_dropped_as_late_are_no_damage(tmp_path: Path) -> None:
    with open_rollup(tmp_path, late="drop") as made:
        for day in (1, 2):
            write_day(tmp_path, day)
            made.refresh()
        write_day(tmp_path, 0, name="late")
        made.refresh()
        write_day(tmp_path, 1, 2000, name="later")
        assert made.refresh().dropped_rows == 2000
        verified = made.verify(sample=1000)
        assert verified.ok, str(verified)
        assert "rows that came late and were dropped are left out here as well" in verified.notes[0]
        made.connection.execute("UPDATE hourly SET n = n + 1 WHERE hour = '2024-10-28 01:00'")
        assert made.verify(sample=1000).column("n").differ == 3


def test_dropped_rows_that_a_rebuild_counted_are_to_be_there(tmp_path: Path) -> None:
    with open_rollup(tmp_path, late="drop") as made:
        for day in (1, 2):
            write_day(tmp_path, day)
            made.refresh()
        write_day(tmp_path, 1, 2000, name="later")
        made.refresh()
        write_day(tmp_path, 1, 2900)
        made.refresh(on_change="rebuild")
        verified = made.verify(sample=1000)
        assert verified.ok, str(verified)


def test_expired_buckets_are_not_missed(rollup: Rollup) -> None:
    rollup.expire("1 day")
    verified = rollup.verify(sample=1000)
    assert verified.ok, str(verified)
    assert len(verified.buckets) == value(rollup.connection, "SELECT count(DISTINCT hour) FROM hourly")


def test_what_is_not_there_yet(tmp_path: Path) -> None:
    with open_rollup(tmp_path) as made, pytest.raises(ManifestError, match="there is no rollup hourly"):
        made.verify()


def test_another_statement(rollup: Rollup, tmp_path: Path) -> None:
    rollup.close()
    with (
        open_rollup(tmp_path, STATEMENT.replace("i % 3", "i % 4")) as made,
        pytest.raises(ChangedStatementError, match="was made with another statement"),
    ):
        made.verify()


@pytest.mark.parametrize(
    ("kind", "text", "changed"),
    [
        ("TIMESTAMP", "2026-01-01 00:00:00.1234567", True),
        ("TIMESTAMP_S", "2026-01-01 00:00:00.5", True),
        ("TIMESTAMP_MS", "2026-01-01 00:00:00.5", False),
        ("TIMESTAMP", "2026-01-01", False),
        ("TIMESTAMP", "12026-01-01", False),  # which no nanoseconds reach
        ("TIMESTAMP", "infinity", False),
        ("DATE", "2026-01-01 10:00:00", True),
        ("DATE", "2026-01-01", False),
        ("BIGINT", "1.5", True),
        ("BIGINT", "15", False),
        ("DOUBLE", "9007199254740993", True),
        ("DOUBLE", "9007199254740992", False),
        ("DECIMAL(4,1)", "1.25", True),
        ("DECIMAL(4,1)", "1.2", False),
    ],
)
def test_a_text_is_another_value_in_a_type_that_rounds_it(kind: str, text: str, changed: bool) -> None:
    condition = altered("text", kind)
    (found,) = duckdb.execute(f"SELECT coalesce({condition}, false) FROM (SELECT $1 AS text)", [text]).fetchall()
    assert found == (changed,)
