"""Nodes of a statement as text, as it is kept and shown. Pure."""

from __future__ import annotations

import sqlglot
from sqlglot import exp


def text_of(node: exp.Expr, *, pretty: bool = False) -> str:
    """SQL of a node, the same for two that differ in spaces, comments and the case of functions."""
    return node.sql(
        dialect="duckdb",
        pretty=pretty,
        comments=False,
        normalize_functions="lower",
        unsupported_level=sqlglot.ErrorLevel.IGNORE,
    )


def function_name(node: exp.Expr) -> str:
    """The name of an aggregate in DuckDB."""
    return text_of(node).partition("(")[0].strip().lower()
