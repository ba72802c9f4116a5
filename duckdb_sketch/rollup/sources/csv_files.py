"""CSV files as text: which columns each has, in which order, and the SQL that reads them by name."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb

from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import fetch
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import FILE, paths_of

_START = 1 << 16  # bytes that are looked at for the first line
_COMPRESSED = (".gz", ".zst")
# Other quotes, escapes and comments: what they mean, the sniffer says of each file by itself.
_MARKED = re.compile(rb"[\n,;|\t] *'|\n *#|\\\"")
_DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Layout:
    """Files that begin with the same line.

    Attributes:
        files: The files.
        columns: Their columns, in order.
        dialect: Options of `read_csv` that say how they are written, as SQL.
        skipped: How many lines are above the one that names the columns.
        comment: What lines begin with that are none; empty if there are none.
    """

    files: tuple[File, ...]
    columns: tuple[str, ...]
    dialect: Mapping[str, str]
    skipped: int = 0
    comment: str = ""

    def within(self, files: Collection[File]) -> Layout:
        """Those of the files that are among others."""
        paths = {file.path for file in files}
        return replace(self, files=tuple(file for file in self.files if file.path in paths))

    def sql(self, wanted: Sequence[str], options: str = "") -> str:
        """SQL of some columns of the rows, as text.

        Args:
            wanted: The columns.
            options: More options, each with a comma before it.
        """
        types = ", ".join(f"{quote(name)}: 'VARCHAR'" for name in self.columns)
        own = {name.lower(): identifier(name) for name in self.columns}
        items = [f"{own.get(name.lower(), 'CAST(NULL AS VARCHAR)')} AS {identifier(name)}" for name in wanted]
        return (
            f"SELECT {', '.join([FILE, *items])} FROM read_csv({paths_of(self.files)}, auto_detect = false, "
            f"columns = {{{types}}}{_written(self.dialect)}{options}, filename = '{FILE}', hive_partitioning = false)"
        )


def layouts(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[File],
    options: Mapping[str, str],
    names: Sequence[str],
    references: Collection[str],
) -> list[Layout]:
    """Files by what they begin with; DuckDB's sniffer looks at one of each.

    Args:
        connection: The connection that looks.
        files: CSV files.
        options: Options of `read_csv` that are declared, as SQL.
        names: The names of the columns that are declared, for files whose first line has none.
        references: The names of the columns that are wanted, in lower case.

    Raises:
        SourceError: If a file cannot be read. It is named.
    """
    header = options.get("header", "").lower() != "false"
    groups: dict[object, list[File]] = {}
    for file in files:
        # Without a line of names, the first one tells nothing.
        groups.setdefault(_first_line(file) if header else None, []).append(file)
    found = []
    for line, alike in groups.items():
        if line == b"":
            raise SourceError(f"{alike[0].path} is empty: it has no line that names its columns")
        layout = _found(connection, alike, line, options, names, references)
        heads = _by_head(layout) if header else [alike]
        if len(heads) > 1:  # the line that they have in common does not name columns
            found += [_found(connection, some, None, options, names, references) for some in heads]
        else:
            found.append(layout)
    return [_named(layout, names) for layout in found]


def _found(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[File],
    line: object,
    options: Mapping[str, str],
    names: Sequence[str],
    references: Collection[str],
) -> Layout:
    """The layout of files that begin alike, as the sniffer has it; by their first line if it finds no wanted column.

    Raises:
        SourceError: If neither says what columns there are.
    """
    plain = _by_first_line(files, line, options, names or references)
    try:
        sniffed = _layout(connection, files, options)
    except SourceError:
        if plain is None:
            raise
        return plain
    own = {name.lower() for name in sniffed.columns}
    has_wanted = own >= {name.lower() for name in names} if names else bool(own & set(references))
    return sniffed if plain is None or has_wanted else plain


def _by_head(layout: Layout) -> list[list[File]]:
    """Files by all lines to the one that names their columns, if that is not the first."""
    if not layout.skipped and not layout.comment:
        return [list(layout.files)]
    groups: dict[object, list[File]] = {}
    for file in layout.files:
        lines = _start(file).split(b"\n")
        end = layout.skipped
        while layout.comment and end < len(lines) and lines[end].startswith(layout.comment.encode()):
            end += 1
        groups.setdefault(tuple(lines[: end + 1]), []).append(file)
    return list(groups.values())


def _by_first_line(
    files: Sequence[File], line: object, options: Mapping[str, str], wanted: Collection[str]
) -> Layout | None:
    """The layout by the first line, if it names a column that is wanted.

    Of files in which a row has more or fewer fields the sniffer makes other columns, or none. With this layout they are
    read to that row, and the error has its number.
    """
    if not isinstance(line, bytes):
        return None
    text = line.decode("utf-8-sig", errors="replace")
    declared, lower = options.get("delim", "''")[1:-1], {name.lower() for name in wanted}
    for delimiter in (declared,) if declared else _DELIMITERS:
        columns = _fields(text, delimiter)
        if any(name.strip().lower() in lower for name in columns):
            dialect = {"delim": quote(delimiter), "skip": "0", "header": "true", "quote": "'\"'", "escape": "'\"'"}
            return Layout(tuple(files), tuple(name.strip() for name in columns), {**dialect, **options})
    return None


def _fields(line: str, delimiter: str) -> list[str]:
    """The fields of a line; none of one that ends as lines of old Macs do, or is cut in any other way."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except (csv.Error, TypeError):  # which is of a delimiter that is not a single character
        return []


def _named(layout: Layout, names: Sequence[str]) -> Layout:
    """Files with the columns that are declared: by name if the first line has the same names, else by their order.

    Raises:
        SourceError: If there are more or fewer.
    """
    if not names or {name.lower() for name in names} <= {name.lower() for name in layout.columns}:
        return layout
    if len(names) != len(layout.columns):
        raise SourceError(
            f"{layout.files[0].path} has {len(layout.columns)} columns ({', '.join(layout.columns)}), and the "
            f"declaration names {len(names)}: {', '.join(names)}"
        )
    return replace(layout, columns=tuple(names))


def _first_line(file: File) -> object:
    """What files with the same columns have in common: the line that names them, or the file itself."""
    if file.path.lower().endswith(_COMPRESSED):
        return file.path
    start = _start(file)
    line, end, _ = start.partition(b"\n")
    line = line.rstrip(b"\r")
    is_whole = (bool(end) or len(start) < _START) and line.count(b'"') % 2 == 0
    return line if is_whole and (line or not start.strip()) and not _MARKED.search(start) else file.path


def _start(file: File) -> bytes:
    """The bytes that a file begins with; its path where they are compressed.

    Raises:
        SourceError: If it cannot be read.
    """
    if file.path.lower().endswith(_COMPRESSED):
        return os.fsencode(file.path)
    try:
        with open(file.path, "rb") as opened:
            return opened.read(_START)
    except OSError as error:
        raise SourceError(f"{file.path}: {error.strerror}") from error


def _layout(connection: duckdb.DuckDBPyConnection, files: Sequence[File], options: Mapping[str, str]) -> Layout:
    sample = max(files, key=lambda file: file.size)
    given = "".join(f", {name} = {value}" for name, value in options.items())
    try:
        rows = fetch(
            connection,
            "SELECT Delimiter, Quote, Escape, Comment, SkipRows, HasHeader, Columns "
            f"FROM sniff_csv({paths_of([sample])[1:-1]}{given}, hive_partitioning = false)",
        )
    except duckdb.Error as error:
        raise SourceError(f"{sample.path}: {error}") from error
    delimiter, *marks, skip, header, columns = rows[0]
    dialect = {"delim": quote(delimiter), "skip": str(skip), "header": str(bool(header)).lower()}
    for name, mark in zip(("quote", "escape", "comment"), marks, strict=True):
        dialect[name] = quote("" if mark == "(empty)" else mark)
    dialect["quote"] = "'\"'" if dialect["quote"] == "''" else dialect["quote"]
    dialect["escape"] = "'\"'" if dialect["escape"] == "''" else dialect["escape"]
    written = {**dialect, **options}
    names = tuple(column["name"] for column in columns)
    return Layout(tuple(files), names, written, int(written["skip"]), written["comment"][1:-1])


def _written(dialect: Mapping[str, str]) -> str:
    return "".join(f", {name} = {value}" for name, value in dialect.items() if name != "normalize_names")
