"""Changed images through every SQL function, in batches, and through both backends: `make fuzz`, or as a test.

What must hold of each image, whoever made it:

- a function gives an answer, or the error of bad input; whichever, the process lives;
- a chunk of accepted images gives what each of them gave alone, and a chunk with one refused image is refused;
- all functions of a family accept the same images; but only who merges HLL registers sees what is wrong in them;
- the portable backend accepts what the native one merges, and answers alike.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from typing import Any

import duckdb
import pytest
from mutants import FAMILIES, Family, mutants, past
from queries import rows, value

import duckdb_sketch
from duckdb_sketch.portable import register

CLOSE = 1e-9
MOST = 1 << 62
REFUSED = "refused"
BATCH = 2000
COMPARED = 20
"""Of each batch: the portable backend is a thousand times as slow."""


@dataclass
class Tally:
    """What was tried."""

    images: int = 0
    cases: int = 0
    """An image that a SQL function was called with."""
    accepted: int = 0
    compared: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


def fuzz(family: Family, seed: int, count: int, compare: int) -> Tally:
    """Try the past images and so many new ones; compare so many of each batch with the portable backend.

    Raises:
        AssertionError: It names the image.
    """
    tally = Tally()
    with duckdb_sketch.connect() as native, duckdb.connect() as portable:
        register(portable)
        sound = family.sound(native)
        pairs = [(image, sound[0]) for image in past()]
        for start in range(0, count, BATCH):
            pairs += mutants(family, sound, seed + start, min(BATCH, count - start))
            _try(native, family, pairs, tally)
            if family.portable:
                _compare(native, portable, family, pairs[:compare] if start else pairs[: len(past()) + compare], tally)
            pairs = []
    return tally


def _try(con: duckdb.DuckDBPyConnection, family: Family, pairs: list[tuple[bytes, bytes]], tally: Tally) -> None:
    calls = [*family.asked, *family.merged, *family.written]
    images = "SELECT unnest(range(len($1))) AS i, unnest($1::BLOB[]) AS b, unnest($2::BLOB[]) AS other"
    con.execute(
        f"CREATE OR REPLACE TABLE m AS {images}", [[image for image, _ in pairs], [other for _, other in pairs]]
    )
    # One after the other: what calls have in common DuckDB computes outside of TRY. In a struct, as it may be NULL.
    for call in calls:
        con.execute(f'CREATE OR REPLACE TABLE m AS SELECT *, TRY({{answer: {call}}}) AS "{call}" FROM m')
    first = f'"{family.asked[0]}" IS NOT NULL'
    for call in calls:
        accepted = f'"{call}" IS NOT NULL'
        may_refuse_more = family.looks_later or call not in family.asked
        wrong = f"{accepted} AND NOT {first}" if may_refuse_more else f"({accepted}) <> ({first})"
        assert not rows(con, f"SELECT hex(b) FROM m WHERE {wrong}"), f"{call} and {family.asked[0]} do not accept alike"
        again = f'SELECT hex(b) FROM m WHERE CASE WHEN {accepted} THEN {{answer: {call}}} IS DISTINCT FROM "{call}" END'
        assert not rows(con, again), f"{call} differs in a chunk"
        if value(con, f"SELECT bool_or(NOT ({accepted})) FROM m"):
            _assert_refused(
                con, call, f"WHERE {accepted} UNION ALL (SELECT {call} FROM m WHERE NOT ({accepted}) LIMIT 1)"
            )
    _aggregate(con, family, f'"{[*family.merged, *family.asked][0]}" IS NOT NULL')
    tally.images += len(pairs)
    tally.cases += len(pairs) * calls_of(family)
    tally.accepted += value(con, f"SELECT count_if({first}) FROM m")


def calls_of(family: Family) -> int:
    """How many calls are made with each image; the aggregate is one more, of all of them."""
    return len([*family.asked, *family.merged, *family.written]) + 1


def _aggregate(con: duckdb.DuckDBPyConnection, family: Family, accepted: str) -> None:
    """Each image alone, all at once, and with those that are refused."""
    call = family.aggregated
    each = f"SELECT i, {call} AS united FROM m WHERE {accepted} GROUP BY i"
    wrong = f"SELECT hex(b) FROM m JOIN ({each}) USING (i) WHERE united <> {family.alone}"
    assert not rows(con, wrong), f"{call} of one image is not {family.alone}"
    if not family.all_merge:
        return
    if family.merges_to_one_image or _total(con, family, accepted) < MOST:
        assert value(con, f"SELECT {call} FROM m WHERE {accepted}")
    else:
        _assert_refused(con, call, f"WHERE {accepted}", "overflows")
    if value(con, f"SELECT bool_or(NOT ({accepted})) FROM m"):
        _assert_refused(con, call)


def _total(con: duckdb.DuckDBPyConnection, family: Family, accepted: str) -> int:
    """How many values all accepted histograms hold, or how many that are not numbers, if these are more."""
    stats = next(call for call in family.asked if call.startswith("approx_histogram_stats"))
    counts = f'SELECT "{stats}".answer AS s FROM m WHERE {accepted}'
    return int(value(con, f"SELECT greatest(sum(s.count), sum(s.non_finite)) FROM ({counts})"))


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
    merged = [family.alone, *family.merged]
    together, *written = [", ".join([*family.asked, *merged]), *family.written]
    for image, other in pairs:
        ours, theirs = (_answers(con, together, image, other) for con in (portable, native))
        what = f"{image[:200].hex()} beside {other[:200].hex()}"
        assert (ours == REFUSED) == (theirs == REFUSED), f"portable {ours}, native {theirs}: {what}"
        if ours == REFUSED:
            continue
        for call, our, their in zip([*family.asked, *merged], ours, theirs, strict=True):
            # What is merged in another order may have other bins.
            if call in family.asked or family.merges_to_one_image:
                assert _alike(our, their), f"{call}: portable {our}, native {their}: {what}"
        for call in written:
            our, their = (_answers(con, call, image, other) for con in (portable, native))
            assert our == their, f"{call}: portable {our}, native {their}: {what}"
        tally.compared += 1


def _answers(con: duckdb.DuckDBPyConnection, calls: str, image: bytes, other: bytes) -> Any:
    try:
        return con.execute(f"SELECT {calls} FROM (SELECT $1::BLOB AS b, $2::BLOB AS other)", [image, other]).fetchone()
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


def main(cases: int, seed: int) -> None:
    """Fuzz each family with its share of the cases, and say what was tried."""
    all_families = Tally()
    for family in FAMILIES:
        start, tally = time.perf_counter(), Tally()
        while (wanted := -(-(cases // len(FAMILIES) - tally.cases) // calls_of(family))) > 0:
            tally += fuzz(family, seed + tally.images, min(wanted, 10 * BATCH), COMPARED)
            print(f"{family.name}, seed {seed}, after {time.perf_counter() - start:.0f} s: {tally}", flush=True)
        all_families += tally
    print(f"all families, no failures: {all_families}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
