"""Folders for what is copied to this machine for a while: objects that are read, partitions that are written."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "duckdb_sketch_"
_base: str | None = None  # of all such folders; TMPDIR says which if it is None


def private_scratch() -> str:
    """A folder that all scratch folders of this process lie in from now on, and nothing else. It goes with the process.

    A database that is locked to some folders is let into this one.
    """
    global _base
    if _base is None:
        _base = tempfile.mkdtemp(prefix=_PREFIX)
        atexit.register(shutil.rmtree, _base, ignore_errors=True)
    return _base


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that exists until the context ends."""
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=_base) as folder:
        yield Path(folder)
