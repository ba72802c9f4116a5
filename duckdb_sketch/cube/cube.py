"""Queries over events, answered from rollups where these can."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import duckdb
from sqlglot import exp

from duckdb_sketch._loading import load
from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.cube.advice import Advice, suggest
from duckdb_sketch.cube.catalog import Catalog, CatalogReader
from duckdb_sketch.cube.connection import open_database
from duckdb_sketch.cube.cover import widened
from duckdb_sketch.cube.errors import CubeError
from duckdb_sketch.cube.explanation import Explanation
from duckdb_sketch.cube.listing import Dimension, Metric, dimensions_of, metrics_of, words_of
from duckdb_sketch.cube.part import Part
from duckdb_sketch.cube.planner import Edges, Planner, Route
from duckdb_sketch.cube.query import Parameters, block_of, event_tables, parse, without_semicolon
from duckdb_sketch.cube.reason import Reason, Rejection
from duckdb_sketch.cube.remote_explanation import explanation_of
from duckdb_sketch.cube.rewrite import stand_in, written
from duckdb_sketch.cube.session import CubeSession, empty, first_paragraph, read_functions
from duckdb_sketch.remote import ServiceError, find_service
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import describe
from duckdb_sketch.rollup.sources.lookups import provide

if TYPE_CHECKING:
    from duckdb_sketch.remote import ServiceClient

_ANSWER = "duckdb_sketch_answer"
_NUMBER = "duckdb_sketch_number"  # of a table of events in a query


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
    """The rollups of a database, asked through queries over the events that they were made from.

    >>> from duckdb_sketch import Cube
    >>> cube = Cube("rollups.duckdb")  # doctest: +SKIP
    >>> cube.sql("SELECT country, count(DISTINCT user_id) FROM bids GROUP BY ALL")  # doctest: +SKIP

    Args:
        database: The database file that the rollups are kept in, or a connection to one; or a service, as
            `connect_service` gives it. A service that has the file open is asked as well.
        sources: What the tables of events stand for, as `Rollup.from_sql` takes it, if not what the ledger remembers of
            the last refresh; and lookup tables that are not in the database.
        time_zone: In which times with a zone are truncated; by default that of the rollups.
        wait: For how many seconds to wait for another process that writes to the database.
        listing_age: For how many seconds files are not looked for again, which takes long where there are many: an
            answer may lack what came to be in that time.

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
        self._reader = CatalogReader(sources or {}, listing_age)
        self._time_zone = time_zone
        self._service = _service_of(database)
        if self._service is not None:
            _require_plain(sources or {}, time_zone)
            return
        if isinstance(database, (str, Path)):
            self._connection = open_database(database, wait)
        else:
            assert isinstance(database, duckdb.DuckDBPyConnection)
            self._connection = load(database).cursor()
        self._functions = read_functions(self._connection)

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
            query: The query, as the events themselves could answer it.
            parameters: The values of `?`, `$1` or `$name` in it.
            exact: Whether to refuse estimates: what no rollup answers exactly is read from the raw events.
            raw: Whether raw events may be read where no rollup answers.
            errors: Whether to append to each estimate `x` its bounds, `x_lower` and `x_upper`: of a distinct count two
                standard errors, of a quantile the proven bracket.
            edges: What happens to partial buckets at the ends of the time range whose events are in no file any more:
                an error, or, with `buckets`, the range is widened to whole buckets, and the explanation says so.

        Returns:
            The rows, which have been computed.

        Raises:
            CubeError: If the query is wrong, or needs raw events that are not there, or not wanted.
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
        """Answer a query as `sql` does, and say how.

        Args:
            query: As for `sql`, as are the others that are not here.
            parameters: The values of parameters.
            exact: Whether to refuse estimates.
            raw: Whether raw events may be read.
            errors: Whether to append the bounds of estimates.
            edges: What happens to partial buckets.
            most_rows: Of the answer; rows after these are left out.
            watch: Is told each connection that the query is to run on, so that it can be interrupted. The first one
                holds the rows until it is closed.
        """
        if self._service is not None:
            options: dict[str, Any] = {"exact": exact, "raw": raw, "errors": errors, "edges": edges}
            return _answer_of(self._service, query, parameters, options, most_rows)
        cursor = self._connection.cursor()
        watch(cursor)
        with self._connection.cursor() as prober, _snapshot(cursor), ExitStack() as held:
            watch(prober)
            asking = self._asking(cursor, prober, query, parameters, edges, held)
            explanation = asking.run(exact=exact, raw=raw, errors=errors, most_rows=most_rows)
        return Answer(cursor.table(_ANSWER), explanation)

    def explain(
        self,
        query: str,
        parameters: Parameters = None,
        *,
        exact: bool = False,
        edges: Edges = "exact",
        watch: Callable[[duckdb.DuckDBPyConnection], None] = lambda _: None,
    ) -> Explanation:
        """Say how a query would be answered: what is read, and why each other rollup is not."""
        if self._service is not None:
            with _told():
                return explanation_of(query, self._service.explain(query, parameters, exact=exact, edges=edges))
        with self._cursors() as (cursor, prober, held):
            watch(cursor)
            watch(prober)
            asking = self._asking(cursor, prober, query, parameters, edges, held)
            return asking.plan(exact=exact, raw=True, errors=False)

    def advise(self, queries: Sequence[str]) -> list[Advice]:
        """Say of each query of a log what answers it and what that reads, or which rollup would answer it.

        Raises:
            CubeError: If a query is wrong, or a service has the database open.
        """
        if self._service is not None:
            raise CubeError("a service has the database open, and gives no advice: ask for it where that is stopped")
        return [self._advice(query) for query in queries]

    def _advice(self, query: str) -> Advice:
        with self._cursors() as (cursor, prober, held):
            asking = self._asking(cursor, prober, query, None, "exact", held)
            return asking.advice()

    def _asking(
        self,
        cursor: duckdb.DuckDBPyConnection,
        prober: duckdb.DuckDBPyConnection,
        query: str,
        parameters: Parameters,
        edges: Edges,
        held: ExitStack,
    ) -> _Asking:
        return _Asking(cursor, prober, self._reader, self._functions, self._time_zone, query, parameters, edges, held)

    @contextmanager
    def _cursors(self) -> Iterator[tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection, ExitStack]]:
        """Two connections for one question, the first of which is in a transaction, and what is held meanwhile."""
        connect = self._connection.cursor
        with connect() as cursor, connect() as prober, _snapshot(cursor), ExitStack() as held:
            yield cursor, prober, held

    def metrics(self) -> list[Metric]:
        """What the rollups hold: each aggregate over events with the tables that have it."""
        if self._service is not None:
            return [Metric(**_frozen(metric)) for metric in self._service.metrics()]
        return metrics_of(self._catalogs())

    def dimensions(self) -> list[Dimension]:
        """What queries may group and filter by: each expression over events with the tables that have it."""
        if self._service is not None:
            return [Dimension(**_frozen(dimension)) for dimension in self._service.dimensions()]
        return dimensions_of(self._catalogs())

    def words(self) -> list[str]:
        """What the catalog adds to a completion: tables of events, dimensions, and the arguments of metrics."""
        if self._service is not None:
            return self._service.words()
        return words_of(self._catalogs())

    def _catalogs(self) -> list[Catalog]:
        with self._connection.cursor() as cursor, self._connection.cursor() as prober, _snapshot(cursor):
            calendar = CubeSession(cursor, prober, self._functions).calendar
            with self._reader.lock:
                sources = self._reader.sources(cursor)
                with ExitStack() as held:
                    return [self._reader.read(cursor, prober, rollups, calendar, held) for rollups in sources.values()]

    def close(self) -> None:
        """Close the connection. Rows that were returned cannot be read after that."""
        (self._service or self._connection).close()

    def __enter__(self) -> Cube:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _service_of(database: str | Path | duckdb.DuckDBPyConnection | ServiceClient) -> ServiceClient | None:
    """The service that is asked in the place of a database; None if none has that open."""
    if isinstance(database, (str, Path)):
        return find_service(database)
    return None if isinstance(database, duckdb.DuckDBPyConnection) else database


def _require_plain(sources: Mapping[str, Any], time_zone: str | None) -> None:
    """See that a service can do what a cube was asked to.

    Raises:
        CubeError: If it cannot.
    """
    if time_zone is not None:
        raise CubeError("a service has the database open, and answers in the time zone of its rollups: leave time_zone")
    data = [name for name, given in sources.items() if not isinstance(given, (str, Path, list, tuple))]
    if data:
        raise CubeError(
            f"a service has the database open, and does not get at {data[0]}, which is data of this process"
        )


def _answer_of(
    service: ServiceClient, query: str, parameters: Parameters, options: dict[str, Any], most_rows: int | None
) -> Answer:
    """The answer of the service that has the database open."""
    with _told():
        answer = service.answer(query, parameters, **options)
    relation = answer.relation if most_rows is None else answer.relation.limit(most_rows)
    return Answer(relation, explanation_of(query, answer.explanation))


@contextmanager
def _told() -> Iterator[None]:
    """Tell a service's errors about queries as the cube's own."""
    try:
        yield
    except ServiceError as error:
        if error.kind == CubeError.__name__:
            raise CubeError(str(error)) from error
        raise


def _frozen(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in document.items()}


@contextmanager
def _snapshot(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Do everything on the database as it is at one moment."""
    with suppress(duckdb.Error):  # DuckDB before 2.0 has them for all connections
        cursor.execute("SET SESSION enable_progress_bar = false")
        cursor.execute("SET SESSION preserve_insertion_order = true")
    cursor.execute("BEGIN TRANSACTION READ ONLY")
    try:
        yield
    except BaseException:
        with suppress(duckdb.Error):
            cursor.execute("ROLLBACK")
        raise
    cursor.execute("COMMIT")


class _Asking:
    """One query, on a connection of its own, in one transaction."""

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        prober: duckdb.DuckDBPyConnection,
        reader: CatalogReader,
        functions: Any,
        time_zone: str | None,
        query: str,
        parameters: Parameters,
        edges: Edges,
        held: ExitStack,
    ) -> None:
        self._edges = edges
        self._held = held
        self._cursor = cursor
        self._prober = prober
        self._reader = reader
        self._text = query
        self._parameters = parameters
        self._time_zone = time_zone
        self._session = CubeSession(cursor, prober, functions)
        self._catalogs: dict[str, Catalog] = {}
        self._zone = "UTC"
        self._schema: dict[str, str] = {}

    def run(self, *, exact: bool, raw: bool, errors: bool, most_rows: int | None = None) -> Explanation:
        """Plan the query and run it."""
        explanation = self.plan(exact=exact, raw=raw, errors=errors)
        if explanation.routed:
            self._create(explanation.sql, None, most_rows)
        else:
            self._show_events(self._cursor, explanation)
            self._create(self._text, self._parameters, most_rows)
        self._check_files(explanation)
        return explanation

    def advice(self) -> Advice:
        """What the query reads, and which rollups would answer what none does."""
        explanation = self.plan(exact=False, raw=True, errors=False)
        query = parse(self._text)
        statements = []
        if query is not None:
            for table, route in zip(event_tables(query, self._catalogs), explanation.routes, strict=True):
                select, catalog = block_of(table), self._catalogs[table.name.lower()]
                if select is not None and not route.routed and catalog.tables:
                    columns, event = list(catalog.source.columns), catalog.tables[0].event
                    statements.append(suggest(select, self._session.functions, columns, event))
        return Advice(
            query=self._text,
            tables=tuple(dict.fromkeys(part.name for part in explanation.parts if part.name)),
            rows=sum(part.rows or 0 for part in explanation.parts),
            bytes=sum(part.bytes for part in explanation.parts),
            reasons=tuple(
                str(rejection) for route in explanation.routes if not route.routed for rejection in route.rejected
            ),
            statements=tuple(dict.fromkeys(statement for statement in statements if statement)),
        )

    def plan(self, *, exact: bool, raw: bool, errors: bool) -> Explanation:
        """Route the query's SELECTs over events."""
        self._require_query()
        query = parse(self._text, self._parameters)
        tables = self._read_catalogs(query)
        if errors and not any(block_of(table) is query for table in tables):
            raise CubeError("errors=True takes a query whose outermost SELECT is FROM the table of events")
        routes = []
        for number, table in enumerate(tables):
            table.meta[_NUMBER] = number  # its SELECT may be put in the place of another one meanwhile
        for number in range(len(tables)):
            assert query is not None
            routes.append(self._route(_numbered(query, number), exact=exact, errors=errors))
        explanation = self._explained(query, routes, raw=raw)
        if explanation.routed:
            why = self._refused(explanation, errors=errors)
            if why is not None:
                return self._unrouted(explanation, why, raw=raw)
        return explanation

    def _require_query(self) -> None:
        """See that the text is one query, which changes nothing.

        Raises:
            CubeError: If it is not.
        """
        try:
            statements = self._prober.extract_statements(self._text)
        except duckdb.Error as error:
            raise CubeError(f"the query is not SQL: {first_paragraph(error)}") from error
        if len(statements) != 1:
            raise CubeError(f"ask one query at a time: these are {len(statements)} statements")
        if statements[0].type != duckdb.StatementType.SELECT:
            raise CubeError("a cube answers queries: write SELECT … FROM the table of events")

    def _read_catalogs(self, query: exp.Query | None) -> list[exp.Table]:
        """Read what there is of the query's tables of events, and find where they stand in it."""
        with self._reader.lock:
            sources = self._reader.sources(self._cursor)
            tables = [] if query is None else event_tables(query, sources)
            wanted = dict.fromkeys(table.name.lower() for table in tables)
            if query is None:  # it is read as a whole from raw events
                wanted = dict.fromkeys(name for name in sources if name in self._text.lower())
            self._enter_zone({record.time_zone for name in wanted for record in sources[name] if record.time_zone})
            for name in wanted:
                calendar = self._session.calendar
                self._catalogs[name] = self._reader.read(
                    self._cursor, self._prober, sources[name], calendar, self._held
                )
        self._provide_lookups(sources)
        self._check_query(sources)
        return tables

    def _provide_lookups(self, sources: Mapping[str, Any]) -> None:
        """Make what `sources` says besides the events known under its names."""
        lookups = {name: data for name, data in self._reader.given.items() if name.lower() not in sources}
        if lookups:
            provide(self._cursor, lookups)
            provide(self._prober, lookups)

    def _enter_zone(self, zones: set[str]) -> None:
        if self._time_zone is not None:
            zones = {self._time_zone}
        if len(zones) > 1:
            raise CubeError(
                f"the rollups are of several time zones, {' and '.join(sorted(zones))}: say in which the query is "
                "asked, with time_zone='…' (--time-zone)"
            )
        self._zone = next(iter(zones), "UTC")
        try:
            self._prober.execute(f"SET SESSION TimeZone = {quote(self._zone)}")
        except duckdb.Error as error:
            raise CubeError(f"{self._zone!r} is no time zone: write its name, such as Europe/Berlin") from error
        self._cursor.execute(f"SET SESSION TimeZone = {quote(self._zone)}")

    def _check_query(self, sources: Mapping[str, Any]) -> None:
        """Have DuckDB read the query over events of which there is none.

        Raises:
            CubeError: If it is wrong: an unknown column or function, or a table that is not there.
        """
        for name, catalog in self._catalogs.items():
            view = f"CREATE OR REPLACE TEMP VIEW {identifier(name)} AS SELECT * FROM {empty(catalog.source, name)}"
            self._prober.execute(view)
        try:
            rows = self._prober.execute(f"DESCRIBE {self._text}", self._parameters).fetchall()
            self._schema = {row[0]: row[1] for row in rows}
        except duckdb.Error as error:
            known = "" if self._catalogs else f"; the tables of events are {', '.join(sorted(sources)) or 'none'}"
            raise CubeError(f"{first_paragraph(error)}{known}") from error
        for name in self._catalogs:
            self._prober.execute(f"DROP VIEW {identifier(name)}")  # or what is left of it would be taken for the events

    def _route(self, table: exp.Table, *, exact: bool, errors: bool) -> Route:
        catalog = self._catalogs[table.name.lower()]
        select = block_of(table)
        if select is None:
            return Route(catalog.source.name, rejected=[Rejection(None, Reason.JOINED)])
        planner = Planner(catalog.source, catalog.tables, self._session, self._zone, exact=exact, edges=self._edges)
        if select.parent is not None:
            return planner.route(select)
        return planner.route(select, columns=list(self._schema), errors=errors)

    def _explained(self, query: exp.Query | None, routes: Sequence[Route], *, raw: bool) -> Explanation:
        routed = any(route.routed for route in routes)
        for number, route in enumerate(routes):
            if route.routed:
                continue
            if not raw:
                raise CubeError(f"no rollup answers the query, and raw events are not to be read: {_reasons(route)}")
            self._read_raw(route)
            if routed and query is not None:
                table = _numbered(query, number)
                table.replace(stand_in(table.alias_or_name, route.parts))
        approximate: tuple[str, ...] = ()
        if routed and routes:
            own = routes[-1:] if isinstance(query, exp.Select) and "parts" in _from(query).meta else routes
            approximate = tuple(dict.fromkeys(name for route in own for name in route.approximate))
        notes = [note for catalog in self._catalogs.values() for note in (*catalog.unusable, *_unlisted(catalog))]
        notes += [note for route in routes for note in route.notes]
        text = written(query) if routed and query is not None else self._text
        return Explanation(self._text, text, tuple(routes), approximate, tuple(notes))

    def _read_raw(self, route: Route) -> None:
        """Have raw events answer a SELECT."""
        source = self._catalogs[route.source.lower()].source
        within = widened(route.within)
        missing = route.missing or source.missing(within, route.clock)
        if missing is not None:
            raise CubeError(f"the query needs events of {route.source} one by one, and {missing}: {_reasons(route)}")
        files = source.files(within, route.clock)
        size = sum(source.sizes[path] for path in files)
        events = source.scan(files) if files else f"SELECT * FROM {empty(source, route.source)}"
        route.parts = [Part(None, route.within, events, None, size, tuple(files), "no rollup answers")]

    def _unrouted(self, explanation: Explanation, why: str, *, raw: bool) -> Explanation:
        """The explanation of a query whose rewritten form DuckDB does not take: raw events answer it."""
        if not raw:
            raise CubeError(f"no rollup answers the query, and raw events are not to be read: {why}")
        routes = []
        for route in explanation.routes:
            plain = Route(route.source, rejected=[*route.rejected, Rejection(None, Reason.UNSUPPORTED, why)])
            self._read_raw(plain)
            routes.append(plain)
        return Explanation(self._text, self._text, tuple(routes), (), explanation.notes)

    def _show_events(self, connection: duckdb.DuckDBPyConnection, explanation: Explanation) -> None:
        """Put the raw events where the query's tables of events are."""
        for name, catalog in self._catalogs.items():
            source = catalog.source
            routes = [route for route in explanation.routes if route.source.lower() == name]
            needed = {path for route in routes for path in source.files(widened(route.within), route.clock)}
            files = [path for path in source.sizes if path in needed or not routes]
            events = source.scan(files) if files else f"SELECT * FROM {empty(source, name)}"
            connection.execute(f"CREATE OR REPLACE TEMP VIEW {identifier(name)} AS {events}")

    def _create(self, query: str, parameters: Parameters, most_rows: int | None) -> None:
        rows = query if most_rows is None else f"FROM (\n{without_semicolon(query)}\n) LIMIT {most_rows}"
        self._cursor.execute(f"CREATE OR REPLACE TEMP TABLE {_ANSWER} AS {rows}", parameters)

    def _refused(self, explanation: Explanation, *, errors: bool) -> str | None:
        """Why the rewritten query is not what was asked; None if it is."""
        if any(not path.endswith(".parquet") for part in explanation.parts for path in part.paths):
            return None  # text is held in tables that the prober does not see
        try:
            found = describe(self._prober, explanation.sql)
        except duckdb.Error as error:
            return first_paragraph(error)
        if errors:
            found = {name: kind for name, kind in found.items() if name in self._schema}
        return (
            None if found == self._schema else f"the columns would be {found}, and are {self._schema} over the events"
        )

    def _check_files(self, explanation: Explanation) -> None:
        """See that no file changed while it was read.

        Raises:
            CubeError: If one did.
        """
        paths = {path for part in explanation.parts for path in part.paths}
        files = [file for catalog in self._catalogs.values() for file in catalog.files if file.path in paths]
        try:
            for file in files:
                file.check_unchanged()
        except SourceError as error:
            raise CubeError(f"{error}; ask again") from error


def _numbered(query: exp.Expr, number: int) -> exp.Table:
    """A table of events, wherever it is by now."""
    return next(table for table in query.find_all(exp.Table) if table.meta.get(_NUMBER) == number)


def _from(select: exp.Select) -> exp.Expr:
    found: exp.Expr = select.args["from_"].this
    return found


def _reasons(route: Route) -> str:
    return "; ".join(map(str, route.rejected)) or "there is no rollup"


def _unlisted(catalog: Catalog) -> list[str]:
    if catalog.source.listed:
        return []
    name = catalog.source.name
    return [f"{name} is what its rollups have counted: say what it stands for (sources) to read files that are new"]
