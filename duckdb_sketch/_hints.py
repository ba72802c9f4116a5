"""What to write instead, where DuckDB's own error only says that there is no such function."""

from __future__ import annotations

import re

_TEXT = re.compile(r"'(?:date_trunc|time_bucket)\((?:STRING_LITERAL|VARCHAR|INTERVAL), VARCHAR")
_UNKNOWN = re.compile(r"'(?:date_trunc|time_bucket)\((?:STRING_LITERAL|VARCHAR|INTERVAL), INTEGER")

_NESTED = re.compile(r"'approx_histogram_agg\(")
_NESTED_TEXT = re.compile(r"'hyper_unique_agg\(")


def hint(message: str) -> str:
    """What follows an error of DuckDB; empty if there is nothing to add."""
    if _NESTED.search(message):
        return " A histogram measures numbers: take one out of x, as x[1] or x.field."
    if _NESTED_TEXT.search(message):
        return " Druid counts text: take one out of x, as x[1] or x.field, or write hyper_unique_agg(x::VARCHAR)."
    if _TEXT.search(message):
        return (
            " The time is text there, as of a format that is ambiguous: declare how it is written, as "
            "read_csv('…', timestampformat = '%d/%m/%Y', types = {'ts': 'TIMESTAMP'})."
        )
    if _UNKNOWN.search(message):
        return (
            " No file has a time yet: declare its type, as types = {'ts': 'TIMESTAMP'} in read_csv(…) or read_json(…), "
            "or wait for a file that has one."
        )
    return ""
