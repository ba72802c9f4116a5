"""The golden corpus of theta images: what the C++ library and Java made and said. A script, which writes it again.

`make corpus` runs it; it needs the package `datasketches` and, for Java's images, pyspark and a JDK.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
from datasketches import compact_theta_sketch, theta_union, update_theta_sketch
from theta_images import job, run_java

CORPUS = Path(__file__).parents[1] / "interop" / "theta_corpus.parquet"
LG_NOMS = (5, 6, 9)
SIZES = (0, 1, 2, 15, 17, 100, 700, 5_000, 100_000)
_COLUMNS = (
    "library VARCHAR, lg_nom INTEGER, n INTEGER, united BOOLEAN, form VARCHAR, image BLOB, "
    "estimate DOUBLE, theta DOUBLE, lower DOUBLE[], upper DOUBLE[]"
)


def write() -> None:
    """Make the images and write the file."""
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE corpus ({_COLUMNS})")
        con.executemany(f"INSERT INTO corpus VALUES ({', '.join('?' * 10)})", [*_of_cpp(), *_of_java()])
        con.execute(f"COPY (FROM corpus ORDER BY ALL) TO '{CORPUS}' (COMPRESSION zstd)")


def _of_cpp() -> Iterator[tuple[Any, ...]]:
    for lg_nom, n in product(LG_NOMS, SIZES):
        for united in (False, True):
            sketches = [update_theta_sketch(lg_nom) for _ in range(2)]
            for i in range(n):
                sketches[i * 2 // n].update(i)
            whole = update_theta_sketch(lg_nom)
            for i in range(n):
                whole.update(i)
            union = theta_union(lg_nom)
            for sketch in sketches:
                union.update(sketch)
            forms = {
                form: union.get_result(form != "unordered") if united else whole.compact(form != "unordered")
                for form in ("ordered", "unordered", "packed")
            }
            for form, sketch in forms.items():
                image = sketch.serialize(compress=form == "packed")
                yield ("C++", lg_nom, n, united, form, image, *_said(sketch))


def _said(sketch: compact_theta_sketch) -> tuple[Any, ...]:
    bounds = [
        [bound(deviations) for deviations in (1, 2, 3)] for bound in (sketch.get_lower_bound, sketch.get_upper_bound)
    ]
    return (sketch.get_estimate(), sketch.theta, *bounds)


def _of_java() -> Iterator[tuple[Any, ...]]:
    cases = list(product(LG_NOMS, SIZES))
    streams = run_java(job("stream", lg_nom, 0, n) for lg_nom, n in cases)
    halves = run_java(
        job("stream", lg_nom, n // 2 * half, n // 2 if half == 0 else n) for lg_nom, n in cases for half in (0, 1)
    )
    unions = run_java(
        job("union", lg_nom, halves[2 * i].compressed, halves[2 * i + 1].compressed)
        for i, (lg_nom, _) in enumerate(cases)
    )
    for united, all_said in ((False, streams), (True, unions)):
        for (lg_nom, n), said in zip(cases, all_said, strict=True):
            for form, image in (("ordered", said.ordered), ("unordered", said.unordered), ("packed", said.compressed)):
                yield (
                    "Java",
                    lg_nom,
                    n,
                    united,
                    form,
                    image,
                    said.estimate,
                    said.theta,
                    list(said.lower),
                    list(said.upper),
                )


if __name__ == "__main__":
    write()
