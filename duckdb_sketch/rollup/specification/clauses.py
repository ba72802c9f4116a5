"""The clauses of a statement: which merge, which tables it reads, and what it groups by. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlglot import exp

from duckdb_sketch.rollup.errors import SpecificationError
from duckdb_sketch.rollup.specification.node_text import text_of
from duckdb_sketch.rollup.specification.select_column import SelectColumn

_VOLATILE = {"now", "today", "random", "uuid", "gen_random_uuid", "nextval", "current_timestamp", "current_date"}
_VOLATILE |= {"current_time", "localtime", "localtimestamp", "get_current_timestamp", "transaction_timestamp"}
_VOLATILE_NODES = (
    *(exp.CurrentTimestamp, exp.CurrentDate, exp.CurrentTime, exp.CurrentDatetime, exp.Rand, exp.Uuid),
    *(exp.Localtime, exp.Localtimestamp),
)
_READER = re.compile(r"(read_csv|read_json|read_ndjson|read_parquet|parquet_scan)\w*\(", re.IGNORECASE)


def refuse_clauses(select: exp.Select) -> None:
    """See that a statement has FROM, and no clause that does not merge.

    Raises:
        SpecificationError: If it has not, or has one.
    """
    reasons = {
        "limit": "LIMIT does not merge: which rows are in it changes with every batch. "
        "Write it where you read the rollup",
        "offset": "OFFSET does not merge. Write it where you read the rollup",
        "distinct": "SELECT DISTINCT does not merge: a GROUP BY has each group once anyway",
        "having": "HAVING does not merge: a group that fails it now may pass with the next batch. "
        "Write it as WHERE where you read the rollup",
        "qualify": "QUALIFY does not merge. Write it where you read the rollup",
        "sample": "a sample does not merge: it would differ each time",
        "windows": "windows do not merge. Use them where you read the rollup",
    }
    for clause, reason in reasons.items():
        if select.args.get(clause):
            raise SpecificationError(reason)
    if not select.args.get("from_"):
        raise SpecificationError("the statement has no FROM: name the table of events there")


def refuse_volatile(select: exp.Select) -> None:
    """See that a statement gives the same whenever it runs.

    Raises:
        SpecificationError: If it calls a function that does not.
    """
    for node in select.walk():
        if isinstance(node, _VOLATILE_NODES) or (isinstance(node, exp.Anonymous) and node.name.lower() in _VOLATILE):
            raise SpecificationError(
                f"{text_of(node)} differs between runs, so a replay would not give the same rollup: "
                "store its input, and compare where you read it"
            )


def take_declaration(select: exp.Select) -> str | None:
    """Replace the call of a reader in FROM by its alias, and give the call."""
    source = select.args["from_"].this
    if not isinstance(source, exp.Table) or isinstance(source.this, exp.Identifier):
        return None
    text: str = source.this.sql(dialect="duckdb", comments=False)
    if not _READER.match(text):
        return None
    if not source.alias:
        raise SpecificationError(f"FROM {text}: give it a name, as FROM {text} AS events")
    source.set("this", exp.to_identifier(source.alias))
    source.set("alias", None)
    return text


def refuse_collations(columns: Sequence[SelectColumn]) -> None:
    """See that no column has a collation.

    Raises:
        SpecificationError: If one has.
    """
    # The table's columns have none, so that two batches would merge by another order, and other groups, than one.
    for column in columns:
        collation = column.expression.find(exp.Collate)
        if collation:
            raise SpecificationError(
                f"{text_of(column.expression)}: a collation is not kept in the table, and batches would merge without "
                f"it: write lower({text_of(collation.this)}), or what else makes equal values the same text"
            )


def tables_of(select: exp.Select) -> tuple[exp.Table, tuple[str, ...]]:
    """The table of events, which is the first of FROM, and the names of the tables joined to it.

    Raises:
        SpecificationError: If one of them cannot be read batch by batch.
    """
    source = select.args["from_"].this
    if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier):
        raise SpecificationError(
            f"FROM {text_of(source)}: name a table there, such as bids, and give its files with sources "
            "(--source bids='data/*.parquet')"
        )
    if source.args.get("sample"):
        raise SpecificationError("a sample does not merge: it would differ each time")
    alias = source.args.get("alias")
    if (alias and alias.args.get("columns")) or any(source.args.get(part) for part in ("pivots", "version", "when")):
        raise SpecificationError(f"FROM {text_of(source)}: name the table there, with at most an alias")
    for join in select.args.get("joins") or ():
        if join.side in ("RIGHT", "FULL"):
            raise SpecificationError(
                f"{text_of(join).strip()}: rows without an event would be repeated with every batch. "
                "Join with JOIN or LEFT JOIN, the events first"
            )
    others = [table for table in select.find_all(exp.Table) if table is not source]
    if any(table.name.lower() == source.name.lower() for table in others):
        raise SpecificationError(
            f"{source.name} is read twice: a batch would be joined only with itself, not with earlier events"
        )
    lookups = dict.fromkeys(table.name for table in others if isinstance(table.this, exp.Identifier) and not table.db)
    return source, tuple(lookups)


def check_grouping(select: exp.Select, columns: Sequence[SelectColumn]) -> None:
    """See that a statement groups by all of its columns that are no aggregates.

    Raises:
        SpecificationError: If it does not.
    """
    group = select.args.get("group")
    if not group:
        raise SpecificationError("the statement has no GROUP BY: end it with GROUP BY ALL")
    if any(group.args.get(kind) for kind in ("grouping_sets", "cube", "rollup")):
        raise SpecificationError(
            "GROUPING SETS, CUBE and ROLLUP create rows that do not merge: write one rollup for each"
        )
    if group.args.get("all"):
        return
    by_name = {column.name.lower(): column for column in columns}
    by_text = {text_of(column.expression): column for column in columns}
    grouped = set()
    for item in group.expressions:
        if isinstance(item, exp.Literal) and not item.is_string and item.this.isdigit():
            index = int(item.this)
            column = columns[index - 1] if 0 < index <= len(columns) else None
        else:
            column = by_text.get(text_of(item)) or by_name.get(
                item.name.lower() if isinstance(item, exp.Column) else ""
            )
        if column is None:
            raise SpecificationError(
                f"GROUP BY {text_of(item)} is not among the columns: without it two rows of a group cannot be told "
                "apart. Select it, or write GROUP BY ALL"
            )
        grouped.add(column.name)
    missing = [column.name for column in columns if not column.aggregate and column.name not in grouped]
    if missing:
        raise SpecificationError(f"{missing[0]} is neither grouped by nor an aggregate: write GROUP BY ALL")
