"""The golden corpus of theta images: what Apache DataSketches for C++ and for Java wrote, and say of it.

Of every image, in both backends: estimate, theta and bounds are the library's to 1e-12; the entries are those of the
values below theta; united with nothing it is itself, cut to the precision.
"""

from __future__ import annotations

import duckdb
import pytest
from queries import rows, value
from theta_corpus import CORPUS

pytestmark = pytest.mark.newest_duckdb

CLOSE = 1e-12


def test_the_corpus_covers_what_it_says() -> None:
    with duckdb.connect() as con:
        query = (
            f"SELECT library, form, count(*), count(*) FILTER (theta < 1), min(n), max(n) FROM '{CORPUS}' GROUP BY ALL"
        )
        found = rows(con, query)
        assert {(library, form) for library, form, *_ in found} == {
            (library, form) for library in ("C++", "Java") for form in ("ordered", "unordered", "packed")
        }
        assert all(images == 54 and cut >= 20 and (low, high) == (0, 100_000) for *_, images, cut, low, high in found)
        versions = f"SELECT count(DISTINCT hex(image[2:3])) FROM '{CORPUS}'"
        assert value(con, versions) == 2, "serial versions 3 and 4"


def test_answers_are_the_librarys(backend: duckdb.DuckDBPyConnection) -> None:
    query = f"""
        SELECT library, lg_nom, n, united, form FROM (
            SELECT *, theta_sketch_describe(image) AS d, theta_sketch_estimate(image) AS rounded,
                   [theta_sketch_bounds(image, 1), theta_sketch_bounds(image, 2), theta_sketch_bounds(image, 3)] AS b
            FROM corpus
        ) WHERE (
            abs(d.estimate - estimate) <= {CLOSE} * estimate AND abs(d.theta - theta) <= {CLOSE}
            AND rounded = floor(estimate + 0.5) AND d.ordered = (form <> 'unordered' OR d.entries <= 1)
            AND list_bool_and([abs(b[i].lower - lower[i]) <= {CLOSE} * lower[i] FOR i IN [1, 2, 3]])
            AND list_bool_and([abs(b[i].upper - upper[i]) <= {CLOSE} * upper[i] FOR i IN [1, 2, 3]])
        ) IS NOT TRUE
    """
    assert rows(backend, query) == []


def test_entries_are_those_of_the_values(backend: duckdb.DuckDBPyConnection) -> None:
    """All forms of an image unite to one; and that is the whole sketch, cut where the library's theta is."""
    query = """
        SELECT library, lg_nom, n, united, count(DISTINCT theta_union(image, image, 26)),
               bool_and(theta_jaccard(image, whole).estimate = 1 OR n = 0)
        FROM corpus JOIN (
            SELECT n, theta_sketch_agg(i, 17) AS whole FROM (SELECT DISTINCT n FROM corpus), range(100_000) t(i)
            WHERE i < n GROUP BY n UNION ALL SELECT 0, theta_sketch_agg(NULL, 17)
        ) USING (n) GROUP BY ALL
    """
    found = rows(backend, query)
    assert len(found) == 108
    assert all(forms == 1 and same for *_, forms, same in found)
