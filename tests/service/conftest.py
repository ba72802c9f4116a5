"""The service is tried with the newest DuckDB alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Served, served_bids


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(item.path).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.newest_duckdb)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service over the 200 bids of a day, which tests do not change."""
    with served_bids(tmp_path_factory.mktemp("served")) as found:
        yield found
