"""Who reads what: images of each writer given to each reader, and what comes out beside what the writer says.

`make interop` prints the tables that `docs/INTEROP.md` shows; it needs pyspark and a JDK. The tests compare the cells.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import top_k_images
from corpus import cpp_answers
from datasketches import compact_theta_sketch, hll_sketch
from java_sketches import read_job, run_java
from our_images import CLOSE, CLOSE_TO_JAVA_BOUNDS, CORPUS, aggregated, our_answers
from queries import rows
from theta_corpus import CORPUS as THETA_CORPUS
from theta_images import job
from theta_images import run_java as run_java_theta

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

HLL_FAMILY, THETA_FAMILY, TOP_K_FAMILY = "HLL", "theta", "frequent items"
FAMILIES = (HLL_FAMILY, THETA_FAMILY, TOP_K_FAMILY)


def systems(family: str) -> tuple[str, ...]:
    """Who writes and reads sketches of a family."""
    return tuple(system for system in SYSTEMS if family != TOP_K_FAMILY or system not in (PORTABLE, SPARK))


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


def _said_by_spark(images: list[bytes], estimate: str = "hll_sketch_estimate") -> list[Said]:
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as con:
        con.execute("CREATE TABLE images (id INTEGER, image BLOB)")
        con.executemany("INSERT INTO images VALUES ($1, $2)", list(enumerate(images)))
        con.execute(f"COPY images TO '{folder}/images.parquet'")
        frame = _spark_session().read.parquet(f"{folder}/images.parquet")
        estimates = frame.selectExpr("id", f"{estimate}(image)").orderBy("id").collect()
    return [Said(float(found), None) for _, found in estimates]


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


def measured(family: str, writers: tuple[str, ...], readers: tuple[str, ...]) -> dict[tuple[str, str], str]:
    """The cells of some writers and readers."""
    if family == TOP_K_FAMILY:
        return _measured_items(writers, readers)
    made_by, said_by = (written, said) if family == HLL_FAMILY else (theta_written, theta_said)
    cells = {}
    for writer in writers:
        images = made_by(writer)
        for reader in readers:
            answers = said_by(reader, [image for image, _ in images])
            cells[writer, reader] = cell([theirs for _, theirs in images], answers)
    return cells


def theta_written(writer: str) -> Written:
    """Theta images of a writer, and what it says of them."""
    if writer == SPARK:
        return _theta_written_by_spark()
    if writer in (CPP, JAVA):
        library = "C++" if writer == CPP else "Java"
        query = f"SELECT image, estimate, lower || upper FROM '{THETA_CORPUS}' WHERE library = '{library}'"
        with duckdb.connect() as con:
            return [(bytes(image), Said(estimate, tuple(bounds))) for image, estimate, bounds in rows(con, query)]
    with _native() if writer == NATIVE else _portable() as con:
        made = " UNION ALL ".join(
            f"SELECT theta_sketch_agg(i, {lg}) AS s FROM range({n}) t(i)"
            for lg in (4, 5, 9, 12)
            for n in (0, 1, 2, 100, 700, 5000, 60_000)
        )
        images = [bytes(image) for (image,) in rows(con, made)]
        return list(zip(images, _our_thetas(con, images), strict=True))


def theta_said(reader: str, images: list[bytes]) -> list[Said]:
    """What a reader says of theta images."""
    if reader == SPARK:
        return _said_by_spark(images, "theta_sketch_estimate")
    if reader == JAVA:
        return [Said(a.estimate, a.lower + a.upper) for a in run_java_theta(job("read", image) for image in images)]
    if reader == CPP:
        return [_of_cpp_theta(compact_theta_sketch.deserialize(image)) for image in images]
    with _native() if reader == NATIVE else _portable() as con:
        return _our_thetas(con, images)


def _of_cpp_theta(sketch: compact_theta_sketch) -> Said:
    bounds = [bound(n) for bound in (sketch.get_lower_bound, sketch.get_upper_bound) for n in (1, 2, 3)]
    return Said(sketch.get_estimate(), tuple(bounds))


def _our_thetas(con: duckdb.DuckDBPyConnection, images: list[bytes]) -> list[Said]:
    query = """
        SELECT theta_sketch_describe(s).estimate, [b.lower FOR b IN bounds] || [b.upper FOR b IN bounds] FROM (
            SELECT id, s, [theta_sketch_bounds(s, 1), theta_sketch_bounds(s, 2), theta_sketch_bounds(s, 3)] AS bounds
            FROM (SELECT unnest($1::BLOB[]) AS s, unnest(range(len($1))) AS id)
        ) ORDER BY id
    """
    return [Said(estimate, tuple(bounds)) for estimate, bounds in rows(con, query, images)]


def _theta_written_by_spark() -> Written:
    sketches = " UNION ALL ".join(
        f"SELECT theta_sketch_agg(id, {lg}) AS whole, "
        f"theta_union(theta_sketch_agg(id, {lg}) FILTER (WHERE id % 2 = 0), "
        f"theta_sketch_agg(id, {lg}) FILTER (WHERE id % 3 = 0), {lg}) AS halves FROM range({n})"
        for lg in (5, 9, 12)
        for n in (0, 1, 20, 700, 30_000)
    )
    query = f"SELECT s, theta_sketch_estimate(s) FROM (SELECT explode(array(whole, halves)) AS s FROM ({sketches}))"
    return [(bytes(image), Said(float(estimate), None)) for image, estimate in _spark_session().sql(query).collect()]


def _measured_items(writers: tuple[str, ...], readers: tuple[str, ...]) -> dict[tuple[str, str], str]:
    cells = {}
    for writer in writers:
        made = _items_written(writer)
        for reader in readers:
            read = _items_said(reader, [image for image, _ in made])
            cells[writer, reader] = _items_cell([counts for _, counts in made], read, SPARK in (writer, reader))
    return cells


def _items_written(writer: str) -> top_k_images.Made:
    if writer == SPARK:
        return top_k_images.made_by_spark(_spark_session())
    if writer == JAVA:
        return top_k_images.made_by_java()
    if writer == CPP:
        return top_k_images.made_by_cpp()
    with _native() as con:
        return top_k_images.made_here(con)


def _items_said(reader: str, images: list[top_k_images.Image]) -> list[top_k_images.Counts]:
    if reader == SPARK:
        return top_k_images.said_by_spark(_spark_session(), images)
    if reader == JAVA:
        return top_k_images.said_by_java(images)
    if reader == CPP:
        return top_k_images.said_by_cpp(images)
    with _native() as con:
        return top_k_images.said_here(con, images)


def _items_cell(theirs: list[top_k_images.Counts], read: list[top_k_images.Counts], without_bounds: bool) -> str:
    """Spark has counts, which are the upper bounds, and no lower ones."""
    assert len(theirs) == len(read) > 20
    assert max(map(len, theirs)) > 30
    if not without_bounds:
        return "same" if theirs == read else "differs"
    upper = [[{item: bounds[1] for item, bounds in counts.items()} for counts in side] for side in (theirs, read)]
    return "same counts" if upper[0] == upper[1] else "differs"


def table(family: str, cells: dict[tuple[str, str], str]) -> str:
    """The Markdown of the whole matrix of a family."""
    of_family = systems(family)
    lines = [[f"{family}: written by ↓, read by →", *of_family], ["---"] * (1 + len(of_family))]
    lines += [[writer, *(cells[writer, reader] for reader in of_family)] for writer in of_family]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def documented(family: str) -> dict[tuple[str, str], str]:
    """The cells that `docs/INTEROP.md` shows of a family."""
    text = DOCUMENT.read_text(encoding="utf-8")
    found = re.search(rf"^\| {family}: written by ↓.*?(?=\n\n)", text, re.MULTILINE | re.DOTALL)
    assert found, f"docs/INTEROP.md has the table of {family}"
    header, _, *lines = [[cell.strip() for cell in line.strip("| ").split("|")] for line in found[0].splitlines()]
    assert header[1:] == list(systems(family))
    return {(line[0], reader): text for line in lines for reader, text in zip(header[1:], line[1:], strict=True)}


if __name__ == "__main__":
    print("\n\n".join(table(family, measured(family, systems(family), systems(family))) for family in FAMILIES))
