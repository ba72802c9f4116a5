"""The guard: which queries are let through to DuckDB.

It reads the syntax tree of DuckDB's own parser, so that what is checked is what is run: no comment, string or quoted
name can mean one thing here and another there. What is not known to be harmless is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

import duckdb

from duckdb_sketch.cube.query import parse_template
from duckdb_sketch.errors import SketchError
from duckdb_sketch.rollup.query import fetch

_NODES = frozenset(["SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"])
_TABLES = frozenset(["BASE_TABLE", "SUBQUERY", "JOIN", "EXPRESSION_LIST", "EMPTY", "TABLE_FUNCTION", "PIVOT", "CTE"])
_TABLE_FUNCTIONS = frozenset(["unnest", "range", "generate_series"])
# Scalar functions that tell of the server, wait, or have an effect.
_DENIED = frozenset(
    [
        *("current_setting", "getvariable", "getenv", "get_env", "nextval", "currval", "setseed", "error"),
        *("write_log", "parse_duckdb_log_message", "json_execute_serialized_sql", "json_serialize_plan"),
        *("current_query", "current_connection_id", "current_query_id", "current_transaction_id", "txid_current"),
        *("current_user", "session_user", "user", "current_role", "sleep", "sleep_ms", "in_search_path"),
        *("sql_auto_complete", "from_substrait", "get_substrait", "json_serialize_sql", "json_deserialize_sql"),
        *("read_text", "read_blob", "file_exists", "glob", "which_secret", "assert_true", "get_block_size"),
    ]
)
_DENIED_PREFIXES = ("pg_", "duckdb_", "pragma_", "inet_", "has_", "read_", "write_", "nextval", "load_", "http_")
# Functions of which one call can make a value of gigabytes, which DuckDB neither interrupts nor counts as memory; and
# which argument says how large.
_SIZED = {
    **dict.fromkeys(("repeat", "lpad", "rpad", "list_resize", "array_resize"), 1),
    **dict.fromkeys(("bar",), 3),
}
_LARGEST = 1_000
_FORMATS = frozenset(["format", "printf"])
_WIDE = re.compile(r"\d{4}|\{[^}]*\{|\*")
_LISTS = frozenset(["range", "generate_series"])  # which are allowed as tables, a row at a time
_NAME = re.compile(r"\w+", re.ASCII)
_DEEPEST = 60  # of brackets: what reads the query after this calls itself as often


class RefusedError(SketchError):
    """A query is not one that the service answers; the message says what in it is not."""


class Guard:
    """Lets queries through that only read the tables that there are to read.

    Args:
        connection: A connection with the functions loaded.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        rows = fetch(
            connection,
            "SELECT DISTINCT lower(function_name) FROM duckdb_functions() "
            "WHERE internal AND function_type IN ('aggregate', 'macro', 'scalar', 'window')",
        )
        self._functions = frozenset(name for (name,) in rows if not _is_denied(name))

    def check(self, connection: duckdb.DuckDBPyConnection, text: str, tables: Collection[str]) -> None:
        """See that a query may be run.

        Args:
            connection: Parses the text; nothing of it is run.
            text: The query.
            tables: The names of the tables that it may read, in lower case.

        Raises:
            RefusedError: If it may not.
        """
        if "\x00" in text:
            raise RefusedError("the query holds a NUL character")
        if _depth(text) > _DEEPEST:
            raise RefusedError(f"the query nests brackets more than {_DEEPEST} deep")
        (answer,) = fetch(connection, "SELECT CAST(json_serialize_sql(CAST(? AS VARCHAR)) AS VARCHAR)", [text])[0]
        parsed = json.loads(answer)
        if parsed["error"]:
            if parsed["error_type"] == "not implemented":
                raise RefusedError("the service answers queries: write SELECT … FROM a table of events")
            raise RefusedError(f"the query is not SQL: {parsed['error_message']}")
        if len(parsed["statements"]) != 1:
            raise RefusedError(f"ask one query at a time: these are {len(parsed['statements'])} statements")
        known = frozenset(tables) | _common_tables(parsed)
        for node in _nodes(parsed["statements"][0]):
            self._check_node(node, known)

    def check_reading(self, connection: duckdb.DuckDBPyConnection, text: str, tables: Collection[str]) -> None:
        """See that what another parser, that of the cube, reads in a query may be run as well.

        Raises:
            RefusedError: If it may not.
        """
        query = parse_template(text)
        if query is not None:
            self.check(connection, query.sql(dialect="duckdb"), tables)

    def _check_node(self, node: dict[str, Any], tables: Collection[str]) -> None:
        kind = node.get("type")
        if isinstance(kind, str):
            if kind.endswith("_NODE") and kind not in _NODES:
                raise RefusedError("the service answers queries, and changes nothing: write SELECT")
            if kind == "SHOW_REF":
                raise RefusedError("DESCRIBE, SHOW and SUMMARIZE are not answered: see /rollups")
            if "sample" in node and kind not in _NODES | _TABLES:
                raise RefusedError(f"a table cannot be a {kind.lower().replace('_', ' ')}")
        if kind == "TABLE_FUNCTION":
            _check_table_function(node["function"])
            node["function"]["class"] = "TABLE_FUNCTION"  # it is not one that makes a value
        elif kind == "BASE_TABLE":
            _check_table(node, tables)
        elif "function_name" in node and node.get("class") in ("FUNCTION", "WINDOW"):
            self._check_function(node)

    def _check_function(self, node: dict[str, Any]) -> None:
        name = node["function_name"].lower()
        if node.get("schema") not in ("", None, "main", "pg_catalog") or node.get("catalog") not in (
            "",
            None,
            "system",
        ):
            raise RefusedError(f"functions have no schema here: write {name}")
        if name in _LISTS or (name not in self._functions and name != "unnest"):
            raise RefusedError(f"the function {name} is not one that queries may call")
        _check_size(name, [argument["expression"] for argument in _arguments(node)])


def _arguments(node: dict[str, Any]) -> list[dict[str, Any]]:
    if "arguments" in node:
        return list(node["arguments"])
    return [{"expression": child} for child in node.get("children") or ()]  # DuckDB before 2.0


def _check_size(name: str, arguments: list[Any]) -> None:
    """See that a function that can make a value of any size makes no large one.

    Raises:
        RefusedError: If that is not sure.
    """
    place = _SIZED.get(name)
    if place is not None and len(arguments) > place:
        size = _literal(arguments[place])
        if size is None or not size.isdigit() or int(size) > _LARGEST:
            raise RefusedError(f"argument {place + 1} of {name} is a number up to {_LARGEST:,} here")
    if name in _FORMATS:
        pattern = _literal(arguments[0]) if arguments else None
        if pattern is None or _WIDE.search(pattern):
            raise RefusedError(f"the format of {name} is text without widths of more than three digits here")


def _literal(node: Any) -> str | None:
    """The text of a constant; None if it is something else."""
    if not isinstance(node, dict) or node.get("class") != "CONSTANT":
        return None
    if "literal" in node:
        return str(node["literal"].get("text"))
    return str((node.get("value") or {}).get("value"))  # DuckDB before 2.0


def _check_table_function(function: dict[str, Any]) -> None:
    name = function.get("function_name", "").lower()
    if name not in _TABLE_FUNCTIONS or function.get("schema") or function.get("catalog"):
        raise RefusedError(f"the table function {name} is not one that queries may call")


def _check_table(node: dict[str, Any], tables: Collection[str]) -> None:
    name = node["table_name"]
    path = (node.get("qualified_name") or {}).get("path", [name])
    if node["schema_name"] or node["catalog_name"] or len(path) != 1:
        raise RefusedError(f"tables have no schema here: write {name}")
    if name.lower() not in tables:
        raise RefusedError(f"there is no table {name} that queries may read")


def _common_tables(parsed: dict[str, Any]) -> frozenset[str]:
    """The names that WITH gives.

    Raises:
        RefusedError: If one is more than a name: outside of its WITH it would be that of a file.
    """
    found = set()
    for node in _nodes(parsed):
        for common in (node.get("cte_map") or {}).get("map", ()):
            name = common["key"]
            if not _NAME.fullmatch(name):
                raise RefusedError(f"WITH {name}: a name has letters, digits and underscores")
            found.add(name.lower())
    return frozenset(found)


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """All objects of a document, without calling itself: it may be deep."""
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            yield current
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)


def _depth(text: str) -> int:
    deepest = depth = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    return deepest


def _is_denied(name: str) -> bool:
    return name in _DENIED or name.startswith(_DENIED_PREFIXES)
