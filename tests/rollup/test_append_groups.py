"""Groups that were aggregated elsewhere are merged as if their events had been appended."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pyarrow
import pytest
from events import EVENTS, HOURLY, content, everything, table

import duckdb_sketch
from duckdb_sketch.rollup import Rollup, RollupError, SourceError

#: What a cluster adds, so that nothing is lost of what a refresh knows.
MORE = "count(*) AS duckdb_sketch_rows, max(ts) AS duckdb_sketch_latest"


@pytest.fixture
def rollup() -> Iterator[Rollup]:
    with Rollup.from_sql(HOURLY, name="hourly") as rollup:
        yield rollup


@pytest.fixture
def clean() -> Iterator[Rollup]:
    with Rollup.from_sql(HOURLY, name="hourly") as rollup:
        yield rollup


def events(first: int, last: int) -> pyarrow.Table:
    return duckdb.sql(EVENTS.format(first=first, last=last)).to_arrow_table()


def groups(first: int, last: int, statement: str = HOURLY, columns: str = "*") -> pyarrow.Table:
    """What another DuckDB makes of some events."""
    with duckdb_sketch.connect() as connection:
        query = statement.replace("FROM bids", f"FROM ({EVENTS.format(first=first, last=last)}) AS bids")
        return connection.sql(f"SELECT {columns} FROM ({query})").to_arrow_table()


def test_groups_and_events_alternate(rollup: Rollup, clean: Rollup) -> None:
    statement = HOURLY.replace("\nFROM bids", f", {MORE} FROM bids")
    rollup.append_groups(groups(300, 900, statement), events=events(0, 0), batch_id="a")
    days = rollup.coarsen("day", "daily")
    rollup.append(events(0, 350))
    again = groups(800, 1200, statement)
    done = rollup.append_groups(pyarrow.concat_tables([again.slice(0, 50), again.slice(50)]), batch_id="b")
    assert done.rows == 400
    clean.append(pyarrow.concat_tables([events(300, 900), events(0, 350), events(800, 1200)]))
    assert table(rollup) == table(clean)
    assert table(days) == table(clean.coarsen("day", "daily"))
    assert rollup.status()[0].watermark == clean.status()[0].watermark
    assert rollup.status()[0].rows == clean.status()[0].rows
    assert rollup.append_groups(again, batch_id="b").rows == 0
    assert table(rollup) == table(clean)
    assert (rollup.has_batch("a"), rollup.has_batch("b"), rollup.has_batch("c")) == (True, True, False)
    with pytest.raises(RollupError, match=r"(was|were) appended"):
        rollup.replay()


def test_groups_alone_make_nothing_final_that_is_not(rollup: Rollup, clean: Rollup) -> None:
    """The rows are counted by count(*), and the watermark is at the start of the last bucket."""
    done = rollup.append_groups(groups(0, 200), events=events(0, 0))
    clean.append(events(0, 200))
    assert done.rows == 200
    assert table(rollup) == table(clean)
    assert done.watermark is not None
    last = rollup.status()[0].last_bucket
    assert (done.watermark, clean.status()[0].watermark > done.watermark) == (last, True)


@pytest.mark.parametrize("more", ["", f", {MORE}"])
def test_a_group_in_several_rows(more: str) -> None:
    """Of many events each; the last bucket is in both parts."""
    statement = (
        f"SELECT ts::DATE AS day, count(*) AS bids, hll_sketch_agg(user_id) AS users{more} FROM bids GROUP BY ALL"
    )
    kept = statement.replace(more, "")
    parts = pyarrow.concat_tables([groups(0, 225, statement), groups(225, 230, statement)])
    with Rollup.from_sql(kept, name="daily") as rollup, Rollup.from_sql(kept, name="daily") as clean:
        done = rollup.append_groups(parts, events=events(0, 0))
        once = clean.append(events(0, 230))
        assert (done.rows, table(rollup)) == (230, table(clean))
        assert done.watermark == (once.watermark if more else rollup.status()[0].last_bucket)


def test_events_that_nobody_counted() -> None:
    """Without a number of events a row is one."""
    statement = "SELECT ts::DATE AS day, publisher, hll_sketch_agg(user_id) AS users FROM bids GROUP BY ALL"
    made = groups(0, 230, statement)
    with Rollup.from_sql(statement, name="daily") as rollup:
        assert rollup.append_groups(made, events=events(0, 0)).rows == made.num_rows


def test_types_that_others_do_not_have() -> None:
    """HUGEINT comes as DECIMAL, and an ENUM, a UUID or an unsigned number as what Spark has for them."""
    statement = """
        SELECT ts::DATE AS day, (user_id % 2)::UTINYINT AS odd, publisher::ENUM('a', 'b') AS publisher,
            sum(user_id) AS total, max(md5(publisher)::UUID) AS highest
        FROM bids GROUP BY ALL
    """
    columns = "day, odd::SMALLINT AS odd, publisher::VARCHAR AS publisher, total::DECIMAL(38, 0) AS total, "
    columns += "highest::VARCHAR AS highest"
    with Rollup.from_sql(statement, name="daily") as rollup, Rollup.from_sql(statement, name="daily") as clean:
        rollup.append_groups(groups(0, 200, statement, columns), events=events(0, 0))
        rollup.append(events(200, 300))
        clean.append(events(0, 300))
        assert table(rollup) == table(clean)


def test_times_without_their_zone_are_in_utc() -> None:
    statement = "SELECT date_trunc('day', ts) AS day, count(*) AS n FROM bids GROUP BY ALL"
    zoned = duckdb.sql(
        f"SELECT * REPLACE (timezone('UTC', ts) AS ts) FROM ({EVENTS.format(first=0, last=300)})"
    ).to_arrow_table()
    with (
        Rollup.from_sql(statement, name="daily", time_zone="Europe/Berlin") as rollup,
        Rollup.from_sql(statement, name="daily", time_zone="Europe/Berlin") as clean,
    ):
        clean.append(zoned)
        made = clean.connection.sql("SELECT timezone('UTC', day) AS day, n FROM daily").to_arrow_table()
        rollup.append_groups(made, events=zoned)
        assert table(rollup) == table(clean)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("* EXCLUDE (bids)", "the groups have no column bids"),
        ("*, 1 AS clicks", "the groups have a column clicks, and the rollup hourly has none"),
        ("* REPLACE (hll_sketch_estimate(users) AS users)", "users of the groups is BIGINT, .* BLOB: give the states"),
        ("* REPLACE (hour + INTERVAL 1 MINUTE AS hour)", "where no hour of hourly begins"),
        ("* REPLACE ('abc'::BLOB AS users)", "the data: .*hll_union_agg"),
        ("* REPLACE ('many' AS bids)", "the data: .*many"),
    ],
)
def test_what_is_no_group_of_it_is_refused(rollup: Rollup, columns: str, message: str) -> None:
    rollup.append(events(0, 100))
    before = everything(rollup.connection)
    with pytest.raises(SourceError, match=message):
        rollup.append_groups(groups(0, 100, columns=columns), batch_id="bad")
    assert everything(rollup.connection) == before
    assert rollup.append_groups(groups(0, 100), batch_id="bad").rows == 100


def test_the_first_batch_needs_to_know_the_events(rollup: Rollup) -> None:
    with pytest.raises(SourceError, match=r"there is no rollup hourly yet, .*: give events"):
        rollup.append_groups(groups(0, 100))
    other = duckdb.sql("SELECT now()::TIMESTAMP AS ts, 'a' AS publisher, 'u' AS user_id, 1.5 AS price").to_arrow_table()
    rollup.append_groups(groups(0, 100), events=duckdb.sql(EVENTS.format(first=0, last=0)))
    with pytest.raises(SourceError, match="column user_id is VARCHAR, and in what was counted before it is BIGINT"):
        rollup.append_groups(groups(0, 100), events=other)


def test_sparks_own_states_become_ours(rollup: Rollup) -> None:
    """Its images are longer, and merged they are the canonical bytes."""
    spark = bytes.fromhex("0201070c03000308cbd7c2042bf2fb06862ff90d0000000000000000000000000000000000000000")
    statement = "SELECT date_trunc('hour', ts) AS hour, hll_sketch_agg(user_id) AS users FROM bids GROUP BY ALL"
    made = duckdb.sql("SELECT TIMESTAMP '2024-01-01' AS hour, $1::BLOB AS users", params=[spark]).to_arrow_table()
    with Rollup.from_sql(statement, name="users") as users:
        users.append_groups(made, events=events(0, 0))
        ours = "SELECT TIMESTAMP '2024-01-01' AS hour, hll_sketch_agg(i) AS users FROM range(3) t(i)"
        assert content(users.connection, "SELECT * FROM users") == content(users.connection, ours)
