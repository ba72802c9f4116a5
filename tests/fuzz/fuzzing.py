"""Changed images through every SQL function, in batches, and through both backends: `make fuzz`, or as a test.

What must hold of each image, whoever made it:

- a function gives an answer, or the error of bad input; whichever, the process lives;
- a chunk of accepted images gives what each of them gave alone, and a chunk with one refused image is refused;
- all functions of a family accept the same images; but of HLL registers only who merges them sees the damage;
- the portable backend accepts what the native one merges, and answers alike.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest
from mutants import FAMILIES, HISTOGRAM, HLL, Family, mutants, past
from queries import rows, value

import duckdb_sketch
from duckdb_sketch.portable import register

ASKED = {
    HLL.name: [
        "hll_sketch_estimate(b)",
        "hll_sketch_bounds(b, 2)",
        "hll_sketch_describe(b)",
    ],
    HISTOGRAM.name: [
        "approx_histogram_stats(b)",
        "approx_histogram_bins(b)",
        "approx_histogram_quantile(b, 0.3)",
        "approx_histogram_quantile(b, [0, 0.01, 0.5, 0.99, 1])",
        "approx_histogram_cdf(b, 0.5)",
        "approx_histogram_cdf(b, [-1e308, 0, 1, 1e308])",
        "approx_histogram_count_below(b, 3)",
        "approx_histogram_count_below(b, [-1, 0, 1])",
        "approx_histogram_quantile_bounds(b, 0.7)",
        "approx_histogram_equi_width(b, 3)",
        "approx_histogram_equi_depth(b, 3)",
        "approx_histogram_buckets(b, [-1e300, 0, 1, 1e300])",
    ],
}
"""Questions to an image `b`."""
MERGED = {
    HLL.name: ["hll_union(b, b)", "hll_union(b, other, true)", "hll_union(other, b, true)"],
    HISTOGRAM.name: ["approx_histogram_union(b, other)", "approx_histogram_union(other, b)"],
}
"""Its merges with a sound image."""
AGGREGATED = {HLL.name: "hll_union_agg(b, true)", HISTOGRAM.name: "approx_histogram_union_agg(b)"}
OF_ONE = {
    HLL.name: "hll_union(b, b)",
    HISTOGRAM.name: "approx_histogram_union(b, (SELECT approx_histogram_agg(NULL, 2)))",
}
"""What the aggregate makes of one image alone."""
CLOSE = 1e-9
MOST = 1 << 62
REFUSED = "refused"


@dataclass
class Tally:
    """What was tried."""

    images: int = 0
    accepted: int = 0
    compared: int = 0


def fuzz(family: Family, seed: int, count: int, compare: int) -> Tally:
    """Try the past images and so many new ones; compare so many of each batch with the portable backend.

    Raises:
        AssertionError: It names the image.
    """
    tally, batch = Tally(), 2000
    with duckdb_sketch.connect() as native, duckdb.connect() as portable:
        register(portable)
        sound = family.sound(native)
        pairs = [(image, sound[0]) for image in past()]
        for start in range(0, count, batch):
            pairs += mutants(family, sound, seed + start, min(batch, count - start))
            _try(native, family, pairs, tally)
            _compare(native, portable, family, pairs[:compare] if start else pairs[: len(past()) + compare], tally)
            pairs = []
    return tally


def _try(con: duckdb.DuckDBPyConnection, family: Family, pairs: list[tuple[bytes, bytes]], tally: Tally) -> None:
    asked, merged = ASKED[family.name], MERGED[family.name]
    calls = [*asked, *merged]
    # An answer may be NULL, too, so that each is put into a struct.
    answers = ", ".join(f'TRY({{answer: {call}}}) AS "{call}"' for call in calls)
    con.execute(
        f"""
        CREATE OR REPLACE TABLE m AS SELECT *, {answers}
        FROM (SELECT unnest(range(len($1))) AS i, unnest($1::BLOB[]) AS b, unnest($2::BLOB[]) AS other)
        """,
        [[image for image, _ in pairs], [other for _, other in pairs]],
    )
    for call in calls:
        accepted, by_first = f'"{call}" IS NOT NULL', f'"{asked[0]}" IS NOT NULL'
        wrong = f"{accepted} AND NOT {by_first}" if family is HLL or call in merged else f"({accepted}) <> ({by_first})"
        assert not rows(con, f"SELECT hex(b) FROM m WHERE {wrong}"), f"{call} and {asked[0]} do not accept the same"
        again = f'SELECT hex(b) FROM m WHERE {accepted} AND {{answer: {call}}} IS DISTINCT FROM "{call}"'
        assert not rows(con, again), f"{call} differs in a chunk"
        if value(con, f"SELECT bool_or(NOT ({accepted})) FROM m"):
            _assert_refused(
                con, call, f"WHERE {accepted} UNION ALL (SELECT {call} FROM m WHERE NOT ({accepted}) LIMIT 1)"
            )
    _aggregate(con, family, f'"{merged[0]}" IS NOT NULL')
    tally.images += len(pairs)
    tally.accepted += value(con, f'SELECT count("{asked[0]}") FROM m')


def _aggregate(con: duckdb.DuckDBPyConnection, family: Family, accepted: str) -> None:
    """Each image alone, all at once, and with those that are refused."""
    call, one = AGGREGATED[family.name], OF_ONE[family.name]
    alone = f"SELECT i, {call} AS united FROM m WHERE {accepted} GROUP BY i"
    wrong = f"SELECT hex(b) FROM m JOIN ({alone}) USING (i) WHERE united <> {one}"
    assert not rows(con, wrong), f"{call} of one image is not {one}"
    counts = "SELECT greatest(sum(s.count), sum(s.non_finite)) FROM (SELECT approx_histogram_stats(b) AS s, * FROM m)"
    if family is HLL or value(con, f"{counts} WHERE {accepted}") < MOST:
        assert value(con, f"SELECT {call} FROM m WHERE {accepted}")
    else:
        _assert_refused(con, call, f"WHERE {accepted}", "overflows")
    if value(con, f"SELECT bool_or(NOT ({accepted})) FROM m"):
        _assert_refused(con, call)


def _assert_refused(con: duckdb.DuckDBPyConnection, call: str, rest: str = "", what: str = ".") -> None:
    with pytest.raises(duckdb.InvalidInputException, match=what) as error:
        con.execute(f"SELECT {call} FROM m {rest}").fetchall()
    assert "internal error" not in str(error.value)


def _compare(
    native: duckdb.DuckDBPyConnection,
    portable: duckdb.DuckDBPyConnection,
    family: Family,
    pairs: list[tuple[bytes, bytes]],
    tally: Tally,
) -> None:
    calls, merged = ASKED[family.name], MERGED[family.name]
    asked = ", ".join([*calls, OF_ONE[family.name], *merged])
    whole = f"SELECT {asked} FROM (SELECT $1::BLOB AS b, $2::BLOB AS other)"
    for image, other in pairs:
        ours, theirs = _answers(portable, whole, image, other), _answers(native, whole, image, other)
        what = f"{image[:200].hex()} beside {other[:200].hex()}"
        assert (ours == REFUSED) == (theirs == REFUSED), f"portable {ours}, native {theirs}: {what}"
        if ours == REFUSED:
            continue
        for call, our, their in zip(calls, ours, theirs, strict=False):
            assert _alike(our, their), f"{call}: portable {our}, native {their}: {what}"
        for call, our, their in zip(
            [OF_ONE[family.name], *merged], ours[len(calls) :], theirs[len(calls) :], strict=True
        ):
            if family is HLL:
                assert our == their, f"{call}: portable {our.hex()}, native {their.hex()}: {what}"
        tally.compared += 1


def _answers(con: duckdb.DuckDBPyConnection, query: str, image: bytes, other: bytes) -> Any:
    try:
        return con.execute(query, [image, other]).fetchone()
    except duckdb.InvalidInputException:
        return REFUSED


def _alike(our: Any, their: Any) -> bool:
    """Equal, but for rounding: of a list or a struct against its greatest number."""
    numbers, others = list(_numbers(our)), list(_numbers(their))
    if len(numbers) != len(others):
        return False
    finite = [abs(number) for number in numbers if isinstance(number, float | int) and math.isfinite(number)]
    scale = max(finite, default=0.0)
    return all(
        a == b or (isinstance(a, float | int) and isinstance(b, float | int) and abs(a / 2 - b / 2) <= CLOSE * scale)
        for a, b in zip(numbers, others, strict=True)
    )


def _numbers(answer: Any) -> Iterator[Any]:
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, list):
        for part in answer:
            yield from _numbers(part)
    else:
        yield answer


def main(count: int, seed: int) -> None:
    """Fuzz each family with so many images, and say what was tried."""
    for family in FAMILIES:
        start = time.perf_counter()
        done = 0
        while done < count:
            part = min(20_000, count - done)
            tally = fuzz(family, seed + done, part, compare=100)
            done += part
            seconds = time.perf_counter() - start
            print(f"{family.name}, seed {seed}: {done} of {count} images after {seconds:.0f} s; of the last {tally}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
