"""Who reads what: HLL images of each writer given to each reader, and what comes out beside what the writer says.

`make interop` prints the table that `docs/INTEROP.md` shows; it needs pyspark and a JDK. The tests compare the cells.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from corpus import cpp_answers
from datasketches import hll_sketch
from java_sketches import read_job, run_java
from our_images import CLOSE, CLOSE_TO_JAVA_BOUNDS, CORPUS, aggregated, our_answers
from queries import rows

import duckdb_sketch
from duckdb_sketch.portable import register

DOCUMENT = Path(__file__).parents[2] / "docs" / "INTEROP.md"
NATIVE, PORTABLE, CPP, JAVA, SPARK = "duckdb_sketch", "duckdb_sketch, portable", "C++, Python", "Java", "Spark"
SYSTEMS = (NATIVE, PORTABLE, CPP, JAVA, SPARK)
NEED_JAVA = (JAVA, SPARK)
"""Readers; of the writers only Spark, for Java's images are stored."""


class Said(NamedTuple):
    """What a system says of an image."""

    estimate: float
    bounds: tuple[float, ...] | None
    """Of 1, 2 and 3 standard deviations; None from Spark, which rounds its estimate and has no bounds."""


Written = list[tuple[bytes, Said]]


@contextmanager
def _native() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb_sketch.connect() as con:
        yield con


@contextmanager
def _portable() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        register(con)
        yield con


def _ours(con: duckdb.DuckDBPyConnection, images: list[bytes]) -> list[Said]:
    return [Said(answer.estimate, answer.lower + answer.upper) for answer in our_answers(con, images)]


def _written_here(con: duckdb.DuckDBPyConnection) -> Written:
    images = [image for lg_k in range(4, 22, 3) for image in aggregated(con, lg_k)]
    return list(zip(images, _ours(con, images), strict=True))


def _stored(library: str) -> Written:
    """The golden corpus. The largest images are left to its own tests."""
    query = f"SELECT image, estimate, lower || upper FROM '{CORPUS}' WHERE {library} IS NOT NULL AND lg_k <= 16"
    with duckdb.connect() as con:
        return [(bytes(image), Said(estimate, tuple(bounds))) for image, estimate, bounds in rows(con, query)]


def written(writer: str) -> Written:
    """Images of a writer, and what it says of them."""
    if writer == SPARK:
        return _written_by_spark()
    if writer in (CPP, JAVA):
        return _stored("cpp" if writer == CPP else "java")
    with _native() if writer == NATIVE else _portable() as con:
        return _written_here(con)


def said(reader: str, images: list[bytes]) -> list[Said]:
    """What a reader says of images."""
    if reader == SPARK:
        return _said_by_spark(images)
    if reader == JAVA:
        return [Said(a.estimate, a.lower + a.upper) for a, _ in run_java(map(read_job, images))]
    if reader == CPP:
        return [Said(a.estimate, a.lower + a.upper) for a in (cpp_answers(hll_sketch.deserialize(i)) for i in images)]
    with _native() if reader == NATIVE else _portable() as con:
        return _ours(con, images)


def _spark_session() -> Any:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    return builder.config("spark.driver.host", "127.0.0.1").config("spark.sql.shuffle.partitions", "1").getOrCreate()


def _written_by_spark() -> Written:
    sketches = " UNION ALL ".join(
        f"SELECT hll_sketch_agg(id, {lg_k}) AS whole, "
        f"hll_union(hll_sketch_agg(id, {lg_k}) FILTER (WHERE id % 2 = 0), "
        f"hll_sketch_agg(id, {lg_k}) FILTER (WHERE id % 3 <> 0 OR id % 2 = 1)) AS halves FROM range({n})"
        for lg_k in (4, 8, 12, 15)
        for n in (0, 5, 20, 300, 4000, 30_000)
    )
    query = f"SELECT s, hll_sketch_estimate(s) FROM (SELECT explode(array(whole, halves)) AS s FROM ({sketches}))"
    return [(bytes(image), Said(float(estimate), None)) for image, estimate in _spark_session().sql(query).collect()]


def _said_by_spark(images: list[bytes]) -> list[Said]:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as con:
        con.execute("CREATE TABLE images (id INTEGER, image BLOB)")
        con.executemany("INSERT INTO images VALUES ($1, $2)", list(enumerate(images)))
        con.execute(f"COPY images TO '{folder}/images.parquet'")
        frame = _spark_session().read.parquet(f"{folder}/images.parquet")
        estimates = frame.selectExpr("id", "hll_sketch_estimate(image)").orderBy("id").collect()
    return [Said(float(estimate), None) for _, estimate in estimates]


def cell(theirs: list[Said], read: list[Said]) -> str:
    """What two say of the same images, in words."""
    assert len(theirs) == len(read) > 20
    if any(a.bounds is None or b.bounds is None for a, b in zip(theirs, read, strict=True)):
        # Half a count up is Spark's rule.
        rounded = all(int(a.estimate + 0.5) == int(b.estimate + 0.5) for a, b in zip(theirs, read, strict=True))
        return "same estimate" if rounded else "differs"
    if not all(_close(a.estimate, b.estimate, CLOSE) for a, b in zip(theirs, read, strict=True)):
        return "differs"
    bounds = [
        (x, y) for a, b in zip(theirs, read, strict=True) for x, y in zip(a.bounds or (), b.bounds or (), strict=True)
    ]
    if all(_close(x, y, CLOSE) for x, y in bounds):
        return "same"
    return "same, bounds to 1e-7" if all(_close(x, y, CLOSE_TO_JAVA_BOUNDS) for x, y in bounds) else "bounds differ"


def _close(a: float, b: float, relative: float) -> bool:
    return abs(a - b) <= relative * max(abs(a), abs(b))


def measured(writers: tuple[str, ...], readers: tuple[str, ...]) -> dict[tuple[str, str], str]:
    """The cells of some writers and readers."""
    cells = {}
    for writer in writers:
        images = written(writer)
        for reader in readers:
            answers = said(reader, [image for image, _ in images])
            cells[writer, reader] = cell([theirs for _, theirs in images], answers)
    return cells


def table(cells: dict[tuple[str, str], str]) -> str:
    """The Markdown of the whole matrix."""
    lines = [["written by ↓, read by →", *SYSTEMS], ["---"] * (1 + len(SYSTEMS))]
    lines += [[writer, *(cells[writer, reader] for reader in SYSTEMS)] for writer in SYSTEMS]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def documented() -> dict[tuple[str, str], str]:
    """The cells that `docs/INTEROP.md` shows."""
    found = re.search(r"^\| written by ↓.*?(?=\n\n)", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    assert found, "docs/INTEROP.md has the table"
    header, _, *lines = [[text.strip() for text in line.strip("| ").split("|")] for line in found[0].splitlines()]
    assert header[1:] == list(SYSTEMS)
    return {(line[0], reader): text for line in lines for reader, text in zip(header[1:], line[1:], strict=True)}


if __name__ == "__main__":
    print(table(measured(SYSTEMS, SYSTEMS)))
