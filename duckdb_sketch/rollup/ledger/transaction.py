"""Transactions: all of a change or none of it, and errors that say what was in the way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import duckdb

from duckdb_sketch.rollup.errors import LockedError, RollupError
from duckdb_sketch.rollup.query import noticing_damage

_CONFLICT = re.compile(r"conflict( on|:)|another transaction", re.IGNORECASE)  # not a disk that is full


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Do all of it or none of it.

    Raises:
        LockedError: If another connection of this process changed the same rollup meanwhile.
        RollupError: If it could not be written: the disk may be full.
        DamagedError: If the database is damaged.
    """
    try:
        with noticing_damage():
            connection.execute("BEGIN TRANSACTION")  # which may be interrupted as well, once it has begun
            yield
            connection.execute("COMMIT")
    except BaseException as error:
        with suppress(duckdb.Error):  # it may be over already: a COMMIT that fails ends the transaction
            connection.execute("ROLLBACK")
        if not isinstance(error, duckdb.TransactionException):
            raise
        if _CONFLICT.search(str(error)):
            raise LockedError(f"another connection is changing the same rollup: {error}") from error
        raise RollupError(f"the batch could not be written: {error}") from error
