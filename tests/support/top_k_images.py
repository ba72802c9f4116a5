"""Sketches of frequent items that the C++ library, Java, Spark and we make and read, and what each says of them."""

from __future__ import annotations

import base64
import subprocess
import tempfile
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from datasketches import (
    PyLongsSerDe,
    frequent_items_error_type,
    frequent_items_sketch,
    frequent_strings_sketch,
)
from java_sketches import jars
from queries import rows, value

PROGRAM = Path(__file__).parents[1] / "interop" / "FrequentImages.java"
LONG, STRING = "long", "string"
_SQL_TYPES = {LONG: "BIGINT", STRING: "VARCHAR"}
_SPARK_TYPES = {LONG: "BIGINT", STRING: "STRING"}
_ITEMS = {LONG: "i * i % {distinct}", STRING: "'ä' || i * i % {distinct}"}
CASES = tuple(product((LONG, STRING), (16, 64, 1024), ((0, 5), (3, 5), (700, 37), (9000, 4001))))
"""Kind of the items, slots of the table; steps of the stream and what its items are taken modulo of."""

Counts = dict[str, tuple[int, int]]
"""The lower and the upper bound of how often each item came."""


class Image(NamedTuple):
    """A sketch as it is stored."""

    kind: str
    bytes: bytes
    has_nulls: bool = True
    """Whether the number of NULLs is behind it, as Spark and we have it."""


Made = list[tuple[Image, Counts]]


def made_here(con: duckdb.DuckDBPyConnection) -> Made:
    """Ours. NULLs, which the libraries do not have, are left to other tests."""
    images = []
    for kind, slots, (steps, distinct) in CASES:
        query = f"SELECT approx_top_k_accumulate({_ITEMS[kind]}, {slots * 3 // 4}, 1 + i % 3) FROM range({steps}) t(i)"
        images.append(Image(kind, bytes(value(con, query.format(distinct=distinct)))))
    return list(zip(images, said_here(con, images), strict=True))


def said_here(con: duckdb.DuckDBPyConnection, images: list[Image]) -> list[Counts]:
    """What is said here of images of any writer."""
    listed = "unnest(approx_top_k_estimate(approx_top_k_import($1, $2), 5000))"
    query = f"SELECT e.item, e.lower, e.upper FROM (SELECT {listed} AS e)"
    found = [rows(con, query, image.bytes, _SQL_TYPES[image.kind]) for image in images]
    return [{item: (lower, upper) for item, lower, upper in each} for each in found]


def made_by_cpp() -> Made:
    """Those of the C++ library."""
    made = []
    for kind, slots, (steps, distinct) in CASES:
        sketch: Any = (frequent_items_sketch if kind == LONG else frequent_strings_sketch)(slots.bit_length() - 1)
        for i in range(steps):
            sketch.update(i * i % distinct if kind == LONG else f"ä{i * i % distinct}", 1 + i % 3)
        image = sketch.serialize(PyLongsSerDe()) if kind == LONG else sketch.serialize()
        made.append((Image(kind, bytes(image), has_nulls=False), _counts(sketch)))
    return made


def said_by_cpp(images: list[Image]) -> list[Counts]:
    """What the C++ library says."""
    return [
        _counts(
            frequent_items_sketch.deserialize(image.bytes, PyLongsSerDe())
            if image.kind == LONG
            else frequent_strings_sketch.deserialize(image.bytes)
        )
        for image in images
    ]


def _counts(sketch: Any) -> Counts:
    found = sketch.get_frequent_items(frequent_items_error_type.NO_FALSE_NEGATIVES, 0)
    return {str(item): (lower, upper) for item, _, lower, upper in found}


def made_by_java() -> Made:
    """Those of datasketches-java."""
    return _run_java(f"stream {kind} {slots} {steps} {distinct}" for kind, slots, (steps, distinct) in CASES)


def said_by_java(images: list[Image]) -> list[Counts]:
    """What datasketches-java says."""
    jobs = (f"read {image.kind} {base64.b64encode(image.bytes).decode()}" for image in images)
    return [counts for _, counts in _run_java(jobs)]


def _run_java(jobs: Iterable[str]) -> Made:
    given = list(jobs)
    command = ["java", "-Xmx1g", "-cp", ":".join(map(str, jars())), str(PROGRAM)]
    process = subprocess.run(command, input="\n".join(given) + "\n", capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    made = []
    for job, line in zip(given, process.stdout.splitlines(), strict=True):
        image, *fields = line.split("\t")
        items = [base64.b64decode(item).decode() for item in fields[::3]]
        bounds = zip(map(int, fields[1::3]), map(int, fields[2::3]), strict=True)
        made.append(
            (Image(job.split()[1], base64.b64decode(image), has_nulls=False), dict(zip(items, bounds, strict=True)))
        )
    return made


def made_by_spark(session: Any) -> Made:
    """Those of Spark, which has no weights, and says no bounds."""
    made = []
    for kind, slots, (steps, distinct) in CASES:
        item = f"id * id % {distinct}" if kind == LONG else f"concat('ä', id * id % {distinct})"
        repeated = f"SELECT {item} AS x FROM range({steps}) LATERAL VIEW explode(sequence(0, id % 3)) AS w"
        query = (
            f"SELECT s.sketch, approx_top_k_estimate(s, {slots * 3 // 4}) AS e "
            f"FROM (SELECT approx_top_k_accumulate(x, {slots * 3 // 4}) AS s FROM ({repeated}))"
        )
        sketch, found = session.sql(query).first()
        made.append((Image(kind, bytes(sketch)), {str(each[0]): (each[1], each[1]) for each in found}))
    return made


def said_by_spark(session: Any, images: list[Image]) -> list[Counts]:
    """What Spark says. It is given 0 as the number of NULLs of those that end without one."""
    said = []
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as con:
        for n, image in enumerate(images):
            con.execute(
                f"COPY (SELECT {{'sketch': $1::BLOB, 'maxItemsTracked': 5000, "
                f"'itemDataType': NULL::{_SQL_TYPES[image.kind]}, "
                f"'itemDataTypeDDL': 'item {_SPARK_TYPES[image.kind]} NOT NULL'}} AS s) TO '{folder}/{n}.parquet'",
                [image.bytes if image.has_nulls else image.bytes + bytes(8)],
            )
            frame = session.read.parquet(f"{folder}/{n}.parquet")
            (found,) = frame.selectExpr("approx_top_k_estimate(s, 5000)").first()
            said.append({str(each[0]): (each[1], each[1]) for each in found})
    return said
