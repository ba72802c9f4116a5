"""The golden corpus: images that Apache DataSketches for C++ and for Java wrote, and what these libraries say of them.

Laws, of every image and in both backends:

- its estimate and its bounds are those of the library to 1e-13 (harmonic numbers and interpolation round differently);
  but from lg_k 13 on the bounds of DataSketches for Java have constants of more digits than those of the C++ library,
  whose figures are ours: there they agree to 1e-7;
- its registers are those of the values that were counted, computed here anew; merging it with itself or with nothing
  leaves them;
- cut or lengthened, it is refused.
"""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path

import duckdb
import mmh3
import numpy as np
import pytest
from corpus import write
from numpy.typing import NDArray
from our_images import CLOSE, CLOSE_TO_JAVA_BOUNDS, CORPUS, our_answers
from queries import column, rows, value

from duckdb_sketch.portable.hll_image import HllImage

pytestmark = [pytest.mark.newest_duckdb, pytest.mark.thorough]

CUR_MIN, REBUILD, MERGED = 6, 32, 16


def test_the_corpus_covers_what_it_says() -> None:
    """Each precision, type, form and mode, by both libraries, from a stream and merged, with and without exceptions."""
    with duckdb.connect() as con:
        con.execute(f"CREATE VIEW corpus AS FROM '{CORPUS}'")

        def found(columns: str, condition: str = "true") -> int:
            return int(value(con, f"SELECT count(DISTINCT ({columns})) FROM corpus WHERE {condition}"))

        each = "lg_k, target_type, form"
        for library in ("cpp", "java"):
            by_it = f"{library} IS NOT NULL"
            assert found(each, by_it) == 18 * 3 * 2
            assert found(each, f"{by_it} AND n = 0 AND mode = 'LIST' AND len(coupons) = 0") == 18 * 3 * 2, "empty"
            assert found(each, f"{by_it} AND n > 0 AND mode = 'LIST'") == 18 * 3 * 2
            assert found(each, f"{by_it} AND mode = 'SET'") == 14 * 3 * 2, "from lg_k 8 on"
            assert found(f"{each}, out_of_order", f"{by_it} AND mode = 'HLL'") == 18 * 3 * 2 * 2
            assert found("lg_k, form, out_of_order, exceptions > 0", f"{by_it} AND target_type = 'HLL_4'") == 18 * 2 * 4
            assert (
                found("lg_k, form, exceptions > 0", f"{by_it} AND target_type = 'HLL_4' AND cur_min > 0") >= 9 * 2 * 2
            )
        headers = column(con, "SELECT image[1:40] FROM corpus")
        sets, registers = [h for h in headers if h[0] == 3], [h for h in headers if h[0] == 10]
        assert {h[4] for h in sets} >= set(range(5, 10)), "hash tables of 32 slots and more"
        assert any(h[5] & REBUILD for h in registers), "to be summed up anew"
        assert any(struct.unpack_from("<d", h, 24)[0] < 0 for h in registers), "KxQ1 out of a union in Java"
        assert any(h[7] >> 2 and h[CUR_MIN] for h in registers), "cur_min where all registers stand as they are"


def test_answers_are_the_librarys(backend: duckdb.DuckDBPyConnection) -> None:
    query = f"""
        WITH answered AS (
            SELECT *, hll_sketch_describe(image) AS d, hll_sketch_estimate(image) AS rounded,
                   [hll_sketch_bounds(image, 1), hll_sketch_bounds(image, 2), hll_sketch_bounds(image, 3)] AS b
            FROM corpus
        ), compared AS (
            SELECT *, CASE WHEN cpp IS NULL AND lg_k > 12 THEN {CLOSE_TO_JAVA_BOUNDS} ELSE {CLOSE} END AS close,
                   abs(d.estimate - estimate) <= {CLOSE} * estimate
                   AND rounded = floor(estimate + 0.5)
                   AND list_bool_and([s.estimate = d.estimate FOR s IN b])
                   AND list_bool_and([abs(b[i].lower - lower[i]) <= close * lower[i] FOR i IN [1, 2, 3]])
                   AND list_bool_and([abs(b[i].upper - upper[i]) <= close * upper[i] FOR i IN [1, 2, 3]])
                   AND (d.lg_k, d.mode, d.target_type, d.out_of_order, d.bytes)
                       = (lg_k, mode, target_type, out_of_order, octet_length(image)) AS same
            FROM answered
        )
        SELECT cpp, java, recipe, history, lg_k, target_type, form, estimate, lower, upper, d, b
        FROM compared WHERE same IS NOT TRUE
    """
    assert rows(backend, query) == []


def test_an_out_of_order_image_has_the_composite_estimate(backend: duckdb.DuckDBPyConnection) -> None:
    """Java tells the composite estimate of in-order registers too: that of the same image, flagged as merged."""
    query = """
        SELECT image, composite_estimate FROM corpus
        WHERE java IS NOT NULL AND mode = 'HLL' AND NOT out_of_order AND form = 'compact' AND lg_k < 17
    """
    images = rows(backend, query)
    assert len(images) > 300
    for image, composite in images:
        merged = image[:5] + bytes([image[5] | MERGED]) + image[6:]
        estimate = value(backend, "SELECT hll_sketch_describe($1).estimate", merged)
        assert estimate == pytest.approx(composite, rel=CLOSE)


def test_figures_that_are_flagged_are_summed_up_anew(backend: duckdb.DuckDBPyConnection) -> None:
    """Where an image says so, KxQ and the number of the least registers in its header are not believed."""
    images = column(backend, "SELECT image FROM corpus WHERE mode = 'HLL' AND lg_k < 15")
    flagged = [image for image in images if image[5] & REBUILD]
    assert len(flagged) > 100
    spoiled = [image[:16] + bytes(20) + image[36:] for image in flagged]
    union = "SELECT hll_union(s, s) FROM (SELECT unnest($1::BLOB[]) AS s)"
    assert column(backend, union, spoiled) == column(backend, union, flagged)
    for whole, again in zip(our_answers(backend, flagged), our_answers(backend, spoiled), strict=True):
        assert again.estimate == pytest.approx(whole.estimate, rel=CLOSE)
        assert again.lower == pytest.approx(whole.lower, rel=CLOSE)
        assert again.upper == pytest.approx(whole.upper, rel=CLOSE)


def test_merging_with_itself_or_with_nothing_keeps_the_registers(backend: duckdb.DuckDBPyConnection) -> None:
    """All images of the same values become one and the same, of the registers that were computed here."""
    query = """
        WITH united AS (
            SELECT lg_k, mode, n, "values", coupons,
                   hll_union(image, image) AS itself,
                   hll_union(image, nothing) AS with_nothing,
                   hll_union(nothing, image) AS nothing_with
            FROM corpus, (SELECT hll_sketch_agg(NULL::INTEGER) AS nothing)
            WHERE len(coupons) > 0 OR n > 0
        )
        SELECT lg_k, mode, n, "values", coupons, any_value(itself),
               bool_and(itself = with_nothing AND itself = nothing_with), count(DISTINCT md5(itself))
        FROM united GROUP BY ALL
    """
    merged = rows(backend, query)
    assert len(merged) > 200
    for lg_k, mode, n, values, coupons, image, same, images in merged:
        what = f"lg_k {lg_k}, {mode}, range({n}), {values}, {coupons}"
        assert same, what
        assert images == 1, what
        read, counted = HllImage.parse(image), all_coupons(n, tuple(values), tuple(coupons))
        assert (read.lg_k, read.mode) == (lg_k, mode), what
        if mode == "HLL":
            registers = np.zeros(1 << lg_k, np.uint8)
            np.maximum.at(registers, counted & np.uint32((1 << lg_k) - 1), (counted >> np.uint32(26)).astype(np.uint8))
            np.testing.assert_array_equal(read.registers, registers, what)
        else:
            np.testing.assert_array_equal(read.coupons, counted, what)


def test_merging_images_of_nothing_gives_nothing(backend: duckdb.DuckDBPyConnection) -> None:
    """Registers that are all 0, as of a sketch that was told to start full, are no more than an empty list."""
    query = """
        SELECT DISTINCT mode, lg_k, hll_union(image, image) FROM corpus WHERE n = 0 AND len(coupons) = 0
    """
    merged = rows(backend, query)
    assert {mode for mode, _, _ in merged} == {"LIST", "HLL"}
    assert {(lg_k, image) for _, lg_k, image in merged} == {
        (lg_k, bytes([2, 1, 7, lg_k, 3, 12, 0, 0])) for lg_k in range(4, 22)
    }


def test_cut_or_lengthened_images_are_refused(backend: duckdb.DuckDBPyConnection) -> None:
    for changed in (
        "image[1:octet_length(image) - 1]",
        "image[1:octet_length(image) // 2]",
        "image || '\\x00'::BLOB",
        "image || image[1:4]",
    ):
        query = (
            f"SELECT recipe, lg_k, target_type, form FROM corpus WHERE TRY(hll_sketch_estimate({changed})) IS NOT NULL"
        )
        assert rows(backend, query) == [], changed


@pytest.mark.spark
def test_the_libraries_still_make_this_corpus(tmp_path: Path) -> None:
    """The script makes what is stored; or the message says of which version an image differs."""
    write(tmp_path / "corpus.parquet")
    with duckdb.connect() as con:
        con.execute(f"CREATE VIEW stored AS FROM '{CORPUS}'")
        con.execute(f"CREATE VIEW made AS FROM '{tmp_path / 'corpus.parquet'}'")
        answers = "recipe, history, lg_k, target_type, form, estimate, composite_estimate, lower, upper, image"
        for library in ("cpp", "java"):
            versions = [
                value(con, f"SELECT string_agg(DISTINCT {library}, ' and ') FROM {table}")
                for table in ("stored", "made")
            ]
            differing = rows(
                con,
                f"""
                (SELECT {answers} FROM made WHERE {library} IS NOT NULL)
                EXCEPT ALL (SELECT {answers} FROM stored WHERE {library} IS NOT NULL)
                """,
            )
            names = sorted({f"{row[0]} ({row[1]}, lg_k {row[2]})" for row in differing})
            assert names == [], f"DataSketches ({library}) {versions[1]} differs from {versions[0]} of the corpus"


@cache
def _integers(n: int) -> NDArray[np.uint32]:
    return np.array([_coupon(i) for i in range(n)], np.uint32)


def all_coupons(n: int, values: tuple[int, ...], coupons: tuple[int, ...]) -> NDArray[np.uint32]:
    """The coupons of `range(n)`, of the values, and these; ascending and different."""
    most = 1 << 18
    assert n <= most
    return np.unique(np.concatenate([_integers(most)[:n], np.array([*map(_coupon, values), *coupons], np.uint32)]))


def _coupon(integer: int) -> int:
    h0, h1 = mmh3.hash64(integer.to_bytes(8, "little"), seed=9001, signed=False)
    return min(64 - h1.bit_length(), 62) + 1 << 26 | h0 & 0x3FFFFFF
