"""Files as a source: each is a slice."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import cached_property

import duckdb

from duckdb_sketch._sql import identifier
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import describe, fetch
from duckdb_sketch.rollup.sources.copies import copied
from duckdb_sketch.rollup.sources.csv_files import Layout, layouts
from duckdb_sketch.rollup.sources.declaration import Declaration
from duckdb_sketch.rollup.sources.events import Events, Extent, UnreadableError
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import by_reader, count_rows
from duckdb_sketch.rollup.sources.footers import read_extents
from duckdb_sketch.rollup.sources.json_files import json_held, json_keys, json_scan
from duckdb_sketch.rollup.sources.listing import find
from duckdb_sketch.rollup.sources.objects import is_served
from duckdb_sketch.rollup.sources.parquet_files import parquet_parts
from duckdb_sketch.rollup.sources.part import Part
from duckdb_sketch.rollup.sources.partitions import PartitionedPart, partition_names, values_in
from duckdb_sketch.rollup.sources.plan import Plan
from duckdb_sketch.rollup.sources.slice import Poll
from duckdb_sketch.rollup.sources.structure import canonical, castable
from duckdb_sketch.rollup.sources.text import IGNORING, csv_held
from duckdb_sketch.rollup.sources.written import Written
from duckdb_sketch.rollup.specification.specification import Specification, over

_FEW_ROWS = 10_000  # per file: opening it costs more than reading all of it
# That many files that are so small that to look how many rows each has costs as much as to read them.
_MANY = 1_000
_SMALL = 1 << 14  # bytes
_BYTES_A_ROW = 16
_FILES_AT_ONCE = 100  # in which a column that is in none of a batch is looked for
# What DuckDB says of a column, or a field of one, that is not there.
_Partitions = Mapping[str, frozenset[str]]  # the columns in the path of each file
_NOT_THERE = re.compile(
    r'Referenced column "(.+)" not found in FROM|does not have a column named "(.+)"|Could not find key|'
    r"Cannot extract field"
)


class FileSource:
    """The files of a declaration, read for one statement.

    Attributes:
        kind: See `Source`.
        transactional: See `Source`.
    """

    kind = "file"
    transactional = False

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        specification: Specification,
        declaration: Declaration,
        missing: str | None = None,
        look_back: int | None = None,
    ) -> None:
        """A source.

        Args:
            connection: The connection that reads the files.
            specification: The statement.
            declaration: How the files are declared.
            missing: `null` if columns that a file lacks are NULL; else that is an error.
            look_back: See `find`.
        """
        self._connection = connection
        self._specification = specification
        self._declaration = declaration
        self._missing = missing or declaration.missing
        self._look_back = look_back
        self._origins: dict[str, str] = {}
        self._written = Written(
            {name.lower(): canonical(kind) for name, kind in declaration.types.items()},
            declaration.formats,
            declaration.all_text,
            declaration.ignores_errors,
        )
        self._rows: dict[File, int] = {}
        self._found: Sequence[File] = ()
        self._paths: set[str] = set()  # of all files that are known, counted or not
        self._copies: dict[str, str] = {}

    def poll(self, fingerprints: Mapping[str, str]) -> Poll[File]:
        """Which files are new, and which have changed.

        Args:
            fingerprints: Those of the files that were counted, by path.

        Raises:
            SourceError: If a pattern matches no file; of several sources if that is so of each.
        """
        files: dict[str, File] = {}
        duplicates: list[str] = []
        failures: dict[str, SourceError] = {}
        for member in self._declaration.each:
            try:
                found = find(self._connection, member.patterns, fingerprints, self._look_back)
            except SourceError as error:
                failures[member.place] = error
                continue
            place = member.place
            for file in found.files:
                files.setdefault(file.path, file)
                self._origins.setdefault(file.path, place)
            duplicates += found.duplicates
        if len(failures) == len(self._declaration.each):
            raise next(iter(failures.values()))
        self._paths |= {*fingerprints, *files}
        return replace(Poll.of(files.values(), fingerprints, duplicates), failures=failures)

    @property
    def declared(self) -> tuple[str, ...]:
        """See `Source`."""
        return tuple(member.place for member in self._declaration.each)

    def origin(self, slice_id: str) -> str:
        """See `Source`."""
        return self._origins[slice_id]

    def counted(self, kind: str, name: str, fingerprint: str) -> File:
        """See `Source`."""
        if kind != self.kind:
            raise SourceError(f"{name} was counted from a table, and the source is files: give the table as source")
        return File.counted(name, fingerprint)

    def rows(self, files: Sequence[File]) -> dict[str, int]:
        """How many rows each file has, by path; of text, and of many small files, a guess.

        Raises:
            SourceError: If a file cannot be read.
        """
        self._found = files
        self._paths |= {file.path for file in files}
        return self._counts(files)

    def _counts(self, files: Sequence[File]) -> dict[str, int]:
        unknown = [file for file in files if file not in self._rows]
        if len(unknown) > _MANY and sum(file.size for file in unknown) < _SMALL * len(unknown):
            rows = {file.path: file.size // _BYTES_A_ROW for file in unknown}
        else:
            served = [file for file in unknown if is_served(file.path)]  # whose footers are far away
            rows = {file.path: file.size // _BYTES_A_ROW for file in served}
            rows |= count_rows(self._connection, [file for file in unknown if not is_served(file.path)])
        self._rows |= {file: rows[file.path] for file in unknown}
        return {file.path: self._rows[file] for file in files}

    @cached_property
    def _references(self) -> frozenset[str]:
        """The names of columns that the statement mentions; NATURAL JOIN mentions all that a lookup table has."""
        names = self._specification.references
        for lookup in self._specification.natural:
            with suppress(duckdb.Error):  # which the statement itself says
                names |= {name.lower() for name in describe(self._connection, f"FROM {identifier(lookup)}")}
        return names

    @contextmanager
    def events(self, files: Sequence[File], known: Mapping[str, str]) -> Iterator[Events]:
        """The events of some files, as long as this lasts.

        Args:
            files: The files, at least one.
            known: The types of the columns in the files counted before; empty if there were none.

        Raises:
            SourceError: If a file cannot be read, or its columns are others than those of the files before it.
        """
        with copied(files) as copies, copies.told():
            self._copies |= {path: file.path for path, file in copies.originals.items()}
            with self._local_events(copies.files, known) as events:
                yield copies.events(events)

    @contextmanager
    def _local_events(self, files: Sequence[File], known: Mapping[str, str]) -> Iterator[Events]:
        """The events of files that are on this machine, or that DuckDB gets at by itself."""
        with ExitStack() as stack:
            parts = self._parts(stack, files)
            types = _bound(parts, _lower(known))
            names = _names({name: name for name in known}, parts)
            if self._may_lack(parts, types):
                types, names = self._completed(parts, names, types, known)
            self._check_there(parts, {name for part in parts for name in part.columns} | types.keys())
            yield self._events(parts, {names.get(name, name): kind for name, kind in types.items()}, names, known)

    def scanned(self, stack: ExitStack, files: Sequence[File], known: Mapping[str, str]) -> str:
        """SQL of the rows of files, with a column `FILE`; it may be read until the stack is closed.

        Args:
            stack: Holds what text files hold.
            files: The files, at least one.
            known: The types of the columns in what was counted; a column that a file lacks is NULL.

        Raises:
            SourceError: If a file cannot be read, or its columns are of other types.
        """
        copies = stack.enter_context(copied(files))
        stack.enter_context(copies.told())
        parts = self._parts(stack, copies.files)
        names = _names({name: name for name in known}, parts)
        types = {names[name]: kind for name, kind in _bound(parts, _lower(known)).items()}
        return copies.named(" UNION ALL BY NAME ".join(part.sql(_wanted(types, names)) for part in parts))

    def _parts(self, stack: ExitStack, files: Sequence[File]) -> list[Part]:
        """Files in parts that are read alike, text in tables that last as long as the stack."""
        self._paths |= {file.path for file in files}
        partitions = partition_names(files, self._references) if self._declaration.partitioned else {}
        parts: list[Part] = []
        for alike in by_reader(files):
            if alike[0].reader == "read_parquet":
                parts += self._parquet(alike, partitions)
            elif alike[0].reader == "read_csv":
                parts += self._csv(stack, alike, partitions)
            else:
                parts += self._json(stack, alike, partitions)
        return parts

    def _parquet(self, files: Sequence[File], partitions: _Partitions) -> list[Part]:
        parts: list[Part] = []
        options = "".join(f", {name} = {value}" for name, value in self._declaration.dialect.items())
        for part in parquet_parts(self._connection, files, self._references, options):
            own = dict.fromkeys((file.path for file in part.files), part.columns.keys())
            for names, alike in _by_folder(part.files, partitions, own).items():
                parts.append(self._partitioned(replace(part, files=alike), names))
        return parts

    def _csv(self, stack: ExitStack, files: Sequence[File], partitions: _Partitions) -> list[Part]:
        ignoring = {"ignore_errors": "true"} if self._written.ignore_errors else {}
        dialect = {**self._declaration.dialect, **ignoring}
        found = layouts(self._connection, files, dialect, self._declaration.names, self._references)
        own = {file.path: {name.lower() for name in layout.columns} for layout in found for file in layout.files}
        parts: list[Part] = []
        for names, alike in _by_folder(files, partitions, own).items():
            within = [layout for each in found if (layout := each.within(alike)).files]
            wanted = _referenced(within, self._references)
            more = IGNORING if self._written.ignore_errors else ""
            raw = _raw_csv(within, wanted, more)
            with self._readable(alike):
                held = csv_held(self._connection, alike, raw, self._references, self._written)
                parts.append(self._partitioned(stack.enter_context(held), names))
        for layout in found:
            self._check_layout(layout, parts)
        return parts

    def _json(self, stack: ExitStack, files: Sequence[File], partitions: _Partitions) -> list[Part]:
        own: dict[str, frozenset[str]] = {}
        if any(partitions.get(file.path) for file in files):
            with self._readable(files):
                own = json_keys(self._connection, self._objects(files))
        parts: list[Part] = []
        for names, alike in _by_folder(files, partitions, own).items():
            with self._readable(alike):
                held = json_held(self._connection, alike, self._objects, self._references, self._written)
                parts.append(self._partitioned(stack.enter_context(held), names))
        return parts

    def _objects(self, files: Sequence[File]) -> str:
        ignoring = {"ignore_errors": "true"} if self._written.ignore_errors else {}
        return json_scan(files, {**self._declaration.dialect, **ignoring})

    def _partitioned(self, part: Part, names: frozenset[str]) -> Part:
        """A part with the columns that the paths of its files have and the files have not."""
        if not names:
            return part
        return PartitionedPart.of(
            self._connection,
            part,
            names,
            self._declaration.partition_type,
            lambda name: values_in(self._paths, name),
            self._is_of_folder,
        )

    def _is_of_folder(self, path: str, name: str) -> bool:
        """Whether a column is of the folder of a file, and not of the file; so it is where that cannot be known."""
        try:
            with ExitStack() as stack:
                parts = self._parts(stack, [File.at(path)])
                return any(name in getattr(part, "spelled", ()) for part in parts)
        except (OSError, duckdb.Error, SourceError):
            return True

    def _check_layout(self, layout: Layout, parts: Sequence[Part]) -> None:
        """See that CSV files have all columns that others of their part have: the text of the others has no gaps.

        Raises:
            SourceError: If they lack one.
        """
        own = {name.lower() for name in layout.columns}
        for part in parts:
            if self._missing != "null" and layout.files[0] in part.files:
                for name, spelled in part.columns.items():
                    if name not in own and name not in getattr(part, "spelled", ()):
                        raise _lacking(layout.files[0], spelled)

    def _check_there(self, parts: Sequence[Part], names: set[str]) -> None:
        """See that all files have the columns that any has, or had before.

        Raises:
            SourceError: If one lacks a column.
        """
        for part in parts:
            for name in sorted(names - part.columns.keys()):
                if self._missing != "null" and not part.lenient:
                    raise _lacking(part.files[0], name)

    def _may_lack(self, parts: Sequence[Part], types: Mapping[str, str]) -> bool:
        """Whether a column that the statement mentions may be in other files than these."""
        if {name for part in parts for name in part.columns} - types.keys():
            return True  # of which no value is known, and perhaps fields are mentioned
        if self._missing != "null" and not any(part.lenient for part in parts):
            return False
        return bool(self._references - types.keys()) or any(kind.startswith("STRUCT(") for kind in types.values())

    def _completed(
        self, parts: Sequence[Part], names: dict[str, str], types: dict[str, str], known: Mapping[str, str]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Types with those of columns, and of nested fields, that no file of this batch has, but others that there are.

        As each batch is bound by itself, it would otherwise depend on batches whether there is such a column.

        Returns:
            The types, and how the columns are written.
        """
        batch = {self._copies.get(file.path, file.path) for part in parts for file in part.files}
        others = [file for file in self._found if file.path not in batch]
        start = 0
        while (lacking := self._lacking(parts, names, types)) is not None:
            if known and lacking and lacking.lower() not in names:
                names = {**names, lacking.lower(): lacking}  # the statement was bound before: it was NULL in all files
                continue
            if start >= len(others):
                break
            with ExitStack() as stack, suppress(SourceError):
                copies = stack.enter_context(copied(others[start : start + _FILES_AT_ONCE]))
                more = self._parts(stack, copies.files)
                types = {**types, **_bound(more, types)}
                names = _names(names, more)
            start += _FILES_AT_ONCE
        return types, names

    def _lacking(self, parts: Sequence[Part], names: Mapping[str, str], types: Mapping[str, str]) -> str | None:
        """The column that the statement mentions and that is not there; empty of a nested field; None if all are."""
        events = self._events(parts, {names.get(name, name): kind for name, kind in types.items()}, names, {})
        try:
            describe(self._connection, over(events.columns, self._specification.typed(types).aggregate()))
        except duckdb.BinderException as error:
            if found := _NOT_THERE.search(str(error)):
                return found[1] or found[2] or ""
            # Where no value of a column is known, it is an INTEGER, and lower(name) may be refused for that alone.
            return "" if "No function matches" in str(error) and names.keys() - types.keys() else None
        except duckdb.Error:
            return None  # the statement itself says so
        return None

    def _events(
        self, parts: Sequence[Part], types: Mapping[str, str], names: Mapping[str, str], known: Mapping[str, str]
    ) -> Events:
        wanted = _wanted(types, names)
        files = [file for part in parts for file in part.files]
        sql = " UNION ALL BY NAME ".join(part.sql(wanted) for part in parts)
        sample = " UNION ALL BY NAME ".join(part.sample(wanted) for part in parts)
        rejected = sum(part.rejected.total() for part in parts)
        typed = {name: castable(kind) for name, kind in types.items()}
        plan = Plan(parts, wanted)

        def culprit() -> str:
            return self._culprit(files, known)

        def extents(column: str) -> Mapping[str, Extent] | None:
            return read_extents(self._connection, files, column, typed)

        if any(file.reader != "read_parquet" for file in files):
            return Events(self._connection, sql, types, files, culprit, sample=sample, rejected=rejected, plan=plan)
        if len(files) > 1 and sum(self._counts(files).values()) < _FEW_ROWS * len(files):
            return Events(self._connection, sql, types, files, culprit, spool=True, sample=sample, plan=plan)
        return Events(self._connection, sql, types, files, culprit, sample=sample, extents=extents, plan=plan)

    @contextmanager
    def _readable(self, files: Sequence[File]) -> Iterator[None]:
        """Name the file that DuckDB cannot read.

        Raises:
            SourceError: If there is one.
        """
        try:
            yield
        except UnreadableError as error:
            raise SourceError(f"{self._unreadable(files)}: {error}") from error

    def _unreadable(self, files: Sequence[File]) -> str:
        """The first of several text files that DuckDB cannot read."""
        for file in files if len(files) > 1 else ():
            try:
                with ExitStack() as stack:
                    self._parts(stack, [file])
            except (duckdb.Error, SourceError):
                return file.path
        return _listed(files)

    def _culprit(self, files: Sequence[File], known: Mapping[str, str]) -> str:
        """The first of several files at which the statement fails by itself."""
        for file in files if len(files) > 1 else ():
            try:
                with self.events([file], known) as events:
                    fetch(self._connection, over(events.sql, self._specification.typed(events.types).aggregate()))
            except (duckdb.Error, SourceError):
                return file.path
        return _listed(files)


def _listed(files: Sequence[File]) -> str:
    return files[0].path if len(files) == 1 else f"{files[0].path} and {len(files) - 1} more"


def _lacking(file: File, name: str) -> SourceError:
    return SourceError(
        f"{file.path}: there is no column {name}, which earlier files have. To read it as NULL in such files: "
        "missing='null'"
    )


def _by_folder(
    files: Sequence[File], partitions: _Partitions, own: Mapping[str, Container[str]]
) -> dict[frozenset[str], list[File]]:
    """Files by the columns in their paths that they do not have themselves: a file's own column counts."""
    groups: dict[frozenset[str], list[File]] = {}
    for file in files:
        columns = own.get(file.path, ())
        names = frozenset(name for name in partitions.get(file.path, ()) if name not in columns)
        groups.setdefault(names, []).append(file)
    return groups


def _wanted(types: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str | None]:
    """The columns that there are, and their types; None of those of which nothing is known."""
    there = {name.lower() for name in types}
    return {**types, **{spelled: None for name, spelled in names.items() if name not in there}}


def _lower(types: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): kind for name, kind in types.items()}


def _bound(parts: Sequence[Part], known: Mapping[str, str]) -> dict[str, str]:
    """The types of all columns, by their names in lower case."""
    types = dict(known)
    for part in parts:
        types |= part.bind(types)
    return types


def _names(known: Mapping[str, str], parts: Sequence[Part]) -> dict[str, str]:
    """Columns as they were written first, by their names in lower case."""
    names = {name.lower(): name for name in known.values()}
    for part in parts:
        for lower, name in part.columns.items():
            names.setdefault(lower, name)
    return names


def _raw_csv(layouts: Sequence[Layout], wanted: Sequence[str], options: str) -> Callable[[Sequence[File]], str]:
    """Gives SQL of the rows of some files of layouts, as text."""

    def raw(files: Sequence[File]) -> str:
        paths = set(files)
        within = [found for layout in layouts if (found := layout.within(paths)).files]
        return " UNION ALL ".join(layout.sql(wanted, options) for layout in within)

    return raw


def _referenced(found: Sequence[Layout], references: frozenset[str]) -> list[str]:
    """The columns that a statement mentions, as the first file that has them spells them."""
    names: dict[str, str] = {}
    for layout in found:
        for name in layout.columns:
            if name.lower() in references:
                names.setdefault(name.lower(), name)
    return list(names.values())
