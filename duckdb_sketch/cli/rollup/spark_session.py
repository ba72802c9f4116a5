"""A session of Spark for one command."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from duckdb_sketch.spark.errors import SparkError, require_pyspark, running

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextmanager
def spark_session(master: str | None, conf: Mapping[str, str], quiet: bool) -> Iterator[SparkSession]:
    """Start Spark, and stop it at the end.

    Args:
        master: The cluster, as for spark-submit; by default as Spark is configured.
        conf: Settings of Spark.
        quiet: Whether Spark's own process writes nothing to stderr.

    Raises:
        SparkError: If there is no Java, or Spark does not start.
        MissingDependencyError: If PySpark is not installed.
    """
    require_pyspark()
    from pyspark.sql import SparkSession

    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        raise SparkError("Spark needs Java 17 or later: install it, or set JAVA_HOME to where it is")
    warnings.filterwarnings("ignore", category=FutureWarning, module="pyspark")  # what it says of pandas is not for us
    settings = {"spark.app.name": "duckdb-sketch", "spark.ui.showConsoleProgress": "false", **conf}
    if master is not None:
        settings["spark.master"] = master
    if settings.get("spark.master", "local").startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # or whatever python3 is in the PATH
    builder = SparkSession.builder
    for key, value in settings.items():
        builder = builder.config(key, value)
    with running(), _without_stderr() if quiet else nullcontext():
        session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield session
    finally:
        session.stop()


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Start Spark's process without the standard error of this one, which is for lines of JSON alone."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
