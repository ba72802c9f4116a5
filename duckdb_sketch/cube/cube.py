"""Queries over events, answered from rollups where these can."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import duckdb

from duckdb_sketch._database_file import no_file
from duckdb_sketch._loading import cursor as loaded_cursor
from duckdb_sketch._sql import identifier
from duckdb_sketch.cube.advice import Advice
from duckdb_sketch.cube.asking import ANSWER, Asking
from duckdb_sketch.cube.catalog import Catalog, CatalogReader
from duckdb_sketch.cube.errors import CubeError
from duckdb_sketch.cube.explanation import Explanation
from duckdb_sketch.cube.listing import Dimension, Metric, dimensions_of, metrics_of, words_of
from duckdb_sketch.cube.planner import Edges
from duckdb_sketch.cube.prober import Prober, take_no_variables
from duckdb_sketch.cube.query import Parameters
from duckdb_sketch.cube.remote import explanation_of, frozen, require_plain, service_of, told
from duckdb_sketch.cube.session import Answers, CubeSession, read_functions
from duckdb_sketch.rollup.ledger.database import open_to_read, search_path_of, use_search_path

if TYPE_CHECKING:
    from duckdb_sketch.remote import ServiceClient


@dataclass(frozen=True)
class Answer:
    """The answer to a query, and how it came about.

    Attributes:
        relation: The rows.
        explanation: What they were read from, and which columns are estimates.
    """

    relation: duckdb.DuckDBPyRelation
    explanation: Explanation


class Cube:
    """The rollups of a database, queried through their events.

    >>> from duckdb_sketch import Cube
    >>> cube = Cube("rollups.duckdb")  # doctest: +SKIP
    >>> cube.sql("SELECT country, count(DISTINCT user_id) FROM bids GROUP BY ALL")  # doctest: +SKIP

    Args:
        database: The database file with the rollups, or a connection to one; or a service from `connect_service`. If a
            service has the file open, the service is queried.
        sources: The files of each table of events, as in `Rollup.from_sql`; and lookup tables that are not in the
            database. Default: the sources of the last refresh, from the ledger.
        time_zone: Time zone for truncating times with a zone. Default: that of the rollups.
        wait: Seconds to wait for another process that writes to the database.
        listing_age: Seconds for which a listing of files is reused, because listing many files is slow: an answer may
            lack files that appeared since.

    Raises:
        CubeError: If there is no such database.
        LockedError: If another process has it open for writing.
    """

    def __init__(
        self,
        database: str | Path | duckdb.DuckDBPyConnection | ServiceClient,
        sources: Mapping[str, Any] | None = None,
        *,
        time_zone: str | None = None,
        wait: float = 10,
        listing_age: float = 0,
    ) -> None:
        self._probers: list[Prober] = []
        self._service = service_of(database)
        if self._service is not None:
            require_plain(sources or {}, time_zone)
            return
        assert isinstance(database, (str, Path, duckdb.DuckDBPyConnection))
        if not isinstance(database, duckdb.DuckDBPyConnection):
            _require_file(database)
        self._connection = open_to_read(database, wait)
        self._search_path = search_path_of(self._connection)
        self._reader = CatalogReader(sources or {}, listing_age)
        self._time_zone = time_zone
        self._functions = read_functions(self._connection)
        self._known = Answers()

    def sql(
        self,
        query: str,
        parameters: Parameters = None,
        *,
        exact: bool = False,
        raw: bool = True,
        errors: bool = False,
        edges: Edges = "exact",
    ) -> duckdb.DuckDBPyRelation:
        """Answer a query over events.

        Args:
            query: A query over the events.
            parameters: The values of `?`, `$1` or `$name` in it.
            exact: Whether to avoid estimates: what no rollup answers exactly is read from the raw events.
            raw: Whether raw events may be read if no rollup answers.
            errors: Whether to append the bounds of each estimate `x`, `x_lower` and `x_upper`: two standard errors for
                a distinct count, the proven bracket for a quantile.
            edges: What to do about partial buckets at the ends of the time range whose files no longer exist: raise an
                error, or, with `buckets`, widen the range to whole buckets, which the explanation shows.

        Returns:
            The computed rows.

        Raises:
            CubeError: If the query is wrong, or needs raw events that do not exist or may not be read.
        """
        return self.answer(query, parameters, exact=exact, raw=raw, errors=errors, edges=edges).relation

    def answer(
        self,
        query: str,
        parameters: Parameters = None,
        *,
        exact: bool = False,
        raw: bool = True,
        errors: bool = False,
        edges: Edges = "exact",
        most_rows: int | None = None,
        watch: Callable[[duckdb.DuckDBPyConnection], None] = lambda _: None,
    ) -> Answer:
        """Answer a query like `sql`, and explain the answer.

        Args:
            query: As for `sql`.
            parameters: The values of parameters.
            exact: Whether to avoid estimates.
            raw: Whether raw events may be read.
            errors: Whether to append the bounds of estimates.
            edges: What to do about partial buckets.
            most_rows: Maximum number of rows in the answer.
            watch: Called with the connection that will run the query, so that it can be interrupted. The connection
                holds the rows until it is closed.
        """
        if self._service is not None:
            options: dict[str, Any] = {"exact": exact, "raw": raw, "errors": errors, "edges": edges}
            return _answer_of(self._service, query, parameters, options, most_rows)
        cursor = self._cursor()
        watch(cursor)
        with self._probing() as prober, _snapshot(cursor), ExitStack() as held:
            asking = self._asking(cursor, prober, query, parameters, edges, held)
            explanation = asking.run(exact=exact, raw=raw, errors=errors, most_rows=most_rows)
        return Answer(_named(cursor.table(ANSWER), asking.names, explanation.bounded), explanation)

    def explain(
        self,
        query: str,
        parameters: Parameters = None,
        *,
        exact: bool = False,
        edges: Edges = "exact",
        watch: Callable[[duckdb.DuckDBPyConnection], None] | None = None,
    ) -> Explanation:
        """Explain how a query would be answered: what is read, and why other rollups are not."""
        if self._service is not None:
            with told():
                return explanation_of(query, self._service.explain(query, parameters, exact=exact, edges=edges))
        with self._asked(watch) as (cursor, prober, held):
            asking = self._asking(cursor, prober, query, parameters, edges, held)
            return asking.plan(exact=exact, raw=True, errors=False)

    def advise(self, queries: Sequence[str]) -> list[Advice]:
        """For each query of a log, find what answers it and what that reads, or which rollup would answer it.

        Raises:
            CubeError: If a query is wrong, or a service has the database open.
        """
        if self._service is not None:
            raise CubeError("a service has the database open, and gives no advice: stop the service first")
        return [self._advice(query) for query in queries]

    def _advice(self, query: str) -> Advice:
        with self._asked() as (cursor, prober, held):
            asking = self._asking(cursor, prober, query, None, "exact", held)
            return asking.advice()

    def _asking(
        self,
        cursor: duckdb.DuckDBPyConnection,
        prober: Prober,
        query: str,
        parameters: Parameters,
        edges: Edges,
        held: ExitStack,
    ) -> Asking:
        session = CubeSession(cursor, prober, self._functions, self._known)
        known, zone = self._known, self._time_zone
        return Asking(cursor, prober, self._reader, session, known, zone, query, parameters, edges, held)

    @contextmanager
    def _asked(
        self, watch: Callable[[duckdb.DuckDBPyConnection], None] | None = None
    ) -> Iterator[tuple[duckdb.DuckDBPyConnection, Prober, ExitStack]]:
        """What a question takes that has no rows: a connection in a transaction, and what is held meanwhile.

        Args:
            watch: Is told the connection, which then has no other use: it may be interrupted and closed.
        """
        with self._probing() as prober, ExitStack() as held:
            cursor = prober.asking
            if watch is not None:
                cursor = held.enter_context(self._cursor())
                watch(cursor)
            with _snapshot(cursor):
                yield cursor, prober, held

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        """Another connection to the database, in the same schema."""
        cursor = loaded_cursor(self._connection)
        use_search_path(cursor, self._search_path)
        take_no_variables(cursor)
        with suppress(duckdb.Error):  # DuckDB before 2.0 has them for all connections
            cursor.execute("SET SESSION enable_progress_bar = false; SET SESSION preserve_insertion_order = true")
        return cursor

    @contextmanager
    def _probing(self) -> Iterator[Prober]:
        """A prober of which this thread has no other user."""
        try:
            prober = self._probers.pop()
        except IndexError:
            prober = Prober(self._cursor)
        try:
            yield prober
        finally:
            self._probers.append(prober)

    def metrics(self) -> list[Metric]:
        """The aggregates over events that the rollups have, with their tables."""
        if self._service is not None:
            return [Metric(**frozen(metric)) for metric in self._service.metrics()]
        return metrics_of(self._catalogs())

    def dimensions(self) -> list[Dimension]:
        """The expressions over events that queries may group and filter by, with their tables."""
        if self._service is not None:
            return [Dimension(**frozen(dimension)) for dimension in self._service.dimensions()]
        return dimensions_of(self._catalogs())

    def words(self) -> list[str]:
        """What the catalog adds to a completion: tables of events, dimensions, and the arguments of metrics."""
        if self._service is not None:
            return self._service.words()
        return words_of(self._catalogs())

    def _catalogs(self) -> list[Catalog]:
        with self._asked() as (cursor, prober, held), self._reader.lock:
            calendar = CubeSession(cursor, prober, self._functions, self._known).calendar
            sources = self._reader.sources(cursor)
            return [self._reader.read(cursor, prober.bare, rollups, calendar, held) for rollups in sources.values()]

    def close(self) -> None:
        """Close the connection. Rows that were returned cannot be read after that."""
        while self._probers:
            self._probers.pop().close()
        (self._service or self._connection).close()

    def __enter__(self) -> Cube:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _answer_of(
    service: ServiceClient, query: str, parameters: Parameters, options: dict[str, Any], most_rows: int | None
) -> Answer:
    """The answer of the service that has the database open."""
    with told():
        answer = service.answer(query, parameters, **options)
    relation = answer.relation if most_rows is None else answer.relation.limit(most_rows)
    return Answer(relation, explanation_of(query, answer.explanation))


def _require_file(database: str | Path) -> None:
    """See that there is a database to open.

    Raises:
        CubeError: If there is none.
    """
    if reason := no_file(database):
        raise CubeError(f"{database} cannot be opened: {reason}")
    try:
        os.lstat(database)
    except FileNotFoundError:
        raise CubeError(f"there is no database {database}") from None
    except OSError:
        pass  # DuckDB says why it cannot be opened


@contextmanager
def _snapshot(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Do everything on the database as it is at one moment."""
    cursor.execute("BEGIN TRANSACTION READ ONLY")
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):
            cursor.execute("ROLLBACK")
        raise
    cursor.execute("COMMIT")


def _named(
    relation: duckdb.DuckDBPyRelation, names: Sequence[str], bounded: Sequence[tuple[int, bool]]
) -> duckdb.DuckDBPyRelation:
    """Rows under the names that the query gives them: in a table, two columns cannot have the same one.

    Args:
        relation: The rows.
        names: The names.
        bounded: The columns that raw events have answered, of which bounds are appended, and whether exactly.
    """
    named = [*names, *relation.columns[len(names) :]]  # the bounds of what rollups have answered
    if relation.columns == named and not bounded:
        return relation
    columns = [identifier(column) for column in relation.columns]
    items = [f"{column} AS {identifier(name)}" for column, name in zip(columns, named, strict=True)]
    for index, is_exact in bounded:
        kind = "DOUBLE[]" if str(relation.types[index]).endswith("[]") else "DOUBLE"
        value = columns[index] if is_exact else "NULL"
        items += [f"CAST({value} AS {kind}) AS {identifier(f'{named[index]}_{end}')}" for end in ("lower", "upper")]
    return relation.project(", ".join(items))
