"""CSV files as text: which columns each has, in which order, and the SQL that reads them by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb

from duckdb_sketch._sql import identifier, quote
from duckdb_sketch.rollup.errors import SourceError
from duckdb_sketch.rollup.query import fetch
from duckdb_sketch.rollup.sources.file import File
from duckdb_sketch.rollup.sources.files import FILE, paths_of

_START = 1 << 16  # bytes that are looked at for the first line
_COMPRESSED = (".gz", ".zst")


@dataclass(frozen=True)
class Layout:
    """Files that begin with the same line.

    Attributes:
        files: The files.
        columns: Their columns, in order.
        options: Options of `read_csv` that say how they are written, each with a comma before it.
    """

    files: tuple[File, ...]
    columns: tuple[str, ...]
    options: str

    def sql(self, wanted: Sequence[str]) -> str:
        """SQL of some columns of the rows, as text."""
        types = ", ".join(f"{quote(name)}: 'VARCHAR'" for name in self.columns)
        own = {name.lower(): name for name in self.columns}
        items = [f"{identifier(own[name.lower()])} AS {identifier(name)}" for name in wanted]
        return (
            f"SELECT {', '.join([FILE, *items])} FROM read_csv({paths_of(self.files)}, auto_detect = false, "
            f"columns = {{{types}}}{self.options}, filename = '{FILE}')"
        )


def layouts(connection: duckdb.DuckDBPyConnection, files: Sequence[File], options: Mapping[str, str]) -> list[Layout]:
    """Files by what they begin with; DuckDB's sniffer looks at one of each.

    Args:
        connection: The connection that looks.
        files: CSV files.
        options: Options of `read_csv` that are declared, as SQL.

    Raises:
        SourceError: If a file cannot be read. It is named.
    """
    groups: dict[object, list[File]] = {}
    for file in files:
        groups.setdefault(_first_line(file), []).append(file)
    found = []
    for line, alike in groups.items():
        if line == b"":
            raise SourceError(f"{alike[0].path} is empty: it has no line that names its columns")
        found.append(_layout(connection, alike, options))
    return found


def _first_line(file: File) -> object:
    """What files with the same columns have in common: the line that names them, or the file itself."""
    if file.path.lower().endswith(_COMPRESSED):
        return file.path
    try:
        with open(file.path, "rb") as opened:
            start = opened.read(_START)
    except OSError as error:
        raise SourceError(f"{file.path}: {error.strerror}") from error
    line, end, _ = start.partition(b"\n")
    return line.rstrip(b"\r") if end or len(start) < _START else file.path


def _layout(connection: duckdb.DuckDBPyConnection, files: Sequence[File], options: Mapping[str, str]) -> Layout:
    sample = max(files, key=lambda file: file.size)
    given = "".join(f", {name} = {value}" for name, value in options.items())
    try:
        rows = fetch(
            connection,
            "SELECT Delimiter, Quote, Escape, Comment, SkipRows, HasHeader, Columns "
            f"FROM sniff_csv({paths_of([sample])[1:-1]}{given})",
        )
    except duckdb.Error as error:
        raise SourceError(f"{sample.path}: {error}") from error
    delimiter, *marks, skip, header, columns = rows[0]
    dialect = {"delim": quote(delimiter), "skip": str(skip), "header": str(bool(header)).lower()}
    for name, mark in zip(("quote", "escape", "comment"), marks, strict=True):
        dialect[name] = quote("" if mark == "(empty)" else mark)
    dialect["quote"] = "'\"'" if dialect["quote"] == "''" else dialect["quote"]
    dialect["escape"] = "'\"'" if dialect["escape"] == "''" else dialect["escape"]
    dialect |= options
    text = "".join(f", {name} = {value}" for name, value in dialect.items())
    return Layout(tuple(files), tuple(column["name"] for column in columns), text)
