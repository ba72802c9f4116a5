"""How far a Spark job is, in tasks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_EVERY = 1.0  # seconds


@dataclass(frozen=True)
class Tasks:
    """The tasks of a stage that is running.

    Attributes:
        stage: The number of the stage.
        tasks: How many are done.
        of_tasks: How many it has.
    """

    stage: int
    tasks: int
    of_tasks: int


@contextmanager
def watched(spark: SparkSession, tell: Callable[[Tasks], None]) -> Iterator[None]:
    """Tell each second, from a thread of its own, how far the stages are that are running."""
    tracker = spark.sparkContext.statusTracker()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_EVERY):
            for stage in tracker.getActiveStageIds():
                if (info := tracker.getStageInfo(stage)) is not None:
                    tell(Tasks(stage, info.numCompletedTasks, info.numTasks))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
