"""One small cluster for all of these tests: two executors, each a process of its own."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import PROJECT

#: Executors that fit into 1 GB, and a zone that no event is of.
_OPTIONS = {
    "spark.driver.memory": "1g",
    "spark.executor.memory": "700m",
    "spark.sql.session.timeZone": "America/New_York",
    "spark.sql.shuffle.partitions": "4",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.worker.cleanup.enabled": "true",
}


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The session."""
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.fail("Spark needs Java 17 or later: install a JDK, or set JAVA_HOME")
    import pyspark
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("spark")
    home = folder / "home"  # a local cluster writes its executors' files there
    home.mkdir()
    for entry in Path(pyspark.__file__).parent.iterdir():
        (home / entry.name).symlink_to(entry)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_HOME", str(home))
        patch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        modules = os.pathsep.join([str(PROJECT), str(PROJECT / "tests" / "support")])
        patch.setenv("PYTHONPATH", modules)
        builder = SparkSession.builder.master("local-cluster[2,1,1024]").appName("duckdb_sketch")
        for name, value in {**_OPTIONS, "spark.executorEnv.PYTHONPATH": modules}.items():
            builder = builder.config(name, value)
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("OFF")
        yield session
        session.stop()
