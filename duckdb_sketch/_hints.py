"""What to write instead, where DuckDB's own error only says that there is no such function."""

from __future__ import annotations

import re

_TEXT = re.compile(r"'(?:date_trunc|time_bucket)\((?:STRING_LITERAL|VARCHAR|INTERVAL), VARCHAR")
_UNKNOWN = re.compile(r"'(?:date_trunc|time_bucket)\((?:STRING_LITERAL|VARCHAR|INTERVAL), INTEGER")


def hint(message: str) -> str:
    """What follows an error of DuckDB; empty if there is nothing to add."""
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
