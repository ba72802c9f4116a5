"""Databases with rollups in all states that jobs leave them in, the events behind them, and queries over those."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow

import duckdb_sketch
from duckdb_sketch._sql import quote
from duckdb_sketch.cube import Cube
from duckdb_sketch.rollup import Rollup

_METRICS = """count(*) AS bids, count(price) AS priced, sum(price) AS revenue, sum(size) AS sizes, min(price) AS lowest,
    max(size) AS largest, hll_sketch_agg(user_id) AS users, approx_histogram_agg(price::DOUBLE) AS prices,
    count(*) FILTER (WHERE kind = 'click') AS clicks, bool_or(ok) AS any_ok"""

#: Statements, each with the units of time that its buckets make up.
STATEMENTS = {
    "hourly": f"SELECT date_trunc('hour', ts) AS hour, country, kind, {_METRICS} FROM bids GROUP BY ALL",
    "by_country": f"SELECT date_trunc('hour', ts) AS hour, country, {_METRICS} FROM bids GROUP BY ALL",
    "daily": f"SELECT date_trunc('day', ts) AS day, upper(country) AS land, {_METRICS} FROM bids GROUP BY ALL",
    "quarters": f"SELECT time_bucket(INTERVAL '15 minutes', ts) AS t, country, {_METRICS} FROM bids GROUP BY ALL",
    "german": f"SELECT date_trunc('hour', ts) AS hour, kind, {_METRICS} FROM bids WHERE country = 'de' GROUP BY ALL",
}
LEVELS = {
    "hourly": [("day", None), ("month", ["country"])],
    "by_country": [("day", None), ("month", [])],
    "daily": [("month", None)],
    "quarters": [("hour", None), ("day", ["country"])],
    "german": [("day", [])],
}
_NAIVE = [datetime(2024, 1, 30), datetime(2024, 3, 3)]
_ZONED = [datetime(2024, 3, 29), datetime(2024, 4, 2), datetime(2024, 10, 25), datetime(2024, 10, 30)]


@dataclass
class Scenario:
    """One database.

    Attributes:
        seed: Makes it.
        zone: The zone of the event times; None if they have none.
        folder: For its files.
        appended: Events that are in no file.
        statements: The names of the rollups.
        log: What was done.
    """

    seed: int
    zone: str | None
    folder: Path
    random: random.Random = field(init=False)
    appended: list[dict[str, Any]] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    @property
    def database(self) -> Path:
        return self.folder / "rollups.duckdb"

    @property
    def files(self) -> str:
        return str(self.folder / "bids-*.parquet")

    def build(self) -> None:
        """Write files, and count most of them."""
        rng = self.random
        self.statements = rng.sample(list(STATEMENTS), rng.choice([1, 1, 2]))
        late = rng.choice(["merge", "merge", "drop"])
        self._write(0)
        self._write(1)
        for name in self.statements:
            with self._rollup(name, late) as rollup:
                rollup.refresh()
                parent = rollup
                for every, by in LEVELS[name][: rng.randint(0, 2)]:
                    parent = parent.coarsen(every, f"{name}_{every}", by)
        for number in range(2, 2 + rng.randint(0, 2)):
            self._write(number)
            for name in self.statements:
                if rng.random() < 0.8:
                    levels = rng.random() < 0.8
                    self.log.append(f"refresh {name} levels={levels}")
                    with self._rollup(name, late) as rollup:
                        rollup.refresh(levels=levels)
        if rng.random() < 0.3:
            self._append(late)
        if rng.random() < 0.4:
            self._expire(late)
        if rng.random() < 0.6:
            self._write(9)

    def _rollup(self, name: str, late: str) -> Rollup:
        return Rollup.from_sql(
            STATEMENTS[name],
            sources={"bids": self.files},
            database=self.database,
            name=name,
            late=late,  # type: ignore[arg-type]
            time_zone=self.zone,
        )

    def _append(self, late: str) -> None:
        self.appended = [row for row in self._events(20) if self._is_sane(row["ts"])]
        if late == "drop":
            self.appended = []
            return
        self.log.append("append")
        for name in self.statements:
            with self._rollup(name, late) as rollup:
                rollup.append(self.table(self.appended), batch_id="more")

    def _expire(self, late: str) -> None:
        rng = self.random
        name = rng.choice(self.statements)
        times = [row["ts"] for row in self._events(5) if self._is_sane(row["ts"])]
        if not times:
            return
        self.log.append(f"expire {name} {times[0]}")
        with self._rollup(name, late) as rollup:
            rollup.expire(before=times[0])

    def _is_sane(self, time: datetime | None) -> bool:
        return time is not None and 1900 < time.year < 2200

    def _write(self, number: int) -> None:
        path = self.folder / f"bids-{number}.parquet"
        rows = self._events(self.random.randint(1, 60))
        self.log.append(f"write {number}: {len(rows)} rows")
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.register("events", self.table(rows))
            connection.execute(f"COPY (FROM events) TO {quote(path)}")

    def _events(self, count: int) -> list[dict[str, Any]]:
        rng = self.random
        return [
            {
                "ts": self._time(),
                "country": rng.choice(["de", "fr", "it", None]),
                "kind": rng.choice(["view", "click", None]),
                "user_id": rng.choice([None, *range(30)]),
                "price": rng.choice([None, *(i / 4 for i in range(40))]),
                "size": rng.choice([None, *range(-5, 100)]),
                "ok": rng.choice([None, True, False, False]),
            }
            for _ in range(count)
        ]

    def _time(self) -> datetime | None:
        rng = self.random
        if rng.random() < 0.04:
            return rng.choice([None, datetime(1850, 5, 1), datetime(2300, 1, 1)])
        ends = _ZONED if self.zone else _NAIVE
        start = rng.choice(range(0, len(ends), 2))
        width = ends[start + 1] - ends[start]
        minutes = int(width.total_seconds() // 60)
        time = ends[start] + timedelta(minutes=rng.randrange(minutes))
        return rng.choice([time, time.replace(minute=0), time.replace(hour=0, minute=0)])

    def table(self, rows: Sequence[dict[str, Any]]) -> pyarrow.Table:
        """Events as an Arrow table."""
        schema = pyarrow.schema(
            [
                ("ts", pyarrow.timestamp("us", tz="UTC" if self.zone else None)),
                ("country", pyarrow.string()),
                ("kind", pyarrow.string()),
                ("user_id", pyarrow.int64()),
                ("price", pyarrow.float64()),
                ("size", pyarrow.int32()),
                ("ok", pyarrow.bool_()),
            ]
        )
        table = pyarrow.Table.from_pylist(list(rows), schema=schema)
        return table.set_column(4, "price", table["price"].cast(pyarrow.decimal128(8, 2)))

    @contextmanager
    def raw(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection with all events as the table `bids`."""
        with duckdb_sketch.connect() as connection:
            connection.execute(f"SET TimeZone = {quote(self.zone or 'UTC')}")
            connection.register("appended", self.table(self.appended))
            connection.execute(
                f"CREATE TABLE bids AS FROM read_parquet({quote(self.files)}) UNION ALL BY NAME FROM appended"
            )
            yield connection

    def cube(self) -> Cube:
        return Cube(self.database, sources={"bids": self.files})


@dataclass
class Query:
    """A query, and what of it can be compared.

    Attributes:
        text: The query, as a cube is asked it.
        exact: The same query, in which estimates are those of exact sketches of the events.
    """

    text: str
    exact: str


_AGGREGATES = {
    "count(*)": None,
    "count(price)": None,
    "sum(price)": None,
    "sum(size)": None,
    "avg(price)": "sum(price)::DOUBLE / count(price)",
    "min(price)": None,
    "max(size)": None,
    "bool_or(ok)": None,
    "hll_sketch_agg(user_id)": None,
    "count(DISTINCT user_id)": "hll_sketch_estimate(hll_sketch_agg(user_id))",
    "approx_count_distinct(user_id)": "hll_sketch_estimate(hll_sketch_agg(user_id))",
    "count(*) FILTER (WHERE kind = 'click')": None,
    "count(*) + 1": None,
    "coalesce(sum(price), 0)": None,
}
_OF_COUNTRY = {
    "count(*) FILTER (WHERE country = 'de')": None,
    "count(DISTINCT country)": None,
    "max(country)": None,
    "sum(size) FILTER (WHERE country <> 'fr')": None,
}


class Queries:
    """Generates queries that some rollup has the metrics and dimensions for.

    Args:
        scenario: The database that they are for.
        seed: Makes them.
    """

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._random = random.Random(seed)
        self._scenario = scenario

    def next(self) -> Query:
        """Another query."""
        rng = self._random
        name = rng.choice(self._scenario.statements)
        block, exact = self._block(name)
        form = rng.random()
        if form < 0.6:
            return Query(block, exact)
        if form < 0.7:
            wrapped = "WITH rolled AS ({}) SELECT count(*) AS n FROM rolled"
        elif form < 0.8:
            wrapped = "SELECT * FROM ({}) AS rolled"
        elif form < 0.9:
            other, other_exact = self._block(name)
            both = "SELECT count(*) AS n FROM ({}) UNION ALL SELECT count(*) AS n FROM ({})"
            return Query(both.format(block, other), both.format(exact, other_exact))
        else:
            counted = "(SELECT count(*) AS n FROM ({})) AS a"
            wrapped = f"SELECT a.n, b.n AS m FROM {counted}, (SELECT count(*) AS n FROM bids) AS b"
        return Query(wrapped.format(block), wrapped.format(exact))

    def quantiles(self) -> tuple[str, str, int]:
        """A query for quantiles and their bounds, one for the exact ones, and how many keys come before them."""
        rng = self._random
        name = rng.choice(self._scenario.statements)
        grouped = rng.sample(self._keys(name), rng.randint(0, 2))
        keys = "".join(f"{key} AS c{i}, " for i, key in enumerate(grouped))
        q = rng.choice([0, 0.1, 0.5, 0.95, 1])
        asked = rng.choice([f"quantile_cont(price, {q})", f"quantile_disc(price, {q})", f"approx_quantile(price, {q})"])
        tail = self._where(name) + self._group(grouped).replace("ROLLUP", "")
        text = f"SELECT {keys}{asked} AS value FROM bids{tail}"
        return text, f"SELECT {keys}quantile_disc(price, {q}) AS value FROM bids{tail}", len(grouped)

    def _block(self, name: str) -> tuple[str, str]:
        rng = self._random
        keys = self._keys(name)
        aggregates = dict(_AGGREGATES)
        if name in ("hourly", "by_country", "quarters"):
            aggregates |= _OF_COUNTRY
        chosen = rng.sample(list(aggregates), rng.randint(1, 4))
        grouped = rng.sample(keys, rng.randint(0, min(2, len(keys))))
        items = [f"{key} AS c{i}" for i, key in enumerate(grouped)]
        exact = list(items)
        for i, aggregate in enumerate(chosen, len(grouped)):
            items.append(f"{aggregate} AS c{i}")
            exact.append(f"{aggregates[aggregate] or aggregate} AS c{i}")
        tail = self._where(name) + self._group(grouped)
        if grouped and rng.random() < 0.2:
            tail += f" HAVING count(*) > {rng.randint(0, 3)}"
        if rng.random() < 0.2:
            tail += " ORDER BY ALL"
        return f"SELECT {', '.join(items)} FROM bids{tail}", f"SELECT {', '.join(exact)} FROM bids{tail}"

    def _keys(self, name: str) -> list[str]:
        keys = ["date_trunc('day', ts)", "date_trunc('month', ts)", "ts::DATE", "year(ts)", "dayofweek(ts)"]
        if name != "daily":
            keys += ["date_trunc('hour', ts)", "hour(ts)"]
        keys += {
            "hourly": ["country", "kind", "coalesce(country, 'none')"],
            "by_country": ["country", "upper(country)"],
            "daily": ["upper(country)"],
            "quarters": ["country", "minute(ts)"],
            "german": ["kind"],
        }[name]
        return keys

    def _group(self, grouped: Sequence[str]) -> str:
        rng = self._random
        if not grouped:
            return ""
        numbers = ", ".join(str(i + 1) for i in range(len(grouped)))
        aliases = ", ".join(f"c{i}" for i in range(len(grouped)))
        return rng.choice(
            [" GROUP BY ALL", f" GROUP BY {numbers}", f" GROUP BY {aliases}", f" GROUP BY {', '.join(grouped)}"]
            + [f" GROUP BY ROLLUP ({aliases})", f" GROUP BY GROUPING SETS (({aliases}), ())"] * (rng.random() < 0.3)
        )

    def _where(self, name: str) -> str:
        rng = self._random
        parts = ["country = 'de'"] if name == "german" else []
        options = {
            "hourly": ["country = 'de'", "kind IS NOT NULL", "country = 'fr' OR kind = 'view'"],
            "by_country": ["country = 'de'", "country IS NULL"],
            "daily": ["upper(country) = 'DE'"],
            "quarters": ["country <> 'it'"],
            "german": ["kind = 'view'"],
        }[name]
        parts += [rng.choice(options)] if rng.random() < 0.4 else []
        parts += self._times() if rng.random() < 0.7 else []
        return f" WHERE {' AND '.join(parts)}" if parts else ""

    def _times(self) -> list[str]:
        rng = self._random
        moments = sorted(self._moment() for _ in range(2))
        first, last = (self._literal(moment) for moment in moments)
        day = f"DATE '{moments[0].date()}'"
        return rng.choice(
            [
                [f"ts >= {first}"],
                [f"ts < {last}"],
                [f"ts >= {first}", f"ts < {last}"],
                [f"ts BETWEEN {first} AND {last}"],
                [f"{first} < ts", f"ts <= {last}"],
                [f"ts::DATE = {day}"],
                [f"date_trunc('month', ts) = '{moments[0].date().replace(day=1)}'"],
                [f"date_trunc('day', ts) >= {day}", f"ts < {last}"],
                [f"ts >= {day}", f"ts < {day} + INTERVAL 3 DAY"],
                ["dayofweek(ts) IN (1, 2, 3)"],
                [f"ts >= '{moments[0].date()}'"],
            ]
        )

    def _moment(self) -> datetime:
        time = None
        while time is None or not self._scenario._is_sane(time):
            time = self._scenario._time()
        return time + timedelta(minutes=self._random.choice([0, 0, 0, 7, -30]))

    def _literal(self, moment: datetime) -> str:
        return f"TIMESTAMPTZ '{moment}+00'" if self._scenario.zone else f"TIMESTAMP '{moment}'"
