"""Imports go down, never up: what lies below knows nothing of what is made of it."""

from __future__ import annotations

import pytest
from imports import BASE, imports

pytestmark = pytest.mark.newest_duckdb

#: From the bottom up; packages of one line do not import each other.
LAYERS = [
    ["families", "remote"],
    [BASE],
    ["rollup.specification"],
    ["rollup.sources"],
    ["rollup.ledger"],
    ["rollup.engines", "rollup.reading"],
    ["rollup.pipeline", "rollup.archive", "rollup.verification"],
    ["rollup"],
    ["cube", "spark"],
    ["demo"],
    ["service"],
    ["cli"],
]
LEVEL = {package: level for level, packages in enumerate(LAYERS) for package in packages}


def test_no_package_imports_one_above_or_beside_it() -> None:
    upward = {
        f"{one} imports {other}"
        for one, other in imports()
        if one in LEVEL and other in LEVEL and LEVEL[other] >= LEVEL[one]
    }
    assert upward == set()


def test_every_package_has_a_layer() -> None:
    """A new folder of `rollup` has to say where it lies."""
    packages = {name for pair in imports() for name in pair if name.startswith("rollup")}
    assert packages == {package for package in LEVEL if package.startswith("rollup")}
