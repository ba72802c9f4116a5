"""Families are tried with the newest DuckDB alone: before 2.0, TRY lets the errors of some functions pass."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.path).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.newest_duckdb)
