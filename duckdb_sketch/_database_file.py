"""A database file, or another that DuckDB is to open: whether it can be one, and who has it."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import duckdb

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def no_file(path: str | Path) -> str | None:
    """Why a path is none that DuckDB can open, such as a named pipe, for which it would wait for ever.

    Returns:
        The reason, to follow the path; None if there is a file or a folder, or nothing yet.
    """
    text = str(path)
    if "\0" in text:
        return "there is a NUL in its name"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8, and DuckDB opens no other"
    try:
        kind = stat.S_IFMT(os.stat(text).st_mode)
    except OSError:
        return None
    return f"it is {_KINDS[kind]}" if kind in _KINDS else None


def holder(error: duckdb.IOException) -> str:
    """The process that has a database open, from the error of one that could not open it.

    Of one that is in a container, or on another machine, the number is not known here.
    """
    process = re.search(r"PID ([1-9]\d*)", str(error))
    return f"process {process[1]}" if process else "another process"
