"""Changed images through every SQL function and both backends; past ones first. See `fuzzing.py` for what must hold."""

from __future__ import annotations

import pytest
from fuzzing import fuzz
from mutants import FAMILIES, Family
from samples import samples

pytestmark = [pytest.mark.newest_duckdb, pytest.mark.thorough]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@pytest.mark.parametrize("count", [300, pytest.param(samples(3_000), marks=pytest.mark.slow)])
def test_changed_images(family: Family, count: int) -> None:
    tally = fuzz(family, seed=7, count=count, compare=80)
    assert tally.images >= count
    assert 0.2 < tally.accepted / tally.images < 0.9, "both the decoders and what comes behind them are tried"
    assert tally.compared > 20 or not family.portable
