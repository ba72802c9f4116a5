"""One query over events: parsed, planned, and run in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import duckdb
from sqlglot import exp

from duckdb_sketch._sql import identifier
from duckdb_sketch.cube.advice import Advice, suggest
from duckdb_sketch.cube.canonical import sql
from duckdb_sketch.cube.catalog import Catalog, CatalogReader
from duckdb_sketch.cube.cover import widened
from duckdb_sketch.cube.errors import CubeError
from duckdb_sketch.cube.explanation import Explanation
from duckdb_sketch.cube.parameters import kinds_of, values_of
from duckdb_sketch.cube.part import Part
from duckdb_sketch.cube.planner import Edges, Planner, Route
from duckdb_sketch.cube.prober import Columns, Prober, columns_of, empty
from duckdb_sketch.cube.query import Parameters, block_of, event_tables, name_columns, parse, without_semicolon
from duckdb_sketch.cube.reason import Reason, Rejection
from duckdb_sketch.cube.rewrite import stand_in, written
from duckdb_sketch.cube.session import Answers, CubeSession, Shape, first_paragraph
from duckdb_sketch.cube.shape import shape_of
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.sources.lookups import provide

if TYPE_CHECKING:
    pass

#: The temporary table that an answer is in.
ANSWER = "duckdb_sketch_answer"
_NUMBER = "duckdb_sketch_number"  # of a table of events in a query


class Asking:
    """One query, on a connection of its own, in one transaction."""

    def __init__(
        self,
        cursor: duckdb.DuckDBPyConnection,
        prober: Prober,
        reader: CatalogReader,
        session: CubeSession,
        known: Answers,
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
        self._session = session
        self._known = known
        self._catalogs: dict[str, Catalog] = {}
        self._lookups: Mapping[str, Any] = {}
        self._zone = "UTC"
        self._schema: Columns = []
        self._query: exp.Query | None = None  # parsed, and not changed yet
        # The shapes of the query, and of what is run instead; None if DuckDB may say other things of them each time.
        self._shape: Shape | None = None
        self._written: Shape | None = None
        #: The names of the columns that are asked for, once the query was planned.
        self.names: tuple[str, ...] = ()

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
        sources = self._read_catalogs()
        versions = tuple(catalog.version for catalog in self._catalogs.values())
        values = values_of(self._parameters) if self._catalogs and not self._lookups else None
        key = (self._text, values, self._edges, exact, raw, errors, versions)
        known = None if values is None else self._known.plans.find(key)
        if known is not None:
            explanation, self.names = known
            return explanation
        query = self._parsed()
        if query is not None and values is not None and self._is_lasting(query):
            schemas = tuple(catalog.schema for catalog in self._catalogs.values())
            self._shape = (schemas, kinds_of(self._parameters), shape_of(self._text, query))
        explanation = self._planned(query, sources, exact=exact, raw=raw, errors=errors)
        self.names = tuple(name for name, _ in self._schema)
        if self._shape is not None and not self._session.is_of_now:
            self._known.plans.keep(key, (explanation, self.names))
        return explanation

    def _parsed(self) -> exp.Query | None:
        """The query, to be changed."""
        if self._query is None:
            return parse(self._text, self._parameters)
        found, self._query = self._query, None
        return found

    def _is_lasting(self, query: exp.Query) -> bool:
        """Whether the query reads nothing but what the catalogs have, so that its plan holds as long as they do."""
        tables: set[str] = set()
        known = set(self._catalogs)
        for node in query.walk():
            if isinstance(node, exp.Table):
                tables.add(sql(node) if node.args.get("db") else node.name.lower())
            elif isinstance(node, exp.CTE):
                known.add(node.alias.lower())
            elif self._session.functions.is_opaque(node):
                return False
        if not tables <= known:
            return False
        return all(file.reader == "read_parquet" for catalog in self._catalogs.values() for file in catalog.files)

    def _planned(
        self, query: exp.Query | None, sources: Mapping[str, Any], *, exact: bool, raw: bool, errors: bool
    ) -> Explanation:
        tables = [] if query is None else event_tables(query, sources)
        self._schema = self._known.schemas.get_if(self._shape, lambda: self._checked(sources))
        if query is not None:
            name_columns(query, [name for name, _ in self._schema])
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
                explanation = self._unrouted(explanation, why, raw=raw)
        if errors and not explanation.routed:
            return replace(explanation, bounded=self._bounded())
        return explanation

    def _bounded(self) -> tuple[tuple[int, bool], ...]:
        """The columns that raw events answer and that have bounds, and whether exactly."""
        query = parse(self._text, self._parameters)
        assert isinstance(query, exp.Select)
        return tuple(self._planner(_from(query).name.lower(), exact=False).bounded(query))

    def _require_query(self) -> None:
        """See that the text is one query, which changes nothing.

        Raises:
            CubeError: If it is not.
        """
        try:
            statements = self._prober.bare.extract_statements(self._text)
        except duckdb.Error as error:
            raise CubeError(f"the query is not SQL: {first_paragraph(error)}") from error
        if len(statements) != 1:
            raise CubeError(f"ask one query at a time: these are {len(statements)} statements")
        if statements[0].type != duckdb.StatementType.SELECT:
            raise CubeError("a cube answers queries: write SELECT … FROM the table of events")

    def _read_catalogs(self) -> Mapping[str, Any]:
        """Read what there is of the query's tables of events. The names of all such tables are returned."""
        with self._reader.lock:
            sources = self._reader.sources(self._cursor)
            wanted = self._known.names.get((self._text, tuple(sources)), lambda: self._event_names(sources))
            self._enter_zone({record.time_zone for name in wanted for record in sources[name] if record.time_zone})
            for name in wanted:
                calendar = self._session.calendar
                self._catalogs[name] = self._reader.read(
                    self._cursor, self._prober.bare, sources[name], calendar, self._held
                )
        given = self._reader.given
        self._lookups = {name: data for name, data in given.items() if name.lower() not in sources}
        return sources

    def _event_names(self, sources: Mapping[str, Any]) -> tuple[str, ...]:
        """The tables of events that the query reads."""
        self._query = query = parse(self._text, self._parameters)
        if query is None:  # it is read as a whole from raw events
            return tuple(name for name in sources if name in self._text.lower())
        return tuple(dict.fromkeys(table.name.lower() for table in event_tables(query, sources)))

    def _provide_lookups(self) -> None:
        """Make what `sources` says besides the events known under its names."""
        if self._lookups:
            provide(self._cursor, self._lookups)
            self._prober.provide(self._lookups)

    def _enter_zone(self, zones: set[str]) -> None:
        if self._time_zone is not None:
            zones = {self._time_zone}
        if len(zones) > 1:
            raise CubeError(
                f"the rollups have several time zones, {' and '.join(sorted(zones))}: choose one "
                "with time_zone='…' (--time-zone)"
            )
        self._zone = next(iter(zones), "UTC")
        self._prober.enter_zone(self._zone)
        self._session.enter_zone(self._zone)

    def _checked(self, sources: Mapping[str, Any]) -> Columns:
        """The columns of the query, which DuckDB reads over events of which there is none.

        Raises:
            CubeError: If it is wrong: an unknown column or function, or a table that is not there; or no query.
        """
        self._require_query()
        self._provide_lookups()
        self._prober.show(catalog.source for catalog in self._catalogs.values())
        try:
            return columns_of(self._prober.events, self._text, self._parameters)
        except duckdb.Error as error:
            known = "" if self._catalogs else f"; the tables of events are {', '.join(sorted(sources)) or 'none'}"
            raise CubeError(f"{first_paragraph(error)}{known}") from error

    def _route(self, table: exp.Table, *, exact: bool, errors: bool) -> Route:
        catalog = self._catalogs[table.name.lower()]
        select = block_of(table)
        if select is None:
            return Route(catalog.source.name, rejected=[Rejection(None, Reason.JOINED)])
        planner = self._planner(table.name.lower(), exact=exact)
        if select.parent is not None:
            return planner.route(select)
        return planner.route(select, columns=[name for name, _ in self._schema], errors=errors)

    def _planner(self, name: str, *, exact: bool) -> Planner:
        catalog = self._catalogs[name]
        return Planner(catalog.source, catalog.tables, self._session, self._zone, exact=exact, edges=self._edges)

    def _explained(self, query: exp.Query | None, routes: Sequence[Route], *, raw: bool) -> Explanation:
        routed = any(route.routed for route in routes)
        for number, route in enumerate(routes):
            if route.routed:
                continue
            if not raw:
                raise CubeError(f"no rollup answers the query, and raw events may not be read: {_reasons(route)}")
            self._read_raw(route)
            if routed and query is not None:
                table = _numbered(query, number)
                table.replace(stand_in(table.alias_or_name, route.parts))
        approximate: tuple[str, ...] = ()
        if routed and routes:
            own = routes[-1:] if isinstance(query, exp.Select) and _is_of_events(query) else routes
            approximate = tuple(dict.fromkeys(name for route in own for name in route.approximate))
        notes = [note for catalog in self._catalogs.values() for note in (*catalog.unusable, *_unlisted(catalog))]
        notes += [note for route in routes for note in route.notes]
        text = self._text
        if routed and query is not None:
            text, shape = written(query)
            self._written = None if self._shape is None else (self._shape[0], None, shape)
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
            raise CubeError(f"no rollup answers the query, and raw events may not be read: {why}")
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
        try:
            self._cursor.execute(f"CREATE OR REPLACE TEMP TABLE {ANSWER} AS {rows}", parameters)
        except (duckdb.DataError, duckdb.ProgrammingError, duckdb.IOException) as error:
            raise CubeError(f"the query failed: {first_paragraph(error)}") from error

    def _refused(self, explanation: Explanation, *, errors: bool) -> str | None:
        """Why the rewritten query is not what was asked; None if it is."""
        if any(not path.endswith(".parquet") for part in explanation.parts for path in part.paths):
            return None  # text is held in tables that the prober does not see
        try:
            found = self._known.answers.get_if(self._written, lambda: columns_of(self._prober.bare, explanation.sql))
        except duckdb.Error as error:
            return first_paragraph(error)
        if errors:
            found = found[: len(self._schema)]  # the bounds follow
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


def _is_of_events(select: exp.Select) -> bool:
    """Whether the parts of a table of events stand in the FROM of a SELECT."""
    return select.args.get("from_") is not None and "parts" in _from(select).meta


def _reasons(route: Route) -> str:
    return "; ".join(map(str, route.rejected)) or "there is no rollup"


def _unlisted(catalog: Catalog) -> list[str]:
    if any(each.sql for each in catalog.files):
        return [f"rows of {catalog.source.name} that were updated since they were counted show after a refresh"]
    if catalog.source.listed:
        return []
    name = catalog.source.name
    return [f"{name} is what its rollups have counted: give its files (sources) to read new ones"]
