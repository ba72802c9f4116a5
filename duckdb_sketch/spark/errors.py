"""What goes wrong on a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from duckdb_sketch.errors import MissingDependencyError, SketchError


class SparkError(SketchError):
    """A Spark job failed, and nothing of it was counted; the message is what Spark said of it."""


@contextmanager
def running() -> Iterator[None]:
    """Run a Spark job.

    Raises:
        SparkError: If it fails.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise SparkError(_reason(str(error))) from error


def require_pyspark() -> None:
    """See that PySpark is there, and what it needs to exchange Arrow.

    Raises:
        MissingDependencyError: If it is not.
    """
    try:
        import pyarrow  # type: ignore[import-untyped]  # noqa: F401
        import pyspark.sql  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f'Spark needs {error.name}: pip install "pyspark[sql]>=4"', name=error.name
        ) from error


def _reason(text: str) -> str:
    """What a Python worker raised, if it is in what Spark says; else its first line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    raised = [line for line in lines if line.partition(":")[0].rpartition(".")[2].endswith(("Error", "Exception"))]
    return next((line for line in raised if line.startswith(("duckdb", "_duckdb"))), lines[0] if lines else "Spark")
