"""Versions of DuckDB that have local repositories: 2.0 and later."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from duckdb_sketch.errors import InvalidInputError

RELEASED = ("v2.0.0", "v2.0.1")
"""Those that there were when this package was released."""

_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")


def checked_version(text: str, found: Iterable[str] = ()) -> str:
    """A version as DuckDB names its folders, such as `v2.0.1`.

    Args:
        text: The version, with or without the `v`.
        found: Those of DuckDBs on this machine, which may be newer than this package.

    Raises:
        InvalidInputError: If it is not a version that has local repositories and is released, or newer than all that
            were when this package was.
    """
    match = _VERSION.fullmatch(text)
    if match is None:
        raise InvalidInputError(f"{text!r} is not a version of DuckDB: write it in full, such as {RELEASED[-1]}")
    name = f"v{int(match[1])}.{int(match[2])}.{int(match[3])}"
    if int(match[1]) < 2:
        raise InvalidInputError(f"DuckDB {text} has no local extension repositories: DuckDB 2.0 or later has")
    if name not in (*RELEASED, *found) and not _is_later(name):
        known = ", ".join(RELEASED)
        raise InvalidInputError(f"there is no DuckDB {text}: there are {known}, and what comes after them in 2.x")
    return name


def used_versions(extensions: Path) -> set[str]:
    """The versions 2.x whose clients have installed an extension before: those with a folder in `extensions`."""
    names = (path.name for path in extensions.glob("v2.*") if path.is_dir())
    return {name for name in names if _VERSION.fullmatch(name)}


def order(name: str) -> tuple[int, ...]:
    """A key that sorts `v2.10.0` behind `v2.9.0`; development builds, which are named by a commit, come last."""
    match = _VERSION.fullmatch(name)
    return tuple(map(int, match.groups())) if match else (1 << 30,)


def _is_later(name: str) -> bool:
    return name.startswith("v2.") and order(name) > order(RELEASED[-1])
