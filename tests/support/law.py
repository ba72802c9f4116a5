"""The law of sources: what files say does not depend on their order, on batches, or on the database.

A case is some files (CSV, JSON, Parquet; columns permuted, missing, NULL, widened, nested, in folders of partitions)
and a statement. They are counted in some order and some batches, and the table is compared with a SELECT over all rows
with the types that this module predicts from how it made the files; where it predicts none, the refresh has to be
refused.

python tests/support/law.py EXAMPLES [SEED]

An example is the column of a set of files. To be fast, most are counted in packs of a dozen columns that the same files
have, and one column that is refused is tried by itself. What differs is printed with its seed, and at the end how many
examples there were; `law.py 1 SEED` tries that one again.
"""

from __future__ import annotations

import json
import random
import shutil
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, TypeVar

import duckdb
import pytest

import duckdb_sketch
from duckdb_sketch.rollup import Rollup, RollupError

T = TypeVar("T")

# Integers by rank: what holds all values of two is the first that both are within.
WIDTHS = {
    f"{sign}{name}": (0 if sign else -(2 ** (bits - 1)), 2 ** (bits if sign else bits - 1) - 1)
    for name, bits in (("TINYINT", 8), ("SMALLINT", 16), ("INTEGER", 32), ("BIGINT", 64), ("HUGEINT", 128))
    for sign in ("", "U")
}
NO_FIELD = {"no_field": '"NULL"'}  # what stands in an object that has none
UNITS = ("TIMESTAMP", "TIMESTAMP_NS")
WORDS = ("a", "b c", "Ünï", "x'y", 'quo"te', "1a", "true ish")


class Choice(Protocol):
    """What decides how a case looks: a random generator, or hypothesis."""

    def pick(self, options: Sequence[T]) -> T:
        """One of some options."""

    def chance(self, percent: int) -> bool:
        """Whether something is so that is so in so many of a hundred cases."""


class Dice:
    """Decisions by a seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def pick(self, options: Sequence[T]) -> T:
        return self._random.choice(options)

    def chance(self, percent: int) -> bool:
        return self._random.random() * 100 < percent


@dataclass
class Column:
    """A column of one file: its values, and the type that they show; None if they show none."""

    kind: str | None
    values: list[Any]


@dataclass
class Made:
    """A file."""

    format: str
    folder: str
    name: str
    rows: int
    columns: dict[str, Column]
    partition: str | None = None

    def has(self, name: str) -> bool:
        return name in self.columns or (name == "k" and self.partition is not None)


@dataclass
class Case:
    """Files, how they are counted, and what is asked of them."""

    families: dict[str, str]
    files: list[Made]
    missing: str | None = None
    pauses: list[bool] = field(default_factory=list)  # whether to refresh after each file
    reopen: bool = False
    most_rows: int = 1
    by: str | None = None  # a dimension
    declared: dict[str, str] = field(default_factory=dict)  # types of columns

    @property
    def source(self) -> str | None:
        """The reader that it is declared with; None if it is not."""
        return f"read_{self.files[0].format}" if self.declared else None

    def __str__(self) -> str:
        lines = [f"families {self.families}, missing={self.missing}, by={self.by}, most_rows={self.most_rows}"]
        lines += [f"  declared {self.declared}"] if self.declared else []
        for file, pause in zip(self.files, self.pauses, strict=True):
            shown = {name: (column.kind, column.values) for name, column in file.columns.items()}
            lines.append(f"  {file.folder}{file.name}: {shown}{' | refresh' if pause else ''}")
        return "\n".join(lines)


DECLARED = {
    "int": ("BIGINT", "HUGEINT", "DOUBLE", "FLOAT", "VARCHAR", "DECIMAL(20, 2)", "SMALLINT"),
    "double": ("DOUBLE", "FLOAT", "VARCHAR", "DECIMAL(20, 2)", "DECIMAL(20, 1)"),
    "bool": ("BOOLEAN", "VARCHAR"),
    "date": ("DATE", "TIMESTAMP", "VARCHAR"),
    "text": ("VARCHAR",),
    "moment": ("TIMESTAMP_NS", "VARCHAR"),
}
FAMILIES = ("int", "int", "double", "text", "bool", "date", "time", "moment", "decimal", "struct", "list", "mixed")


def case(choice: Choice, families: dict[str, str] | None = None, gaps: int | None = None) -> Case:
    """A case, of columns of any kinds or of these, which as many of a hundred files lack."""
    if families is None:
        families = {name: choice.pick(FAMILIES) for name in ["a", "b", "c"][: choice.pick((1, 1, 2, 3))]}
    formats = choice.pick((("csv",), ("json",), ("parquet",), ("csv", "json", "parquet"), ("csv", "parquet")))
    hive = choice.pick((None, None, None, "int", "text", "date", "mixed"))
    if hive:
        families["k"] = hive
    if gaps is None:
        gaps = 30 if choice.chance(25) else 0
    files = []
    order = [0, 1, 2, 3]
    for _ in range(choice.pick((1, 2, 2, 3, 3, 4))):
        number = choice.pick(order)
        order.remove(number)
        files.append(_file(choice, families, choice.pick(formats), number, gaps, hive))
    declared = {}
    if formats in (("csv",), ("json",)) and choice.chance(40):
        declared = {name: choice.pick(DECLARED[kind]) for name, kind in families.items() if kind in DECLARED}
        declared = {
            name: kind for name, kind in declared.items() if name != "k" and (kind != "VARCHAR" or formats == ("csv",))
        }
    scalars = [name for name in families if families[name] not in ("struct", "list", "mixed")]
    return Case(
        families,
        files,
        missing="null" if choice.chance(40) else None,
        pauses=[choice.chance(50) for _ in files],
        reopen=choice.chance(10),
        most_rows=choice.pick((1, 1_000_000)),
        by=choice.pick([None, None, *scalars]),
        declared=declared,
    )


def pack(choice: Choice, columns: int = 24) -> Case:
    """Files with many columns, each of which is an example by itself."""
    names = [f"c{number}" for number in range(columns)]
    made = case(choice, {name: choice.pick(FAMILIES) for name in names}, gaps=18)
    made.by = None
    return made


def only(whole: Case, names: Sequence[str]) -> Case:
    """A case with some of the columns alone."""
    files = [
        replace(file, columns={name: column for name, column in file.columns.items() if name in ("ts", *names)})
        for file in whole.files
    ]
    declared = {name: kind for name, kind in whole.declared.items() if name in names}
    return replace(whole, families={name: whole.families[name] for name in names}, files=files, declared=declared)


def refused(whole: Case, name: str) -> bool:
    """Whether the files of a case are refused for the sake of one column."""
    try:
        types(only(whole, [name]))
    except RefusedError:
        return True
    return False


def _file(choice: Choice, families: dict[str, str], form: str, number: int, gaps: int, hive: str | None) -> Made:
    rows = choice.pick((1, 2, 2, 3))
    columns = {"ts": Column("TIMESTAMP", [f"2026-01-0{choice.pick((1, 2))} 00:00:00" for _ in range(rows)])}
    for name, family in families.items():
        if name == "k" or choice.chance(gaps):
            continue
        columns[name] = _column(choice, family, form, rows)
    folder, partition = "", None
    if hive:
        family = choice.pick(("int", "text", "date")) if hive == "mixed" else hive
        values = {"int": ("07", "7", "10", "2026"), "text": ("eu", "us x", "a%b"), "date": ("2026-01-01", "2026-02-03")}
        partition = "__HIVE_DEFAULT_PARTITION__" if choice.chance(15) else choice.pick(values[family])
        folder = f"k={partition.replace('%', '%25').replace(' ', '%20')}/"
        if choice.chance(10):
            columns["k"] = _column(choice, family, form, rows)
    names = list(columns)
    if choice.chance(50):
        names.reverse()
    ending = choice.pick(("json", "ndjson")) if form == "json" else form
    return Made(form, folder, f"{number}.{ending}", rows, {name: columns[name] for name in names}, partition)


def _column(choice: Choice, family: str, form: str, rows: int) -> Column:
    if family == "mixed":
        family = choice.pick([each for each in FAMILIES if each != "mixed"])
    if form == "csv" and family in ("struct", "list"):
        family = "text"
    empty = choice.chance(12)
    kind, value = _values(choice, family, form)
    values = [None if empty or choice.chance(15) else value() for _ in range(rows)]
    if form != "parquet":
        kind = shown(family, [each for each in values if each is not None])
    return Column(kind, values)


def _values(choice: Choice, family: str, form: str) -> tuple[str, Callable[[], Any]]:
    """A type of Parquet, and what makes values of it."""
    if family == "int":
        kind = choice.pick([name for name in WIDTHS if "HUGE" not in name])
        low, high = WIDTHS[kind] if form == "parquet" else choice.pick(((-128, 127), (-(2**63), 2**63 - 1), (0, 2**70)))
        return kind, lambda: choice.pick((low, high, low // 2, high // 3, 7))
    if family == "double":
        return "DOUBLE", lambda: choice.pick((0.25, -1.5, 1e300, 12345.75, 0.6, 1 / 3))
    if family == "text":
        return "VARCHAR", lambda: choice.pick(WORDS)
    if family == "bool":
        return "BOOLEAN", lambda: choice.pick((True, False))
    if family == "date":
        return "DATE", lambda: choice.pick(("2026-03-04", "1999-12-31"))
    if family == "time":
        return "TIME", lambda: choice.pick(("10:59:59", "00:00:00.5"))
    if family == "decimal":
        kind = choice.pick(("DECIMAL(8, 2)", "DECIMAL(10, 2)", "DECIMAL(20, 2)", "DECIMAL(9, 3)"))
        return kind, lambda: choice.pick(("1.25", "-300.5", "7.75"))
    if family == "moment":
        kind = choice.pick(UNITS)
        texts = {"TIMESTAMP_NS": "2026-03-04 10:59:59.999999999", "TIMESTAMP": "2026-03-04 10:59:59.999999"}
        fine = texts.get(kind, "2026-03-04 10:59:59")
        return kind, lambda: choice.pick((fine, "2020-02-29 00:00:00"))
    if family == "list":
        kind = choice.pick(("INTEGER", "BIGINT", "VARCHAR"))
        item = (lambda: choice.pick(WORDS)) if kind == "VARCHAR" else (lambda: choice.pick((1, 2, 300)))
        return f"{kind}[]", lambda: [item() for _ in range(choice.pick((0, 1, 2)))]
    fields = choice.pick((("u",), ("u", "v"), ("v", "u"), ("u", "w")))
    kinds = {"u": choice.pick(("INTEGER", "BIGINT", "BIGINT", "DOUBLE")), "v": "VARCHAR", "w": "BIGINT"}
    made = {"INTEGER": (1, 20), "BIGINT": (1, 2**40), "DOUBLE": (0.5, 2.25), "VARCHAR": ("p", "q")}
    kind = f"STRUCT({', '.join(f'{name} {kinds[name]}' for name in fields)})"

    def struct() -> dict[str, Any]:
        found = {name: None if choice.chance(15) else choice.pick(made[kinds[name]]) for name in fields}
        if form == "json" and choice.chance(20):
            del found[fields[-1]]
        return found

    return kind, struct


def shown(family: str, values: Sequence[Any]) -> str | None:
    """The type that values show as text; None if there are none."""
    if not values:
        return None
    if family == "int":
        top = max(max(values), -min(values) - 1)
        return "BIGINT" if top < 2**63 else "HUGEINT"
    if family == "moment":
        return "TIMESTAMP_NS" if any(len(value) > 26 for value in values) else "TIMESTAMP"
    if family == "list":
        items = [item for value in values for item in value]
        if not items:
            return '"NULL"[]'
        return "BIGINT[]" if isinstance(items[0], int) else "VARCHAR[]"
    if family == "struct":
        kinds = {int: "BIGINT", float: "DOUBLE", str: "VARCHAR", type(None): '"NULL"'}
        found: dict[str, str] = {}
        for value in values:
            for name, item in value.items():
                if found.get(name, '"NULL"') == '"NULL"':
                    found[name] = kinds[type(item)]
        found = found or dict(NO_FIELD)
        return f"STRUCT({', '.join(f'{name} {kind}' for name, kind in found.items())})"
    fixed = {"double": "DOUBLE", "text": "VARCHAR", "bool": "BOOLEAN", "date": "DATE", "time": "TIME"}
    return {"decimal": "DOUBLE"}.get(family) or fixed[family]


class RefusedError(Exception):
    """What is predicted to be refused, and why."""


def united(one: str | None, other: str | None) -> str | None:
    """The type that holds the values of two, which are hashed alike.

    Raises:
        RefusedError: If there is none.
    """
    if one is None or other is None or one == other:
        return one or other
    unknown = '"NULL"'
    if unknown in (one, other):
        return other if one == unknown else one
    if one in WIDTHS and other in WIDTHS:
        low, high = (pick(WIDTHS[one][i], WIDTHS[other][i]) for i, pick in enumerate((min, max)))
        fitting = [name for name, (least, most) in WIDTHS.items() if least <= low and high <= most]
        if fitting:
            return min(fitting, key=lambda name: WIDTHS[name][1] - WIDTHS[name][0])
    if one in UNITS and other in UNITS:
        return max(one, other, key=UNITS.index)
    if one.startswith("DECIMAL") and other.startswith("DECIMAL") and one.split(",")[1] == other.split(",")[1]:
        return max(one, other, key=lambda kind: int(kind[8:].split(",")[0]))
    if one.endswith("[]") and other.endswith("[]"):
        return f"{united(one[:-2], other[:-2])}[]"
    if one.startswith("STRUCT(") and other.startswith("STRUCT("):
        first, second = _fields(one), _fields(other)
        both = {name: united(first.get(name), second.get(name)) for name in {**first, **second}}
        both = {name: kind for name, kind in both.items() if name not in NO_FIELD or len(both) == 1}
        return f"STRUCT({', '.join(f'{name} {kind}' for name, kind in both.items())})"
    raise RefusedError(f"{one} and {other}")


def _fields(kind: str) -> dict[str, str]:
    return dict(part.split(" ", 1) for part in kind[7:-1].split(", "))  # type: ignore[arg-type]


def statement(case: Case) -> str:
    """The statement of a case."""
    items = ["date_trunc('day', ts) AS d", *([f"{case.by} AS grp"] if case.by else []), "count(*) AS n"]
    for name, family in case.families.items():
        items += [f"count({name}) AS n_{name}"]
        if family == "struct":
            items += [f"max({name}.u) AS u_{name}", f"count({name}.u) AS nu_{name}"]
        elif family == "list":
            items += [f"sum(len({name})) AS len_{name}"]
        elif family != "mixed":
            items += [f"min({name}) AS min_{name}", f"max({name}) AS max_{name}"]
        if family in ("int", "decimal") and name != "k":
            items += [f"sum({name}::HUGEINT % 1000) AS sum_{name}"]
        if family in ("int", "text", "double", "decimal", "moment"):
            items += [f"hll_sketch_agg({name}) AS h_{name}"]
    return f"SELECT {', '.join(items)} FROM e GROUP BY ALL"


def types(case: Case) -> dict[str, str | None]:
    """The types of the columns of all files.

    Raises:
        RefusedError: If there is none for a column, or one is not there.
    """
    found: dict[str, str | None] = {}
    for name in ("ts", *case.families):
        kind: str | None = None
        having = [file for file in case.files if file.has(name)]
        if not having:
            raise RefusedError(f"no file has {name}")
        for file in case.files:
            if file.has(name) and name in case.declared:
                kind = _declared(file.columns[name], case.declared[name])
            elif file.has(name):
                kind = united(kind, _kind(file, name))
            elif case.missing is None and file.format != "json":
                raise RefusedError(f"{file.name} lacks {name}")
        found[name] = kind
    folders = {file.partition for file in case.files if "k" not in file.columns} - {None}
    if found.get("k") == "BIGINT" and len({int(text) for text in folders if text.isdigit()}) < len(
        [text for text in folders if text.isdigit()]
    ):
        raise RefusedError("two folders have one number")
    for name, family in case.families.items():
        kind = found[name]
        if family == "struct" and kind is not None and (not kind.startswith("STRUCT") or "u" not in _fields(kind)):
            raise RefusedError(f"{name} has no field u")
        if family == "list" and kind is not None and not (kind.endswith("[]") or kind == "VARCHAR"):
            raise RefusedError(f"{name} is not a list")
    return found


def _declared(column: Column, kind: str) -> str:
    """The type that is declared.

    Raises:
        RefusedError: If a value is none of it, or would be rounded.
    """
    for value in column.values:
        if value is None or isinstance(value, (str, bool)) or kind == "VARCHAR":
            continue
        exact = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
        if kind in WIDTHS:
            fits = WIDTHS[kind][0] <= exact <= WIDTHS[kind][1]
        elif kind in ("DOUBLE", "FLOAT"):
            fits = _held(value, kind)
        else:
            fits = abs(exact) < 10**18 and exact * 10 ** int(kind[-2]) % 1 == 0
        if not fits:
            raise RefusedError(f"{value} is no {kind}")
    return kind


def _held(value: float, kind: str) -> bool:
    """Whether a DOUBLE or a FLOAT holds a number: a whole one, or the digits of a fraction."""
    try:
        held = float(value) if kind == "DOUBLE" else struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return False
    if isinstance(value, int):
        return int(held) == value
    digits = "".join(filter(str.isdigit, repr(value).partition("e")[0])).strip("0")
    again = f"{held:.{max(len(digits) - 1, 0)}e}".partition("e")[0]
    return "".join(filter(str.isdigit, again)).strip("0") == digits


def _kind(file: Made, name: str) -> str | None:
    if name in file.columns:
        return file.columns[name].kind
    value = file.partition
    assert value is not None
    if value == "__HIVE_DEFAULT_PARTITION__":
        return None
    return "BIGINT" if value.isdigit() else "DATE" if value[:4].isdigit() else "VARCHAR"


def literal(value: Any) -> str:
    """A value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, dict):
        return "{" + ", ".join(f"'{name}': {literal(item)}" for name, item in value.items()) + "}" if value else "NULL"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


def expected(connection: duckdb.DuckDBPyConnection, case: Case) -> list[Any]:
    """The table that the statement makes of all rows.

    Raises:
        RefusedError: If it makes none.
    """
    kinds = types(case)
    rows = []
    for file in case.files:
        for row in range(file.rows):
            cells = []
            for name, kind in kinds.items():
                column = file.columns.get(name)
                value = column.values[row] if column else None
                if name == "k" and column is None and file.partition != "__HIVE_DEFAULT_PARTITION__":
                    value = file.partition
                if name in case.declared and value is not None:
                    value = _text(value)
                cells.append(f"CAST({_struct(value, kind)} AS {_plain(kind)}) AS {name}")
            rows.append(f"SELECT {', '.join(cells)}")
    query = statement(case).replace(" FROM e ", f" FROM ({' UNION ALL '.join(rows)}) AS e ")
    try:
        return content(connection, query)
    except duckdb.BinderException as error:
        raise RefusedError(str(error)) from error


def _struct(value: Any, kind: str | None) -> str:
    """A value as SQL, with all fields of its type."""
    if isinstance(value, dict) and kind is not None and kind.startswith("STRUCT"):
        return literal({name: value.get(name) for name in _fields(kind)})
    return literal(value)


def _plain(kind: str | None) -> str:
    return "INTEGER" if kind is None else kind.replace('"NULL"', "INTEGER")


def content(connection: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    """The columns, their types and the rows of a query."""
    found = connection.execute(f"SELECT * FROM ({query})")
    columns = [(name, str(kind)) for name, kind, *_ in found.description]
    return [columns, *sorted(map(repr, found.fetchall()))]


def write(connection: duckdb.DuckDBPyConnection, folder: Path, file: Made) -> None:
    """Write a file."""
    path = folder / file.folder / file.name
    path.parent.mkdir(exist_ok=True)
    if file.format == "parquet":
        rows = [
            ", ".join(
                f"CAST({_struct(column.values[row], column.kind)} AS {column.kind}) AS {name}"
                for name, column in file.columns.items()
            )
            for row in range(file.rows)
        ]
        connection.execute(f"COPY ({' UNION ALL '.join(f'SELECT {row}' for row in rows)}) TO {literal(str(path))}")
        return
    lines = [] if file.format == "json" else [",".join(file.columns)]
    for row in range(file.rows):
        cells = {name: column.values[row] for name, column in file.columns.items()}
        if file.format == "json":
            lines.append(json.dumps({name: _json(value, file.columns[name].kind) for name, value in cells.items()}))
        else:
            lines.append(",".join(map(_csv, cells.values())))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _json(value: Any, kind: str | None) -> Any:
    return float(value) if kind == "DOUBLE" and value is not None else value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _csv(value: Any) -> str:
    if value is None:
        return ""
    text = _text(value)
    return '"' + text.replace('"', '""') + '"' if '"' in text or "," in text else text


def outcome(connection: duckdb.DuckDBPyConnection, case: Case, folder: Path) -> object:
    """The table of a case, or the error that refuses it, as the rollup has it."""
    sources = {"e": str(folder / "**/*.*")}
    if case.source:
        listed = ", ".join(f"{name}: '{kind}'" for name, kind in case.declared.items())
        sources["e"] = f"{case.source}('{sources['e']}', types = {{{listed}}})"

    def opened() -> Rollup:
        options = {"missing": case.missing} if case.missing else {}
        return Rollup.from_sql(statement(case), name="r", sources=sources, database=connection, **options)

    rollup = opened()
    error: RollupError | None = None
    with rows_a_batch(case.most_rows):
        for file, pause in zip(case.files, (*case.pauses[:-1], True), strict=True):
            write(connection, folder, file)
            if pause:
                if case.reopen:
                    rollup = opened()
                error = None
                try:
                    rollup.refresh()
                except RollupError as refused:
                    error = refused
    return error if error is not None else content(connection, "FROM r")


@contextmanager
def rows_a_batch(most: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("duckdb_sketch.rollup.given_source.rows_that_fit", lambda *_: most)
        yield


class Law:
    """Tries cases on one connection, each in a database of its own."""

    def __init__(self) -> None:
        self.connection = duckdb_sketch.connect()
        self.connection.execute("SET threads = 1")  # the tables have a few rows
        self.folder = Path(tempfile.mkdtemp(prefix="law-"))
        self.outcomes: Counter[str] = Counter()
        self._number = 0

    def close(self) -> None:
        self.connection.close()
        shutil.rmtree(self.folder)

    def packed(self, whole: Case) -> str | None:
        """How the outcome of a pack differs from what is predicted: of the columns that fit, and of another."""
        fitting = [name for name in whole.families if not refused(whole, name)]
        others = [name for name in whole.families if name not in fitting]
        if fitting and (difference := self.difference(only(whole, fitting), packed=True)) is not None:
            alone = (self.difference(only(whole, [name])) for name in fitting)
            return next((each for each in alone if each is not None), difference)
        return self.difference(only(whole, others[:1])) if others else None

    def difference(self, case: Case, *, packed: bool = False) -> str | None:
        """How the outcome of a case differs from what is predicted; None if it does not."""
        self._number += 1
        folder = self.folder / str(self._number)
        folder.mkdir()
        database = f"law{self._number}"
        try:
            wanted: object = expected(self.connection, case)
        except RefusedError as error:
            wanted = error
        try:
            self.connection.execute(f"ATTACH ':memory:' AS {database}; USE {database}")
            found = outcome(self.connection, case, folder)
        finally:
            self.connection.execute(f"USE memory; DETACH DATABASE IF EXISTS {database}")
            shutil.rmtree(folder)
        errors = isinstance(wanted, RefusedError), isinstance(found, RollupError)
        self.outcomes["refused" if errors[0] else "table"] += len(case.families) if packed else 1
        if errors == (True, True) or (errors == (False, False) and wanted == found):
            return None
        return f"{case}\npredicted {wanted!r}\nfound     {found!r}"


def main(examples: int, first: int) -> int:
    """Try cases, every tenth by itself and the others in packs; how many differ."""
    law, failures, begun, seed = Law(), 0, time.monotonic(), first
    tried, shown_at = 0, 0
    while tried < examples and failures < 20:
        dice = Dice(seed)
        try:
            difference = law.difference(case(dice)) if seed % 10 == 0 else law.packed(pack(dice))
        except Exception as error:
            difference = f"{type(error).__name__}: {error}"
        if difference is not None:
            failures += 1
            print(f"seed {seed}: {difference}\n", flush=True)
        seed += 1
        tried = law.outcomes.total()
        if tried // 500 > shown_at:
            shown_at = tried // 500
            rate = tried / (time.monotonic() - begun)
            print(f"{tried} examples, {failures} differ, {rate:.1f} per second", flush=True)
    law.close()
    print(f"{tried} examples, seeds {first} to {seed - 1}: {failures} differ ({dict(law.outcomes)})")
    return failures


if __name__ == "__main__":
    arguments = [int(argument) for argument in sys.argv[1:]]
    sys.exit(1 if main(arguments[0], arguments[1] if len(arguments) > 1 else 0) else 0)
