"""CSV files as text: which columns each has, in which order, and the SQL that reads them by name."""

from __future__ import annotations

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

    def within(self, files: Collection[File]) -> Layout:
        """Those of the files that are among others."""
        return replace(self, files=tuple(file for file in self.files if file in files))

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
            f"columns = {{{types}}}{self.options}{options}, filename = '{FILE}', hive_partitioning = false)"
        )


def layouts(
    connection: duckdb.DuckDBPyConnection, files: Sequence[File], options: Mapping[str, str], names: Sequence[str] = ()
) -> list[Layout]:
    """Files by what they begin with; DuckDB's sniffer looks at one of each.

    Args:
        connection: The connection that looks.
        files: CSV files.
        options: Options of `read_csv` that are declared, as SQL.
        names: The names of the columns that are declared, for files whose first line has none.

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
        found.append(_named(_layout(connection, alike, options), names))
    return found


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
    dialect |= {name: value for name, value in options.items() if name != "normalize_names"}
    text = "".join(f", {name} = {value}" for name, value in dialect.items())
    return Layout(tuple(files), tuple(column["name"] for column in columns), text)
