"""Theta sketches of datasketches-java, which Spark and Druid have, are read here, and ours there."""

from __future__ import annotations

from itertools import product

import duckdb
import pytest
from queries import value
from theta_images import JavaTheta, job, run_java

pytestmark = [pytest.mark.newest_duckdb, pytest.mark.spark]

CLOSE = 1e-12
SIZES = [(0, 0), (0, 1), (0, 100), (0, 20_000), (50, 5000), (19_000, 21_000), (30_000, 30_005)]


def assert_said(con: duckdb.DuckDBPyConnection, image: bytes, theirs: JavaTheta) -> None:
    """What is said here of an image is what Java says."""
    about = value(con, "SELECT theta_sketch_describe($1::BLOB)", image)
    assert about["estimate"] == pytest.approx(theirs.estimate, rel=CLOSE)
    assert about["theta"] == pytest.approx(theirs.theta, rel=CLOSE)
    for deviations in (1, 2, 3):
        bounds = value(con, "SELECT theta_sketch_bounds($1::BLOB, $2)", image, deviations)
        assert bounds["lower"] == pytest.approx(theirs.lower[deviations - 1], rel=CLOSE)
        assert bounds["upper"] == pytest.approx(theirs.upper[deviations - 1], rel=CLOSE)


def contents(image: bytes) -> bytes:
    """An image without what differs: the precision, Java's flag of a single entry, and four unused bytes."""
    return bytes(image[:1] + image[8:] if image[0] == 1 else image[:1] + image[8:12] + image[16:])


def test_java_and_this_agree_on_each_others_sketches(con: duckdb.DuckDBPyConnection) -> None:
    streams = run_java(job("stream", lg, *size) for lg, size in product((5, 12), SIZES))
    ours = [
        bytes(value(con, f"SELECT theta_sketch_agg(i, {lg}) FROM range({start}, {stop}) t(i)"))
        for lg, (start, stop) in product((5, 12), SIZES)
    ]
    for theirs in streams:
        for image in (theirs.ordered, theirs.unordered, theirs.compressed):
            assert_said(con, image, theirs)
    for image, theirs in zip(ours, run_java(job("read", image) for image in ours), strict=True):
        assert_said(con, image, theirs)
    pairs = [
        (a, b) for images in (ours, [theirs.compressed for theirs in streams]) for a, b in product(images, repeat=2)
    ]
    for name in ("union 12", "intersection", "difference"):
        answers = run_java(job(*name.split(), a, b) for a, b in pairs)
        call = "theta_union($1::BLOB, $2::BLOB, 12)" if "union" in name else f"theta_{name}($1::BLOB, $2::BLOB)"
        for (a, b), theirs in zip(pairs, answers, strict=True):
            made = value(con, f"SELECT {call}", a, b)
            assert_said(con, made, theirs)
            assert contents(made) == contents(theirs.ordered), name
