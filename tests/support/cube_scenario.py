"""Databases with rollups in all states that jobs leave them in, the events behind them, and queries over those."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow
import pyarrow.parquet

import duckdb_sketch
from duckdb_sketch._sql import quote
from duckdb_sketch.cube import Cube
from duckdb_sketch.rollup import ManifestError, Rollup
from duckdb_sketch.rollup.ledger.ledger import Ledger
from duckdb_sketch.rollup.pipeline.drop import drop

Late = Literal["merge", "drop"]

_METRICS = """count(*) AS bids, count(price) AS priced, sum(price) AS revenue, sum(size) AS sizes, min(price) AS lowest,
    max(size) AS largest, hll_sketch_agg(user_id) AS users, approx_histogram_agg(price::DOUBLE) AS prices,
    count(*) FILTER (WHERE kind = 'click') AS clicks, bool_or(ok) AS any_ok, count_if(ok) AS rights"""

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
        late: What happens to late events.
        log: What was done.
        written: How many files were written.
        lost: The events of files that were counted and are gone.
    """

    seed: int
    zone: str | None
    folder: Path
    random: random.Random = field(init=False)
    appended: list[dict[str, Any]] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    late: Late = "merge"
    log: list[str] = field(default_factory=list)
    written: int = 0
    lost: list[pyarrow.Table] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.connection = duckdb_sketch.connect(self.folder / "rollups.duckdb")

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    @property
    def files(self) -> str:
        return str(self.folder / "bids-*.parquet")

    def build(self) -> None:
        """Write files, and count most of them."""
        rng = self.random
        self.statements = rng.sample(list(STATEMENTS), rng.choice([1, 1, 2]))
        self.late = rng.choice(["merge", "merge", "drop"])
        self._write()
        self._write()
        for name in self.statements:
            with self._rollup(name) as rollup:
                rollup.refresh()
                parent = rollup
                for every, by in LEVELS[name][: rng.randint(0, 2)]:
                    parent = parent.coarsen(every, f"{name}_{every}", by)
        for _ in range(rng.randint(0, 2)):
            self._write()
            self._refresh()
        if rng.random() < 0.2:
            self._append()
        if rng.random() < 0.4:
            self._expire()
        if rng.random() < 0.6:
            self._write()

    def go_on(self) -> None:
        """Do what jobs do while queries are asked."""
        rng = self.random
        for _ in range(rng.randint(1, 3)):
            rng.choice([self._write, self._refresh, self._refresh, self._expire, self._lose, self._rebuild])()

    def _refresh(self) -> None:
        rng = self.random
        for name in self.statements:
            if rng.random() < 0.8:
                levels = rng.random() < 0.8
                self.log.append(f"refresh {name} levels={levels}")
                with self._rollup(name) as rollup:
                    rollup.refresh(levels=levels)

    def _rollup(self, name: str) -> Rollup:
        return Rollup.from_sql(
            STATEMENTS[name],
            sources={"bids": self.files},
            database=self.connection,
            name=name,
            late=self.late,
            time_zone=self.zone,
        )

    def _append(self) -> None:
        if self.late == "drop":  # what is dropped is in no file, and so no event
            return
        self.appended = [row for row in self._events(20) if self._is_sane(row["ts"])]
        self.log.append("append")
        for name in self.statements:
            with self._rollup(name) as rollup:
                rollup.append(self.table(self.appended), batch_id="more")

    def _expire(self) -> None:
        rng = self.random
        name = rng.choice(self.statements)
        times = [row["ts"] for row in self._events(5) if self._is_sane(row["ts"])]
        if not times:
            return
        self.log.append(f"expire {name} {times[0]}")
        with self._rollup(name) as rollup:
            rollup.expire(before=times[0])

    def _lose(self) -> None:
        """Remove a file that all rollups have counted completely: its events are only in them from now on."""
        rng = self.random
        if self.late == "drop" or self.lost or len(self._paths()) < 3 or rng.random() < 0.7:
            return
        path = self._paths()[0]
        table = pyarrow.parquet.read_table(path)
        if any(not self._is_sane(time) for time in table["ts"].to_pylist()):
            return  # events without a sane time are in no rollup
        self.log.append(f"lose {path.name}")
        self.lost.append(table)
        path.unlink()

    def _rebuild(self) -> None:
        """Drop a rollup, and make it again from the files that there are."""
        name = self.random.choice(self.statements)
        if self.lost or self.appended or self.late == "drop":
            return
        self.log.append(f"rebuild {name}")
        for level in (*(f"{name}_{every}" for every, _ in reversed(LEVELS[name])), name):
            with suppress(ManifestError):
                drop(Ledger(self.connection), level)
        with self._rollup(name) as rollup:
            rollup.refresh()

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("bids-*.parquet"))

    def _is_sane(self, time: datetime | None) -> bool:
        return time is not None and 1900 < time.year < 2200

    def _write(self) -> None:
        number = self.written = self.written + 1
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
            self.show_events(connection)
            yield connection

    def show_events(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Put all events there are by now into the table `bids`."""
        connection.register("others", pyarrow.concat_tables([self.table(self.appended), *self.lost]))
        connection.execute(
            f"CREATE OR REPLACE TABLE bids AS FROM read_parquet({quote(self.files)}) UNION ALL BY NAME FROM others"
        )

    def cube(self) -> Cube:
        return Cube(self.connection, sources={"bids": self.files})


@dataclass
class Query:
    """A query, and what of it can be compared.

    Attributes:
        text: The query, as a cube is asked it.
        exact: The same query, in which estimates are those of exact sketches of the events.
        parameters: The values of `?` in both.
    """

    text: str
    exact: str
    parameters: list[Any] | None = None


_USERS = "hll_sketch_estimate(hll_sketch_agg(user_id))"
_AGGREGATES = {
    "count(*)": None,
    "count(price)": None,
    "sum(price)": None,
    "sum(size)": None,
    "avg(price)": "sum(price)::DOUBLE / count(price)",
    "round(avg(price), 3)": "round(sum(price)::DOUBLE / count(price), 3)",
    "min(price)": None,
    "max(price)": None,
    "max(size)": None,
    "bool_or(ok)": None,
    "count_if(ok)": None,
    "hll_sketch_agg(user_id)": None,
    _USERS: None,
    "count(DISTINCT user_id)": _USERS,
    "approx_count_distinct(user_id)": _USERS,
    "count(DISTINCT user_id) * 2": f"{_USERS} * 2",
    "count(*) FILTER (WHERE kind = 'click')": None,
    "count(*) + 1": None,
    "coalesce(sum(price), 0)": None,
    "sum(price) / nullif(count(*), 0)": None,
    "CASE WHEN count(*) > 5 THEN sum(size) END": None,
}
_OF_COUNTRY = {
    "count(*) FILTER (WHERE country = 'de')": None,
    "count(DISTINCT country)": None,
    "max(country)": None,
    "count_if(country = 'de')": None,
    "count_if(country <> 'fr') FILTER (WHERE kind = 'click')": None,
    "count(country)": None,
    "sum(size) FILTER (WHERE country <> 'fr')": None,
    "count(DISTINCT user_id) FILTER (WHERE country IS NULL)": f"{_USERS} FILTER (WHERE country IS NULL)".replace(
        "user_id)) FILTER (WHERE country IS NULL)", "user_id) FILTER (WHERE country IS NULL))"
    ),
    "string_agg(DISTINCT country, '+' ORDER BY country)": None,
}
_OF_DAYS = {
    "count(*) FILTER (WHERE ts >= DATE '2024-02-10')": None,
    "sum(size) FILTER (WHERE ts < TIMESTAMP '2024-02-20 00:00' AND ts >= TIMESTAMP '2024-02-01 00:00')": None,
    "count(DISTINCT ts::DATE)": None,
    "min(date_trunc('day', ts))": None,
}
#: Conditions on groups, of aggregates that need not be selected.
_HAVING = {
    "count(*) > 2": None,
    "max(size) > 20": None,
    "count(DISTINCT user_id) > 3": f"{_USERS} > 3",
    "sum(price) IS NOT NULL": None,
    "coalesce(avg(price), 0) < 6": "coalesce(sum(price)::DOUBLE / count(price), 0) < 6",
}
_COLUMNS = re.compile(r"\b(ts|country|kind|user_id|price|size|ok)\b(?!')")


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
        form = rng.choice(
            ["plain"] * 6 + ["cte", "subquery", "union", "join", "scalar", "window", "shadow", "distinct"]
        )
        if form == "distinct":
            block = exact = self._distinct(name)
        if form in ("union", "join"):
            return self._of_two(form, (block, exact), self._block(name))
        wrapped = {
            "cte": "WITH rolled AS ({}) SELECT count(*) AS n FROM rolled",
            "subquery": "SELECT * FROM ({}) AS rolled",
            "scalar": "SELECT a.n, (SELECT count(*) FROM bids) AS m FROM (SELECT count(*) AS n FROM ({})) AS a",
            "window": "SELECT *, count(*) OVER () AS w FROM ({}) AS rolled",
            "shadow": "WITH bids AS ({}) SELECT * FROM bids UNION ALL SELECT * FROM bids",
        }.get(form, "{}")
        return self._with_parameter(wrapped.format(block), wrapped.format(exact))

    def _of_two(self, form: str, first: tuple[str, str], second: tuple[str, str]) -> Query:
        both = {
            "union": "SELECT count(*) AS n FROM ({}) UNION ALL SELECT count(*) AS n FROM ({})",
            "join": "WITH a AS ({}), b AS ({}) SELECT x.n, y.n AS m "
            "FROM (SELECT count(*) AS n FROM a) AS x, (SELECT count(*) AS n FROM b) AS y",
        }[form]
        return Query(both.format(first[0], second[0]), both.format(first[1], second[1]))

    def _with_parameter(self, text: str, exact: str) -> Query:
        if text.count("country = 'de'") == exact.count("country = 'de'") == 1 and self._random.random() < 0.5:
            return Query(*(each.replace("country = 'de'", "country = ?") for each in (text, exact)), ["de"])
        return Query(text, exact)

    def quantiles(self) -> tuple[str, str, int]:
        """A query for quantiles and their bounds, one for the exact ones, and how many keys come before them."""
        rng = self._random
        name = rng.choice(self._scenario.statements)
        grouped = rng.sample(self._keys(name), rng.randint(0, 2))
        keys = "".join(f"{key} AS c{i}, " for i, key in enumerate(grouped))
        q = rng.choice([0, 0.1, 0.5, 0.95, 1])
        asked = rng.choice([f"quantile_cont(price, {q})", f"quantile_disc(price, {q})", f"approx_quantile(price, {q})"])
        if q == 0.5 and rng.random() < 0.5:
            asked = "median(price)"
        tail = self._where(name) + self._group(grouped).replace("ROLLUP", "").replace("CUBE", "")
        text = f"SELECT {keys}{asked} AS value FROM bids{tail}"
        return text, f"SELECT {keys}quantile_disc(price, {q}) AS value FROM bids{tail}", len(grouped)

    def _distinct(self, name: str) -> str:
        chosen = self._random.sample(self._keys(name), 2)
        return f"SELECT DISTINCT {chosen[0]} AS c0, {chosen[1]} AS c1 FROM bids{self._where(name)}"

    def _block(self, name: str) -> tuple[str, str]:
        rng = self._random
        keys = self._keys(name)
        aggregates = dict(_AGGREGATES)
        if name in ("hourly", "by_country", "quarters"):
            aggregates |= _OF_COUNTRY
        if self._scenario.zone is None:
            aggregates |= _OF_DAYS
        chosen = rng.sample(list(aggregates), rng.randint(1, 4))
        grouped = rng.sample(keys, rng.randint(0, min(2, len(keys))))
        names = [f"c{i}" for i in range(len(grouped) + len(chosen))]
        shadows = rng.random() < 0.1
        if shadows:  # DuckDB prefers the column, where both can be meant
            names[rng.randrange(len(names))] = rng.choice(["price", "size", "country", "ok"])
        items = [f"{item} AS {name}" for item, name in zip((*grouped, *chosen), names, strict=True)]
        exact = [
            f"{aggregates.get(item) or item} AS {name}" for item, name in zip((*grouped, *chosen), names, strict=True)
        ]
        tail = self._where(name) + (" GROUP BY ALL" * bool(grouped) if shadows else self._group(grouped))
        having = ("", "")
        if grouped and rng.random() < 0.25:
            asked = rng.choice(list(_HAVING))
            having = (f" HAVING {asked}", f" HAVING {_HAVING[asked] or asked}")
        order = rng.choice(["", "", " ORDER BY ALL", " ORDER BY count(*) DESC, sum(size)"])
        if order == " ORDER BY ALL" and rng.random() < 0.5:
            order += " LIMIT 3"
        return self._spelled(
            f"SELECT {', '.join(items)} FROM bids{tail}{having[0]}{order}",
            f"SELECT {', '.join(exact)} FROM bids{tail}{having[1]}{order}",
        )

    def _spelled(self, *texts: str) -> tuple[str, str]:
        """Two texts with their columns in another spelling."""
        style = self._random.choice([None, None, None, "upper", "quoted", "alias"])
        first, second = texts
        if style is None or " AS price" in first or " AS size" in first or " AS country" in first or " AS ok" in first:
            return first, second
        if style == "alias":
            first, second = (text.replace(" FROM bids", " FROM bids AS b", 1) for text in (first, second))
        spelled = {"upper": str.upper, "quoted": '"{}"'.format, "alias": "b.{}".format}[style]
        return _COLUMNS.sub(lambda m: spelled(m[0]), first), _COLUMNS.sub(lambda m: spelled(m[0]), second)

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
            + [
                f" GROUP BY ROLLUP ({aliases})",
                f" GROUP BY CUBE ({aliases})",
                f" GROUP BY GROUPING SETS (({aliases}), ())",
            ]
            * (rng.random() < 0.3)
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
                [f"ts >= {first} - INTERVAL 1 DAY", "ts < now()"],
                [f"year(ts) = {moments[0].year}", f"{last} > ts"],
                [f"ts::DATE BETWEEN {day} AND {day} + 2"],
            ]
        )

    def _moment(self) -> datetime:
        time = None
        while time is None or not self._scenario._is_sane(time):
            time = self._scenario._time()
        return time + timedelta(minutes=self._random.choice([0, 0, 0, 7, -30]))

    def _literal(self, moment: datetime) -> str:
        return f"TIMESTAMPTZ '{moment}+00'" if self._scenario.zone else f"TIMESTAMP '{moment}'"
