"""Same bytes, same answer: estimates and bounds are those of DataSketches."""

from __future__ import annotations

import struct

import datasketches
import pytest
from peers import TARGET_TYPES, images
from samples import few_fast

from duckdb_sketch.portable.estimator import bounds, estimate, rounded_estimate
from duckdb_sketch.portable.hll_image import HllImage
from duckdb_sketch.portable.interpolation import composite_curves, coupon_curve

pytestmark = pytest.mark.newest_duckdb

COUNTS = [0, 1, 2, 7, 8, 9, 24, 25, 100, 384, 385, 1000, 3000, 10_000]


def assert_agrees(sketch: datasketches.hll_sketch, blob: bytes) -> None:
    image = HllImage.parse(blob)
    assert estimate(image) == pytest.approx(sketch.get_estimate(), rel=1e-9)
    for num_std_dev in (1, 2, 3):
        interval = bounds(image, num_std_dev)
        assert interval["lower"] == pytest.approx(sketch.get_lower_bound(num_std_dev), rel=1e-9)
        assert interval["upper"] == pytest.approx(sketch.get_upper_bound(num_std_dev), rel=1e-9)


@pytest.mark.parametrize("target_type", TARGET_TYPES)
@pytest.mark.parametrize("lg_k", few_fast(range(4, 22), 4, 7, 12))
def test_every_mode_and_form(lg_k: int, target_type: str) -> None:
    for count in COUNTS if lg_k < 15 else [3, 300, 30_000]:
        for sketch, blob in images(lg_k, target_type, count):
            assert_agrees(sketch, blob)


@pytest.mark.slow
@pytest.mark.parametrize("lg_k", [4, 6, 8, 11, 12, 13])
def test_every_range_of_the_composite_estimator(lg_k: int) -> None:
    count = 16
    while count < 60 << lg_k:
        for sketch, blob in images(lg_k, "HLL_4", count):
            assert_agrees(sketch, blob)
        count = count * 5 // 4


def test_rounding_is_half_away_from_zero() -> None:
    def image_with_hip(hip: float) -> HllImage:
        sketch = datasketches.hll_sketch(4, datasketches.tgt_hll_type.HLL_8)
        for value in range(20):
            sketch.update(value)
        blob = bytearray(sketch.serialize_compact())
        blob[8:16] = struct.pack("<d", hip)
        return HllImage.parse(bytes(blob))

    expected = {0.5: 1, 0.49999999999999994: 0, 1.5: 2, 2.5: 3, 2.4: 2, 1e21: 2**63 - 1}
    assert {hip: rounded_estimate(image_with_hip(hip)) for hip in expected} == expected


def test_the_data_files_are_whole() -> None:
    curves = composite_curves()
    assert sorted(curves) == list(range(4, 22))
    for curve in [*curves.values(), coupon_curve()]:
        assert len(curve.xs) == len(curve.ys)
        assert sorted(set(curve.xs)) == curve.xs
        assert all(curve.at(x) == pytest.approx(y, rel=1e-9) for x, y in zip(curve.xs, curve.ys, strict=True))
    assert {len(curve.xs) for curve in curves.values()} == {257}
    assert len(coupon_curve().xs) == 40
