"""A ClickHouse of one's own, inside this process."""

from __future__ import annotations

from typing import Any


class LocalClickHouse:
    """An empty database `b` in a temporary folder."""

    def __init__(self) -> None:
        from chdb.session import Session

        session: Any = Session()  # type: ignore[no-untyped-call]
        self._query = session.query
        self.query("CREATE DATABASE IF NOT EXISTS b ENGINE = Atomic")

    def query(self, sql: str, output_format: str = "CSV") -> str:
        """Run a statement; return its answer as text, without the last line break."""
        return str(self._query(sql, output_format)).strip()
